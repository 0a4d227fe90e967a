"""Parts of a node: what their ends mean for the node, for the parts that follow them, and for those that are left."""

from __future__ import annotations

from heapq import heappush
from typing import TYPE_CHECKING

from core.model import TaskState
from core.rules.queueing import end_task
from core.rules.runs.joins import end_node, part_verdict
from core.rules.runs.scope import part_count
from core.rules.stopping import begin_ending
from core.rules.world import Ending
from core.workflows.model import Call, NodeState

if TYPE_CHECKING:
    from core.rules.runs.state import Part, Progress, Run
    from core.rules.step import Step


def make_due(run: Run, progress: Progress, index: int) -> None:
    """The part may begin as soon as the limits on their number let it."""
    progress.due.append(index)
    list_ready(run, progress)


def list_ready(run: Run, progress: Progress) -> None:
    if progress.due and not progress.listed:
        progress.listed = True
        heappush(run.ready, (-run.plan.ranks[progress.node.name], progress.index, progress.node.name))


def begin_part(step: Step, run: Run, progress: Progress, index: int) -> Part:
    """It counts from now on; its task is made at once."""
    part = progress.part(index)
    part.state, part.reason = NodeState.RUNNING, None
    progress.active += 1
    run.active += 1
    step.touch_part(run, progress, index)
    return part


def end_part(
    step: Step,
    run: Run,
    progress: Progress,
    index: int,
    state: NodeState,
    reason: str | None = None,
    *,
    giving_up: bool = False,
) -> None:
    """Whatever follows from it, up to the end of the node; `giving_up` where the others are being ended anyway."""
    part = progress.part(index)
    _count(run, progress, part, state)
    part.state, part.reason = state, reason
    step.touch_part(run, progress, index)
    for name in run.plan.followers.get(progress.node.name, ()):
        follower = run.nodes[name]
        if follower.items is not None and not follower.state.ended:
            follow_part(step, run, follower, index)
    if progress.ended == part_count(progress):
        _end_of_parts(step, run, progress)
    elif giving_up:
        return
    elif gives_up(progress, step.now):
        give_up(step, run, progress, "not needed any more" if not progress.failed else "another part has failed")
    else:
        list_ready(run, progress)


def _count(run: Run, progress: Progress, part: Part, state: NodeState) -> None:
    if part.state is NodeState.RUNNING:
        progress.active -= 1
        run.active -= 1
    progress.ended += 1
    progress.succeeded += state is NodeState.SUCCEEDED
    progress.failed += state.failed


def follow_part(step: Step, run: Run, progress: Progress, index: int) -> None:
    """The part of the source with that number has ended: its follower's turn has come, or never will."""
    source = run.source(progress)
    assert source is not None
    if not progress.is_pending(index):
        return
    before = source.parts[index].state
    state = part_verdict(progress.node.start, before)
    if state is NodeState.RUNNING:
        make_due(run, progress, index)
    else:
        end_part(step, run, progress, index, state, f"its part of {source.node.name} {before}")


def gives_up(progress: Progress, now: float) -> bool:
    """Whether no further part of it is to begin, and those that run are to end."""
    fan, scatter = progress.node.fan, progress.node.scatter
    if fan is not None and fan.fail_fast:
        return progress.failed > 0
    if scatter is None:
        return False
    enough, left = _enough(progress), part_count(progress) - progress.ended
    over = scatter.within is not None and now >= progress.since + scatter.within
    if scatter.until == "all":
        return over
    return over or progress.succeeded >= enough or progress.succeeded + left < enough


def _enough(progress: Progress) -> int:
    scatter = progress.node.scatter
    assert scatter is not None
    return {"all": scatter.agents, "first": 1, "quorum": scatter.quorum}[scatter.until]


def give_up(step: Step, run: Run, progress: Progress, reason: str) -> None:
    """Parts that have not begun are cancelled, those that run are stopped; the last of them ends the node."""
    indices = range(part_count(progress))
    progress.due.clear()
    for index in indices:
        part = progress.part(index)
        if part.state is NodeState.RUNNING and not progress.node.is_left:
            _stop(step, progress, part, reason)
    for index in indices:
        part = progress.part(index)
        if (
            not progress.state.ended
            and (part.held or not part.state.ended)
            and (part.state is not NodeState.RUNNING or progress.node.is_left)
        ):
            part.held = False
            end_part(step, run, progress, index, NodeState.CANCELLED, reason, giving_up=True)


def _stop(step: Step, progress: Progress, part: Part, reason: str) -> None:
    assert part.task is not None
    if isinstance(progress.node.work, Call):
        step.stop_runs.append((part.task, reason))
        return
    task, attempt = step.world.tasks.get(part.task), step.world.attempts.get(part.task)
    if attempt is not None:
        begin_ending(step, attempt, Ending(TaskState.CANCELLED, reason, final=True), now=False)
    elif task is not None:
        end_task(step, task, TaskState.CANCELLED, reason)


def _end_of_parts(step: Step, run: Run, progress: Progress) -> None:
    states = {part.state for part in progress.parts.values()}
    node = progress.node
    if node.fan is None and node.scatter is None:
        part = progress.parts[0]
        end_node(step, run, progress, part.state, part.reason)
    elif node.scatter is not None:
        end_node(step, run, progress, *_scattered(progress, step.now))
    elif states & _FAULTS:
        first = next(part for _, part in sorted(progress.parts.items()) if part.state in _FAULTS)
        words = f"{progress.failed} of {part_count(progress)} failed, the first: {first.reason or first.state}"
        end_node(step, run, progress, NodeState.FAILED, words)
    else:
        order = (NodeState.UPSTREAM_FAILED, NodeState.CANCELLED, NodeState.SUCCEEDED, NodeState.SKIPPED)
        end_node(step, run, progress, next(state for state in order if state in states))


_FAULTS = frozenset({NodeState.FAILED, NodeState.TIMED_OUT, NodeState.LOST})


def _scattered(progress: Progress, now: float) -> tuple[NodeState, str | None]:
    scatter, enough = progress.node.scatter, _enough(progress)
    assert scatter is not None
    if progress.succeeded >= enough:
        return NodeState.SUCCEEDED, None
    words = f"{progress.succeeded} of {scatter.agents} succeeded, {enough} were wanted"
    late = scatter.within is not None and now >= progress.since + scatter.within
    return (NodeState.TIMED_OUT if late else NodeState.FAILED), words
