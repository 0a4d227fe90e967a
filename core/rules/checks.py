"""What must hold of a world between two steps. Shipped, so that a test, a doctor or a bug hunt can ask."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from core.model import AttemptState, TaskState
from core.rules.runs.checks import run_faults

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.rules.world import Task, World


def faults(world: World, now: float) -> list[str]:
    """Every broken invariant, as a sentence; empty where all is well. Costs O(tasks)."""
    return [*_counts(world), *_tasks(world), *_attempts(world), *_limits(world, now), *run_faults(world)]


def _counts(world: World) -> Iterator[str]:
    live = [task for task in world.tasks.values() if not task.state.ended]
    running = [task for task in live if task.state is TaskState.RUNNING]
    if world.running != len(running):
        yield f"{world.running} counted as running, {len(running)} are"
    for state in (TaskState.QUEUED, TaskState.RUNNING):
        counted, actual = world.counts[state], sum(task.state is state for task in live)
        if counted != actual:
            yield f"{counted} counted as {state}, {actual} are"
    by_group = Counter((task.group, task.state) for task in live)
    by_agent = Counter((task.agent, task.state) for task in live)
    for place, counted_by in ((world.groups, by_group), (world.agents, by_agent)):
        for name, noun in place.items():
            if (noun.running, noun.queued) != (counted_by[name, TaskState.RUNNING], counted_by[name, TaskState.QUEUED]):
                yield f"{name}: its counts of running and queued tasks are wrong"
    offered = Counter(task.agent for task in live if task.ready)
    for agent in world.agents.values():
        if agent.offered != offered[agent.name]:
            yield f"{agent.offered} of {agent.name} counted as offered, {offered[agent.name]} are"


def _tasks(world: World) -> Iterator[str]:
    for task in world.tasks.values():
        if task.state.ended:
            yield f"task {task.id} has ended and is still here"
        for need in task.needs:
            state = world.state_of(need.parent)
            if state is None or state.ended:
                yield f"task {task.id} waits for {need.parent}, which has ended"
            elif task.id not in world.children.get(need.parent, ()):
                yield f"task {task.id} waits for {need.parent}, which does not know it"
        if task.ready and not _may_be_ready(task):
            yield f"task {task.id} is offered and must not start"


def _may_be_ready(task: Task) -> bool:
    return task.state is TaskState.QUEUED and not task.held and not task.needs


def _attempts(world: World) -> Iterator[str]:
    running = {task.id for task in world.tasks.values() if task.state is TaskState.RUNNING}
    if running != set(world.attempts):
        yield "the running tasks are not those with a live attempt"
    for task_id, attempt in world.attempts.items():
        if not attempt.state.live:
            yield f"attempt {attempt.id} is over and still here"
        asks = attempt.told is not None and attempt.told.asks and attempt.started_at is not None
        if asks and attempt.state is AttemptState.RUNNING:
            yield f"attempt {attempt.id} asks and is not waiting"
        if (task := world.tasks.get(task_id)) is not None and attempt.id.number != task.attempts:
            yield f"attempt {attempt.id} is not the latest of its task"


def _limits(world: World, now: float) -> Iterator[str]:
    """Something that could start is waiting: after a step, that must not be."""
    free = {name: world.agents[name] for name in world.free_agents(now)}
    for task in world.tasks.values():
        if not task.ready or not world.may_start_in(task.group):
            continue
        if task.agent in free:
            yield f"task {task.id} could start and waits"
        elif world.limits.steal and task.affinity is None and any(agent.fits(task.wanted) for agent in free.values()):
            yield f"task {task.id} waits for {task.agent}, though another agent is free"
