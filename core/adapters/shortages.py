"""What the machine has run out of, in words: handles, processes, room. Such an error is nobody's fault and passes."""

from __future__ import annotations

import errno
import os

_WORDS = {
    errno.EMFILE: "no file handle is left to this process (ulimit -n)",
    errno.ENFILE: "no file handle is left on this machine (fs.file-max)",
    errno.EAGAIN: "no process is left to this user (ulimit -u, or the limit of its container)",
    errno.ENOMEM: "no memory is left",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the disk is read-only",
}


def in_words(error: OSError) -> str:
    """Why, for a person."""
    return _WORDS.get(error.errno or 0) or error.strerror or str(error)


def path_in_words() -> str:
    """Where a program was looked for, whose choice that was, and how to change it."""
    path = os.environ.get("PATH", os.defpath)
    return (
        f"it is not in PATH={path}, which the engine has from whoever started it: install it there, "
        "or start the engine anew (muxdeck engine stop) where it is found"
    )
