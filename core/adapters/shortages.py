"""Where programs are looked for, in words."""

from __future__ import annotations

import os


def path_in_words() -> str:
    """Where a program was looked for, whose choice that was, and how to change it."""
    path = os.environ.get("PATH", os.defpath)
    return (
        f"it is not in PATH={path}, which the engine has from whoever started it: install it there, "
        "or start the engine anew (muxdeck engine stop) where it is found"
    )
