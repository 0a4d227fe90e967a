"""The word for a session's health, from what one look at its processes found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.text import duration, plural
from core.vitals import Health, HealthState

if TYPE_CHECKING:
    from core.vitals import Vital

BUSY_CPU = 0.5
"""Per cent of a core from which a session counts as working."""
ASKS_AFTER = 2.0
"""Seconds of silence after which a read of the terminal is taken for a question to a person."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Seconds without output and work."""

    quiet_after: float = 30.0
    stuck_after: float = 900.0


def judge(
    vital: Vital,
    *,
    started_at: float | None,
    last_work: float,
    before: Health | None,
    limits: Thresholds,
    has_terminal: bool = True,
) -> Health:
    """`last_work` is the Unix time of the last output or CPU use. A state that stays keeps its `since`."""
    alive = _alone(vital, has_terminal=has_terminal) if not (vital.launcher_alive and has_terminal) else None
    state, reason = alive or _state(vital, started_at, last_work, limits)
    if before is not None and before.state is state:
        return Health(state, reason, before.since)
    return Health(state, reason, vital.at)


def _state(vital: Vital, started_at: float | None, last_work: float, limits: Thresholds) -> tuple[HealthState, str]:
    idle = vital.at - last_work
    if started_at is None:
        return HealthState.STARTING, "the program has not begun yet"
    if vital.processes and not vital.living:
        return HealthState.ZOMBIE, "the program has ended and nobody has taken its exit status"
    if vital.stopped and vital.stopped == vital.living:
        return HealthState.STOPPED, "all of its processes are stopped by a signal"
    if vital.reads_terminal and idle >= ASKS_AFTER:
        return HealthState.WAITING, "reads its terminal: it waits for somebody to type"
    if idle >= limits.stuck_after:
        return HealthState.STUCK, f"no output and no work for {duration(idle)}"
    if idle >= limits.quiet_after:
        return HealthState.QUIET, f"no output and no work for {duration(idle)}"
    if vital.cpu >= BUSY_CPU:
        return HealthState.WORKING, f"{vital.cpu:.0f}% of a core"
    wrote = vital.last_output is not None and vital.last_output >= last_work
    return HealthState.WORKING, f"{'wrote' if wrote else 'worked'} {duration(idle)} ago"


def _alone(vital: Vital, *, has_terminal: bool) -> tuple[HealthState, str]:
    if not vital.living and not vital.launcher_alive:
        return HealthState.GONE, "no process of it is left"
    who = "its launcher" if has_terminal else "its tmux server"
    return HealthState.ORPHANED, f"{who} is gone, {plural(vital.living, 'process')} of it still there"
