"""Lists of words and of output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.strip import Strip

from tui.panes.lines import Lines
from tui.views import ansi
from tui.views.line import Span

if TYPE_CHECKING:
    from tui.views.line import Line


class TextLines(Lines):
    """Given lines, with a cursor."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._given: list[Line] = []

    def show(self, lines: list[Line]) -> None:
        self._given = lines
        self.index = max(min(self.index, len(lines) - 1), 0)
        self.redraw()

    def count(self) -> int:
        return len(self._given)

    def key(self, index: int) -> object:
        return self._given[index]

    def line(self, index: int, width: int) -> Line:
        return self._given[index]


class OutputLines(Lines):
    """Raw output, a line a line, in its own colours; lines that contain `needle` are marked."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.lines: list[str] = []
        self.needle = ""
        self.left = 0
        """Cells that are scrolled off at the left."""

    def count(self) -> int:
        return len(self.lines)

    def key(self, index: int) -> object:
        return self.lines[index], self.needle, self.left

    def line(self, index: int, width: int) -> Line:
        return (Span(ansi.plain(self.lines[index])),)

    def appearance(self, index: int, width: int) -> object:
        return self.key(index)

    def found(self, index: int) -> bool:
        return bool(self.needle) and self.needle in ansi.plain(self.lines[index]).casefold()

    def _strip(self, index: int) -> Strip:
        if index >= self.count():
            return super()._strip(index)
        base = self.base(index)
        sign = Segment("▌" if self.found(index) else " ", base + self.roles["needs-you"])
        parts = [Segment(part.text, base + (part.style or base)) for part in ansi.log_line(self.lines[index])]
        return Strip([sign, *Strip(parts).crop(self.left)]).adjust_cell_length(self.size.width, base)
