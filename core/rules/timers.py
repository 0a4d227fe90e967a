"""What will be due, and when. A timer is never taken back: its handler looks whether it still means anything."""

from __future__ import annotations

from enum import IntEnum
from heapq import heappop, heappush
from typing import NamedTuple


class Due(IntEnum):
    """Why a timer was set."""

    READY = 0
    QUEUE_LIMIT = 1
    RUN_LIMIT = 2
    TOTAL_LIMIT = 3
    IDLE_LIMIT = 4
    GRACE_OVER = 5
    WAKE = 6
    """Only to look again at what may start now."""
    NODE_LIMIT = 7
    """Of a gate, a wait, or several agents at the same; `task` is the run, `attempt` the place of the node."""
    RUN_DEADLINE = 8
    """`task` is the run."""
    RUN_GOES_ON = 10
    """More of its parts may begin: those of a long list do so in several steps. `task` is the run."""
    SCHEDULE = 9
    """`task` counts the armings, `attempt` is the place of the schedule."""


class Timer(NamedTuple):
    at: float
    due: Due
    task: int
    attempt: int
    """Number of the attempt it was set for; 0 is the task itself."""


class Timers:
    def __init__(self) -> None:
        self._heap: list[Timer] = []

    def set(self, at: float, due: Due, task: int, attempt: int = 0) -> None:
        heappush(self._heap, Timer(at, due, task, attempt))

    @property
    def next_at(self) -> float | None:
        return self._heap[0].at if self._heap else None

    def take_due(self, now: float) -> Timer | None:
        """The next timer that is due, taken out; None when there is none by `now`."""
        return heappop(self._heap) if self._heap and self._heap[0].at <= now else None
