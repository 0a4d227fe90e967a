"""What becomes of the tasks of a run, as news for the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.model import AttemptId, TaskState
from core.rules.queueing import end_task
from core.rules.runs.parts import end_part, gives_up, list_ready, make_due
from core.rules.runs.reviving import reopen_part
from core.workflows.model import NodeState

if TYPE_CHECKING:
    from core.rules.runs.state import Part, Progress, Run
    from core.rules.step import Step
    from core.rules.world import Task


def follow(step: Step, task: Task) -> None:
    """A task of a run has changed. One that its part has left behind means nothing, and does not run again."""
    assert task.part is not None
    run = step.world.runs.get(task.part.run)
    progress = None if run is None else run.nodes[task.part.node]
    part = None if progress is None else progress.parts.get(task.part.item)
    if run is None or progress is None:
        return
    if part is None or part.task != task.id:
        if not task.state.ended:
            end_task(step, task, TaskState.CANCELLED, f"run {run.id} has left it behind: retry the run, or its node")
        return
    if task.state.ended and part.state is NodeState.RUNNING:
        _ended(step, run, progress, part, task)
        step.stir(run)
    elif not task.state.ended and part.state.ended:
        reopen_part(step, run, progress, task.part.item)
        step.stir(run)


def _ended(step: Step, run: Run, progress: Progress, part: Part, task: Task) -> None:
    assert task.part is not None
    node, index, state = progress.node, task.part.item, NodeState(task.state.value)
    if state is NodeState.SUCCEEDED:
        _take_output(step, run, progress, part, task)
    elif task.state is TaskState.LOST and node.lost == "hold" and run.stopping is None:
        _hold(step, run, progress, part, index)
        return
    elif state is not NodeState.CANCELLED and run.stopping is None and _has_fallback(progress, part, step.now):
        part.wish += 1
        part.state = NodeState.PENDING
        progress.active -= 1
        run.active -= 1
        step.touch_part(run, progress, index)
        step.note(f"run {run.id}: {node.name} goes on with another agent: {task.reason}", task.id)
        make_due(run, progress, index)
        return
    end_part(step, run, progress, index, state, task.reason)


def _has_fallback(progress: Progress, part: Part, now: float) -> bool:
    return part.wish < len(progress.node.fallback) and not gives_up(progress, now)


def _take_output(step: Step, run: Run, progress: Progress, part: Part, task: Task) -> None:
    attempt = step.attempts.get(AttemptId(task.id, task.attempts))
    if attempt is None or attempt.output is None or task.part is None:
        return
    step.outputs[task.part] = attempt.output.value
    if run.keeps(progress.node.name):
        part.out = attempt.output.value


def _hold(step: Step, run: Run, progress: Progress, part: Part, index: int) -> None:
    """Nobody can tell how it ended: it is not run again unasked, and what needs it waits."""
    part.state, part.held = NodeState.LOST, True
    part.reason = "nobody can tell how it ended: retry it, or cancel the run"
    progress.active -= 1
    run.active -= 1
    step.touch_part(run, progress, index)
    list_ready(run, progress)
    step.note(f"run {run.id}: {progress.node.name} was lost: retry task {part.task}, or cancel the run", part.task)
