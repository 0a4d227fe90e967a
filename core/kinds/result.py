"""What became of one run of an agent. Standard library only: the runner loads it in a session's terminal."""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple

from core import plainfile

OUTCOMES = ("ok", "denied", "error", "limit", "auth", "cancelled")
MESSAGE_SIZE = 1 << 16
"""Bytes of the agent's last message that are kept: its end."""
HIGHEST_COUNT = 1 << 53
FILE_SIZE = 1 << 22
"""Bytes beyond which a file is not a result of ours."""


class Result(NamedTuple):
    """What is not known is None; an outcome of None means that the run goes on, or that it was cut off."""

    outcome: str | None = None
    reason: str = ""
    """One inert line; empty where all is well."""
    session: str | None = None
    cost: float | None = None
    """USD of this run alone."""
    cost_total: float | None = None
    """USD of the session, this run included; the next run of the session is given it as `cost_before`."""
    cost_basis: str = "none"
    tokens_in: int | None = None
    """Of the prompt, those from a cache included."""
    tokens_out: int | None = None
    tokens_cached: int | None = None
    tokens_total: tuple[int | None, int | None, int | None] | None = None
    """In, out and cached of the session, where the agent counts those: the next run is given it as `tokens_before`."""
    turns: int | None = None
    message: str = ""
    """The last message of the agent, as it was written: not inert."""
    denials: tuple[str, ...] = ()
    retry_at: float | None = None
    """Unix time at which a limit is said to be over."""
    check: int | None = None
    """Exit status of the check, 128 + the signal where one ended it."""


_TEXTS = frozenset({"reason", "session", "cost_basis", "message"})
_COUNTS = frozenset({"tokens_in", "tokens_out", "tokens_cached", "turns", "check"})


def write(path: str, result: Result) -> None:
    """Puts the file in its place as a whole, private to its owner. OSError if the disk refuses."""
    plainfile.write_whole(path, json.dumps(result._asdict()).encode(), sync=True)


def read(path: str) -> Result:
    """The result in a file; what is missing or broken in it is not known."""
    try:
        written = json.loads(plainfile.read(path, FILE_SIZE))
    except (OSError, ValueError, RecursionError):
        return Result()
    if not isinstance(written, dict):
        return Result()
    return Result(
        **{name: value for name in Result._fields if (value := _checked(name, written.get(name))) is not None}
    )


def _checked(name: str, value: object) -> Any:  # noqa: ANN401 - each field has its own type
    """The value, or None where the field cannot have it."""
    if name == "outcome":
        return value if value in OUTCOMES else None
    if name == "denials":
        return tuple(_text(one) for one in value if isinstance(one, str)) if isinstance(value, list) else None
    if name == "tokens_total":
        return tokens(value)
    if name in _TEXTS:
        return _text(value) if isinstance(value, str) else None
    if name in _COUNTS:
        return value if _is_count(value) else None
    return number(value)


def _text(value: str) -> str:
    """As it can be written: JSON can name halves of a character."""
    return value.encode("utf-8", "replace").decode("utf-8")


def _is_count(value: object) -> bool:
    return type(value) is int and abs(value) <= HIGHEST_COUNT


def tokens(value: object) -> tuple[int | None, int | None, int | None] | None:
    """Three counts of JSON, each of which may be null; None for anything else."""
    if not isinstance(value, list) or not all(one is None or _is_count(one) for one in value) or len(value) != 3:
        return None
    return value[0], value[1], value[2]


def number(value: object) -> float | None:
    """A finite number of JSON, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -1e15 < value < 1e15:
        return None
    return value if math.isfinite(value) else None
