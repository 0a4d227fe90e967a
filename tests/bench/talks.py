"""A hundred interactive agents at once: how soon each state is right, and what reading them costs."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import psutil

from tests.bench.figures import Figure
from tests.bench.latency import starts
from tests.fleet import Fleet, until
from tests.interactive import fake_agent

if TYPE_CHECKING:
    from collections.abc import Iterator

AGENTS = 100
START = (3.0, 8.0)
"""Milliseconds, median and slowest hundredth, as with plain sessions."""
SETTLING = 3.0
"""Seconds after which nothing of what came before is still looked at."""
WATCHED = 20.0
"""Seconds over which processor time is counted."""


def figures() -> Iterator[Figure]:
    argv = json.dumps([sys.executable, "-I", "-S", fake_agent.__file__])
    config = f"[engine]\nslots = {AGENTS + 4}\n[agent.fay]\nkind = 'custom'\nmode = 'interactive'\nslots = {AGENTS}\n"
    fleet = Fleet(f"{config}command = {argv}\n")
    try:
        yield from _figures(fleet)
    finally:
        fleet.clear()


def _figures(fleet: Fleet) -> Iterator[Figure]:
    began = time.perf_counter()
    fleet.add_all(*[{"prompt": "work 30 ask"}] * AGENTS)
    until(lambda: _working(fleet) == AGENTS, "all of them work", 120)
    engine = psutil.Process(fleet.pid)
    yield Figure(f"{AGENTS} interactive agents started and typed to", time.perf_counter() - began, "s")
    yield Figure("  engine, all of them at work and drawing", _share(engine, 8.0), "% core", 2.0)
    yield from starts(fleet, AGENTS, START)
    until(lambda: _asking(fleet) == AGENTS, "all of them ask", 120)
    yield Figure("  from a dialog on the screen to its state, the slowest", max(_delays(fleet)), "s", 1.0)
    time.sleep(SETTLING)
    yield Figure("  engine, all of them waiting", _share(engine, WATCHED), "% core", 0.5)
    sessions = fleet.ask("sessions")["sessions"]
    for one in sessions:
        fleet.ask("answer", task=one["task"], key="1", since=json.loads(one["dialog"])["since"])
    began = time.perf_counter()
    until(lambda: not fleet.ask("sessions")["sessions"], "all of them end", 120)
    yield Figure("  from the last answer to the end of them all", time.perf_counter() - began, "s")


def _asking(fleet: Fleet) -> int:
    return sum(one["dialog"] is not None for one in fleet.ask("sessions")["sessions"])


def _working(fleet: Fleet) -> int:
    return sum(one["health"] == "working" for one in fleet.ask("sessions")["sessions"])


def _delays(fleet: Fleet) -> list[float]:
    """Seconds from the last output of each agent, its dialog, to the reading that tells of it."""
    found = []
    for one in fleet.ask("sessions")["sessions"]:
        written = (fleet.home.attempts / one["attempt"] / "log").stat().st_mtime
        found.append(json.loads(one["dialog"])["since"] - written)
    return found


def _share(engine: psutil.Process, seconds: float) -> float:
    before = engine.cpu_times()
    time.sleep(seconds)
    after = engine.cpu_times()
    return 100 * (after.user + after.system - before.user - before.system) / seconds
