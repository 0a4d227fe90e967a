"""What a run of a workflow costs beside the same tasks queued by hand, with tmux and without."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from core import messages as m
from core.adapters.store import SqliteStore
from core.effects import Start
from core.engine.ring import Ring
from core.model import Policy, ProcessId
from core.runs import Definition, Surroundings
from core.settings import Limits
from core.workflows.reading import read
from core.workflows.source import pack
from tests.bench.figures import Figure
from tests.bench.probe import cpu
from tests.build import new

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fleet import Fleet

COUNT = 10_000
ROUNDS = 10
"""Each way goes so often, now this one first and now that one, and has its share of the tasks each time."""
SLOTS = 4
GOAL = 5.0
"""Per cent that a run in tmux may take longer."""
WORKFLOW = """
schema = 1
params.items = { type = "list", required = true }
[task.each]
map = { over = "${params.items}", max_items = 10000 }
run = ["/bin/true"]
"""


class Spent(NamedTuple):
    elapsed: float
    cpu: float

    @classmethod
    def since(cls, began: float, spent: float, pid: int) -> Spent:
        return cls(time.perf_counter() - began, cpu(pid) - spent)


def in_tmux(fleet: Fleet, count: int = COUNT) -> Iterator[Figure]:
    """Real sessions; each way begins with nothing queued and ends with nothing left."""
    share = count // ROUNDS
    (fleet.home.root / "many.toml").write_text(WORKFLOW)
    queued, mapped = _in_turns(lambda: _queued(fleet, share), lambda: _mapped(fleet, share))
    yield from _figures(f"{count:,} trivial tasks in tmux", queued, mapped, share, GOAL)


def _in_turns(one: Callable[[], Spent], other: Callable[[], Spent]) -> tuple[list[Spent], list[Spent]]:
    pairs = [(one(), other()) if turn % 2 else (other(), one())[::-1] for turn in range(ROUNDS)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _queued(fleet: Fleet, count: int) -> Spent:
    pid = fleet.pid
    began, spent = time.perf_counter(), cpu(pid)
    tasks = fleet.add_all(*[{"command": ["/bin/true"]}] * count)
    fleet.ask("wait", tasks=tasks)
    return Spent.since(began, spent, pid)


def _mapped(fleet: Fleet, count: int) -> Spent:
    pid = fleet.pid
    began, spent = time.perf_counter(), cpu(pid)
    context = {"cwd": str(fleet.home.root), "env": {"PATH": os.environ["PATH"]}, "umask": 0o022}
    params = {"items": list(range(count))}
    run = fleet.ask("run", file=str(fleet.home.root / "many.toml"), params=params, context=context)["run"]
    fleet.ask("run-wait", run=run)
    return Spent.since(began, spent, pid)


def without_tmux(count: int = COUNT) -> Iterator[Figure]:
    """Rules and store alone, a transaction a turn of one task's three messages."""
    share = count // ROUNDS
    workflow, faults = read(WORKFLOW, "many.toml", lambda _: None)
    assert workflow is not None, faults
    definition = Definition(workflow, pack(WORKFLOW, "many.toml", {}, Policy()))
    where = Surroundings("/", (("PATH", "/bin"),), 0o022, "/nowhere")
    params = {"items": list(range(share))}
    with tempfile.TemporaryDirectory() as folder:
        alone = Alone(SqliteStore(Path(folder, "db"), "normal"))
        queued, mapped = _in_turns(
            lambda: alone.spent(m.Add((new(),) * share)),
            lambda: alone.spent(m.StartRun(definition, params, where, {}, "the operator")),
        )
        alone.store.close()
    yield from _figures(f"{count:,} tasks, rules and store alone", queued, mapped, share)


class Alone:
    """Programs end as soon as they begin."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self._ring = Ring(store, Limits(slots=SLOTS), 0.0)
        self._now = 0.0

    def spent(self, wish: m.Command) -> Spent:
        """For everything that follows from a wish."""
        began, spent = time.perf_counter(), time.process_time()
        self._now += 1.0
        waiting = self._tell(wish)
        while waiting or self._ring.world.tasks:
            if not waiting:
                self._now = max(self._now, self._ring.world.timers.next_at or self._now)
                waiting = self._tell(m.Ticked())
                continue
            waiting = waiting[1:] + self._work(waiting[0])
        return Spent(time.perf_counter() - began, time.process_time() - spent)

    def _work(self, start: Start) -> list[Start]:
        attempt = start.attempt
        return self._tell(
            m.Placed(attempt, 0, 0, ProcessId(1, 1.0, "")),
            m.Started(attempt, 1, self._now),
            m.Exited(attempt, 0, self._now),
        )

    def _tell(self, *messages: m.Message) -> list[Start]:
        effects = [effect for message in messages for effect in self._ring.apply(message, self._now).effects]
        self.store.commit()
        return [effect for effect in effects if isinstance(effect, Start)]


def _figures(
    name: str, queued: list[Spent], mapped: list[Spent], share: int, goal: float | None = None
) -> Iterator[Figure]:
    """The median of what neighbours in time cost, one of the other."""
    pairs = list(zip(queued, mapped, strict=True))
    elapsed = 100 * (median(one.elapsed / other.elapsed for other, one in pairs) - 1)
    yield Figure(f"{name}: a map against a queue", elapsed, "%", goal)
    each = [1e3 * median(spent.cpu for spent in some) / share for some in (mapped, queued)]
    yield Figure("  CPU of the engine for each", each[0], "ms", None, each[1], "queued by hand")
