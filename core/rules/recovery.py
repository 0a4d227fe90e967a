"""A world that comes back from disk: its indices are built anew, its limits count on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.due import Due
from core.model import TaskState
from core.rules.queueing import enqueue
from core.rules.runs.restoring import set_limits_of_run
from core.rules.step import Step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.rules.runs.state import Run
    from core.rules.world import Attempt, Task, World


def restore(
    world: World, tasks: Iterable[Task], attempts: Iterable[Attempt], now: float, runs: Iterable[Run] = ()
) -> Step:
    """Takes in every live task and attempt; parents must come before children.

    Nothing is started by it: what runs is found out first, by observations.
    """
    step = Step(world, now, now)
    for run in runs:
        world.runs[run.id] = run
        set_limits_of_run(world, run)
    for attempt in attempts:
        world.attempts[attempt.id.task] = attempt
    for task in tasks:
        step.adopt(task)
        if task.state is TaskState.QUEUED:
            enqueue(step, task)
        if task.first_start is not None and task.policy.timeouts.total is not None:
            world.timers.set(task.first_start + task.policy.timeouts.total, Due.TOTAL_LIMIT, task.id)
    for attempt in world.attempts.values():
        _set_limits(step, world.tasks[attempt.id.task], attempt)
    return step


def _set_limits(step: Step, task: Task, attempt: Attempt) -> None:
    world, timers, number = step.world, step.world.timers, attempt.id.number
    if attempt.ending is not None:
        timers.set(step.now, Due.GRACE_OVER, task.id, number)
    if attempt.started_at is None:
        return
    run = world.run_limit(task)
    if run is not None:
        timers.set(attempt.started_at + run, Due.RUN_LIMIT, task.id, number)
    if world.idle_limit(task) is not None:
        timers.set(step.now, Due.IDLE_LIMIT, task.id, number)
