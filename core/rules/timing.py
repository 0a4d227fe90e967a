"""What falls due: starts that were delayed, and limits on waiting, running and silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.due import Due, Timer
from core.effects import CheckOutput
from core.model import TaskState
from core.rules.queueing import end_task, settle
from core.rules.runs.limits import RUN_DUES, run_due
from core.rules.stopping import begin_ending, grace_over
from core.rules.world import Ending
from core.text import duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.messages import OutputSeen, Ticked
    from core.rules.step import Step
    from core.rules.world import Attempt, Task


def tick(step: Step, fact: Ticked) -> None:
    if fact.timer is not None:
        _fire(step, fact.timer)
        return
    while (timer := step.world.timers.take_due(step.now)) is not None:
        _fire(step, timer)


def _fire(step: Step, timer: Timer) -> None:
    if timer.due in RUN_DUES:
        run_due(step, timer)
        return
    task = step.world.tasks.get(timer.task)
    if task is not None and not task.state.ended:
        _DUE[timer.due](step, task, timer)


def _ready(step: Step, task: Task, _: Timer) -> None:
    if task.state is TaskState.QUEUED and not task.ready:
        settle(step, task)


def _queue_limit(step: Step, task: Task, _: Timer) -> None:
    limit = task.policy.timeouts.queue
    if limit is not None and task.state is TaskState.QUEUED and task.first_start is None:
        _time_out(step, task, None, f"waited longer than {duration(limit)} for its start", final=True)


def _run_limit(step: Step, task: Task, timer: Timer) -> None:
    limit, attempt = step.world.run_limit(task), _attempt_of(step, timer)
    if limit is not None and attempt is not None:
        _time_out(step, task, attempt, f"ran longer than {duration(limit)}", final=False)


def _total_limit(step: Step, task: Task, timer: Timer) -> None:
    """A timer of an earlier round comes before this round's limit, and means nothing."""
    limit, began = task.policy.timeouts.total, task.first_start
    if limit is not None and began is not None and timer.at >= began + limit:
        reason = f"took longer than {duration(limit)} over all attempts"
        _time_out(step, task, step.world.attempts.get(task.id), reason, final=True)


def _idle_limit(step: Step, _: Task, timer: Timer) -> None:
    attempt = _attempt_of(step, timer)
    if attempt is not None and attempt.ending is None:
        step.effects.append(CheckOutput(attempt.id))


def _grace_over(step: Step, _: Task, timer: Timer) -> None:
    attempt = _attempt_of(step, timer)
    if attempt is not None:
        grace_over(step, attempt)


def _wake(_step: Step, _task: Task, _timer: Timer) -> None:
    """Every step ends with a look at what may start."""


_DUE: dict[Due, Callable[[Step, Task, Timer], None]] = {
    Due.READY: _ready,
    Due.QUEUE_LIMIT: _queue_limit,
    Due.RUN_LIMIT: _run_limit,
    Due.TOTAL_LIMIT: _total_limit,
    Due.IDLE_LIMIT: _idle_limit,
    Due.GRACE_OVER: _grace_over,
    Due.WAKE: _wake,
}


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
    limit = step.world.idle_limit(step.world.tasks[fact.attempt.task]) if attempt is not None else None
    if attempt is None or limit is None:
        return
    last = max(fact.at, attempt.started_at or 0.0)
    if step.now - last >= limit:
        reason = f"no output for longer than {duration(limit)}"
        begin_ending(step, attempt, Ending(TaskState.TIMED_OUT, reason, final=False), now=False)
    else:
        step.world.timers.set(last + limit, Due.IDLE_LIMIT, attempt.id.task, attempt.id.number)
