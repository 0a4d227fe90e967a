"""Both stores keep the same of runs, their nodes and parts, of events and schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from core import messages as m
from core.engine.ring import Ring
from core.model import AttemptId, Captured
from core.runs import Armed
from core.settings import Limits
from tests.rules.runs_table import WHERE, definition, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.ports import Store

FLOW = """
[on]
event = { topic = "go" }
[params]
n = { type = "int", default = 1 }
[run]
key = "k${params.n}"
[task.list]
run = ["list"]
output = { json = "-" }
[task.work]
needs = "list"
map = { over = "${list.out}", parallel = 2 }
run = ["work", "${item}"]
output = { json = "-" }
fallback = [{ agent = "local" }]
[task.ask]
needs = "list"
gate = { ask = "?" }
[task.hear]
wait = { event = "heard" }
[task.sub]
call = { file = "sub.toml" }
[task.show]
needs = ["work", "hear"]
run = ["show", "${work.out}", "${hear.out}"]
"""
SUB = '[task.s]\nrun = ["s"]\n'


class Kept:
    """A ring over a store, which a later engine opens again."""

    def __init__(self, reopen: Callable[[], Store]) -> None:
        self._reopen = reopen
        self.now = 100.0
        self.again()

    def again(self) -> None:
        self.store = self._reopen()
        self.ring = Ring(self.store, Limits(slots=50), self.now)

    def tell(self, message: m.Message) -> Any:
        self.now += 1
        reply = self.ring.apply(message, self.now).reply
        self.store.commit()
        return reply

    def run(self, **params: Any) -> int:
        params = {"n": 1} | params
        return int(self.tell(m.StartRun(definition(FLOW, sub=SUB), params, WHERE, {"list": 2.5}, "somebody")))

    def done(self, task: int, value: Any = None, code: int = 0) -> None:
        attempt = self.ring.world.attempts[task].id
        self.tell(m.Exited(attempt, code, self.now, None, None if value is None else Captured(value)))

    def task(self, run: int, name: str, item: int = 0) -> int:
        found = self.ring.world.runs[run].nodes[name].parts[item].task
        assert found is not None
        return found


@pytest.fixture
def kept(reopen: Callable[[], Store]) -> Kept:
    return Kept(reopen)


def test_a_run_comes_back_as_it_stood(kept: Kept) -> None:
    run = kept.run(n=3)
    kept.tell(m.Emit("heard", {"who": "me"}, "somebody"))
    kept.tell(m.Match(kept.store.load().unmatched[0]))
    kept.done(kept.task(run, "list"), ["a", {"b": "ü"}, None])
    kept.done(kept.task(run, "work", 1), {"x": [1]})
    kept.done(kept.task(run, "work", 0), code=3)
    before = {number: told(one) for number, one in kept.ring.world.runs.items()}
    live = kept.ring.world.runs[run]
    assert live.nodes["work"].parts[0].wish == 1
    kept.again()
    assert {number: told(one) for number, one in kept.ring.world.runs.items()} == before
    again = kept.ring.world.runs[run]
    for name in (
        "id",
        "key",
        "group",
        "params",
        "event",
        "expected",
        "surroundings",
        "queued_at",
        "started_by",
        "parent",
    ):
        assert getattr(again, name) == getattr(live, name)
    assert again.definition == live.definition
    assert kept.ring.world.runs[kept.task(run, "sub")].parent == (run, "sub", 0)
    assert kept.ring.world.tasks[kept.task(run, "work", 2)].part == (run, "work", 2)


def test_how_a_run_is_to_end_comes_back(kept: Kept) -> None:
    run = kept.run()
    kept.tell(m.CancelRuns((run,)))
    before = kept.ring.world.runs[run].stopping
    kept.again()
    assert before is not None
    assert kept.ring.world.runs[run].stopping == before


def test_an_ended_run_is_there_for_those_that_ask_and_its_parents_with_it(kept: Kept) -> None:
    run = kept.run()
    child = kept.task(run, "sub")
    kept.done(kept.task(child, "s"))
    kept.again()
    assert set(kept.ring.world.runs) == {run}
    assert [one.id for one in kept.store.recall_runs([child])] == [run, child]
    assert kept.store.recall_runs([99]) == []
    assert kept.store.runs_of([1, 2, 99]) == [run, child]


def test_a_node_that_begins_afresh_forgets_its_parts_and_their_outputs(kept: Kept) -> None:
    run = kept.run()
    kept.done(kept.task(run, "list"), [1])
    kept.done(kept.task(run, "work"), {"x": 1})
    kept.tell(m.RetryRun(run, "list"))
    kept.again()
    nodes = kept.ring.world.runs[run].nodes
    assert nodes["work"].parts == {}
    assert nodes["list"].parts[0].out is None
    assert nodes["list"].parts[0].task == kept.store.tasks_of_run(run)[-1]


def test_keys_find_runs_and_events_over_restarts(kept: Kept) -> None:
    run = kept.run()
    number = kept.tell(m.Emit("x", None, "somebody", key="e"))
    kept.again()
    assert kept.run() == run
    assert kept.run(n=2) != run
    assert kept.tell(m.Emit("y", None, "somebody", key="e")) == number


def test_events_are_kept_until_they_were_matched(kept: Kept) -> None:
    kept.tell(m.Emit("a", {"n": [1]}, "me", key="e", to="w"))
    kept.tell(m.Emit("b", None, "me"))
    kept.again()
    one, other = kept.ring.unmatched
    assert (one.id, one.at, one.topic, one.data, one.source, one.key, one.to, one.hops) == (
        1, 101.0, "a", {"n": [1]}, "me", "e", "w", 0,
    )  # fmt: skip
    kept.tell(m.Match(other))
    kept.again()
    assert kept.ring.unmatched == [one]
    assert kept.tell(m.Emit("c", None, "me")) == 3


def test_schedules_know_when_they_began_a_run_last(kept: Kept) -> None:
    kept.now = 1000.0
    flow = definition('[on]\nschedule = { cron = "0 * * * *" }\n[task.a]\nrun = ["a"]\n')
    kept.tell(m.Arm((Armed(flow, WHERE, {}),)))
    first = kept.ring.world.fired
    kept.again()
    assert kept.ring.world.fired == first == {("flow", "0 * * * *"): 1001.0}


def test_tasks_of_live_runs_stay_and_numbers_of_forgotten_runs_are_not_used_again(kept: Kept) -> None:
    flow = definition('[task.a]\nrun = ["a"]\n[task.b]\nneeds = "a"\nrun = ["b"]\n')

    def start() -> int:
        return int(kept.tell(m.StartRun(flow, {}, WHERE, {}, "somebody")))

    run = start()
    kept.done(1)
    assert kept.store.cleanable(None, 0) == []
    kept.done(2)
    assert sorted(kept.store.cleanable(None, 0)) == [1, 2]
    kept.tell(m.Clean((1, 2)))
    kept.tell(m.CleanRuns((run,)))
    assert kept.store.recall_runs([run]) == []
    kept.again()
    again = start()
    assert again == run + 1
    assert set(kept.ring.world.runs[again].nodes["b"].parts) == set()
    assert kept.ring.world.attempts[kept.task(again, "a")].id == AttemptId(3, 1)
