"""When a queued task may start, and what becomes of those that wait for one that has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.due import Due
from core.model import FAILED_STATES, STOPPED_BY_PARENT, Need, NeedKind, TaskState
from core.rules.routing import route
from core.workflows.model import RunState

if TYPE_CHECKING:
    from core.rules.step import Step
    from core.rules.world import Task, World

ENDED_WORDS = {
    TaskState.SUCCEEDED: "succeeded",
    TaskState.FAILED: "failed",
    TaskState.CANCELLED: "was cancelled",
    TaskState.TIMED_OUT: "timed out",
    TaskState.LOST: "was lost",
    TaskState.SKIPPED: "was skipped",
    TaskState.UPSTREAM_FAILED: "was stopped by what it needed",
}


def order_of(task: Task, age_step: float) -> float:
    """Smaller goes first: a priority is worth `age_step` seconds of waiting."""
    return task.queued_at - task.ahead - task.priority * age_step


def satisfied(kind: NeedKind, parent: TaskState) -> bool | None:
    """Whether a need is met by a parent in that state; None while the parent may still end either way."""
    if not parent.ended:
        return None
    if kind is NeedKind.ANY:
        return True
    return parent is TaskState.SUCCEEDED if kind is NeedKind.OK else parent in FAILED_STATES


def settle(step: Step, task: Task) -> None:
    """Offers a queued task to the dispatcher, or takes the offer back, as its conditions now stand."""
    step.world.offer(task, step.now, ready=may_start_from(step.world, task, step.now))
    step.tasks[task.id] = task


def may_start_from(world: World, task: Task, now: float) -> bool:
    """Whether nothing about the task itself stands against its start; if only its time does, a timer is set."""
    if task.held or task.needs or task.id in world.barred or task.state is not TaskState.QUEUED:
        return False
    if _is_paused(world, task):
        return False
    if task.not_before > now:
        world.timers.set(task.not_before, Due.READY, task.id)
        return False
    return True


def set_queue_limit(world: World, task: Task) -> None:
    limit = task.policy.timeouts.queue
    if limit is not None:
        world.timers.set(task.queued_at + limit, Due.QUEUE_LIMIT, task.id)


def _is_paused(world: World, task: Task) -> bool:
    """By its run."""
    run = None if task.part is None else world.runs.get(task.part.run)
    return run is not None and run.state is RunState.PAUSED


def enqueue(step: Step, task: Task) -> None:
    """A task that is new in the queue, or back in it by a person's wish: all its needs are looked at afresh."""
    world = step.world
    waiting = []
    for need in task.needs:
        parent = world.state_of(need.parent)
        # A forgotten parent stands against nobody: no task is forgotten while it does.
        verdict = True if parent is None else satisfied(need.kind, parent)
        step.set_need(task, need, met=verdict is True)
        if verdict is None:
            waiting.append(need)
            world.children.setdefault(need.parent, set()).add(task.id)
        elif parent is not None and not verdict:
            end_task(step, task, *_stopped_by(need, parent))
            return
    task.needs = tuple(waiting)
    set_queue_limit(world, task)
    settle(step, task)


def end_task(step: Step, task: Task, state: TaskState, reason: str | None = None) -> None:
    """Ends a task, then frees or ends everything that waited for it, however deep."""
    world = step.world
    pending = [(task, state, reason)]
    while pending:
        ended, state, reason = pending.pop()
        if ended.state.ended:
            continue
        world.offer(ended, step.now, ready=False)
        step.enter(ended, state, reason)
        for child_id in sorted(world.children.pop(ended.id, ())):
            child = world.tasks.get(child_id)
            need = _need_of(child, ended.id) if child is not None and child.state is TaskState.QUEUED else None
            if child is None or need is None:
                continue
            if not satisfied(need.kind, state):
                pending.append((child, *_stopped_by(need, state)))
                continue
            step.set_need(child, need, met=True)
            child.needs = tuple(other for other in child.needs if other is not need)
            if not child.needs:
                settle(step, child)


def _need_of(child: Task, parent: int) -> Need | None:
    return next((need for need in child.needs if need.parent == parent), None)


def _stopped_by(need: Need, parent: TaskState) -> tuple[TaskState, str]:
    state = TaskState.SKIPPED if need.kind is NeedKind.FAIL else TaskState.UPSTREAM_FAILED
    return state, f"{need.kind} {need.parent}, which {ENDED_WORDS[parent]}"


def revive(step: Step, asked: set[int]) -> list[int]:
    """Queues ended tasks again, and with them what their end had stopped, as far as the step has recalled it.

    A parent's number is always below its child's, so a child finds its parents as they now are.
    """
    world = step.world
    revived: list[Task] = []
    for task_id in sorted(asked | world.recalled):
        task = world.tasks[task_id]
        stopped = task.state in STOPPED_BY_PARENT
        if task_id in asked or (stopped and any(_is_queued(world, need.parent) for need in task.needs)):
            task.tries = 0
            task.first_start = None
            task.not_before = 0.0
            task.queued_at = step.now
            step.enter(task, TaskState.QUEUED)
            route(step, task)
            revived.append(task)
    for task in revived:
        enqueue(step, task)
    return [task.id for task in revived if task.state is TaskState.QUEUED]


def _is_queued(world: World, task_id: int) -> bool:
    return world.state_of(task_id) is TaskState.QUEUED
