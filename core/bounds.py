"""The bounds of every value from outside: one definition for requests, settings, workflow files and stored rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_WHOLE = 2**53
"""The largest whole number that every reader of JSON takes exactly; SQLite's end at 2**63."""
MAX_DURATION = 100 * 365 * 86400.0
"""Seconds: a hundred years. Added to any time of the clock, it stays within what `datetime` takes."""
MAX_MOMENT = 32_503_680_000.0
"""Unix time: the year 3000."""
MAX_SIZE = 2**50
"""Bytes: one PiB."""
MAX_ATTEMPTS = 1_000_000
MAX_FACTOR = 1_000_000.0
MAX_JITTER = 100.0
MAX_COST = 1e9
"""US dollars."""
MAX_PRIORITY = 1000
MAX_EXIT_CODE = 255

MAX_KEY = 200
"""Characters of a key, and of a name in lists."""
MAX_WORD = 4096
"""Characters of the name of anything, or of a path: PATH_MAX of Linux."""
MAX_TEXT = 10_000_000
"""Characters of a prompt, a message or a text that is typed."""
MAX_ARGUMENT = 2**20
"""Characters of an argument or of a variable's value. The system itself may take less, and says so at the start."""
MAX_ARGUMENTS = 100_000
MAX_ITEMS = 100_000
"""Elements of a list in a request."""
MAX_DEPTH = 100
"""Levels of nesting in free data."""
MAX_VALUES = 1_000_000
"""In free data: a step that walks over them holds up everything else."""
MAX_CHARACTERS = 2**26
"""The same of its texts together."""


class Excess(NamedTuple):
    """Something in free data that is out of bounds."""

    path: tuple[str | int, ...]
    text: str


def is_finite(number: float) -> bool:
    """Whether a number is no NaN, no infinity, and not too large for a float, which a whole number may be."""
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def is_stored(text: str) -> bool:
    """Whether UTF-8 can hold a text: a lone surrogate stands for a byte that is not UTF-8, or for half a character."""
    return text.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in text)


def excess(value: object, *, escapes: bool = False) -> Excess | None:
    """What is out of bounds in a JSON value: its numbers, texts that cannot be stored, its size. None if nothing is.

    With `escapes`, texts may hold lone surrogates: file names that are not UTF-8 do.
    """
    for path, one in _walk(value):
        text = _excess_of(one, escapes=escapes) if path is not None else str(one)
        if text is not None:
            return Excess(tuple(path or ()), text)
    return None


def is_oversized(value: object) -> bool:
    """Whether a JSON value has too many values or characters, or is nested too deeply.

    One that was put together may have the same part many times: it is counted as often.
    """
    return any(path is None for path, _ in _walk(value))


def _walk(value: object) -> Iterator[tuple[list[str | int] | None, object]]:
    """Every value inside with its path, which changes in place; last, without a path, what is too much of them."""
    path: list[str | int] = []
    inside: list[Iterator[tuple[str | int, object]]] = []
    values, characters, one = 0, 0, value
    while True:
        values += 1
        characters += len(one) if isinstance(one, str) else 0
        if values > MAX_VALUES or characters > MAX_CHARACTERS:
            yield None, f"more than {MAX_VALUES:,} values or {MAX_CHARACTERS:,} characters"
            return
        yield path, one
        inside.append(_inside(one))
        path.append(0)
        while (following := next(inside[-1], None)) is None:
            inside.pop()
            path.pop()
            if not inside:
                return
        path[-1], one = following
        if len(inside) >= MAX_DEPTH:
            yield None, f"more than {MAX_DEPTH} levels of nesting"
            return


def _inside(value: object) -> Iterator[tuple[str | int, object]]:
    if isinstance(value, dict):
        return iter(value.items())
    return enumerate(value) if isinstance(value, (list, tuple)) else iter(())


def _excess_of(value: object, *, escapes: bool) -> str | None:
    """What is wrong with a value itself, whatever is inside it."""
    if isinstance(value, (int, float)):
        return None if is_finite(value) else "expected a finite number of at most 308 digits"
    texts = [value] if isinstance(value, str) else value if isinstance(value, dict) else ()
    if escapes or all(is_stored(text) for text in texts if isinstance(text, str)):
        return None
    return "expected text that UTF-8 can hold, found a lone surrogate"
