"""The filter of the list of runs: words of the name, state=, workflow=, by=, and ! for the opposite."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.wire import RunRow

KEYS = ("state", "workflow", "by", "id")


def parse_runs(text: str) -> Callable[[RunRow], bool]:
    """What a run must pass. ValueError says what is not understood."""
    tests = [_test(word) for word in text.split()]
    return lambda row: all(test(row) for test in tests)


def _test(word: str) -> Callable[[RunRow], bool]:
    if word.startswith("!") and len(word) > 1:
        opposite = _test(word[1:])
        return lambda row: not opposite(row)
    key, sign, value = word.partition("=")
    wanted = value.casefold()
    if not sign:
        needle = word.casefold()
        return lambda row: needle in row.workflow.casefold() or needle == str(row.id)
    if key not in KEYS:
        raise ValueError(f"{key}= is not a key: {', '.join(KEYS)}")
    match key:
        case "state":
            return lambda row: wanted in (row.state, "asking" if row.asking else row.state)
        case "workflow":
            return lambda row: wanted in row.workflow.casefold()
        case "by":
            return lambda row: wanted in row.started_by.casefold()
        case _:
            return lambda row: wanted == str(row.id)
