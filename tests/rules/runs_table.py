"""Runs of workflows over a store in memory: what happens to them, in short words."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from core import messages as m
from core.effects import MatchEvent, Start
from core.engine.ring import Ring
from core.kinds.result import Result
from core.model import Captured, Policy, TaskState
from core.rules.checks import faults
from core.rules.runs.restoring import run_of
from core.rules.runs.state import Run
from core.runs import Armed, Definition, Surroundings
from core.workflows.binding import bind
from core.workflows.reading import read
from core.workflows.source import pack, unpack
from tests.rules.table import Table

if TYPE_CHECKING:
    from core.effects import Effect
    from core.rules.runs.state import Progress
    from core.runs import Event

SCHEMA = "schema = 1\n"
WHERE = Surroundings("/home", (("PATH", "/bin"),), 0o022, "/runs")


@cache
def definition(text: str, **calls: str) -> Definition:
    """A workflow from the text of its file; `calls` are the texts of NAME.toml that it calls."""
    files = {f"{name}.toml": SCHEMA + called for name, called in calls.items()}
    text = SCHEMA + text
    workflow, wrong = read(text, "flow.toml", files.get)
    assert workflow is not None, "\n".join(map(str, wrong))
    return Definition(workflow, pack(text, "flow.toml", files, Policy()))


class RunTable(Table):
    """With `restarting`, the engine ends after every message and comes back."""

    def __init__(self, *, restarting: bool = False, **limits: Any) -> None:
        super().__init__(**({"slots": 100} | limits))
        self.restarting = restarting
        self.starts: list[int] = []
        self.kept: list[Event] = []
        self.armed: tuple[Armed, ...] = ()

    def tell(self, message: m.Message) -> Any:
        reply = self._apply(message)
        if self.restarting:
            effects = self.effects
            self.restart()
            self.effects = effects
        self._match()
        return reply

    def _apply(self, message: m.Message) -> Any:
        reply = super().tell(message)
        effects: list[Effect] = list(self.effects)
        self.starts += [effect.attempt.task for effect in effects if isinstance(effect, Start)]
        self.kept += [effect.event for effect in effects if isinstance(effect, MatchEvent)]
        self.check()
        return reply

    def _match(self) -> None:
        while self.kept:
            self._apply(m.Match(self.kept.pop(0)))
            if self.restarting:
                self.restart()

    def restart(self) -> None:
        """What had been kept and not matched is matched; nothing else happens."""
        self.ring = Ring(self.store, self.limits, self.now)
        self.kept = list(self.ring.unmatched)
        if self.armed:
            self._apply(m.Arm(self.armed))
        self._apply(m.Ticked())

    def check(self) -> None:
        """Nothing is wrong with the world, and it is the one that the store would give back."""
        found = faults(self.ring.world, self.now)
        assert not found, found
        again = {stored.id: run_of(stored, unpack(stored.source)) for stored in self.store.load().runs}
        assert again.keys() == self.ring.world.runs.keys()
        for number, run in self.ring.world.runs.items():
            assert told(run) == told(again[number])

    def run(self, what: Definition | str, **more: Any) -> int:
        asked = definition(what) if isinstance(what, str) else what
        params, problems = bind(asked.workflow, more.pop("params", {}), texts=False)
        assert params is not None, problems
        return int(self.tell(m.StartRun(asked, params, WHERE, more.pop("expected", {}), "the operator", **more)))

    def arm(self, *what: Definition) -> None:
        """An engine that comes back arms the same."""
        self.armed = tuple(Armed(one, WHERE, {}) for one in what)
        self.tell(m.Arm(self.armed))

    def emit(self, topic: str, data: Any = None, **more: Any) -> int:
        return int(self.tell(m.Emit(topic, data, "the operator", **more)))

    def of(self, run: int) -> Run:
        """As it stands, from the store where it has ended."""
        found = self.ring.run(run)
        assert found is not None
        return found

    def node(self, run: int, name: str) -> Progress:
        return self.of(run).nodes[name]

    def states(self, run: int) -> dict[str, str]:
        return {name: progress.state.value for name, progress in self.of(run).nodes.items()}

    def parts(self, run: int, name: str) -> list[str]:
        return [part.state.value for _, part in sorted(self.node(run, name).parts.items())]

    def ended(self, run: int) -> str | None:
        """How; None where it has not."""
        state = self.of(run).state
        return state.value if state.ended else None

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

    def launch(self, run: int, name: str, item: int = 0) -> Any:
        return self.store.specs[self.task(run, name, item)].launch

    def done(self, run: int, name: str, item: int = 0, *, code: int = 0, out: Any = None) -> None:
        """The task of a part begins, where it has not, and ends."""
        task = self.task(run, name, item)
        if self.ring.world.attempts[task].started_at is None:
            self.start(task)
        captured = None if out is None else Captured(out)
        told = Result("ok") if code == 0 and self.ring.world.tasks[task].wanted.prompts else None
        self.tell(m.Exited(self.attempt(task), code, self.now, told, captured))

    def lost(self, run: int, name: str, item: int = 0) -> None:
        task = self.task(run, name, item)
        self.start(task)
        self.tell(m.LauncherGone(self.attempt(task), (), self.now))

    def dies(self, run: int, name: str, item: int = 0) -> None:
        """What was told to end does."""
        task = self.task(run, name, item)
        attempt = self.attempt(task)
        assert self.ring.world.attempts[task].ending is not None, "nobody told it to end"
        self.tell(m.Exited(attempt, 143, self.now))
        self.tell(m.TreeEnded(attempt, ()))

    def cancelled(self, task: int) -> bool:
        return self.state(task) is TaskState.CANCELLED


def told(run: Run) -> dict[str, Any]:
    """Everything that counts of a run, but for the order in which things are due."""
    own = {
        name: getattr(run, name)
        for name in ("state", "reason", "started_at", "ended_at", "stopping", "open", "open_final", "active", "params")
    }
    return own | {name: _node_told(run, progress) for name, progress in run.nodes.items()}


def _node_told(run: Run, progress: Progress) -> dict[str, Any]:
    own = {name: getattr(progress, name) for name in _TOLD}
    parts = {
        index: (part.state, part.task, part.reason, part.wish, part.agent, part.held)
        + ((part.out,) if run.keeps(progress.node.name) else ())
        for index, part in progress.parts.items()
        if part.state.value != "pending" or part.wish or part.agent
    }
    return own | {"parts": parts}


_TOLD = (
    *("state", "reason", "since", "approved", "waited", "event", "items", "out"),
    *("needs_ended", "needs_succeeded", "needs_failed", "needs_skipped", "active", "ended", "succeeded", "failed"),
)
