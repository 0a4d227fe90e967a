"""Screens to read: the keys, a task as a whole, the history, the palette."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tui.actions import ACTIONS, Action, key_name, pressed
from tui.panes.text import TextLines
from tui.panes.titles import entitle
from tui.views.line import Line, Span, fit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events
    from textual.app import ComposeResult

    from tui.panes.lines import Lines


class Page(ModalScreen[None], inherit_bindings=False):
    """Lines to scroll through."""

    def __init__(self, title: str, lines: Callable[[int], list[Line]]) -> None:
        """`lines` makes them for a width in cells."""
        super().__init__()
        self._title = title
        self._lines = lines

    def compose(self) -> ComposeResult:
        with Vertical(classes="page"):
            yield TextLines(id="page-lines")

    def on_mount(self) -> None:
        entitle(self.query_one(".page"), self._title, "Esc back")
        self.query_one(TextLines).focus()

    def on_resize(self) -> None:
        self.call_after_refresh(self._fill)

    def _fill(self) -> None:
        lines = self.query_one(TextLines)
        lines.show(self._lines(lines.size.width))

    def on_key(self, event: events.Key) -> None:
        event.stop()
        key = pressed(event.key, event.character)
        if key in ("escape", "q", "enter", "d", "@"):
            self.dismiss(None)
        else:
            scroll(self.query_one(TextLines), key)


def scroll(lines: Lines, key: str) -> bool:
    """Moves by the usual keys; False for any other key."""
    match key:
        case "j" | "down":
            lines.move(1)
        case "k" | "up":
            lines.move(-1)
        case "pagedown" | "ctrl+f" | "space":
            lines.page(1)
        case "pageup" | "ctrl+b":
            lines.page(-1)
        case "g" | "home":
            lines.go(0)
        case "G" | "end":
            lines.go(lines.count() - 1)
        case _:
            return False
    return True


class ActionList(ModalScreen[str | None], inherit_bindings=False):
    """Actions to search and to choose from; the rest of the line is for whoever asked."""

    def __init__(
        self,
        title: str,
        placeholder: str,
        why_not: Callable[[Action], str | None],
        actions: Sequence[Action] = ACTIONS,
    ) -> None:
        super().__init__()
        self._title = title
        self._placeholder = placeholder
        self._why_not = why_not
        self._actions = actions
        self._shown: list[Action] = list(actions)

    def compose(self) -> ComposeResult:
        with Vertical(classes="page"):
            yield Input(placeholder=self._placeholder, id="search")
            yield TextLines(id="actions")
            yield Static(Content("↑ ↓  move      ↵  do it      Esc  back"), classes="keys")

    def on_mount(self) -> None:
        entitle(self.query_one(".page"), self._title)
        self.query_one(Input).focus()

    def on_resize(self) -> None:
        self.call_after_refresh(self._fill)

    def on_input_changed(self) -> None:
        self._fill()

    def _fill(self) -> None:
        words = self.query_one(Input).value.casefold().split()
        found = [action for action in self._actions if all(word in _searched(action) for word in words)]
        written = self.query_one(Input).value.strip()
        self._shown = sorted(found, key=lambda action: written not in map(key_name, action.keys))
        lines = self.query_one(TextLines)
        width = lines.size.width
        lines.index = 0
        lines.show([self._line(action, width) for action in self._shown])

    def _line(self, action: Action, width: int) -> Line:
        keys = " ".join(map(key_name, action.keys[:2]))
        reason = self._why_not(action)
        text = action.help if reason is None else f"not now: {reason} — {action.help}"
        name = "" if reason is None else "faint"
        return (
            Span(f" {fit(keys, 13)}", "accent" if reason is None else "faint"),
            Span(fit(action.label, 16), name),
            Span(fit(text, max(width - 32, 10)), "muted" if reason is None else "faint"),
        )

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            self.dismiss(None)
        elif event.key in ("down", "up", "pagedown", "pageup"):
            event.stop()
            scroll(self.query_one(TextLines), event.key)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        written = event.value.strip()
        if written.startswith("add "):
            self.dismiss(written)
        elif self._shown:
            self.dismiss(self._shown[self.query_one(TextLines).index].id)

    def on_lines_entered(self) -> None:
        self.dismiss(self._shown[self.query_one(TextLines).index].id)


def _searched(action: Action) -> str:
    keys = " ".join((*action.keys, *map(key_name, action.keys)))
    return f"{action.id} {action.label} {action.help} {keys}".casefold()
