"""What watching clients are told of runs: which rows have changed, and how many gates wait for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.rules.runs.scope import part_count
from core.wire import RunRow
from core.workflows.model import NodeState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.adapters.run_reading import RunReader
    from core.rules.runs.state import Progress, Run
    from core.rules.step import Step
    from core.rules.world import World

SHOWN_ENDED = 200
"""Latest ended runs of the first picture."""


class RunFeed:
    """Costs a step what the step has touched, never what its runs have."""

    def __init__(self, world: World, reader: RunReader) -> None:
        self._world = world
        self._reader = reader
        self.count_afresh()

    def count_afresh(self) -> None:
        """To be called if the world was read from the store."""
        self._asking = {
            (run.id, name)
            for run in self._world.runs.values()
            for name, progress in run.nodes.items()
            if progress.state is NodeState.ASKING
        }

    @property
    def asking(self) -> int:
        """Gates that wait for a person."""
        return len(self._asking)

    def first(self) -> list[int]:
        """Runs of the first picture: those that live, and the latest that have ended."""
        return [*self._world.runs, *self._reader.latest_ended(SHOWN_ENDED)]

    def touched(self, step: Step) -> set[int]:
        """Runs of which something has changed."""
        for place, progress in step.nodes.items():
            if progress.state is NodeState.ASKING:
                self._asking.add(place)
            else:
                self._asking.discard(place)
        runs = {run for run, _ in step.nodes}
        runs.update(step.runs)
        runs.update(part.run for part in step.parts)
        runs.update(task.part.run for task in step.tasks.values() if task.part is not None)
        for attempt in step.attempts:
            task = self._world.tasks.get(attempt.task)
            if task is not None and task.part is not None:
                runs.add(task.part.run)
        return runs

    def rows(self, runs: Iterable[int]) -> list[RunRow]:
        """Those that exist, the ended ones last."""
        wanted = list(runs)
        live = [self._world.runs[run] for run in wanted if run in self._world.runs]
        ended = [run for run in wanted if run not in self._world.runs]
        return [*map(run_row, live), *(self._reader.rows(ended) if ended else ())]


def run_row(run: Run) -> RunRow:
    """Of a live run."""
    nodes = run.nodes.values()
    counts = [part_count(progress) for progress in nodes]
    return RunRow(
        id=run.id,
        workflow=run.workflow.name,
        state=run.state.value,
        reason=run.reason,
        started_by=run.started_by,
        queued_at=run.queued_at,
        started_at=run.started_at,
        ended_at=run.ended_at,
        nodes=len(run.nodes),
        ended=sum(progress.state.ended for progress in nodes),
        failed=sum(progress.state.failed for progress in nodes),
        active=run.active,
        asking=",".join(progress.node.name for progress in nodes if progress.state is NodeState.ASKING),
        done=round(sum(map(_done, nodes, counts)) / max(len(run.nodes), 1), 4),
        parts=sum(counts),
        parts_ended=sum(progress.ended for progress in nodes),
    )


def _done(progress: Progress, count: int) -> float:
    if progress.state.ended:
        return 1.0
    return progress.ended / count if count else 0.0
