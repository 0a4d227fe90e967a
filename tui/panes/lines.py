"""A list of any length that draws what is visible: each line from its row, only when it has changed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.views.line import width_of
from tui.views.palette import cursor_style, role_styles

if TYPE_CHECKING:
    from rich.style import Style
    from textual import events

    from tui.views.line import Line


class Lines(ScrollView, can_focus=True, inherit_bindings=False):
    """`count`, `key` and `line` are the subclass's; `key` changes whenever the line looks otherwise."""

    class Moved(Message):
        """The cursor stands on another row."""

        def __init__(self, pane: Lines) -> None:
            super().__init__()
            self.pane = pane

        @property
        def control(self) -> Lines:
            return self.pane

    class Entered(Moved):
        """The row under the cursor was clicked twice."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.index = 0
        self._drawn: dict[int, object] = {}
        self._strips: LRUCache[object, Strip] = LRUCache(1024)
        self._lines: LRUCache[object, Line] = LRUCache(1024)

    # The subclass's

    def count(self) -> int:
        raise NotImplementedError

    def key(self, index: int) -> object:
        """Hashable; equal keys have equal lines at the same width."""
        raise NotImplementedError

    def line(self, index: int, width: int) -> Line:
        raise NotImplementedError

    def below(self, index: int) -> Line:
        """What stands where there is no row: nothing, unless the subclass has something to say."""
        return ()

    # Drawing

    def redraw(self) -> None:
        """Draws those visible lines that have changed since they were last drawn."""
        size = Size(self.size.width, self.count())
        if size != self.virtual_size:
            self.virtual_size = size
        top, shown, focused = self.scroll_offset.y, self.count(), self.has_focus
        for y in range(self.size.height):
            if self._drawn.get(y) != self._identity(y + top, shown, size.width, focused):
                self.refresh(Region(0, y, size.width, 1))

    def restyle(self) -> None:
        """The theme has changed: nothing drawn before is right."""
        self._strips.clear()
        self._drawn.clear()
        self.__dict__.pop("roles", None)
        self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.restyle()

    def appearance(self, index: int, width: int) -> object:
        """Hashable; what is drawn of a row. Rows whose keys have changed may still look the same: most ages do."""
        key = self.key(index), width
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = self.line(index, width)
        return line

    def _identity(self, index: int, shown: int, width: int, focused: bool) -> object:
        """Equal identities are drawn alike."""
        if not 0 <= index < shown:
            return self.below(index), width
        return self.appearance(index, width), index == self.index, focused, width

    def render_line(self, y: int) -> Strip:
        index = y + self.scroll_offset.y
        identity = self._identity(index, self.count(), self.size.width, self.has_focus)
        self._drawn[y] = identity
        strip = self._strips.get(identity)
        if strip is None:
            strip = self._strip(index)
            self._strips[identity] = strip
        return strip

    def _strip(self, index: int) -> Strip:
        line = self.line(index, self.size.width) if index < self.count() else self.below(index)
        base = self.base(index)
        segments = [Segment(span.text, base + self.roles[span.role] if span.role else base) for span in line]
        return Strip(segments, width_of(line)).adjust_cell_length(self.size.width, base)

    def base(self, index: int) -> Style:
        """What the roles of a line stand on."""
        if index != self.index or index >= self.count() or not (self.has_focus or self.keeps_cursor):
            return self.rich_style
        return self.rich_style + cursor_style(self.app.theme_variables, focused=self.has_focus)

    @property
    def keeps_cursor(self) -> bool:
        """Whether the cursor is to be seen while the keys go elsewhere."""
        return True

    @cached_property
    def roles(self) -> dict[str, Style]:
        return role_styles(self.app.theme_variables)

    # Moving

    def move(self, by: int) -> None:
        self.go(self.index + by)

    def page(self, by: int) -> None:
        self.go(self.index + by * max(self.size.height - 1, 1))

    def go(self, index: int) -> None:
        """Puts the cursor on a row, and the row on the screen."""
        index = max(min(index, self.count() - 1), 0)
        changed, self.index = index != self.index, index
        self._show_cursor()
        self.redraw()
        if changed:
            self.moved()

    def moved(self) -> None:
        self.post_message(self.Moved(self))

    def _show_cursor(self) -> None:
        top, height = self.scroll_offset.y, max(self.size.height, 1)
        if self.index < top:
            self._scroll(self.index)
        elif self.index >= top + height:
            self._scroll(self.index - height + 1)

    def _scroll(self, top: int) -> None:
        self.scroll_to(y=max(top, 0), animate=False, force=True, immediate=True)

    def follow(self, index: int) -> None:
        """The row under the cursor now stands elsewhere: the cursor goes with it, and stays where the eye is."""
        by = index - self.index
        self.index = index
        if by and self.scroll_offset.y > 0:
            self._scroll(self.scroll_offset.y + by)

    def on_focus(self) -> None:
        self.redraw()

    def on_blur(self) -> None:
        self.redraw()

    def on_resize(self) -> None:
        self._drawn.clear()
        self._show_cursor()
        self.redraw()

    def on_click(self, event: events.Click) -> None:
        self.go(event.y - self.gutter.top + self.scroll_offset.y)
        if event.chain == 2:
            self.post_message(self.Entered(self))

    def on_unmount(self) -> None:
        self._strips.clear()
