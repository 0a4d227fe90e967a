"""What stands on the screen of runs: the list, the graph with a cursor on a node, lists of nodes."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.panes.lines import Lines
from tui.situation import Situation
from tui.views.line import width_of
from tui.views.palette import cursor_style, role_styles
from tui.views.run_rows import run_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events

    from core.wire import RunRow
    from tui.views.line import Line
    from tui.views.run_graph import Picture


class RunsPane(Lines):
    """Those that live on top, then the latest; the cursor is on a run, not on a line."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._rows: list[RunRow] = []
        self._situation = Situation(time.time())
        self._chosen: int | None = None
        self._digits = 2
        self.empty: list[Line] = []
        """What is said while no line is shown."""

    def show(self, rows: list[RunRow], situation: Situation) -> None:
        self._rows = sorted(rows, key=lambda row: (row.ended_at is not None, not row.asking, -row.id))
        self._situation = situation
        self._digits = max([2, *(len(str(row.id)) for row in rows)])
        at = next((place for place, row in enumerate(self._rows) if row.id == self._chosen), None)
        if at is not None:
            self.follow(at)
        else:
            self.index = max(min(self.index, len(rows) - 1), 0)
            self._chosen = self._rows[self.index].id if rows else None
        self.redraw()

    def count(self) -> int:
        return len(self._rows)

    def key(self, index: int) -> object:
        return self._rows[index], int(self._situation.now), self._situation.plain, self._digits

    def line(self, index: int, width: int) -> Line:
        return run_line(self._rows[index], width, self._situation, self._digits)

    def below(self, index: int) -> Line:
        return self.empty[index] if not self._rows and index < len(self.empty) else ()

    def chosen(self) -> RunRow | None:
        return self._rows[self.index] if self.index < len(self._rows) else None

    def moved(self) -> None:
        self._chosen = self._rows[self.index].id
        super().moved()

    def choose(self, run: int) -> None:
        self._chosen = run
        at = next((place for place, row in enumerate(self._rows) if row.id == run), None)
        if at is not None:
            self.go(at)


class NodeList(Lines):
    """Lines about nodes: the cursor is on a node, or on one of its parts."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._names: list[str] = []
        self._draw: Callable[[int, int], Line] = lambda _index, _width: ()

    def show(self, names: list[str], draw: Callable[[int, int], Line], chosen: str | None) -> None:
        """`names` are those of the nodes, a line each; `draw` makes a line for an index and a width."""
        self._names, self._draw = names, draw
        here = self._names[self.index] if self.index < len(names) else None
        if chosen is not None and here != chosen and chosen in names:
            self.index = names.index(chosen)
        self.index = max(min(self.index, len(names) - 1), 0)
        self._reveal()

    def _reveal(self) -> None:
        """How far it can scroll is known once it has been drawn."""
        self.redraw()
        self._show_cursor()
        self.redraw()

    def on_resize(self) -> None:
        self._reveal()

    def count(self) -> int:
        return len(self._names)

    def key(self, index: int) -> object:
        return self._draw(index, self.size.width)

    def line(self, index: int, width: int) -> Line:
        return self._draw(index, width)

    def name_at(self) -> str | None:
        return self._names[self.index] if self.index < len(self._names) else None


class GraphPane(Widget, can_focus=True, inherit_bindings=False):
    """As much of a picture as there is room for, around the node under the cursor."""

    class Clicked(Message):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._picture: Picture | None = None
        self._words: list[Line] = []
        self._left = self._top = 0

    def show(self, picture: Picture | None, words: list[Line]) -> None:
        """`words` stand there while there is no picture."""
        if (picture, words) != (self._picture, self._words):
            self._picture, self._words = picture, words
            self._keep_in_sight()
            self.refresh()

    def _keep_in_sight(self) -> None:
        """Moves as little as it can; a picture that fits is in the middle."""
        picture, width, height = self._picture, self.size.width, self.size.height
        if picture is None:
            self._left = self._top = 0
            return
        row, first, last = picture.cursor or (0, 0, 0)
        self._left = _window(self._left, width, picture.width, first, last)
        self._top = _window(self._top, height, len(picture.lines), max(row - 1, 0), row + 2)

    def on_resize(self) -> None:
        self._keep_in_sight()
        self.refresh()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.__dict__.pop("_roles", None)

    def render_line(self, y: int) -> Strip:
        base, width, picture = self.rich_style, self.size.width, self._picture
        lines = self._words if picture is None else picture.lines
        at = y if picture is None else y + self._top
        if not 0 <= at < len(lines):
            return Strip.blank(width, base)
        strip = self._strip(lines[at], base)
        if picture is None:
            return strip.adjust_cell_length(width, base)
        if picture.cursor is not None and picture.cursor[0] == at:
            strip = self._with_cursor(strip, picture.cursor, base)
        if self._left < 0:
            strip = Strip.join([Strip.blank(-self._left, base), strip])
        return strip.crop(max(self._left, 0), max(self._left, 0) + width).adjust_cell_length(width, base)

    def _strip(self, line: Line, base: Style) -> Strip:
        segments = [Segment(span.text, base + self._roles[span.role] if span.role else base) for span in line]
        return Strip(segments, width_of(line))

    def _with_cursor(self, strip: Strip, cursor: tuple[int, int, int], base: Style) -> Strip:
        _, first, last = cursor
        marked = Style(bgcolor=cursor_style(self.app.theme_variables, focused=self.has_focus).bgcolor)
        inside = [Segment(one.text, (one.style or base) + marked) for one in strip.crop(first, last)]
        return Strip.join([strip.crop(0, first), Strip(inside), strip.crop(last, strip.cell_length)])

    @cached_property
    def _roles(self) -> dict[str, Style]:
        return role_styles(self.app.theme_variables)

    def on_click(self, event: events.Click) -> None:
        if self._picture is None:
            return
        x, y = event.x - self.gutter.left + self._left, event.y - self.gutter.top + self._top
        for one in self._picture.placed:
            if one.y == y and one.x <= x < one.x + one.width:
                self.post_message(self.Clicked(one.name))


def _window(start: int, room: int, whole: int, first: int, last: int) -> int:
    """Where what is shown begins, so that `first` to `last` are in it; negative where it stands in the middle."""
    if whole <= room:
        return -((room - whole) // 2) if room - whole > 1 and start <= 0 else 0
    start = max(start, 0)
    if last > start + room:
        start = last - room
    return max(min(start, first, whole - room), 0)
