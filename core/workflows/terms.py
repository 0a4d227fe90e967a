"""The parts of an expression, and what each of them comes to."""

from __future__ import annotations

import json
import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from core import bounds
from core.text import one_line, plural

Scope = Mapping[str, Any]
"""JSON values by the names that a path begins with."""


class MissingError(Exception):
    """Something that an expression names is not there. Its text says what, and what is there instead."""


class UnfitError(MissingError):
    """It is there, but it is not what its place needs."""


class Term(Protocol):
    """A part of an expression."""

    def value(self, scope: Scope) -> Any:  # noqa: ANN401 - any JSON value
        """MissingError where something that counts is not there, UnfitError where it does not fit."""


@dataclass(frozen=True, slots=True)
class Constant:
    constant: Any

    def value(self, scope: Scope) -> Any:  # noqa: ANN401 - any JSON value
        return self.constant


@dataclass(frozen=True, slots=True)
class Listed:
    elements: tuple[Term, ...]

    def value(self, scope: Scope) -> list[Any]:
        return [element.value(scope) for element in self.elements]


@dataclass(frozen=True, slots=True)
class Path:
    steps: tuple[str | int, ...]
    """The first is a name of the scope; a number is the place in a list, from 0."""

    def value(self, scope: Scope) -> Any:  # noqa: ANN401 - any JSON value
        found: Any = scope
        for count, step in enumerate(self.steps):
            if isinstance(step, str) and isinstance(found, Mapping):
                if step not in found:
                    raise self._missing(count, found)
                found = found[step]
            elif isinstance(step, int) and isinstance(found, (list, tuple)):
                if step >= len(found):
                    raise self._missing(count, found)
                found = found[step]
            else:
                raise self._missing(count, found)
        return found

    def _missing(self, count: int, found: Any) -> MissingError:  # noqa: ANN401 - any JSON value
        """The step at this place leads nowhere from what was found before it."""
        instead = f"{written(self.steps[:count])} is {described(found)}" if count else f"there is {_names(found)}"
        return MissingError(one_line(f"{written(self.steps)} is not there: {instead}", 240))


@dataclass(frozen=True, slots=True)
class Not:
    term: Term
    text: str

    def value(self, scope: Scope) -> bool:
        return not truth(self.term.value(scope), self.text)


@dataclass(frozen=True, slots=True)
class Junction:
    """`and` or `or` of any number of terms. What stands behind the one that decides is not looked at."""

    decisive: bool
    """The value that decides: False of `and`, True of `or`."""
    terms: tuple[tuple[Term, str], ...]

    def value(self, scope: Scope) -> bool:
        for term, text in self.terms:
            if truth(term.value(scope), text) is self.decisive:
                return self.decisive
        return not self.decisive


@dataclass(frozen=True, slots=True)
class Equality:
    left: Term
    right: Term
    negated: bool

    def value(self, scope: Scope) -> bool:
        return same(self.left.value(scope), self.right.value(scope)) is not self.negated


ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


@dataclass(frozen=True, slots=True)
class Order:
    left: Term
    sign: str
    """Of ORDERS."""
    right: Term

    def value(self, scope: Scope) -> bool:
        left, right = self.left.value(scope), self.right.value(scope)
        if (_is_number(left) and _is_number(right)) or (isinstance(left, str) and isinstance(right, str)):
            return bool(ORDERS[self.sign](left, right))
        raise UnfitError(
            f"{described(left)} {self.sign} {described(right)}: only two numbers or two texts have an order"
        )


@dataclass(frozen=True, slots=True)
class Membership:
    """An element of a list, a key of a table, or a part of a text."""

    element: Term
    whole: Term
    negated: bool

    def value(self, scope: Scope) -> bool:
        element, whole = self.element.value(scope), self.whole.value(scope)
        if isinstance(whole, (list, tuple)):
            return any(same(element, one) for one in whole) is not self.negated
        if isinstance(whole, (str, Mapping)) and isinstance(element, str):
            return (element in whole) is not self.negated
        raise UnfitError(f"{described(element)} in {described(whole)}: a list, a table or two texts are expected")


@dataclass(frozen=True, slots=True)
class Length:
    term: Term

    def value(self, scope: Scope) -> int:
        found = self.term.value(scope)
        if isinstance(found, (str, list, tuple, Mapping)):
            return len(found)
        raise UnfitError(f"len() of {described(found)}: a text, a list or a table is expected")


@dataclass(frozen=True, slots=True)
class Default:
    """The first value, or the second where the first is missing or null."""

    term: Term
    otherwise: Term

    def value(self, scope: Scope) -> Any:  # noqa: ANN401 - any JSON value
        try:
            found = self.term.value(scope)
        except UnfitError:
            raise
        except MissingError:
            found = None
        return self.otherwise.value(scope) if found is None else found


def truth(value: object, text: str) -> bool:
    """The value of the expression that this text is, where it is true or false; UnfitError otherwise."""
    if isinstance(value, bool):
        return value
    raise UnfitError(f"{one_line(text, 100)} is not true or false but {described(value)}")


def same(one: object, other: object) -> bool:
    """Whether two JSON values are equal: of different types they never are, but for whole and other numbers."""
    pairs = [(one, other)]
    while pairs:
        left, right = pairs.pop()
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            if left.keys() != right.keys():
                return False
            pairs.extend((value, right[key]) for key, value in left.items())
        elif isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
            if len(left) != len(right):
                return False
            pairs.extend(zip(left, right, strict=True))
        elif isinstance(left, bool) is not isinstance(right, bool) or left != right:
            return False
    return True


def rendered(value: object) -> str:
    """A text as it is, everything else as compact JSON. UnfitError where no program could take it."""
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise UnfitError(f"{one_line(text, 60)!r} is not text that UTF-8 can hold") from None
    except (TypeError, ValueError, RecursionError):
        raise UnfitError(f"{described(value)} cannot be written as JSON") from None
    if "\0" in text:
        raise UnfitError(f"{one_line(text, 60)!r} has a NUL character, which no program takes")
    return text


def joined(texts: Iterable[str]) -> str:
    """UnfitError as soon as it is too long for anything that takes it: each `${…}` may stand for a large value."""
    parts, length = [], 0
    for text in texts:
        parts.append(text)
        length += len(text)
        if length > bounds.MAX_TEXT:
            raise UnfitError(f"more than {bounds.MAX_TEXT:,} characters")
    return "".join(parts)


def within(value: object) -> object:
    """A value that was put together, if its size is within bounds; UnfitError otherwise."""
    if bounds.is_oversized(value):
        raise UnfitError("what it refers to makes it too large, or nests it too deeply")
    return value


def written(steps: tuple[str | int, ...]) -> str:
    """A path as people write it."""
    text = ""
    for step in steps:
        plain = isinstance(step, str) and step.replace("-", "_").isidentifier()
        text += (f".{step}" if text else f"{step}") if plain else f"[{json.dumps(step)}]"
    return text


def described(value: object) -> str:
    """What a value is, in a few inert words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {one_line(value, 40)!r}"
    if isinstance(value, (list, tuple)):
        return f"a list of {plural(len(value), 'element')}"
    if isinstance(value, Mapping):
        return f"a table of {_names(value)}" if value else "an empty table"
    if isinstance(value, (int, float)):
        return f"the number {value:.6g}" if bounds.is_finite(value) else "a number out of bounds"
    return type(value).__name__


def _names(table: Mapping[str, object]) -> str:
    names = [one_line(name, 30) for name in islice(table, 9)]
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "") if names else "nothing"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
