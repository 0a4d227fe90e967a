"""What falls due: starts that were delayed, and limits on waiting, running and silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from core.effects import CheckOutput
from core.model import TaskState
from core.rules.queueing import end_task, settle
from core.rules.stopping import begin_ending, grace_over
from core.rules.timers import Due, Timer
from core.rules.world import Ending
from core.text import duration

if TYPE_CHECKING:
    from core.messages import OutputSeen
    from core.rules.step import Step
    from core.rules.world import Attempt, Task


def tick(step: Step) -> None:
    while (timer := step.world.timers.take_due(step.now)) is not None:
        task = step.world.tasks.get(timer.task)
        if task is not None and not task.state.ended:
            _fall_due(step, task, timer)


def _fall_due(step: Step, task: Task, timer: Timer) -> None:
    limits = task.policy.timeouts
    attempt = _attempt_of(step, timer)
    match timer.due:
        case Due.READY:
            if task.state is TaskState.QUEUED and not task.ready:
                settle(step, task)
        case Due.QUEUE_LIMIT:
            if task.state is TaskState.QUEUED and task.first_start is None and limits.queue is not None:
                _time_out(step, task, None, f"waited longer than {duration(limits.queue)} for its start", final=True)
        case Due.RUN_LIMIT:
            if attempt is not None and limits.run is not None:
                _time_out(step, task, attempt, f"ran longer than {duration(limits.run)}", final=False)
        case Due.TOTAL_LIMIT:
            if limits.total is not None and task.first_start is not None and timer.at <= task.first_start + limits.total:
                text = f"took longer than {duration(limits.total)} over all attempts"
                _time_out(step, task, step.world.attempts.get(task.id), text, final=True)
        case Due.IDLE_LIMIT:
            if attempt is not None and attempt.ending is None:
                step.effects.append(CheckOutput(attempt.id))
        case Due.GRACE_OVER:
            if attempt is not None:
                grace_over(step, attempt)
        case _:
            assert_never(timer.due)


def _attempt_of(step: Step, timer: Timer) -> Attempt | None:
    found = step.world.attempts.get(timer.task)
    return found if found is not None and found.id.number == timer.attempt else None


def _time_out(step: Step, task: Task, attempt: Attempt | None, reason: str, *, final: bool) -> None:
    if attempt is None:
        end_task(step, task, TaskState.TIMED_OUT, reason)
    else:
        begin_ending(step, attempt, Ending(TaskState.TIMED_OUT, reason, final), now=False)


def output_seen(step: Step, fact: OutputSeen) -> None:
    """The answer to CheckOutput: silent for too long, or the limit counts again from the last output."""
    attempt = step.world.attempt(fact.attempt)
    limit = step.world.tasks[fact.attempt.task].policy.timeouts.idle if attempt is not None else None
    if attempt is None or limit is None:
        return
    last = max(fact.at, attempt.started_at or 0.0)
    if step.now - last >= limit:
        reason = f"no output for longer than {duration(limit)}"
        begin_ending(step, attempt, Ending(TaskState.TIMED_OUT, reason, final=False), now=False)
    else:
        step.world.timers.set(last + limit, Due.IDLE_LIMIT, attempt.id.task, attempt.id.number)
