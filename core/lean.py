"""Leaves out what no process of muxdeck needs, before asyncio loads it."""

import sys


def without_tls() -> None:
    """No socket of ours leaves the host. asyncio takes TLS for absent, which saves 3 MB and a tenth of a start."""
    sys.modules.setdefault("ssl", None)  # type: ignore[arg-type]
