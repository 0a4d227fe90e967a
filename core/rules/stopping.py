"""Wishes that end tasks or hold them up: stop, kill, signals."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from core.due import Due
from core.effects import EndTree, SignalTree, Withdraw
from core.messages import RefusedError
from core.model import AttemptId, TaskState
from core.rules.queueing import end_task
from core.rules.world import Ending
from core.signal_names import signal_name
from core.text import plural

if TYPE_CHECKING:
    from core.messages import SendSignal, Stop
    from core.rules.step import Step
    from core.rules.world import Attempt, Task


def stop(step: Step, wish: Stop) -> None:
    tasks = [known(step, task_id) for task_id in wish.tasks]
    live = [task for task in tasks if not task.state.ended]
    if not live and not wish.now:
        raise RefusedError("refused", f"{_all(wish.tasks)} ended already; kill ends what may be left running")
    verb = "kill" if wish.now else "stop"
    step.note(f"{verb} {plural(len(tasks), 'task')}: {_some(tasks)}", tasks[0].id)
    for task in tasks:
        attempt = step.world.attempts.get(task.id)
        if attempt is not None:
            word = "killed" if wish.now else "stopped"
            begin_ending(
                step, attempt, Ending(TaskState.CANCELLED, f"{word} by the operator", final=True), now=wish.now
            )
        elif not task.state.ended:
            end_task(step, task, TaskState.CANCELLED, "cancelled by the operator")
        elif task.attempts:
            step.effects.append(EndTree(AttemptId(task.id, task.attempts)))
    step.reply = [task.id for task in tasks]


def begin_ending(step: Step, attempt: Attempt, ending: Ending, *, now: bool) -> None:
    """TERM and a time of grace, or KILL at once; a second wish can only make it faster."""
    step.touch_attempt(attempt)
    if attempt.ending is None:
        attempt.ending = ending
    attempt.ending.final = attempt.ending.final or ending.final
    if attempt.ending.killing:
        return
    if attempt.started_at is None:
        step.effects.append(Withdraw(attempt.id))
    if now:
        attempt.ending.killing = True
        step.effects.append(EndTree(attempt.id))
    elif attempt.ending is ending:
        grace = step.world.tasks[attempt.id.task].policy.timeouts.grace
        step.effects.append(SignalTree(attempt.id, signal.SIGTERM))
        step.world.timers.set(step.now + grace, Due.GRACE_OVER, attempt.id.task, attempt.id.number)


def grace_over(step: Step, attempt: Attempt) -> None:
    """The program did not end by itself; asked again for as long as processes of it live."""
    if attempt.ending is None:
        return
    attempt.ending.killing, attempt.tree_ended = True, False
    step.touch_attempt(attempt)
    step.effects.append(EndTree(attempt.id))


def send_signal(step: Step, wish: SendSignal) -> None:
    running = [attempt for task_id in wish.tasks if (attempt := step.world.attempts.get(known(step, task_id).id))]
    if not running:
        raise RefusedError("refused", f"{_all(wish.tasks)}: not running, nothing to signal")
    name = signal_name(wish.signal)
    if name is None:
        raise RefusedError("usage", f"there is no signal {wish.signal} on this machine")
    step.note(f"{name} to {plural(len(running), 'task')}", running[0].id.task)
    step.effects.extend(SignalTree(attempt.id, wish.signal) for attempt in running)
    step.reply = [attempt.id.task for attempt in running]


def known(step: Step, task_id: int) -> Task:
    """A live or recalled task, or a refusal that names it."""
    task = step.world.tasks.get(task_id)
    if task is None:
        raise RefusedError("not-found", f"there is no task {task_id}")
    return task


def _all(tasks: tuple[int, ...]) -> str:
    return f"task {tasks[0]}" if len(tasks) == 1 else f"all {len(tasks)} tasks"


def _some(tasks: list[Task]) -> str:
    shown = ", ".join(str(task.id) for task in tasks[:8])
    return shown if len(tasks) <= 8 else f"{shown} and {len(tasks) - 8} more"
