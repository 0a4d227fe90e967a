"""The spool of hooks read in order, once: one line of JSON an event, written by `hook.py`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core import plainfile
from core.kinds.result import number

if TYPE_CHECKING:
    from pathlib import Path

AT_ONCE = 1 << 20
"""Bytes of one read: the rest comes with the next."""


@dataclass(frozen=True, slots=True)
class Event:
    """What an agent told its hook. Nothing in `payload` can be relied on: each use checks its type."""

    at: float
    event: str
    payload: dict[str, Any]


def read(path: Path, offset: int) -> tuple[list[Event], int]:
    """Events from `offset` on, and where to read on. A line without its end is left for the next time; lines that
    are no event are passed over; a file that is shorter than `offset` is another one and is read from its start.
    A file that is not there has no events."""
    start = offset if offset <= plainfile.size(path) else 0
    try:
        block = plainfile.read_part(path, start, AT_ONCE)
    except OSError:
        return [], offset
    whole = block.rfind(b"\n") + 1
    if not whole and len(block) == AT_ONCE:
        whole = len(block)
    lines = block[:whole].split(b"\n")
    return [event for line in lines if (event := _event(line)) is not None], start + whole


def _event(line: bytes) -> Event | None:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    at, event, payload = number(told.get("at")), told.get("event"), told.get("payload")
    if at is None or not isinstance(event, str):
        return None
    return Event(float(at), event, payload if isinstance(payload, dict) else {})
