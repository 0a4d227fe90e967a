"""Wishes that change what waits in the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.effects import RemoveFolders
from core.messages import RefusedError
from core.model import AgentMode, TaskState
from core.rules.breaking import close
from core.rules.placing import begin
from core.rules.queueing import ENDED_WORDS, order_of, revive, satisfied, settle
from core.rules.routing import check_agent, check_wanted, route
from core.rules.runs.reviving import refusals
from core.rules.stopping import known
from core.text import one_line, plural

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.messages import (
        Clean,
        Configure,
        Edit,
        Hold,
        PauseAll,
        Probed,
        Release,
        Retry,
        SetAgentMode,
        SetGroup,
        SetPriority,
        StartNow,
        Swap,
    )
    from core.rules.step import Step
    from core.rules.world import Task, World


def hold(step: Step, wish: Hold) -> None:
    _set_held(step, _queued(step, wish.tasks), held=True)


def release(step: Step, wish: Release) -> None:
    _set_held(step, _queued(step, wish.tasks), held=False)


def _set_held(step: Step, tasks: list[Task], *, held: bool) -> None:
    for task in tasks:
        task.held = held
        settle(step, task)
    step.note(f"{'hold' if held else 'release'} {plural(len(tasks), 'task')}", tasks[0].id)
    step.reply = [task.id for task in tasks]


def edit(step: Step, wish: Edit) -> None:
    task, spec, world = _queued(step, (wish.task,))[0], wish.spec, step.world
    check_wanted(world, spec.wanted)
    step.disown(task)
    task.policy, task.held, task.not_before = spec.policy, spec.held, spec.not_before
    task.group, task.wanted, task.affinity = world.group(spec.group).name, world.same(spec.wanted), spec.affinity
    if task.priority != spec.priority:
        _prioritise(step, task, spec.priority)
    step.adopt(task)
    route(step, task)
    settle(step, task)
    step.edited[task.id] = spec
    step.groups[task.group] = world.groups[task.group]
    step.note(f"edit task {task.id} {one_line(spec.name, 60)}", task.id)
    step.reply = [task.id]


def set_priority(step: Step, wish: SetPriority) -> None:
    tasks = _queued(step, wish.tasks)
    for task in tasks:
        _prioritise(step, task, wish.priority)
        settle(step, task)
    step.note(f"priority {wish.priority} for {plural(len(tasks), 'task')}", tasks[0].id)
    step.reply = [task.id for task in tasks]


def _prioritise(step: Step, task: Task, priority: int) -> None:
    task.priority = priority
    task.order = order_of(task, step.world.limits.age_step)


def swap(step: Step, wish: Swap) -> None:
    one, other = _queued(step, (wish.task, wish.other))
    one.order, other.order = other.order, one.order
    settle(step, one)
    settle(step, other)
    step.reply = [one.id, other.id]


def start_now(step: Step, wish: StartNow) -> None:
    tasks = _queued(step, wish.tasks)
    step.note(f"start {plural(len(tasks), 'task')} over all limits", tasks[0].id)
    for task in tasks:
        task.held, task.not_before = False, 0.0
        for need in task.needs:
            step.set_need(task, need, met=True)
        task.needs = ()
        begin(step, task)
    step.reply = [task.id for task in tasks]


def retry(step: Step, wish: Retry) -> None:
    """Of several tasks, those whose runs do not let them are left as they are, and the history says why."""
    asked = {known(step, task_id).id for task_id in wish.tasks}
    for task_id in sorted(asked):
        _check_retry(step.world, step.world.tasks[task_id], asked)
    refused = refusals(step.world, [step.world.tasks[task_id] for task_id in sorted(asked)])
    if len(refused) == len(asked) > 0:
        raise RefusedError("refused", next(iter(refused.values())))
    for task_id, words in refused.items():
        step.note(f"not retried: {words}", task_id)
    asked -= refused.keys()
    step.note(f"retry {plural(len(asked), 'task')}", min(asked))
    step.reply = revive(step, asked)


def _check_retry(world: World, task: Task, asked: set[int]) -> None:
    if not task.state.ended:
        raise RefusedError("refused", f"task {task.id} is {task.state}: there is nothing to retry")
    for need in task.needs:
        parent = world.state_of(need.parent)
        again = parent is not None and satisfied(need.kind, parent) is False
        if again and need.parent not in asked | world.recalled:
            raise RefusedError("refused", f"task {task.id} runs {task.reason}: retry {need.parent} first")


def set_group(step: Step, wish: SetGroup) -> None:
    world = step.world
    group = world.group(wish.group)
    if wish.limit is not None and group.configured:
        raise RefusedError("refused", f"the limit of group {group.name} is set in the configuration file")
    if wish.paused is not None:
        group.paused = wish.paused
        step.note(f"{'pause' if wish.paused else 'resume'} group {one_line(group.name, 60)}")
    if wish.limit is not None:
        group.limit = wish.limit
        step.note(f"limit of group {one_line(group.name, 60)}: {wish.limit or 'none'}")
    step.groups[group.name] = group
    world.ready.reopen(group.name)


def set_agent_mode(step: Step, wish: SetAgentMode) -> None:
    """To switch it on is also to trust it again: its breaker is closed."""
    check_agent(step.world, wish.agent)
    agent = step.world.agent(wish.agent)
    agent.mode = wish.mode
    if wish.mode is AgentMode.ON:
        close(agent)
    step.agents[agent.name] = agent
    step.note(f"{_MODE_VERBS[wish.mode]} agent {agent.name}")


_MODE_VERBS = {AgentMode.ON: "resume", AgentMode.PAUSED: "pause", AgentMode.DRAINING: "drain"}


def probed(step: Step, fact: Probed) -> None:
    agent = step.world.agents.get(fact.agent)
    if agent is not None and (agent.unusable, agent.doubt) != (fact.problem, fact.doubt):
        agent.unusable, agent.doubt = fact.problem, fact.doubt
        step.agents[agent.name] = agent
        step.note(f"agent {agent.name}: {fact.problem or fact.doubt or 'its program can be run'}")


def pause_all(step: Step, wish: PauseAll) -> None:
    step.world.paused = wish.paused
    step.paused_all = True
    step.note("pause everything" if wish.paused else "resume everything")


def configure(step: Step, wish: Configure) -> None:
    world = step.world
    world.configure(wish.limits)
    step.agents.update(world.agents)
    step.groups.update(world.groups)
    for name in world.groups:
        world.ready.reopen(name)


def clean(step: Step, wish: Clean) -> None:
    states = check_ended(step.world, wish.tasks)
    step.world.counts.subtract(states)
    step.removed = wish.tasks
    if wish.tasks:
        step.effects.append(RemoveFolders(wish.tasks))
        step.note(f"clean {plural(len(wish.tasks), 'ended task')}")
    step.reply = list(wish.tasks)


def check_ended(world: World, tasks: Iterable[int]) -> list[TaskState]:
    """Of those that there are; RefusedError where one has not ended."""
    states = [state for task in tasks if (state := world.state_of(task)) is not None]
    if any(not state.ended for state in states):
        raise RefusedError("refused", "only ended tasks can be cleaned")
    return states


def _queued(step: Step, task_ids: tuple[int, ...]) -> list[Task]:
    tasks = [known(step, task_id) for task_id in task_ids]
    for task in tasks:
        if task.state is not TaskState.QUEUED:
            word = ENDED_WORDS.get(task.state, f"is {task.state}")
            raise RefusedError("refused", f"task {task.id} {word}: only queued tasks can be changed")
    return tasks
