"""What is counted of a run's nodes and parts, made anew from their states."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from core.rules.runs.joins import count_need
from core.rules.runs.parts import list_ready
from core.rules.runs.scope import part_count
from core.workflows.model import NodeState

if TYPE_CHECKING:
    from core.rules.runs.state import Part, Progress, Run


def rebuild(run: Run) -> None:
    """Everything that is derived, from the states of nodes and parts alone."""
    run.open = run.open_final = run.active = 0
    run.agenda = deque(run.nodes)
    run.ready = []
    for progress in run.nodes.values():
        progress.needs_ended = progress.needs_succeeded = progress.needs_failed = progress.needs_skipped = 0
        _rebuild_parts(run, progress)
        run.open += not progress.state.ended and not progress.node.final
        run.open_final += not progress.state.ended and progress.node.final
    for name, progress in run.nodes.items():
        for need in run.plan.needs[name]:
            if run.nodes[need].state.ended:
                count_need(progress, run.nodes[need])


def _rebuild_parts(run: Run, progress: Progress) -> None:
    parts = progress.parts.values()
    ended = [part for part in parts if part.state.ended and not part.held]
    progress.active = sum(part.state is NodeState.RUNNING for part in parts)
    progress.ended = len(ended)
    progress.succeeded = sum(part.state is NodeState.SUCCEEDED for part in ended)
    progress.failed = sum(part.state.failed for part in ended)
    progress.due.clear()
    progress.listed = False
    run.active += progress.active
    if progress.state is NodeState.RUNNING and progress.node.follows is None:
        progress.due.extend(index for index in range(part_count(progress)) if progress.is_pending(index))
        list_ready(run, progress)


def recount(progress: Progress, part: Part, by: int) -> None:
    """Adds a part that has ended to the counts of its node, or takes it out."""
    if part.state.ended and not part.held:
        progress.ended += by
        progress.succeeded += by * (part.state is NodeState.SUCCEEDED)
        progress.failed += by * part.state.failed
