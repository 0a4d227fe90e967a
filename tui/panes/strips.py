"""Widgets of a few lines that are drawn whole: header, footer, details, the live screen."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from tui.views.line import Line, width_of
from tui.views.palette import role_styles

if TYPE_CHECKING:
    from rich.style import Style


class Spans(Widget):
    """Lines of roles. `show` draws them if they differ from what stands there."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._lines: list[Line] = []

    def show(self, lines: list[Line]) -> None:
        if lines != self._lines:
            self._lines = lines
            self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.__dict__.pop("_roles", None)

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        if y >= len(self._lines):
            return Strip.blank(self.size.width, base)
        line = self._lines[y]
        segments = [Segment(span.text, base + self._roles[span.role] if span.role else base) for span in line]
        return Strip(segments, width_of(line)).adjust_cell_length(self.size.width, base)

    @cached_property
    def _roles(self) -> dict[str, Style]:
        return role_styles(self.app.theme_variables)


class LiveScreen(Widget):
    """The lower end of a session's screen, in the session's own colours."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._lines: list[tuple[Segment, ...]] = []

    def show(self, lines: list[tuple[Segment, ...]]) -> None:
        """Blank lines below the last text are left out: what was written last is what is looked for."""
        last = len(lines)
        while last and not any(segment.text.strip() for segment in lines[last - 1]):
            last -= 1
        lines = lines[:last]
        if lines != self._lines:
            self._lines = lines
            self.refresh()

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        index = max(len(self._lines) - self.size.height, 0) + y
        if index >= len(self._lines):
            return Strip.blank(self.size.width, base)
        segments = [Segment(segment.text, base + (segment.style or base)) for segment in self._lines[index]]
        return Strip([Segment(" ", base), *segments]).adjust_cell_length(self.size.width, base)
