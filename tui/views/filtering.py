"""The language of the filter: words that must be found, key=value, and ! for the opposite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.ordering import FAILED, NEEDS_YOU, rank

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.wire import TaskRow

Test = "Callable[[TaskRow], bool]"

KEYS = ("state", "group", "agent", "name", "id", "prio")


def parse(text: str) -> Callable[[TaskRow], bool] | None:
    """What a row must pass; None where nothing is asked. ValueError says what is not understood."""
    tests = [_test(word) for word in text.split()]
    return None if not tests else lambda row: all(test(row) for test in tests)


def problems(row: TaskRow) -> bool:
    return rank(row) in (NEEDS_YOU, FAILED)


def _test(word: str) -> Callable[[TaskRow], bool]:
    if word.startswith("!") and len(word) > 1:
        opposite = _test(word[1:])
        return lambda row: not opposite(row)
    key, sign, value = word.partition("=")
    if not sign:
        needle = word.casefold()
        return lambda row: needle in row.name.casefold() or needle == str(row.id)
    if key not in KEYS:
        raise ValueError(f"{key}= is not a key: {', '.join(KEYS)}")
    return _keyed(key, value.casefold())


def _keyed(key: str, value: str) -> Callable[[TaskRow], bool]:
    match key:
        case "state":
            return lambda row: value in (row.state, row.attempt_state)
        case "group":
            return lambda row: row.group.casefold() == value
        case "agent":
            return lambda row: row.agent.casefold() == value
        case "name":
            return lambda row: value in row.name.casefold()
        case "id":
            return lambda row: str(row.id) == value
        case _:
            return lambda row: str(row.priority) == value
