"""What must hold of the runs of a world between two steps."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from core.model import PartId
from core.rules.runs.scope import part_count
from core.workflows.model import NodeState, RunState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.rules.runs.state import Progress, Run
    from core.rules.world import World


def run_faults(world: World) -> Iterator[str]:
    """Every broken invariant, as a sentence. Costs O(runs + parts + tasks)."""
    live = Counter(task.part for task in world.tasks.values() if task.part and not task.state.ended)
    live.update(run.parent for run in world.runs.values() if run.parent is not None and not run.state.ended)
    for run in world.runs.values():
        for fault in (*_states(run), *_counts(run), *_parts(run, live)):
            yield f"run {run.id}: {fault}"


def _states(run: Run) -> Iterator[str]:
    if run.state.ended:
        yield "it has ended and is still here"
    if run.state is not RunState.PENDING and all(progress.state.ended for progress in run.nodes.values()):
        yield "all of it has ended, and it has not"
    if run.agenda and run.state is not RunState.PENDING and run.started_at is None:
        yield "it goes on and never began"
    for progress in run.nodes.values():
        begun = progress.state is not NodeState.PENDING
        if begun and run.state is RunState.PENDING:
            yield f"{progress.node.name} has begun before the run"
        if begun and progress.node.final and not progress.state.ended and run.open:
            yield f"{progress.node.name} comes last and has begun"


def _counts(run: Run) -> Iterator[str]:
    nodes = run.nodes.values()
    if run.state is RunState.PENDING:
        return
    if run.open != sum(not one.state.ended and not one.node.final for one in nodes):
        yield "its open nodes are not counted right"
    if run.open_final != sum(not one.state.ended and one.node.final for one in nodes):
        yield "its open final nodes are not counted right"
    if run.active != sum(one.active for one in nodes):
        yield "its active parts are not counted right"
    for progress in nodes:
        ended = [part for part in progress.parts.values() if part.state.ended and not part.held]
        counted = (
            sum(part.state is NodeState.RUNNING for part in progress.parts.values()),
            len(ended),
            sum(part.state is NodeState.SUCCEEDED for part in ended),
            sum(part.state.failed for part in ended),
        )
        if (progress.active, progress.ended, progress.succeeded, progress.failed) != counted:
            yield f"the parts of {progress.node.name} are not counted right"


def _parts(run: Run, live: Counter[PartId]) -> Iterator[str]:
    for progress in run.nodes.values():
        for index, part in progress.parts.items():
            wanted = 1 if part.state is NodeState.RUNNING else 0
            found = live[PartId(run.id, progress.node.name, index)]
            if found != wanted and not (progress.node.is_left and found > wanted):
                yield f"{progress.node.name}[{index}] is {part.state} and has {found} live tasks"
        for index in _forgotten(run, progress):
            yield f"{progress.node.name}[{index}] could begin, and nobody knows"


def _forgotten(run: Run, progress: Progress) -> Iterator[int]:
    """Parts whose turn has come and that stand in no list."""
    if progress.state is not NodeState.RUNNING or progress.items is None or run.agenda:
        return
    source = run.source(progress)
    due = set(progress.due)
    for index in range(part_count(progress)):
        before = None if source is None else source.parts.get(index)
        waits = source is not None and (before is None or not before.state.ended or before.held)
        if progress.is_pending(index) and not waits and index not in due:
            yield index
