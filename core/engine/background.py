"""Work that goes on beside everything else. A failure in it is a bug: it is reported, and costs that work alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
"""Seconds until work that has failed begins again: the first pause, doubled at each failure up to the longest."""
CALM = 60.0
"""Seconds without a failure after which the next pause is the first one again."""


class Background:
    """Holds on to its tasks: the loop alone would let them be collected as garbage."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[object, object, None]) -> None:
        self.hold(work)

    def keep(self, work: Callable[[], Coroutine[object, object, None]]) -> None:
        """Work that is to go on for ever: after a failure it begins again, each time after a longer pause."""
        self.hold(self._again_and_again(work))

    def hold(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """The same as `start`, to be cancelled alone."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _again_and_again(self, work: Callable[[], Coroutine[object, object, None]]) -> None:
        loop, pause = asyncio.get_running_loop(), FIRST_PAUSE
        while True:
            began = loop.time()
            try:
                await work()
            except Exception as error:
                _report(loop, error)
            else:
                return
            if loop.time() - began > CALM:
                pause = FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _report(task.get_loop(), error)


def _report(loop: asyncio.AbstractEventLoop, error: BaseException) -> None:
    loop.call_exception_handler({"message": "work in the background", "exception": error})
