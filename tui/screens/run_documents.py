"""The document of the run that is looked at: asked for again when the run has changed, and never too often."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from core.client import AnswerError, NoEngineError
from core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tui.replica import Replica

SETTLE = 0.06
"""Seconds that the cursor must rest on a run before it is asked for."""
BETWEEN = 0.3
"""Seconds between two questions about a run that changes."""
SHARE = 15
"""The same, as a multiple of the time that the answer took: a large run is looked at less often."""


class RunDocuments:
    """`look` says which run is meant; `on_document` is called for each answer."""

    def __init__(self, ask: Callable[..., Awaitable[Any]], replica: Replica, on_document: Callable[[], None]) -> None:
        self._ask = ask
        self._replica = replica
        self._on_document = on_document
        self._run: int | None = None
        self._stamp: tuple[int, int] | None = None
        self._document: dict[str, Any] | None = None
        self.fault = ""
        """Why there is none."""

    def look(self, run: int | None) -> None:
        self._run = run

    @property
    def document(self) -> dict[str, Any] | None:
        """Of the run that is meant; None while it is asked for."""
        found = self._document
        return found if found is not None and found["id"] == self._run else None

    async def watch(self) -> None:
        """For as long as the screen is there."""
        while True:
            run = self._run
            stamp = None if run is None else (run, self._replica.told.get(run, 0))
            if stamp is None or stamp == self._stamp:
                await asyncio.sleep(0.03)
                continue
            await asyncio.sleep(SETTLE)
            if run == self._run:
                began = time.monotonic()
                await self._fetch(stamp)
                await self._rest(stamp[0], max(BETWEEN, SHARE * (time.monotonic() - began)))

    async def _fetch(self, stamp: tuple[int, int]) -> None:
        try:
            self._document, self.fault = (await self._ask("run-show", run=stamp[0]))["run"], ""
            self._stamp = stamp
        except NoEngineError:
            return
        except AnswerError as error:
            self._stamp, self.fault = stamp, one_line(str(error))
        self._on_document()

    async def _rest(self, run: int, pause: float) -> None:
        """Until the next question, or until another run is meant."""
        deadline = time.monotonic() + pause
        while time.monotonic() < deadline:
            await asyncio.sleep(0.03)
            if self._run != run:
                return
