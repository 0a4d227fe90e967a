"""Why a node of a run stands where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.model import TaskState
from core.rules.queueing import ENDED_WORDS
from core.rules.runs.joins import as_seen_by
from core.rules.runs.scope import part_count
from core.text import duration, plural
from core.workflows.model import Call, NodeState, RunState, StartRule

if TYPE_CHECKING:
    from core.rules.runs.state import Progress, Run
    from core.rules.world import World

SHOWN_NEEDS = 5


def node_why(world: World, run: Run, progress: Progress, now: float) -> list[str]:
    """Sentences, the one that matters most first."""
    if progress.state.ended:
        words = ENDED_WORDS[TaskState(progress.state.value)]
        return [f"it {words}: {progress.reason}" if progress.reason else f"it {words}"]
    match progress.state:
        case NodeState.PENDING:
            return _pending(world, run, progress)
        case NodeState.ASKING:
            return [f"it waits for a person at its gate (for {duration(now - progress.since)})"]
        case NodeState.WAITING:
            return [_waiting(progress, now)]
    return _running(world, run, progress)


def _pending(world: World, run: Run, progress: Progress) -> list[str]:
    if run.state is RunState.PENDING:
        before = [one.id for one in world.runs.values() if one.group == run.group and one.id < run.id]
        return [
            f"the run waits for its turn in group {run.group}: run {', run '.join(map(str, before)) or '?'} goes first"
        ]
    if progress.node.final:
        return ["it comes last: everything else has to end first"]
    source = [] if progress.node.follows is None else [progress.node.follows]
    open_needs = [need for need in run.plan.needs[progress.node.name] if not run.nodes[need].state.ended]
    rule = "" if progress.node.start is StartRule.ALL_SUCCESS else f" ({progress.node.start.value})"
    shown = [f"it waits for {need}{rule}: {_need(run.nodes[need])}" for need in (open_needs or source)[:SHOWN_NEEDS]]
    if len(open_needs) > SHOWN_NEEDS:
        shown.append(f"and for {len(open_needs) - SHOWN_NEEDS} others")
    wrong = [
        need
        for need in run.plan.needs[progress.node.name]
        if run.nodes[need].state.ended and as_seen_by(progress, run.nodes[need]) is not NodeState.SUCCEEDED
    ]
    if wrong:
        shown.append(f"{wrong[0]} is {run.nodes[wrong[0]].state}".replace("_", " "))
    return shown or ["its turn comes at once"]


def _need(progress: Progress) -> str:
    if progress.state is NodeState.RUNNING and part_count(progress) > 1:
        return f"{progress.ended} of {part_count(progress)} have ended"
    return {NodeState.ASKING: "a person is asked", NodeState.WAITING: "it waits for an event"}.get(
        progress.state, f"it is {progress.state}"
    )


def _waiting(progress: Progress, now: float) -> str:
    wait, passed = progress.node.wait, now - progress.since
    assert wait is not None
    if wait.seconds is not None:
        return f"it waits for its time: {duration(max(wait.seconds - passed, 0.0))} are left"
    left = "" if wait.within is None else f", {duration(max(wait.within - passed, 0.0))} are left"
    where = "" if wait.where is None else f" where {wait.where.text}"
    return f"it waits for an event {wait.topic}{where}{left}"


def _running(world: World, run: Run, progress: Progress) -> list[str]:
    """Its tasks tell more: `muxdeck why TASK`."""
    held = [part for part in progress.parts.values() if part.held]
    found = [f"task {part.task}: {part.reason}" for part in held[:SHOWN_NEEDS]]
    calls = isinstance(progress.node.work, Call)
    waiting: list[int] = []
    working: list[int] = []
    for part in progress.parts.values():
        if part.state is NodeState.RUNNING and part.task is not None:
            queued = not calls and world.state_of(part.task) is TaskState.QUEUED
            (waiting if queued else working).append(part.task)
    if working:
        word = "run" if calls else "task"
        found.append(f"it runs as {plural(len(working), word)}: {_listed(working)}")
    if waiting:
        found.append(f"{plural(len(waiting), 'task')} in the queue: {_listed(waiting)}")
    left = part_count(progress) - progress.ended - len(working) - len(waiting) - len(held)
    if left > 0:
        found.append(f"{plural(left, 'part')} wait for {_limit(run, progress)}")
    return found or ["its parts are being prepared"]


def _listed(numbers: list[int]) -> str:
    more = f" and {len(numbers) - SHOWN_NEEDS} more" if len(numbers) > SHOWN_NEEDS else ""
    return ", ".join(map(str, numbers[:SHOWN_NEEDS])) + more


def _limit(run: Run, progress: Progress) -> str:
    fan, most = progress.node.fan, run.workflow.run.max_active
    if run.state is RunState.PAUSED:
        return "the run to be resumed"
    if fan is not None and fan.parallel is not None and progress.active >= fan.parallel:
        return f"their turn: {fan.parallel} at once"
    if most is not None and run.active >= most:
        return f"their turn: {most} tasks of the run at once"
    if progress.node.follows is not None:
        return f"the parts of {progress.node.follows}"
    return "their turn"
