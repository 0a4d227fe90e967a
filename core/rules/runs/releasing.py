"""Parts whose turn it is, as tasks of the queue; those of a call as runs."""

from __future__ import annotations

from heapq import heappop
from typing import TYPE_CHECKING, Any, NamedTuple

from core.due import Due
from core.messages import NewTask, RefusedError
from core.model import DEFAULT_GROUP, LOCAL_AGENT, Launch, PartId, TaskSpec, Wanted
from core.rules.adding import accept
from core.rules.routing import check_wanted, give
from core.rules.runs.parts import begin_part, end_part, gives_up
from core.rules.runs.scope import part_scope, scope_of
from core.rules.runs.starting import begin_calls, group_of
from core.rules.runs.working import asks_each
from core.text import storable
from core.workflows.binding import bind
from core.workflows.expressions import MissingError
from core.workflows.model import Call, Command, NodeState, Prompt, RunState, Shell

if TYPE_CHECKING:
    from core.rules.runs.scope import Scope
    from core.rules.runs.state import Part, Progress, Run
    from core.rules.step import Step
    from core.rules.world import Task
    from core.workflows.model import AgentWish, Node

AT_ONCE = 64
"""Parts that begin in one step; the rest does in the next, so that nobody has to wait for a long list."""
AHEAD = 0.5
"""Seconds of a place in the queue over which the tasks of one run are spread: those with the longest way go first."""


class Begun(NamedTuple):
    """A part that has begun and waits for its task."""

    part: Part
    node: Node
    place: int
    spec: TaskSpec


class Ended(NamedTuple):
    """A part that ends without having begun."""

    progress: Progress
    place: int
    state: NodeState
    reason: str


def release(step: Step, run: Run) -> None:
    """Begins what may begin, the longest way to the run's end first."""
    most = run.workflow.run.max_active
    scopes: dict[str, Scope] = {}
    begun: list[Begun] = []
    ended: list[Ended] = []
    looked_at = 0
    while run.ready and run.state in (RunState.RUNNING, RunState.CANCELLING):
        if most is not None and run.active >= most:
            break
        if looked_at == AT_ONCE:
            step.world.timers.set(step.now, Due.RUN_GOES_ON, run.id)
            break
        progress = run.nodes[run.ready[0][2]]
        if not _may_begin(progress):
            heappop(run.ready)
            progress.listed = False
            continue
        index = progress.due.popleft()
        if progress.part(index).state is not NodeState.PENDING:
            continue
        looked_at += 1
        name = progress.node.name
        if name not in scopes:
            scopes[name] = scope_of(run, progress)
        found = _begin(step, run, progress, index, scopes[name])
        if isinstance(found, Begun):
            begun.append(found)
        elif found is not None:
            ended.append(found)
    # Whatever has begun has its task or its run before the end of another part may stop it.
    _make_tasks(step, run, begun)
    begin_calls(step)
    for progress, place, state, reason in ended:
        if progress.part(place).state is NodeState.PENDING:
            end_part(step, run, progress, place, state, reason)


def _may_begin(progress: Progress) -> bool:
    fan = progress.node.fan
    parallel = None if fan is None else fan.parallel
    return bool(progress.due) and not progress.state.ended and (parallel is None or progress.active < parallel)


def _begin(step: Step, run: Run, progress: Progress, index: int, common: Scope) -> Begun | Ended | None:
    """None where it is to be a run of its own."""
    node, part = progress.node, progress.part(index)
    if gives_up(progress, step.now):
        return Ended(progress, index, NodeState.CANCELLED, "not needed any more")
    try:
        scope = part_scope(run, progress, common, index)
        if node.when is not None and asks_each(node) and not node.when.holds(scope):
            return Ended(progress, index, NodeState.SKIPPED, f"when: {node.when.text} is false")
        if isinstance(node.work, Call):
            params = _given(run, node.work, scope)
            begin_part(step, run, progress, index)
            step.calls.append((run, progress, index, params))
            return None
        spec = _spec(run, progress, index, scope, part, step.now)
        check_wanted(step.world, spec.wanted)
    except (MissingError, RefusedError) as error:
        return Ended(progress, index, NodeState.FAILED, str(error))
    return Begun(begin_part(step, run, progress, index), node, index, spec)


