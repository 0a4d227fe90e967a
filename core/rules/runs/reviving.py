"""Runs that go on after they had ended, or from an earlier node: what was stopped waits again."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TYPE_CHECKING

from core.due import Due
from core.messages import RefusedError
from core.model import PartId
from core.rules.queueing import revive as revive_tasks
from core.rules.runs.counting import rebuild, recount
from core.rules.runs.groups import no_room, opened_with, waiting_again
from core.rules.runs.state import Part, Progress
from core.text import one_line
from core.workflows.model import Call, NodeState, RunState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from core.messages import RetryRun
    from core.rules.runs.state import Run
    from core.rules.step import Step
    from core.rules.world import Task, World

NEVER_BEGAN = frozenset({NodeState.UPSTREAM_FAILED, NodeState.SKIPPED, NodeState.CANCELLED})


def retry_run(step: Step, wish: RetryRun) -> None:
    """What has failed runs again; from a node on, everything after it does too."""
    run = known_run(step, wish.run)
    if run.state in (RunState.PENDING, RunState.CANCELLING):
        raise RefusedError("refused", f"run {run.id} is {run.state}: there is nothing to retry yet")
    if is_closing(run) and (wish.node is None or not known_node(run, wish.node).node.final):
        raise RefusedError("refused", f"run {run.id}: what comes last is running: wait for it")
    if (words := _refusal(step.world, run, set())) is not None:
        raise RefusedError("refused", words)
    if wish.node is None:
        _check_ended(run, [progress for progress in run.nodes.values() if progress.state.failed or _holds(progress)])
        again = [name for name, progress in run.nodes.items() if _failed_itself(progress) or _holds(progress)]
        step.note(f"retry run {run.id}")
        # What comes last begins afresh once the others have ended.
        _retry_failed(step, run, [name for name in again if not run.nodes[name].node.final] or again)
    else:
        known_node(run, wish.node)
        again = _below(run, [wish.node])
        live = [name for name in again if run.nodes[name].active]
        if live:
            raise RefusedError("refused", f"run {run.id}: {live[0]} is running: stop it, or wait for it")
        step.note(f"retry run {run.id} from {wish.node}")
        for name in again:
            _reset(step, run, run.nodes[name])
        _reopen(step, run, again)
    step.stir(run)
    step.reply = run.id


def refusals(world: World, tasks: Iterable[Task]) -> dict[int, str]:
    """Which of these ended tasks their runs do not let run again, and why."""
    of_runs = [(task, part, run) for task in tasks if (part := task.part) and (run := world.runs.get(part.run))]
    before_last = {number for _, part, run in of_runs for number in _opened_before_last(world, run, part.node)}
    found: dict[int, str] = {}
    opened: set[int] = set()
    for task, part, run in of_runs:
        progress = run.nodes[part.node]
        now = progress.parts.get(part.item)
        if now is None or now.task != task.id:
            found[task.id] = f"run {run.id} has left it behind: retry the run, or its node"
        elif not now.state.ended:
            found[task.id] = f"run {run.id} goes on with it by another agent"
        elif is_closing(run) and (run.stopping is not None or not progress.node.final):
            found[task.id] = f"run {run.id} is coming to its end: retry it once it has"
        elif progress.node.final and run.id in before_last:
            found[task.id] = f"run {run.id}: it comes last, once the others have ended"
        elif (words := _refusal(world, run, opened)) is not None:
            found[task.id] = words
        else:
            opened |= {one.id for one in opened_with(world, run)}
    return found


def _opened_before_last(world: World, run: Run, node: str) -> Iterator[int]:
    """The runs in which something goes on that does not come last, once this node does."""
    if not run.nodes[node].node.final:
        yield run.id
    caller = waiting_again(world, run) if run.state.ended else None
    if caller is not None and run.parent is not None:
        yield from _opened_before_last(world, caller, run.parent.node)


def _refusal(world: World, run: Run, opened: set[int]) -> str | None:
    """Why an ended run cannot go on, once these others do."""
    going = opened_with(world, run)
    caller = waiting_again(world, going[-1]) if going else None
    if caller is not None and is_closing(caller):
        return f"run {caller.id}, which has called run {going[-1].id}, is coming to its end: retry it once it has"
    return no_room(world, going, opened)


def is_closing(run: Run) -> bool:
    """It is being ended, or what comes last is running: nothing before that can go on."""
    comes_last = any(one.node.final and one.active for one in run.nodes.values())
    return not run.state.ended and (run.stopping is not None or comes_last)


def _check_ended(run: Run, failed: list[Progress]) -> None:
    if not failed:
        raise RefusedError("refused", f"nothing in run {run.id} has failed: --from NODE runs a part of it again")


def _failed_itself(progress: Progress) -> bool:
    """Not by a need of it."""
    return progress.state.failed and progress.state is not NodeState.UPSTREAM_FAILED


def _holds(progress: Progress) -> bool:
    return any(part.held for part in progress.parts.values())


def _retry_failed(step: Step, run: Run, names: list[str]) -> None:
    """Failed parts by their tasks; what failed without one begins afresh."""
    tasks: set[int] = set()
    for name in names:
        progress = run.nodes[name]
        failed = {index: part for index, part in progress.parts.items() if part.state.failed}
        if not failed:
            _reset(step, run, progress)
            continue
        room = _room(run, progress, len(tasks))
        for index, part in failed.items():
            fresh = Part(agent=part.agent, kept=part.kept)
            if part.task in step.world.tasks and not isinstance(progress.node.work, Call) and room > 0:
                fresh.state, fresh.task, fresh.wish = NodeState.RUNNING, part.task, part.wish
                tasks.add(part.task)
                room -= 1
            progress.parts[index] = fresh
            step.touch_part(run, progress, index)
            step.outputs[PartId(run.id, name, index)] = None
        progress.state, progress.reason = NodeState.RUNNING, None
        step.touch_node(run, progress)
    _reopen(step, run, names)
    if tasks:
        revive_tasks(step, tasks)


def _room(run: Run, progress: Progress, begun: int) -> float:
    """How many parts of a node may begin, where so many others of the run do; the others get a task in their turn."""
    fan, most = progress.node.fan, run.workflow.run.max_active
    of_run = inf if most is None else most - run.active - begun
    return of_run if fan is None or fan.parallel is None else min(of_run, fan.parallel - progress.active)


def reopen_part(step: Step, run: Run, progress: Progress, index: int) -> None:
    """Its task runs again, by somebody's wish."""
    part, followed = progress.parts[index], run.plan.followers.get(progress.node.name)
    if not progress.state.ended and not followed:
        recount(progress, part, -1)
    part.state, part.reason, part.held = NodeState.RUNNING, None, False
    step.touch_part(run, progress, index)
    if not progress.state.ended and not followed:
        progress.active += 1
        run.active += 1
        return
    progress.state, progress.reason = NodeState.RUNNING, None
    step.touch_node(run, progress)
    _reopen(step, run, [progress.node.name])


