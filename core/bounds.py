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


def excess(value: object) -> Excess | None:
    """What is out of bounds in a JSON value: numbers, texts that cannot be stored, nesting. None if nothing is."""
    level: list[tuple[tuple[str | int, ...], object]] = [((), value)]
    for _ in range(MAX_DEPTH):
        following: list[tuple[tuple[str | int, ...], object]] = []
        for path, one in level:
            if (text := _excess_of(one)) is not None:
                return Excess(path, text)
            following.extend(((*path, key), inner) for key, inner in _inside(one))
        if not following:
            return None
        level = following
    return Excess((), f"more than {MAX_DEPTH} levels of nesting")


def _inside(value: object) -> Iterator[tuple[str | int, object]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, (list, tuple)):
        yield from enumerate(value)


def _excess_of(value: object) -> str | None:
    """What is wrong with a value itself, whatever is inside it."""
    if isinstance(value, (int, float)):
        return None if is_finite(value) else "expected a finite number of at most 308 digits"
    texts = [value] if isinstance(value, str) else value if isinstance(value, dict) else ()
    if all(is_stored(text) for text in texts if isinstance(text, str)):
        return None
    return "expected text that UTF-8 can hold, found a lone surrogate"
