"""What falls due for runs: gates, waits, deadlines, schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.due import Due
from core.rules.runs.finishing import deadline_over
from core.rules.runs.parts import give_up, gives_up
from core.rules.runs.schedules import schedule_due
from core.rules.runs.working import limit_over
from core.text import duration
from core.workflows.model import NodeState

if TYPE_CHECKING:
    from core.due import Timer
    from core.rules.runs.state import Run
    from core.rules.step import Step

RUN_DUES = frozenset({Due.NODE_LIMIT, Due.RUN_DEADLINE, Due.RUN_GOES_ON, Due.SCHEDULE})


def run_due(step: Step, timer: Timer) -> None:
    if timer.due is Due.SCHEDULE:
        schedule_due(step, timer.task, timer.attempt, timer.at)
        return
    run = step.world.runs.get(timer.task)
    if run is None or run.state.ended:
        return
    if timer.due is Due.RUN_DEADLINE:
        deadline_over(step, run)
    elif timer.due is Due.NODE_LIMIT:
        _node_due(step, run, timer.attempt)
    step.stir(run)


def _node_due(step: Step, run: Run, place: int) -> None:
    progress = run.nodes[run.plan.names[place]]
    scatter = progress.node.scatter
    if progress.state is not NodeState.RUNNING:
        limit_over(step, run, progress)
    elif scatter is not None and scatter.within is not None and gives_up(progress, step.now):
        give_up(step, run, progress, f"not done within {duration(scatter.within)}")
