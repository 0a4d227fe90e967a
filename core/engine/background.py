"""Work that goes on beside everything else; a failure in it is a bug, and is told to the loop at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine


class Background:
    """Holds on to its tasks: the loop alone would let them be collected as garbage."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[object, object, None]) -> None:
        self.hold(work)

    def hold(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """The same, to be cancelled alone."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            task.get_loop().call_exception_handler({"message": "work in the background failed", "exception": error})
