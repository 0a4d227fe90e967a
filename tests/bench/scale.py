"""A queue of a million tasks, and an engine that comes back to a thousand sessions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from core.client import start_engine
from tests.bench import floors, probe
from tests.bench.figures import Figure, latencies, p50_p99
from tests.fleet import Fleet, until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 100
SETTLE = 20.0
"""Seconds in which the store folds its journal after a flood."""


def queue(fleet: Fleet, count: int) -> None:
    """Tasks that wait for a group that is paused."""
    fleet.ask("group", group="later", paused=True)
    for start in range(0, count, 1000):
        fleet.add_all(*[{"command": ["/bin/true"], "group": "later"}] * min(1000, count - start))


def depth(fleet: Fleet, deep: int) -> Iterator[Figure]:
    """The same enqueue and dispatch with ten tasks queued and with very many: no slower is within a quarter."""
    queue(fleet, 10)
    few_added, few_begun = _submits(fleet)
    began = time.perf_counter()
    queue(fleet, deep - 10)
    elapsed = time.perf_counter() - began
    time.sleep(SETTLE)
    many_added, many_begun = _submits(fleet)
    yield Figure(f"enqueued a second, to {deep:,} queued", (deep - 10) / elapsed, "/s", more_is_better=True)
    yield from latencies(f"enqueue, {deep:,} queued", many_added, floor=few_added, floor_is="the same with 10 queued")
    few_p50, few_p99 = (None if seconds is None else 1250 * seconds for seconds in p50_p99(few_begun))
    yield from latencies(
        f"dispatch, {deep:,} queued",
        many_begun,
        goals=(few_p50, few_p99),
        floor=few_begun,
        floor_is="the same with 10 queued",
    )
    yield Figure(f"engine's memory, {deep:,} queued", probe.memory(fleet.pid), "MB")


def _submits(fleet: Fleet) -> tuple[list[float], list[float]]:
    """Seconds until a task is accepted, and until it runs."""
    added, begun = [], []
    for _ in range(ROUNDS):
        submitted = time.time()
        task = fleet.add(*floors.STAMP)
        added.append(time.time() - submitted)
        fleet.ask("wait", tasks=[task])
        begun.append(float(fleet.log(task)) - submitted)
        time.sleep(0.005)
    return added, begun


def recovery(fleet: Fleet, live: int) -> Iterator[Figure]:
    """From the start of a new engine after kill -9 to its list of all sessions, each with its program."""
    before = _started(fleet)
    fleet.kill_engine()
    began = time.perf_counter()
    start_engine(fleet.home).close()
    listening = time.perf_counter() - began
    until(lambda: _started(fleet) == before, "all sessions are back", 60)
    elapsed = time.perf_counter() - began
    yield Figure(f"{live:,} sessions re-adopted after kill -9", elapsed, "s", 1.0, _empty(), "an engine with none")
    yield Figure("  until its socket listens", listening, "s")


def _started(fleet: Fleet) -> dict[int, float]:
    return {one["task"]: one["started_at"] for one in fleet.ask("sessions")["sessions"] if one["started_at"]}


def _empty() -> float:
    fleet = Fleet()
    try:
        fleet.home.make()
        began = time.perf_counter()
        start_engine(fleet.home).close()
        return time.perf_counter() - began
    finally:
        fleet.clear()
