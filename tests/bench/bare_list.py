"""The floor of the console: nothing but a long list in Textual, with a cursor that moves by a key."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

ROWS = 100_000
CURSOR = Style(bgcolor="#24323f")


class List(ScrollView, can_focus=True):
    index = 0

    def on_mount(self) -> None:
        self.virtual_size = Size(self.size.width, ROWS)

    def on_key(self) -> None:
        before, self.index = self.index, self.index + 1
        for row in (before, self.index):
            self.refresh(Region(0, row - self.scroll_offset.y, self.size.width, 1))
        if self.index >= self.scroll_offset.y + self.size.height:
            self.scroll_to(y=self.index - self.size.height + 1, animate=False, force=True, immediate=True)

    def render_line(self, y: int) -> Strip:
        row = y + self.scroll_offset.y
        style = CURSOR if row == self.index else Style()
        return Strip([Segment(f" {row:>7} a row".ljust(self.size.width), style)])


class BareList(App[None]):
    def compose(self):
        yield List()

    def on_mount(self) -> None:
        self.query_one(List).focus()


if __name__ == "__main__":
    BareList().run()
