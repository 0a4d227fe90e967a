"""What the screen of an agent says: the rules of its file, on the lines at the bottom.

To add an agent, write `NAME.toml` (beside the configuration in `screens/`, or here in `screens/` to give it to all):

    turn = '^> \\S'                      # the person's prompt in the conversation: a turn begins
    [composer]
    line = '^> ?(.*)$'                   # the last such line; the group is what has been typed
    placeholder = ['Ask me anything']    # text of the agent itself in an empty composer
    [[title]]                            # the title of the pane, where the agent sets one
    state = "working"
    match = '^[\\u2800-\\u28ff] '
    [[rule]]                             # the first that holds is the state
    name = "run a command"
    state = "permission"
    bottom = 'Esc to cancel'             # in one of the last two lines that are not empty
    all = ['Do you want to']             # each in one of the last `within` lines (12)
    dialog = { start = '^-{9,}$' }       # what a person must read: from the last such line to the end
    choices = '^\\W*(\\d)\\. (.+)$'      # key and label, and
    keys = { Enter = "Yes" }             # what Enter, Escape, a letter or a digit does and is not shown to do
    [[rule]]
    name = "composer"
    state = "ready"
    composer = true

Capture real screens first (`tmux capture-pane -p`, at 200x50 and 80x24), keep them in `tests/interactive/screens/NAME/`
as `STATE-rest-WIDTH.txt`, and let the tests tell. A dialog must be told by what is at the very bottom: an agent also
shows files, and a file can quote a dialog. What nothing matches is unknown, and nobody types there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from core.interactive.signals import ASKING, DETAIL, EVIDENCE, Choice, Signal, Source, State
from core.patterns import searching
from core.text import inert, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from core.interactive.rulebook import Rule, Rulebook

LONGEST_LINE = 500
"""Characters of a line that patterns see."""
MOST_LINES = 200
MOST_CHOICES = 12


@dataclass(frozen=True)
class Screen:
    """A pane as tmux tells it: plain lines without blanks at their ends."""

    lines: tuple[str, ...]
    cursor: tuple[int, int] | None = None
    """Column and row, from 0; None where it is not known."""
    title: str = ""

    @cached_property
    def text(self) -> str:
        """All of it as one line, the title last: what wraps is whole again."""
        return "".join((*self.lines, self.title))


class Composer(NamedTuple):
    """The line into which prompts are typed."""

    row: int
    text: str
    empty: bool
    """Nothing that a person has typed stands in it."""


def screen(text: str, cursor: tuple[int, int] | None = None, title: str = "") -> Screen:
    """Of the output of `capture-pane -p`; blanks that do not break are taken for blanks."""
    lines = [line.replace("\u00a0", " ").rstrip()[:LONGEST_LINE] for line in text.split("\n")]
    cut = max(0, len(lines) - MOST_LINES)
    return Screen(tuple(lines[cut:]), None if cursor is None else (cursor[0], cursor[1] - cut), title[:LONGEST_LINE])


_STYLE = re.compile(rb"\x1b\[[0-9;:]*m")
_RIGHT = re.compile(rb"\x1b\[1?C")
_MOVE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[ -/]*[0-Z\\-~])")
_RULER = re.compile(r"[\s\u2500-\u257f_=-]{9,}")
"""A line that is drawn across the screen, and says nothing."""
_FRAME = re.compile(r"^[\s│┃║]*[│┃║] ?|[\s│┃║]+$")
"""Of a box around a text."""
_WORDS = re.compile(r"[^\W\d_]{2,}(?: [^\W\d_]+)*")


def has_new_text(drawn: bytes, seen: Screen) -> bool:
    """Whether output has words that did not stand side by side on a screen before: spinners and clocks have none."""
    text = _MOVE.sub(b"\n", _RIGHT.sub(b" ", _STYLE.sub(b"", drawn))).decode("utf-8", "ignore")
    return any(words not in seen.text for words in set(_WORDS.findall(text)))


def read(book: Rulebook, seen: Screen, at: float) -> list[Signal]:
    """What the title says, if anything, and what the screen says. An unknown screen is said to be so."""
    shown = _of_screen(book, seen, at)
    titled = _of_title(book, seen, at)
    if titled is None:
        return [shown]
    if titled.state in ASKING and shown.state in ASKING:
        titled = Signal(shown.state, Source.TITLE, at, titled.evidence, shown.detail, shown.choices)
    return [titled, shown]


def composer(book: Rulebook, seen: Screen) -> Composer | None:
    """None where there is none, above all while a dialog is open: then nothing must be typed."""
    return None if _of_screen(book, seen, 0.0).state in ASKING else _found(book, seen)


def _found(book: Rulebook, seen: Screen) -> Composer | None:
    """The line that looks like it."""
    rule = book.composer
    if rule is None:
        return None
    for row in range(len(seen.lines) - 1, -1, -1):
        match = searching(rule.line).search(seen.lines[row])
        if match is None or (rule.at_cursor and seen.cursor is not None and row != seen.cursor[1]):
            continue
        if rule.above and not (row and searching(rule.above).search(seen.lines[row - 1])):
            continue
        text = (match[1] or "").strip()
        return Composer(row, one_line(text), _is_empty(rule.placeholder, text, match, row, seen.cursor))
    return None


def _is_empty(
    placeholder: Sequence[str], text: str, match: re.Match[str], row: int, cursor: tuple[int, int] | None
) -> bool:
    if cursor is not None and cursor[1] != row:
        return False
    at_start = cursor is None or not text or cursor[0] <= match.start(1) + len(match[1]) - len(match[1].lstrip())
    return not text or (at_start and any(searching(one).fullmatch(text) for one in placeholder))


def _of_title(book: Rulebook, seen: Screen, at: float) -> Signal | None:
    for rule in book.title:
        if searching(rule.match).search(seen.title):
            return Signal(rule.state, Source.TITLE, at, one_line(seen.title.strip(), EVIDENCE))
    return None


def _of_screen(book: Rulebook, seen: Screen, at: float) -> Signal:
    place = _found(book, seen)
    filled = [line for line in seen.lines if line]
    turn = _last_turn(book, seen, place)
    for rule in book.rule:
        if rule.composer and place is None:
            continue
        line = _holds(rule, turn if rule.turn else filled[-rule.within :], filled[-2:])
        if line is not None:
            return _signal(rule, line, seen.lines, at)
    return Signal(State.UNKNOWN, Source.SCREEN, at, one_line(f"no rule: {filled[-1] if filled else ''}", EVIDENCE))


def _last_turn(book: Rulebook, seen: Screen, place: Composer | None) -> list[str]:
    """Its lines that are not empty; all above the composer where the prompt has scrolled away."""
    lines = seen.lines if place is None else seen.lines[: place.row]
    starts = [row for row, line in enumerate(lines) if book.turn and searching(book.turn).search(line)]
    return [line for line in lines[starts[-1] + 1 if starts else 0 :] if line]


def _holds(rule: Rule, window: list[str], bottom: list[str]) -> str | None:
    """The line that best shows why the rule holds; None where it does not."""
    found = [_first(rule.bottom, bottom)] if rule.bottom else []
    found = [_first(pattern, window) for pattern in rule.all] + found
    if rule.any:
        found.insert(0, next((line for one in rule.any if (line := _first(one, window)) is not None), None))
    if None in found or any(_first(pattern, window) is not None for pattern in rule.none):
        return None
    return (found[0] if found else "") or ""


def _first(pattern: str, lines: list[str]) -> str | None:
    """The lowest line that matches."""
    search = searching(pattern).search
    return next((line for line in reversed(lines) if search(line)), None)


def _signal(rule: Rule, line: str, lines: Sequence[str], at: float) -> Signal:
    evidence = one_line(f"{rule.name}: {line.strip()}" if line.strip() else rule.name, EVIDENCE)
    if rule.dialog is None:
        return Signal(rule.state, Source.SCREEN, at, evidence)
    text = _between(rule.dialog.start, rule.dialog.end, lines)
    detail = inert("\n".join(_words_alone(text)).strip("\n"))[:DETAIL]
    return Signal(rule.state, Source.SCREEN, at, evidence, detail, (*_choices(rule.choices, text), *_fixed(rule)))


def _words_alone(lines: Iterable[str]) -> Iterator[str]:
    """Without frames and rulers, and no more than one empty line at a time."""
    before = ""
    for line in lines:
        told = "" if _RULER.fullmatch(line) else _FRAME.sub("", line)
        if told or before:
            yield told
        before = told


def _between(start: str, end: str, lines: Sequence[str]) -> list[str]:
    first = max((row for row, line in enumerate(lines) if searching(start).search(line)), default=0)
    ends = [row for row, line in enumerate(lines) if end and searching(end).search(line) and row >= first]
    return list(lines[first : ends[-1] + 1 if ends else len(lines)])


def _choices(pattern: str, lines: list[str]) -> list[Choice]:
    """A label that goes on in lines that stand deeper is put together."""
    found: list[tuple[str, str, int]] = []
    for line in lines if pattern else []:
        match = searching(pattern).search(line)
        if match is not None:
            found.append((match[1], match[2].strip(), match.start(2)))
        elif found and line and len(line) - len(line.lstrip()) >= found[-1][2]:
            key, label, depth = found[-1]
            found[-1] = (key, f"{label} {line.strip()}", depth)
        elif found and line:
            found[-1] = (*found[-1][:2], LONGEST_LINE)
    return [Choice(one_line(key, 10), one_line(label, 120)) for key, label, _ in found[:MOST_CHOICES]]


def _fixed(rule: Rule) -> list[Choice]:
    return [Choice(key, one_line(label, 120)) for key, label in rule.keys.items()]
