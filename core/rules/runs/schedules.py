"""Workflows that begin by themselves, and the times at which they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.due import Due
from core.rules.runs.events import keep
from core.workflows.cron import following, latest

if TYPE_CHECKING:
    from core.messages import Arm
    from core.rules.step import Step
    from core.runs import Armed
    from core.workflows.model import Schedule

ON_TIME = 60.0
"""Seconds by which a start may be late without having been missed; more of them pass where the machine was asleep."""


def arm(step: Step, wish: Arm) -> None:
    """From now on these workflows begin by their triggers, and no others."""
    world = step.world
    world.armed = {armed.name: armed for armed in wish.workflows}
    world.arming += 1
    for armed in wish.workflows:
        for schedule in armed.definition.workflow.on.schedules:
            _make_up(step, armed, schedule)
    for place, (_, schedule) in enumerate(_schedules(step)):
        _wind(step, place, schedule)


def _schedules(step: Step) -> list[tuple[Armed, Schedule]]:
    return [(armed, one) for armed in step.world.armed.values() for one in armed.definition.workflow.on.schedules]


def _make_up(step: Step, armed: Armed, schedule: Schedule) -> None:
    """The latest start that was missed while nobody looked, where it still counts."""
    fired = step.world.fired.get((armed.name, schedule.cron))
    if fired is None:
        _note_fired(step, armed, schedule, step.now)
        return
    missed = latest(schedule.cron, schedule.tz, max(fired, step.now - schedule.catchup), step.now)
    if missed is not None:
        _fire(step, armed, schedule, missed)


def _wind(step: Step, place: int, schedule: Schedule) -> None:
    at = following(schedule.cron, schedule.tz, step.now)
    if at is not None:
        step.world.timers.set(at, Due.SCHEDULE, step.world.arming, place)


def schedule_due(step: Step, arming: int, place: int, at: float) -> None:
    """A time that was set for workflows as they were before means nothing."""
    if arming != step.world.arming:
        return
    armed, schedule = _schedules(step)[place]
    if step.now - at <= max(schedule.catchup, ON_TIME):
        _fire(step, armed, schedule, at)
    else:
        _make_up(step, armed, schedule)
    _wind(step, place, schedule)


def _fire(step: Step, armed: Armed, schedule: Schedule, at: float) -> None:
    if at <= step.world.fired.get((armed.name, schedule.cron), 0.0):
        return
    _note_fired(step, armed, schedule, at)
    data = {"cron": schedule.cron, "scheduled_at": at, "overlap": schedule.overlap}
    keep(step, "schedule", data, f"schedule {schedule.cron}", to=armed.name, key=f"{armed.name} {schedule.cron} {at}")


def _note_fired(step: Step, armed: Armed, schedule: Schedule, at: float) -> None:
    step.world.fired[armed.name, schedule.cron] = at
    step.fired[armed.name, schedule.cron] = at
