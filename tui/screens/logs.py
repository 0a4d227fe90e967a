"""The whole output of a task: search, follow, and more of it where the first part is reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from core.client import AnswerError, NoEngineError
from core.text import one_line, size
from tui.actions import pressed
from tui.panes.text import OutputLines
from tui.panes.titles import entitle
from tui.screens.reading import scroll
from tui.views import ansi

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual import events
    from textual.app import ComposeResult

PART = 1 << 18
"""Bytes that are asked for at once."""
FOLLOW_EVERY = 0.2
AT_MOST = 16 << 20
"""Bytes of output that the screen holds; older ones are let go while it follows."""


class LogScreen(ModalScreen[None], inherit_bindings=False):
    """`read` answers the verb `log` for an offset and a limit."""

    def __init__(self, title: str, read: Callable[[int, int], Awaitable[dict[str, Any]]]) -> None:
        super().__init__()
        self._title = title
        self._read = read
        self._content = b""
        self._start = 0
        self._end = 0
        self._live = False
        self._following = True

    def compose(self) -> ComposeResult:
        with Vertical(classes="page"):
            yield OutputLines(id="output")
            yield Input(placeholder="search", id="search")
            yield Static("", id="log-state", classes="keys")

    def on_mount(self) -> None:
        entitle(self.query_one(".page"), self._title)
        self.query_one(Input).display = False
        self.query_one(OutputLines).focus()
        self.set_interval(FOLLOW_EVERY, self._follow)
        self.run_worker(self._load_end())

    async def _load_end(self) -> None:
        part = await self._part(-PART)
        if part is not None:
            self._content = part["content"].encode("latin-1")
            self._start, self._end, self._live = part["start"], part["end"], part["live"]
            self._show(at_end=True)

    async def _load_before(self) -> None:
        """More at the top, without moving what is looked at."""
        first = max(self._start - PART, 0)
        part = await self._part(first, self._start - first)
        if part is None or part["start"] + len(part["content"]) != self._start:
            return
        before = len(self.query_one(OutputLines).lines)
        self._content, self._start = part["content"].encode("latin-1") + self._content, part["start"]
        self._show(at_end=False)
        lines = self.query_one(OutputLines)
        lines.go(lines.index + len(lines.lines) - before)

    async def _follow(self) -> None:
        if not self._following or not self._live:
            return
        part = await self._part(self._start + len(self._content))
        if part is None:
            return
        self._live = part["live"]
        if part["content"]:
            self._content += part["content"].encode("latin-1")
            self._end = part["end"]
            if len(self._content) > AT_MOST:
                self._start += len(self._content) - AT_MOST // 2
                self._content = self._content[-AT_MOST // 2 :]
            self._show(at_end=True)
        else:
            self._tell()

    async def _part(self, offset: int, limit: int = PART) -> dict[str, Any] | None:
        try:
            return await self._read(offset, limit)
        except (AnswerError, NoEngineError) as error:
            self.query_one("#log-state", Static).update(Content(one_line(str(error))))
            return None

    def _show(self, *, at_end: bool) -> None:
        lines = self.query_one(OutputLines)
        lines.lines = ansi.log_lines(self._content)
        if lines.lines and not lines.lines[-1]:
            lines.lines.pop()
        lines.redraw()
        if at_end:
            lines.go(lines.count() - 1)
        self._tell()

    def _tell(self) -> None:
        held = f"{size(len(self._content))} of {size(self._end)}" if self._start else size(self._end)
        state = "follows" if self._following and self._live else "stands still" if self._live else "complete"
        keys = "/ search  n N next  F follow  ← → sideways  Esc back"
        self.query_one("#log-state", Static).update(Content(f"{held} · {state}      {keys}"))

    def on_key(self, event: events.Key) -> None:
        lines = self.query_one(OutputLines)
        if self.query_one(Input).has_focus:
            if event.key == "escape":
                event.stop()
                self._close_search()
            return
        event.stop()
        match pressed(event.key, event.character):
            case "escape" | "q" | "l":
                self.dismiss(None)
            case "/":
                self.query_one(Input).display = True
                self.query_one(Input).focus()
            case "n":
                self._search(1)
            case "N":
                self._search(-1)
            case "F" | "f":
                self._following = not self._following
                self._tell()
            case "right":
                self._sideways(lines.left + 8)
            case "left":
                self._sideways(lines.left - 8)
            case key:
                self._scroll(key)

    def _scroll(self, key: str) -> None:
        lines = self.query_one(OutputLines)
        scroll(lines, key)
        self._following = lines.index >= lines.count() - 1
        if lines.index == 0 and self._start:
            self.run_worker(self._load_before(), exclusive=True)
        self._tell()

    def _sideways(self, left: int) -> None:
        lines = self.query_one(OutputLines)
        lines.left = max(left, 0)
        lines.redraw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.query_one(OutputLines).needle = event.value.casefold()
        self._close_search()
        self._search(-1)

    def _close_search(self) -> None:
        self.query_one(Input).display = False
        lines = self.query_one(OutputLines)
        lines.focus()
        lines.redraw()

    def _search(self, step: int) -> None:
        """To the next line that has the words, from here, once around."""
        self._following = False
        lines = self.query_one(OutputLines)
        count = lines.count()
        for distance in range(1, count + 1):
            index = (lines.index + step * distance) % count
            if lines.found(index):
                lines.go(index)
                self._tell()
                return
        self.query_one("#log-state", Static).update(
            Content(f"{one_line(lines.needle, 60)!r} is not in what is held here")
        )
