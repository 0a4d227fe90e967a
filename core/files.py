"""Notices that files have changed."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

STEP = 500
"""Milliseconds without another change after which a change counts as settled."""
SETTLE = 1000
"""Milliseconds after which it is told in any case."""
A_MINUTE = 60_000


async def changes(folder: Path, name: str | None = None) -> AsyncIterator[None]:
    """Each time that something in the folder has changed, or the file of that name in it; not what lies deeper."""
    import watchfiles

    stop = threading.Event()
    found = watchfiles.watch(
        folder,
        watch_filter=None if name is None else lambda _change, path: path == str(folder / name),
        step=STEP,
        debounce=SETTLE,
        recursive=False,
        rust_timeout=A_MINUTE,
        stop_event=stop,
        raise_interrupt=False,
    )
    try:
        while await asyncio.to_thread(next, found, None) is not None:
            yield
    finally:
        stop.set()
