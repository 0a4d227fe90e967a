"""Runs of workflows over a store in memory: what happens to them, in short words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core import messages as m
from core.effects import MatchEvent, Start
from core.model import Captured, TaskState
from core.runs import Surroundings
from tests.rules.table import Table

if TYPE_CHECKING:
    from core.rules.runs.state import Progress, Run
    from core.runs import Definition

WHERE = Surroundings("/home", (("PATH", "/bin"),), 0o022, "/runs")


class RunTable(Table):
    def __init__(self, **limits: Any) -> None:
        super().__init__(**({"slots": 100} | limits))
        self.starts: list[int] = []

    def tell(self, message: m.Message) -> Any:
        reply = super().tell(message)
        effects = list(self.effects)
        self.starts += [effect.attempt.task for effect in effects if isinstance(effect, Start)]
        for effect in effects:
            if isinstance(effect, MatchEvent):
                self.tell(m.Match(effect.event))
        return reply

    def restart(self) -> None:
        super().restart()
        for event in self.ring.unmatched:
            self.tell(m.Match(event))

    def run(self, definition: Definition, **more: Any) -> int:
        wish = m.StartRun(definition, more.pop("params", {}), WHERE, more.pop("expected", {}), "the operator", **more)
        return int(self.tell(wish))

    def of(self, run: int) -> Run:
        """As it stands, from the store where it has ended."""
        live = self.ring.world.runs.get(run)
        if live is not None:
            return live
        from core.rules.runs.restoring import run_of
        from core.workflows.source import unpack

        (stored,) = [one for one in self.store.recall_runs([run]) if one.id == run]
        return run_of(stored, unpack(stored.source))

    def node(self, run: int, name: str) -> Progress:
        return self.of(run).nodes[name]

    def states(self, run: int) -> dict[str, str]:
        return {name: progress.state.value for name, progress in self.of(run).nodes.items()}

    def task(self, run: int, name: str, item: int = 0) -> int:
        found = self.node(run, name).parts[item].task
        assert found is not None
        return found

    def live(self, run: int) -> set[str]:
        """Nodes, with the item after a dot where it is not the first, that have a task that has not ended."""
        tasks = [task for task in self.ring.world.tasks.values() if task.part is not None and task.part.run == run]
        return {
            task.part.node + (f".{task.part.item}" if task.part.item else "")
            for task in tasks
            if task.part is not None and not task.state.ended
        }

    def done(self, run: int, name: str, item: int = 0, *, code: int = 0, out: Any = None) -> None:
        """The task of a part begins, where it has not, and ends."""
        task = self.task(run, name, item)
        if self.ring.world.attempts[task].started_at is None:
            self.start(task)
        captured = None if out is None else Captured(out)
        self.tell(m.Exited(self.attempt(task), code, self.now, None, captured))

    def cancelled(self, task: int) -> bool:
        return self.state(task) is TaskState.CANCELLED