def _given(run: Run, call: Call, scope: Scope) -> dict[str, Any]:
    """The parameters of the workflow that is called. MissingError, RefusedError where they do not fit."""
    given, called = {name: written.value(scope) for name, written in call.given}, run.workflow.calls[call.file]
    params, problems = bind(called, given)
    if params is None:
        raise MissingError("; ".join(map(str, problems)))
    group_of(called, params, None)
    return params


def _make_tasks(step: Step, run: Run, begun: list[Begun]) -> None:
    if not begun:
        return
    ids = accept(step, tuple(NewTask(one.spec) for one in begun))
    for one, task_id in zip(begun, ids, strict=True):
        one.part.task = task_id
        _place(step, step.world.tasks[task_id], one)


def _place(step: Step, task: Task, one: Begun) -> None:
    """To the agent that it would like best, where that one can do it now."""
    wish = _wish(one.node, one.part)
    if one.part.agent is not None or wish.agent is not None or not (wish.prefer or wish.spread):
        return
    fitting = [agent for agent in step.world.agents.values() if agent.configured and agent.fits(task.wanted)]
    working = [agent.name for agent in fitting if agent.works(step.now)]
    if wish.prefer in working:
        give(step, task, str(wish.prefer))
    elif wish.spread and working:
        give(step, task, working[one.place % len(working)])


def _wish(node: Node, part: Part) -> AgentWish:
    return node.agent if part.wish == 0 else node.fallback[part.wish - 1]


def _spec(run: Run, progress: Progress, index: int, scope: Scope, part: Part, now: float) -> TaskSpec:
    """MissingError where a value that it names is not there."""
    node = progress.node
    many = node.fan is not None or node.scatter is not None
    return TaskSpec(
        launch=_launch(run, node, scope),
        name=f"{run.workflow.name}/{node.name}" + (f"[{index}]" if many else ""),
        group=node.pool or DEFAULT_GROUP,
        wanted=wanted_of(node, part),
        affinity=None if node.affinity is None else storable(node.affinity.text_of(scope)),
        priority=run.workflow.run.priority + node.priority,
        policy=node.policy,
        part=PartId(run.id, node.name, index),
        ahead=_ahead(run, node, now),
    )


def _ahead(run: Run, node: Node, now: float) -> float:
    """Every task of a run has the run's own place in the queue; among them the longest way goes first."""
    return now - run.queued_at + AHEAD * run.plan.ranks[node.name] / run.plan.longest


def wanted_of(node: Node, part: Part) -> Wanted:
    """What its task asks of the agent that runs it."""
    wish, prompts = _wish(node, part), isinstance(node.work, Prompt)
    if part.agent is not None:
        return Wanted(part.agent, frozenset(), prompts)
    if wish.agent is not None or wish.needs or prompts:
        return Wanted(wish.agent, frozenset() if wish.agent is not None else wish.needs, prompts)
    return Wanted(LOCAL_AGENT)


def _launch(run: Run, node: Node, scope: Scope) -> Launch:
    where, work = run.surroundings, node.work
    prompt = ""
    argv: tuple[str, ...] = ()
    check: tuple[str, ...] = ()
    if isinstance(work, Command):
        argv = tuple(word for template in work.argv for word in template.words(scope))
    elif isinstance(work, Shell):
        argv = (work.text,)
    elif isinstance(work, Prompt):
        prompt = work.text.text_of(scope)
        check = tuple(word for template in work.check for word in template.words(scope))
    if isinstance(work, Command) and not (argv and argv[0]):
        raise MissingError("its command has no program")
    return Launch(
        argv=argv,
        shell=isinstance(work, Shell),
        cwd=_folder(where.cwd, "" if node.cwd is None else node.cwd.text_of(scope)),
        env=where.env,
        own_env=tuple((name, template.text_of(scope)) for name, template in node.env),
        umask=where.umask,
        prompt_text=prompt,
        check=check,
        leaves=node.output,
    )


def _folder(base: str, written: str) -> str:
    return written if written.startswith("/") else f"{base}/{written}" if written else base
