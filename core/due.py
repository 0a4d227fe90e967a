"""Why something falls due, and when."""

from __future__ import annotations

from enum import IntEnum
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
