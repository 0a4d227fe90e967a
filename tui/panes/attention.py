"""The lower part: the chosen task's details and its live screen, asked for one at a time."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from textual.containers import Horizontal

from core.client import AnswerError, NoEngineError
from core.text import one_line
from tui.panes.strips import LiveScreen, Spans
from tui.panes.titles import entitle
from tui.situation import Situation
from tui.views import ansi
from tui.views.detail import detail_lines
from tui.views.line import Line, Span

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.app import ComposeResult

    from core.wire import TaskRow

SETTLE = 0.06
"""Seconds that the cursor must rest on a row before its details are asked for."""
LIVE_EVERY = 0.1
"""Seconds between two looks at a screen that changes; longer where it stands still."""
STILL_EVERY = 0.4
DETAIL_AGE = 2.0
"""Seconds after which details are asked for again: they have ages in them."""


class Attention(Horizontal):
    """`look` turns it to a task. `ask` is the engine."""

    def __init__(self, ask: Callable[..., Awaitable[Any]]) -> None:
        super().__init__(id="dock")
        self._ask = ask
        self._situation = Situation(time.time())
        self._row: TaskRow | None = None
        self._changed = asyncio.Event()
        self._document: dict[str, Any] | None = None

    def compose(self) -> ComposeResult:
        yield Spans(id="detail")
        yield LiveScreen(id="live")

    def on_mount(self) -> None:
        self.run_worker(self._watch_detail(), group="detail")
        self.run_worker(self._watch_live(), group="live")

    def look(self, row: TaskRow | None, situation: Situation) -> None:
        self._situation = situation
        if row is not self._row:
            self._row = row
            self._changed.set()
        if row is None:
            self._document = None

    def say(self, title: str, lines: list[Line]) -> None:
        """Words in place of details, while no task is chosen."""
        if self._row is None:
            detail = self.query_one("#detail", Spans)
            detail.show(lines)
            entitle(detail, title)
            entitle(self.query_one(LiveScreen))

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)  # once the parts have their sizes

    def _title(self) -> None:
        row = self._row
        detail, live = self.query_one("#detail"), self.query_one(LiveScreen)
        if row is None:
            return
        runs = row.state == "running"
        entitle(detail, f"{row.id} {row.name}")
        words = f"{'live' if runs else 'last screen'} · {row.id}"
        entitle(live, words, "f full  l logs  a attach" if runs else "l logs")

    async def _watch_detail(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(DETAIL_AGE):
                    await self._changed.wait()
            self._changed.clear()
            await asyncio.sleep(SETTLE)
            row = self._row
            if row is None or not self.display:
                continue
            try:
                task = (await self._ask("show", task=row.id))["task"]
            except NoEngineError:
                continue
            except AnswerError as error:
                self.query_one("#detail", Spans).show([(Span(f" {one_line(str(error))}", "muted"),)])
                continue
            if self._row is not None and self._row.id == task["id"]:
                self._document = task
                self._title()
                self._draw()

    def _draw(self) -> None:
        if self._document is not None:
            detail = self.query_one("#detail", Spans)
            detail.show(detail_lines(self._document, detail.size.width, self._situation))

    async def _watch_live(self) -> None:
        seen: tuple[int, str] | None = None
        while True:
            row, pause = self._row, STILL_EVERY
            if row is not None and row.attempts and self.display:
                stamp = seen[1] if seen is not None and seen[0] == row.id else None
                with suppress(AnswerError, NoEngineError):
                    answer = await self._ask("screen", task=row.id, seen=stamp)
                    if self._row is not None and self._row.id == row.id:
                        seen = (row.id, answer["stamp"])
                        if answer["content"] is not None:
                            self._show(answer)
                            pause = LIVE_EVERY
            elif row is None or not row.attempts:
                seen = None
                self.query_one(LiveScreen).show([])
            await self._rest(row, pause)

    def _show(self, answer: dict[str, Any]) -> None:
        content = answer["content"]
        if not answer["live"]:
            content = "\n".join(ansi.log_lines(content.encode()))
        self.query_one(LiveScreen).show(ansi.screen(content))

    async def _rest(self, row: TaskRow | None, pause: float) -> None:
        """Until the next look, or until another task is chosen."""
        deadline = time.monotonic() + pause
        while time.monotonic() < deadline:
            await asyncio.sleep(0.03)
            if self._row is not row and (self._row is None or row is None or self._row.id != row.id):
                return
