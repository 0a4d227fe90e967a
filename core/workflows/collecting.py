"""What is found in one workflow file while it is read: its problems, and where it refers to what."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, NamedTuple

from core.faults import Problem, unknown_key
from core.workflows.expressions import Expression, ExpressionError, MissingError, Structure, Template

if TYPE_CHECKING:
    from collections.abc import Collection

Key = tuple[str | int, ...]
"""Where something stands in the file: ("task", "plan", "run", 0)."""

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", re.ASCII)
NAME_WORDS = "up to 64 letters, digits, _ and -, beginning with a letter or _"
WORD = re.compile(r"[A-Za-z0-9._:/@+-]{1,64}", re.ASCII)
WORD_WORDS = "a name of up to 64 letters, digits and . _ : / @ + -"
TOPIC = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._:/-]{0,127}", re.ASCII)
TOPIC_WORDS = "a topic of up to 128 letters, digits and . _ : / -"
RESERVED = frozenset(
    {"params", "event", "item", "index", "matrix", "run", "inputs", "inputs_file"}
    | {"and", "or", "not", "in", "true", "false", "null"}
)
"""What an expression takes for something else than a task."""
_HINTS = 20
"""Names that are looked for among all of a large file: each takes milliseconds."""


class Place(Enum):
    """What an expression may refer to depends on where it stands."""

    START = auto()
    """In [run]: before there is a run."""
    TRIGGER = auto()
    WAIT = auto()
    NODE = auto()
    """What is asked once for a node."""
    PART = auto()
    """What is asked for each part of it."""
    AFTER = auto()
    """What follows its success."""


class Use(NamedTuple):
    """An expression that refers to something."""

    node: str
    """Whose it is; empty where it is no node's."""
    key: Key
    place: Place
    references: frozenset[tuple[str, ...]]


class Collector:
    """Collects while one file is read."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.uses: list[Use] = []
        self._hints = 0
        self._templates: dict[str, Template] = {}

    def wrong(self, key: Key, text: str) -> None:
        self.problems.append(Problem(key, text))

    def unknown(self, key: Key, name: str, known: Collection[str], what: str) -> None:
        self._hints += 1
        self.wrong(key, unknown_key(name, list(known) if self._hints <= _HINTS else (), what))

    def template(self, text: str, key: Key, place: Place, node: str = "") -> Template:
        found = self._templates.get(text)
        try:
            if found is None:
                found = self._templates[text] = Template.parse(text)
        except ExpressionError as error:
            self.wrong(key, str(error))
            return Template.parse("")
        if found.references:
            self.uses.append(Use(node, key, place, found.references))
        return found

    def structure(self, value: Any, key: Key, place: Place, node: str = "") -> Structure:  # noqa: ANN401 - any JSON value
        try:
            found = Structure.parse(value)
        except ExpressionError as error:
            self.wrong(key, str(error))
            return Structure.parse(None)
        if found.references:
            self.uses.append(Use(node, key, place, found.references))
        return found

    def expression(self, text: str, key: Key, place: Place, node: str = "") -> Expression | None:
        """A condition."""
        try:
            found = Expression.parse(text)
        except ExpressionError as error:
            self.wrong(key, str(error))
            return None
        if found.references:
            self.uses.append(Use(node, key, place, found.references))
            return found
        try:
            found.holds({})
        except MissingError as error:
            self.wrong(key, str(error))
        return found
