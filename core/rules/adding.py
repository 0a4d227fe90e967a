"""New tasks: all of a wish or none of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.messages import Add, NewTask, RefusedError
from core.model import Need, Origin, TaskSpec
from core.rules.queueing import enqueue, order_of
from core.rules.routing import check_wanted, choose
from core.rules.world import Task
from core.text import one_line, plural

if TYPE_CHECKING:
    from core.rules.step import Step
    from core.rules.world import World

PLACES_APART = 1e-6
"""Seconds between the places of tasks that arrive together, so that no two share one."""


def add(step: Step, wish: Add) -> None:
    step.reply = accept(step, wish.tasks)
    fresh = step.added
    if fresh:
        first, spec = fresh[0]
        named = f" {one_line(spec.name, 60)}" if len(fresh) == 1 else ""
        step.note(f"added {plural(len(fresh), 'task')} from {first.id}{named}", first.id)


def count_new(world: World, tasks: tuple[NewTask, ...]) -> int:
    """How many of them are not there under their keys yet."""
    return len({task_id for task_id in _numbers(world, tasks) if task_id >= world.next_task})


def accept(step: Step, tasks: tuple[NewTask, ...], origin: Origin | None = None) -> list[int]:
    """Queues those that are new; the ids of all, in their order."""
    world = step.world
    ids = _numbers(world, tasks)
    fresh = [(new, task_id) for new, task_id in zip(tasks, ids, strict=True) if task_id >= world.next_task]
    needs = [_needs(world, new, ids) for new, _ in fresh]
    for wanted in {new.spec.wanted for new, _ in fresh}:
        check_wanted(world, wanted)
    for (new, task_id), of_task in zip(fresh, needs, strict=True):
        task = _task(step, new.spec, task_id, of_task, origin)
        world.next_task = task_id + 1
        step.added.append((task, new.spec))
        step.adopt(task)
        enqueue(step, task)
    return ids


def _numbers(world: World, tasks: tuple[NewTask, ...]) -> list[int]:
    """The id of each: a new one, or that of the task which already has its key."""
    known: dict[str, int] = {}
    ids: list[int] = []
    following = world.next_task
    for new in tasks:
        key = new.spec.key
        if key is not None and (earlier := known.get(key) or world.keys.get(key)) is not None:
            ids.append(earlier)
            continue
        if key is not None:
            known[key] = following
        ids.append(following)
        following += 1
    return ids


def _needs(world: World, new: NewTask, ids: list[int]) -> tuple[Need, ...]:
    kinds: dict[int, Need] = {}
    for need in new.needs:
        parent = ids[-need.parent - 1] if need.parent < 0 else need.parent
        if parent not in ids and world.state_of(parent) is None:
            raise RefusedError(
                "not-found", f"task {parent}, which {one_line(new.spec.name, 60)!r} needs, does not exist"
            )
        if kinds.setdefault(parent, Need(parent, need.kind)).kind is not need.kind:
            raise RefusedError("usage", f"{one_line(new.spec.name, 60)!r} needs task {parent} in two ways at once")
    return tuple(kinds.values())


def _task(step: Step, spec: TaskSpec, task_id: int, needs: tuple[Need, ...], origin: Origin | None) -> Task:
    world = step.world
    world.last_queued_at = max(step.now, world.last_queued_at + PLACES_APART)
    task = Task(
        id=task_id,
        policy=spec.policy,
        group=world.group(spec.group).name,
        agent=_agent(step, spec),
        wanted=world.same(spec.wanted),
        priority=spec.priority,
        queued_at=world.last_queued_at,
        order=0.0,
        held=spec.held,
        not_before=spec.not_before,
        needs=needs,
        key=spec.key,
        affinity=spec.affinity,
        origin=origin,
        part=spec.part,
        ahead=spec.ahead,
    )
    task.order = order_of(task, world.limits.age_step)
    step.groups[task.group] = world.groups[task.group]
    return task


def _agent(step: Step, spec: TaskSpec) -> str:
    """Where every agent that fits is being drained, the first of them: the task waits there for whoever may take it."""
    world = step.world
    chosen = choose(world, spec.wanted, spec.affinity, step.now)
    if chosen is None:
        chosen = next(agent.name for agent in world.agents.values() if agent.configured and agent.fits(spec.wanted))
    return world.agent(chosen).name
