"""A world that comes back from disk: its indices are built anew, its limits count on."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from core.due import Due
from core.model import TaskState
from core.rules.queueing import enqueue, may_start_from, set_queue_limit
from core.rules.runs.restoring import set_limits_of_run
from core.rules.step import Step

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from core.model import Wanted
    from core.rules.runs.state import Run
    from core.rules.world import Attempt, Task, World

AT_ONCE = 500
"""Tasks that are taken in together: about two milliseconds of work."""
_Place = tuple[str, str, int]
"""Agent, group, and the identity of what is wanted: the store gives one object for all that want the same."""


def restore(
    world: World, tasks: Iterable[Task], attempts: Iterable[Attempt], now: float, runs: Iterable[Run] = ()
) -> Step:
    """Takes in every live task and attempt; parents must come before children.

    Nothing is started by it: what runs is found out first, by observations. The step has what is otherwise now than
    the store has it: nothing, if nothing of the store was damaged.
    """
    work = restoring(world, tasks, attempts, now, runs)
    while True:
        try:
            next(work)
        except StopIteration as done:
            step: Step = done.value
            return step


def restoring(
    world: World, tasks: Iterable[Task], attempts: Iterable[Attempt], now: float, runs: Iterable[Run] = ()
) -> Generator[None, None, Step]:
    """The same in small pieces: others may read the world in between, and it is consistent, but not whole yet."""
    step = Step(world, now, now)
    for run in runs:
        world.runs[run.id] = run
        set_limits_of_run(world, run)
        yield
    coming = {attempt.id.task: attempt for attempt in attempts}
    remaining = iter(tasks)
    while batch := list(islice(remaining, AT_ONCE)):
        _take_in(step, batch, coming)
        yield
    return step


def _take_in(step: Step, batch: list[Task], attempts: dict[int, Attempt]) -> None:
    """`step` gets only what is changed: what is merely taken in is in the store already."""
    taken = Step(step.world, step.now, step.now)
    simple: list[Task] = []
    for task in batch:
        if task.state is TaskState.QUEUED and not task.needs:
            simple.append(task)
            continue
        # Before the next one of another kind: every parent has to be there before its children.
        _queue_all(taken, simple)
        simple = []
        if task.state is TaskState.QUEUED:
            _hold_if_astray(step, task)
            taken.adopt(task)
            enqueue(taken, task)
            continue
        taken.adopt(task)
        attempt = attempts.get(task.id)
        if attempt is not None:
            step.world.attempts[task.id] = attempt
            _set_limits(step, task, attempt)
    _queue_all(taken, simple)
    _set_total_limits(step.world, batch)


def _hold_if_astray(step: Step, task: Task) -> None:
    """A task must not start because nothing is known of what it needs: the store was damaged, and a person decides."""
    astray = [need for need in task.needs if need.parent >= task.id or need.parent not in step.world.tasks]
    if not astray:
        return
    task.held = True
    task.needs = tuple(need for need in task.needs if need not in astray)
    for need in astray:
        if need.parent:
            step.set_need(task, need, met=True)
    step.tasks[task.id] = task
    parents = ", ".join(str(need.parent or "something") for need in astray)
    step.note(f"held: it needs {parents}, which the store cannot read; release it to let it start", task.id)


def _queue_all(step: Step, tasks: list[Task]) -> None:
    """What `Step.adopt` and `enqueue` do, for queued tasks that need no others: each count is touched once."""
    if not tasks:
        return
    world, now = step.world, step.now
    queued: Counter[_Place] = Counter()
    ready: dict[_Place, tuple[Wanted, list[tuple[float, int]]]] = {}
    for task in tasks:
        world.tasks[task.id] = task
        place = task.agent, task.group, id(task.wanted)
        queued[place] += 1
        if task.policy.timeouts.queue is not None:
            set_queue_limit(world, task)
        task.ready = may_start_from(world, task, now)
        if task.ready:
            _, orders = ready.get(place) or ready.setdefault(place, (task.wanted, []))
            orders.append((task.order, task.id))
    for (agent_name, group_name, _), count in queued.items():
        world.counts[TaskState.QUEUED] += count
        world.group(group_name).queued += count
        agent = world.agent(agent_name)
        agent.count_use(now)
        agent.queued += count
    for (agent_name, group_name, _), (wanted, orders) in ready.items():
        world.agent(agent_name).offered += len(orders)
        world.ready.push_all(orders, agent_name, group_name, wanted)


def _set_total_limits(world: World, tasks: list[Task]) -> None:
    for task in tasks:
        if task.first_start is not None and task.policy.timeouts.total is not None:
            world.timers.set(task.first_start + task.policy.timeouts.total, Due.TOTAL_LIMIT, task.id)


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
