"""A world that is taken in at once, in bulk, is the one that is built task by task."""

from __future__ import annotations

import copy
from typing import Any

import hypothesis.strategies as st
from hypothesis import given, settings

from core.model import AttemptId, Need, NeedKind, Policy, RetryPolicy, TaskState, Timeouts, Wanted
from core.rules.checks import faults
from core.rules.queueing import enqueue
from core.rules.recovery import restore, restoring
from core.rules.step import Step
from core.rules.world import Attempt, Task, World
from core.settings import AgentLimits, Limits

AGENTS = (AgentLimits("local"), AgentLimits("ada", 1, "claude", frozenset({"a"})))
LIMITS = Limits(slots=3, agents=AGENTS)
NOW = 1000.0
POLICIES = [Policy(), Policy(RetryPolicy(attempts=3), Timeouts(queue=20, total=50))]


@st.composite
def stored_tasks(draw: Any) -> list[Task]:
    tasks: list[Task] = []
    for number in range(1, draw(st.integers(1, 12))):
        running = draw(st.booleans()) and draw(st.booleans())
        agent, wanted = draw(st.sampled_from([("local", Wanted()), ("ada", Wanted(None, frozenset({"a"}), True))]))
        parents = draw(st.sets(st.integers(1, number - 1), max_size=2)) if number > 1 and not running else set()
        queued_at = draw(st.floats(0, NOW))
        tasks.append(
            Task(
                number, draw(st.sampled_from(POLICIES)), draw(st.sampled_from(["default", "g"])), agent, wanted,
                0, queued_at, queued_at - draw(st.integers(-2, 2)) * 60,
                TaskState.RUNNING if running else TaskState.QUEUED,
                held=draw(st.booleans()) and draw(st.booleans()), not_before=draw(st.sampled_from([0.0, 5.0, 2000.0])),
                needs=tuple(Need(parent, NeedKind.OK) for parent in sorted(parents)),
                attempts=int(running), first_start=draw(st.sampled_from([None, 900.0])),
            )
        )  # fmt: skip
    return tasks


def attempts_of(tasks: list[Task]) -> list[Attempt]:
    return [Attempt(AttemptId(one.id, 1), one.agent, one.group, 1.0, 1.0) for one in tasks if one.attempts]


def one_by_one(tasks: list[Task]) -> World:
    """What every task did before there was a way for many."""
    world = World(limits=LIMITS)
    step = Step(world, NOW, NOW)
    for attempt in attempts_of(tasks):
        world.attempts[attempt.id.task] = attempt
    for task in tasks:
        step.adopt(task)
        if task.state is TaskState.QUEUED:
            enqueue(step, task)
        if task.first_start is not None and task.policy.timeouts.total is not None:
            from core.due import Due

            world.timers.set(task.first_start + task.policy.timeouts.total, Due.TOTAL_LIMIT, task.id)
    return world


def picked(world: World) -> list[int]:
    """All that is ready, in the order in which it would start."""
    found = []
    while (task := world.ready.pick(("local", "ada"), lambda _group: True)) is not None:
        found.append(task)
    return found


def indices(world: World) -> dict[str, object]:
    tails = {lane.key: sorted(lane.tail) for lane in world.ready.shared.values()}
    timers = []
    while (timer := world.timers.take_due(float("inf"))) is not None:
        timers.append(timer)
    return {
        "tasks": world.tasks, "attempts": world.attempts, "groups": world.groups, "agents": world.agents,
        "children": world.children, "counts": world.counts, "running": world.running,
        "tails": tails, "timers": timers, "ready": picked(world),
    }  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(stored_tasks())
def test_it_is_the_world_that_is_built_task_by_task(tasks: list[Task]) -> None:
    slow = one_by_one(copy.deepcopy(tasks))
    quick = World(limits=LIMITS)
    step = restore(quick, tasks, attempts_of(tasks), NOW)
    assert not [fault for fault in faults(quick, NOW) if "could start" not in fault and "waits for" not in fault]
    assert indices(quick) == indices(slow)
    assert not step.tasks
    assert not step.needs


@settings(max_examples=20, deadline=None)
@given(stored_tasks())
def test_the_world_is_consistent_after_every_piece(tasks: list[Task]) -> None:
    world = World(limits=LIMITS)
    for _ in restoring(world, iter(tasks * 1), attempts_of(tasks), NOW):
        assert not [fault for fault in faults(world, NOW) if "counted" in fault or "counts" in fault]


def queued(number: int, *parents: int) -> Task:
    needs = tuple(Need(parent, NeedKind.OK) for parent in parents)
    return Task(number, Policy(), "default", "local", Wanted(), 0, 1.0, 1.0, needs=needs)


def test_a_task_whose_parent_is_gone_is_held_and_not_started() -> None:
    world = World(limits=LIMITS)
    step = restore(world, [queued(2), queued(3, 1, 2)], [], NOW)
    assert picked(world) == [2]
    assert world.tasks[3].held
    assert [need.parent for need in world.tasks[3].needs] == [2]
    assert step.needs == {(3, 1): (NeedKind.OK, True)}
    assert list(step.tasks) == [3]
    assert "it needs 1" in step.notes[0].text


def test_tasks_that_need_each_other_are_held() -> None:
    world = World(limits=LIMITS)
    restore(world, [queued(2, 3), queued(3, 2), queued(4, 4)], [], NOW)
    assert not picked(world)
    assert [world.tasks[number].held for number in (2, 3, 4)] == [True, False, True]
    assert not [fault for fault in faults(world, NOW) if "waits" in fault]
