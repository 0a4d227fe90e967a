"""Small questions: yes or no in three tiers, one of many, one line of text."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from core.text import inert, one_line
from tui.actions import pressed
from tui.panes.text import TextLines
from tui.views.line import Span, fit

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

    from tui.views.line import Line


@dataclass(frozen=True)
class Question:
    """What is about to happen, and what must be typed to let it. A single letter is enough for one task;
    many ask for their count, everything for a word."""

    title: str
    facts: tuple[str, ...] = ()
    word: str = "y"
    verb: str = "go on"


class Confirm(ModalScreen[bool], inherit_bindings=False):
    """Nothing happens by Enter alone: the way out has the focus."""

    def __init__(self, question: Question) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Content(one_line(self._question.title)), classes="title")
            for fact in self._question.facts:
                yield Static(Content(one_line(fact, 300)), classes="fact")
            if len(self._question.word) > 1 or self._question.word.isdecimal():
                yield Input(placeholder=f"type {self._question.word} to {self._question.verb}", id="word")
                yield Static(Content("Esc  leave everything as it is"), classes="keys")
            else:
                keys = f"{self._question.word}  {self._question.verb}      Esc, ↵  leave everything as it is"
                yield Static(Content(keys), classes="keys")

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            self.dismiss(False)
        elif not self.query(Input):
            event.stop()
            if pressed(event.key, event.character) == self._question.word:
                self.dismiss(True)
            elif event.key in ("enter", "q", "n"):
                self.dismiss(False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip() == self._question.word:
            self.dismiss(True)
        else:
            event.input.value = ""


@dataclass(frozen=True)
class Option:
    value: str
    label: str
    note: str = ""
    role: str = ""
    keys: tuple[str, ...] = field(default=())
    """Letters that choose it at once."""
    indent: int = 0
    """Cells by which what does not fit is set in below."""


USUAL_WIDTH, MOST_WIDTH = 68, 96
LEAST_LABEL, LEAST_NOTE = 12, 24
"""Cells."""
MOST_LINES = 16
"""Of the options that are seen at once."""
AROUND = 9
"""Lines of the frame, the title, the keys, and what is left free between them."""


def _end_of(text: str, width: int, room: int) -> list[str]:
    """What fits of a text, in lines: its end, where the question is."""
    lines = [part for line in inert(text).splitlines() for part in _wrapped(line.expandtabs(), width)]
    return lines if len(lines) <= room else ["…", *lines[len(lines) - max(room, 2) + 1 :]]


def _wrapped(line: str, width: int, indent: str | None = None) -> list[str]:
    """With its indentation, or the given one, below too. A path is broken only where it must be."""
    below = " " * (len(line) - len(line.lstrip())) if indent is None else indent
    return textwrap.wrap(line, width, subsequent_indent=below, break_on_hyphens=False) or [""]


class Choose(ModalScreen[str | None], inherit_bindings=False):
    """One of a few, under the text that they are about; `looked_at` is called for each that the cursor passes."""

    def __init__(self, title: str, options: list[Option], current: str | None = None, note: str = "") -> None:
        super().__init__()
        self._title = title
        self._note = note
        self._options = options
        self._current = current
        self._option_at: list[int] = []
        """Of each line."""

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Content(one_line(self._title)), classes="title")
            if self._note:
                yield Static("", classes="note")
            yield TextLines(id="options")
            yield Static(Content("↵  choose      Esc  leave it as it is"), classes="keys")

    def on_mount(self) -> None:
        texts = [*self._note.splitlines(), *(f"{option.label}   {option.note}" for option in self._options)]
        wanted = max(USUAL_WIDTH, *map(cell_len, texts))
        width = max(min(wanted, MOST_WIDTH, self.app.size.width * 92 // 100 - 4), LEAST_LABEL)
        self.query_one(".dialog").styles.width = width + 4
        rows = self._lines(width)
        self._option_at = [place for place, _ in rows]
        options = self.query_one(TextLines)
        options.styles.height = min(len(rows), MOST_LINES)
        options.show([line for _, line in rows])
        if self._note:
            room = self.app.size.height * 90 // 100 - min(len(rows), MOST_LINES) - AROUND
            self.query_one(".note", Static).update(Content("\n".join(_end_of(self._note, width, room))))
        values = [option.value for option in self._options]
        options.index = self._option_at.index(values.index(self._current) if self._current in values else 0)
        options.focus()
        self.call_after_refresh(options.redraw)

    def _lines(self, width: int) -> list[tuple[int, Line]]:
        """The lines of each option, by its place: what is too long goes on below."""
        wide = width - 1
        if any(option.note for option in self._options):
            longest = max(cell_len(option.label) for option in self._options)
            wide = min(longest + 2, max(width - LEAST_NOTE, LEAST_LABEL))
        rows: list[tuple[int, Line]] = []
        for place, option in enumerate(self._options):
            parts = _wrapped(one_line(option.label, 400), wide - 1, " " * option.indent)
            for number, part in enumerate(parts):
                note = option.note if number == 0 else ""
                rows.append((place, (Span(f" {fit(part, wide)}", option.role), Span(fit(note, width - wide), "muted"))))
        return rows

    def _chosen(self) -> Option:
        return self._options[self._option_at[self.query_one(TextLines).index]]

    def _move(self, step: int) -> None:
        lines = self.query_one(TextLines)
        place = self._option_at[lines.index] + step
        if 0 <= place < len(self._options):
            lines.go(self._option_at.index(place))

    def on_key(self, event: events.Key) -> None:
        event.stop()
        key = pressed(event.key, event.character)
        moves = {"j": 1, "down": 1, "k": -1, "up": -1}
        chosen = next((option for option in self._options if key in option.keys), None)
        if chosen is not None:
            self.dismiss(chosen.value)
        elif key in moves:
            self._move(moves[key])
        elif key == "enter":
            self.dismiss(self._chosen().value)
        elif key in ("escape", "q"):
            self.dismiss(None)

    def on_lines_moved(self) -> None:
        self.looked_at(self._chosen().value)

    def on_lines_entered(self) -> None:
        self.dismiss(self._chosen().value)

    def looked_at(self, value: str) -> None:
        """For a subclass that shows what a choice would mean."""


class Prompt(ModalScreen[str | None], inherit_bindings=False):
    """One line of text."""

    def __init__(self, title: str, value: str = "", note: str = "") -> None:
        super().__init__()
        self._title = title
        self._value = value
        self._note = note

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Content(one_line(self._title)), classes="title")
            if self._note:
                yield Static(Content(one_line(self._note, 300)), classes="fact")
            yield Input(value=self._value, id="text", select_on_focus=False)
            yield Static(Content("↵  take it      Esc  leave it as it is"), classes="keys")

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            self.dismiss(None)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)
