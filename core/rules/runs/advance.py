"""Carries on what a step has stirred, until nothing of any run is left to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.rules.runs.events import speak
from core.rules.runs.finishing import settle_end, stop
from core.rules.runs.following import follow
from core.rules.runs.joins import end_words, is_tolerated, may_be_tolerated
from core.rules.runs.releasing import release
from core.rules.runs.starting import begin_pending
from core.rules.runs.state import Stopping
from core.rules.runs.working import look_at
from core.workflows.model import RunState

if TYPE_CHECKING:
    from core.model import TaskState
    from core.rules.runs.state import Progress, Run
    from core.rules.step import Step


def advance(step: Step) -> None:
    """Every step ends with it, before the dispatcher looks."""
    if not step.world.runs:
        return
    seen: dict[int, TaskState] = {}
    while _follow(step, seen) or step.stirred:
        while step.stirred:
            _, run = step.stirred.popitem()
            _go_on(step, run)


def _follow(step: Step, seen: dict[int, TaskState]) -> bool:
    """News of tasks; True where there were any that were not told before."""
    news = [task for task in step.tasks.values() if task.part is not None and seen.get(task.id) is not task.state]
    for task in news:
        seen[task.id] = task.state
        follow(step, task)
    return bool(news)


def _go_on(step: Step, run: Run) -> None:
    if not run.state.live:
        return
    while run.agenda:
        look_at(step, run, run.nodes[run.agenda.popleft()])
        _after_ends(step)
    release(step, run)
    _after_ends(step)
    _stop_called(step)
    if run.agenda:
        step.stir(run)
    else:
        settle_end(step, run)
        _after_runs(step)


def _after_ends(step: Step) -> None:
    """Nodes that have ended: what they tell others, and whether the run gives up."""
    ended, step.ended_nodes = step.ended_nodes, []
    for run, progress in ended:
        speak(step, run, progress)
        if run.workflow.run.on_failure == "cancel" and run.state in (RunState.RUNNING, RunState.PAUSED):
            _give_up(step, run, progress)
        step.stir(run)


def _give_up(step: Step, run: Run, progress: Progress) -> None:
    """Ends a run in which a node has failed, or one whose parts this node has gone through."""
    sources: list[Progress] = []
    looked_at: Progress | None = progress
    while looked_at is not None and not looked_at.node.final:
        sources.append(looked_at)
        looked_at = run.source(looked_at)
    for one in reversed(sources):
        if one.state.failed and not is_tolerated(run, one) and not may_be_tolerated(run, one):
            stop(step, run, Stopping(RunState.FAILED, end_words(one)))
            return


def _stop_called(step: Step) -> None:
    while step.stop_runs:
        number, reason = step.stop_runs.pop()
        called = step.world.runs.get(number)
        if called is not None and not called.state.ended:
            stop(step, called, Stopping(RunState.CANCELLED, reason))


def _after_runs(step: Step) -> None:
    while step.ended_runs:
        run = step.ended_runs.pop()
        begin_pending(step, run.group)