def _reopen(step: Step, run: Run, names: Iterable[str]) -> None:
    """Whatever had been stopped below these waits again, and so does what comes last."""
    again = set(names)
    for name in _below(run, names):
        progress = run.nodes[name]
        if name in again:
            continue
        if progress.state in NEVER_BEGAN and not any(part.task for part in progress.parts.values()):
            _reset(step, run, progress)
        else:
            _reset_stopped_parts(step, run, progress)
    if not all(run.nodes[name].node.final for name in again):
        for progress in run.nodes.values():
            if progress.node.final and progress.node.name not in again and not progress.active:
                _reset(step, run, progress)
    caller = waiting_again(step.world, run)
    if run.state.ended:
        run.state, run.reason, run.ended_at, run.stopping = RunState.RUNNING, None, None, None
        run.started_at = step.now
        set_deadline(step.world, run)
        step.touch_run(run)
    rebuild(run)
    if caller is not None and run.parent is not None and not is_closing(caller):
        reopen_part(step, caller, caller.nodes[run.parent.node], run.parent.item)
        step.stir(caller)


def _reset(step: Step, run: Run, progress: Progress) -> None:
    """As if it had never been looked at; its earlier tasks stay in the history."""
    fresh = Progress(progress.node, progress.index, since=step.now, after=step.world.next_task)
    run.nodes[progress.node.name] = fresh
    step.cleared.append((run.id, progress.node.name))
    step.touch_node(run, fresh)


def _reset_stopped_parts(step: Step, run: Run, progress: Progress) -> None:
    """Of a node that goes through the parts of another: those that a part of that one had stopped."""
    stopped = [i for i, part in progress.parts.items() if part.task is None and part.state in NEVER_BEGAN]
    if not stopped or progress.node.follows is None:
        return
    for index in stopped:
        progress.parts[index] = Part()
        step.touch_part(run, progress, index)
    progress.state, progress.reason = NodeState.RUNNING, None
    step.touch_node(run, progress)


def _below(run: Run, names: Iterable[str]) -> list[str]:
    """These nodes and all that come after them, in no particular order."""
    found = dict.fromkeys(names)
    waiting = deque(found)
    while waiting:
        name = waiting.popleft()
        for below in (*run.plan.dependents[name], *run.plan.followers.get(name, ())):
            if below not in found:
                found[below] = None
                waiting.append(below)
    return list(found)


def set_deadline(world: World, run: Run) -> None:
    limit = run.workflow.run.deadline
    if limit is not None and run.started_at is not None:
        world.timers.set(run.started_at + limit, Due.RUN_DEADLINE, run.id)


def known_run(step: Step, number: int) -> Run:
    """A live or recalled run, or a refusal that names it."""
    run = step.world.runs.get(number)
    if run is None:
        raise RefusedError("not-found", f"there is no run {number}")
    return run


def known_node(run: Run, name: str) -> Progress:
    progress = run.nodes.get(name)
    if progress is None:
        have = ", ".join(list(run.nodes)[:8])
        text = f"run {run.id} has no node {one_line(name, 60)!r}; it has {have}"
        raise RefusedError("not-found", text)
    return progress
