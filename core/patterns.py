"""Regular expressions that people write, matched within a time: some take hours on thirty letters with `re`."""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST = 1000
"""Characters of a pattern."""
MATCH_TIME = 0.05
"""Seconds that a match may take; the engine answers nobody meanwhile."""
log = logging.getLogger("muxdeck")


class SlowPatternError(Exception):
    """A match took longer than it may."""


class Searches(Protocol):
    """What is used of a pattern, ours or another's."""

    def search(self, text: str, /) -> Any: ...  # noqa: ANN401 - a match of `re` or of `regex`

    def fullmatch(self, text: str, /) -> Any: ...  # noqa: ANN401 - a match of `re` or of `regex`


def fault(pattern: str, noun: str = "regular expression") -> str | None:
    """Why it is no pattern; None if it is one."""
    if len(pattern) > LONGEST:
        return f"expected at most {LONGEST} characters"
    try:
        re.compile(pattern)
        _compiled(pattern)
    except (re.error, ValueError, RecursionError, OverflowError, MemoryError) as error:
        return f"not a {noun}: {error}"
    return None


def groups(pattern: str) -> int:
    """The number of its groups; it is a pattern."""
    return int(_compiled(pattern).groups)


def matches_whole(pattern: str, text: str, seconds: float = MATCH_TIME) -> bool:
    """Whether it matches all of the text. SlowPatternError if that takes longer than the time."""
    try:
        return _compiled(pattern).fullmatch(text, timeout=seconds) is not None
    except (TimeoutError, MemoryError):
        raise SlowPatternError(pattern) from None


def is_slow(pattern: str) -> bool:
    """Whether a line can be found on which it takes longer than it may: one of its own signs, many times."""
    for sign in sorted({*pattern, *"a0 -."}):
        try:
            _compiled(pattern).search(sign * 200 + "\x01", timeout=MATCH_TIME)
        except (TimeoutError, MemoryError):
            return True
    return False


_TRUSTED: set[str] = set()


def trust(patterns: Iterable[str]) -> None:
    """Patterns of our own files, which tests show to be quick: `re` takes a sixth of the time for them."""
    _TRUSTED.update(patterns)


@lru_cache(maxsize=1024)
def searching(pattern: str) -> Searches:
    """For patterns that are looked for in many lines."""
    return re.compile(pattern) if pattern in _TRUSTED else _Bounded(pattern)


class _Bounded:
    """Matches nothing any more once it was too slow: each line would cost as much again."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._compiled = _compiled(pattern)
        self._slow = False

    def search(self, text: str) -> Any:  # noqa: ANN401 - a match of `regex`
        return self._match(self._compiled.search, text)

    def fullmatch(self, text: str) -> Any:  # noqa: ANN401 - a match of `regex`
        return self._match(self._compiled.fullmatch, text)

    def _match(self, match: Any, text: str) -> Any:  # noqa: ANN401 - a match of `regex`
        if self._slow:
            return None
        try:
            return match(text, timeout=MATCH_TIME)
        except (TimeoutError, MemoryError):
            self._slow = True
            log.warning(
                "the pattern %r takes too long and is not used any more: write it without repeats of repeats",
                self._pattern,
            )
            return None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:  # noqa: ANN401 - `regex` has its own type
    """By `regex`: it is `re` with a time limit. ValueError if it is no pattern."""
    import regex

    try:
        return regex.compile(pattern)
    except regex.error as error:
        raise ValueError(str(error)) from None
