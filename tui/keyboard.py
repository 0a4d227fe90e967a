"""Keys in their order: each waits until what the one before it has begun is there to take it.

A terminal sends what somebody types ahead, or pastes, all at once. A key that opens something takes a moment until that
is open: the keys behind it are meant for what will be there, and must not act on what still is.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from textual.app import App
    from textual.events import Key, Paste
    from textual.message_pump import MessagePump
    from textual.screen import Screen

BREATH = 0.02
"""Seconds in which the picture that a key changes is drawn first, where no other key waits."""
PATIENCE = 3.0
"""Seconds that keys wait for what another one has begun: an engine that does not answer must not lock the console."""


class Keyboard:
    """Between the terminal and the screens."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._typed: asyncio.Queue[Key | Paste] = asyncio.Queue()
        self._more = asyncio.Event()
        """Another one has been typed."""
        self._impatient = False
        """Something has taken longer than anybody waits for."""
        self._working = 0
        self._free = asyncio.Event()
        self._free.set()

    @property
    def at_rest(self) -> bool:
        """Every key has been passed on, and what it has begun has ended or waits for the person."""
        return self._typed.empty() and self._free.is_set()

    def type(self, event: Key | Paste) -> None:
        """Passed on when its turn comes."""
        self._typed.put_nowait(event)
        self._more.set()

    async def pass_on(self, forward: Callable[[Key | Paste], Awaitable[None]]) -> None:
        """For as long as the console runs."""
        while True:
            event = await self._typed.get()
            self._begin()
            taker = self._app.focused or self._app.screen
            await forward(event)
            await self._breathe()
            await self._handled(taker)
            self._end()
            if not self._impatient:
                try:
                    await asyncio.wait_for(self._free.wait(), PATIENCE)
                except TimeoutError:
                    self._impatient = True

    async def _breathe(self) -> None:
        self._more.clear()
        if self._typed.empty():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._more.wait(), BREATH)

    async def _handled(self, taker: MessagePump | None) -> None:
        """By the widget that had the focus, and by those around it, to which it goes on; then the focus is right."""
        while taker is not None and taker is not self._app:
            around = taker._parent  # noqa: SLF001 - of a widget that is removed nothing else tells it
            await _passed(taker)
            taker = around
        await _passed(self._app)

    def start(self, screen: Screen[Any], work: Coroutine[Any, Any, None]) -> None:
        """Work that a key has begun. The next key waits until it ends, or shows the person something by `show`."""
        self._begin()

        async def run() -> None:
            try:
                await work
            finally:
                self._end()

        screen.run_worker(run())

    async def show(self, screen: Screen[Any]) -> Any:  # noqa: ANN401 - what the screen returns
        """To the person, whose keys it takes until it is dismissed with an answer."""
        answer = self._app.push_screen(screen, wait_for_dismiss=True)
        answer.add_done_callback(lambda _: self._begin())
        await _passed(screen)
        await _passed(self._app)
        self._end()
        return await asyncio.shield(answer)

    async def leave_to(self, other: Awaitable[Any]) -> Any:  # noqa: ANN401 - what it returns
        """The terminal belongs to another program meanwhile."""
        self._end()
        try:
            return await other
        finally:
            self._begin()

    def _begin(self) -> None:
        self._working += 1
        self._free.clear()

    def _end(self) -> None:
        self._working -= 1
        if not self._working:
            self._impatient = False
            self._free.set()


async def _passed(pump: MessagePump) -> None:
    """All that has been sent to it until now has been handled."""
    handled = asyncio.Event()
    if pump.call_later(handled.set):
        with suppress(TimeoutError):
            await asyncio.wait_for(handled.wait(), PATIENCE)
