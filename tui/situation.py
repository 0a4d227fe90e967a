"""What a line of the screen depends on beside its row."""

from __future__ import annotations

from typing import NamedTuple


class Situation(NamedTuple):
    """One value a frame."""

    now: float
    plain: bool = False
    age_step: float = 900.0
    paused: bool = False
    """Everything is paused."""
    closed: frozenset[str] = frozenset()
    """Groups and agents that start nothing, as "group NAME" and "agent NAME"."""
    digits: int = 4
    """Of the largest task number."""
