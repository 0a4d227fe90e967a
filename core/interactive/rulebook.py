"""The rules for the screens of one agent, read from a TOML file."""

from __future__ import annotations

import re
from dataclasses import field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from core import patterns, tomlfile
from core.faults import Problem
from core.interactive.signals import State  # noqa: TC001 - pydantic reads the types of the fields
from core.plainfile import read_text
from core.tomlfile import Fault
from core.units import Positive, shape

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).with_name("screens")
LONGEST_PATTERN = 400
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}\Z")
_NESTED = re.compile(r"\((?:[^()\\]|\\.)*[+*](?:[^()\\]|\\.)*\)[+*{]")


@shape
class Dialog:
    """Where the text of a dialog stands: from the last line that matches, to the last that does, or to the end."""

    start: str
    end: str = ""


@shape
class Rule:
    """When all of its conditions hold, the agent is in this state. Each pattern is searched in single lines."""

    name: str
    state: State
    within: Positive = 12
    """How many of the last non-empty lines `all`, `any` and `none` look at."""
    bottom: str = ""
    """One of the last two non-empty lines: what the agent wants an answer to is always at its bottom."""
    all: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    turn: bool = False
    """Only lines of the last turn, between the person's last prompt and the composer."""
    composer: bool = False
    """Only where the composer is to be seen."""
    dialog: Dialog | None = None
    choices: str = ""
    """A pattern with two groups: the key, and what it does."""
    keys: dict[str, str] = field(default_factory=dict)
    """Keys that the dialog does not show, and what each does."""


@shape
class TitleRule:
    """The title of the pane says the state."""

    state: State
    match: str


@shape
class ComposerRule:
    """How to find the line into which prompts are typed: the last that matches."""

    line: str
    """A pattern with one group: what has been typed."""
    above: str = ""
    """The line before it, blank or not."""
    at_cursor: bool = False
    """It is the line of the cursor and no other."""
    placeholder: tuple[str, ...] = ()
    """Text of the agent itself that stands in an empty composer; each pattern has to match all of it."""


@shape
class Rulebook:
    """All rules of one agent. The first rule that holds is the answer."""

    turn: str = ""
    """The line of the conversation with which a turn begins: the person's prompt."""
    composer: ComposerRule | None = None
    title: tuple[TitleRule, ...] = ()
    rule: tuple[Rule, ...] = field(default=())


def load(agent: str, folder: Path | None = None) -> tuple[Rulebook, list[Fault]]:
    """The rules of `folder/AGENT.toml`, else ours, else the generic ones. A file with faults is not used."""
    faults: list[Fault] = []
    for place in (folder, FOLDER):
        path = place / f"{agent}.toml" if place is not None and _NAME.match(agent) else None
        if path is not None and path.is_file():
            book, faults_here = _load(path, path.stat().st_mtime_ns)
            faults += faults_here
            if book is not None:
                return book, faults
    generic = FOLDER / "generic.toml"
    return _load(generic, generic.stat().st_mtime_ns)[0] or Rulebook(), faults


def faults(folder: Path) -> list[Fault]:
    """What is wrong with the files of one's own."""
    try:
        paths = sorted(folder.glob("*.toml"))
        return [fault for path in paths for fault in _load(path, path.stat().st_mtime_ns)[1]]
    except OSError:
        return []


@cache
def _load(path: Path, _changed: int) -> tuple[Rulebook | None, list[Fault]]:
    try:
        text = read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        return None, [Fault(str(path), None, "", f"cannot be read: {error}")]
    book, faults = parse(text, str(path))
    if book is not None and path.parent == FOLDER:
        patterns.trust(pattern for _, pattern, _ in _patterns(book))
    return book, faults


@cache
def parse(text: str, file: str) -> tuple[Rulebook | None, list[Fault]]:
    """The rules in a text, or None and every fault in it."""
    found = tomlfile.read(Rulebook, text, file, _senseless)
    return found[0], list(found[1])


def _senseless(book: Rulebook) -> Iterator[Problem]:
    for path, pattern, groups in _patterns(book):
        if (fault := _pattern_fault(pattern, groups)) is not None:
            yield Problem(path, fault)
    for number, rule in enumerate(book.rule):
        if not (rule.bottom or rule.all or rule.any or rule.composer):
            yield Problem(("rule", number), "expected bottom, all, any or composer: it would always hold")


def _patterns(book: Rulebook) -> Iterator[tuple[tuple[str | int, ...], str, int]]:
    """Every pattern with its place, and the groups that it must have."""
    yield ("turn",), book.turn, 0
    if book.composer is not None:
        yield ("composer", "line"), book.composer.line, 1
        yield ("composer", "above"), book.composer.above, 0
        for number, pattern in enumerate(book.composer.placeholder):
            yield ("composer", "placeholder", number), pattern, 0
    for number, title in enumerate(book.title):
        yield ("title", number, "match"), title.match, 0
    for number, rule in enumerate(book.rule):
        yield ("rule", number, "bottom"), rule.bottom, 0
        yield ("rule", number, "choices"), rule.choices, 2 if rule.choices else 0
        for key, some in (("all", rule.all), ("any", rule.any), ("none", rule.none)):
            yield from ((("rule", number, key, place), pattern, 0) for place, pattern in enumerate(some))
        if rule.dialog is not None:
            yield ("rule", number, "dialog", "start"), rule.dialog.start, 0
            yield ("rule", number, "dialog", "end"), rule.dialog.end, 0


def _pattern_fault(pattern: str, groups: int) -> str | None:
    if len(pattern) > LONGEST_PATTERN:
        return f"expected at most {LONGEST_PATTERN} characters"
    if _NESTED.search(pattern):
        return "a repeat of a repeat can take for ever: write it without the inner one"
    if (fault := patterns.fault(pattern, "pattern")) is not None:
        return fault
    if patterns.is_slow(pattern):
        return "it takes too long on some lines: write it without repeats of repeats"
    found = patterns.groups(pattern)
    return f"expected {groups} groups, found {found}" if groups and found != groups else None
