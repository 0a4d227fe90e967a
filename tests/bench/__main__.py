"""Measures everything, or the named parts:  python -m tests.bench [PART…]"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.bench import console, latency, load, mixes, orders, runs, scale, start, talks, throughput, workflows
from tests.bench.figures import HEADER
from tests.fleet import Fleet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.bench.figures import Figure

MANY, LONG, DEEP = 1000, 100_000, 1_000_000
SPARE = 200
"""Slots for the tasks that are measured."""


@contextmanager
def fleet_of(slots: int) -> Iterator[Fleet]:
    fleet = Fleet(f"[engine]\nslots = {slots}\nkeep_ended = 0\n\n[group.one]\nlimit = 1\n")
    try:
        yield fleet
    finally:
        fleet.clear()


def rate() -> Iterator[Figure]:
    with fleet_of(4) as fleet:
        yield from throughput.against_others(fleet)
        yield from throughput.rate(fleet)


def hundred() -> Iterator[Figure]:
    with fleet_of(100 + SPARE) as fleet:
        yield from latency.creations(fleet, 1)
        yield from latency.creations(fleet, 100)
        yield from latency.starts(fleet, 100, (3, 8))
        yield from latency.successions(fleet, 100)
        yield from load.idle(fleet, 100, 0.5)
        yield from load.slowdown(fleet, 100)
    with fleet_of(100) as fleet:
        yield from load.chatty(fleet, 100)


def thousand() -> Iterator[Figure]:
    with fleet_of(MANY + SPARE) as fleet:
        yield from latency.creations(fleet, MANY // 2)
        yield from latency.creations(fleet, MANY)
        yield from latency.starts(fleet, MANY, (None, 12))
        yield from latency.successions(fleet, MANY)
        yield from load.idle(fleet, MANY, 2.0)
        yield from scale.recovery(fleet, MANY)
        scale.queue(fleet, LONG)
        yield from load.memory(fleet, MANY, LONG)
        yield from console.screen(fleet, MANY, LONG)


def million() -> Iterator[Figure]:
    with fleet_of(4) as fleet:
        yield from scale.depth(fleet, DEEP)


def of_runs() -> Iterator[Figure]:
    yield from runs.without_tmux()
    with fleet_of(runs.SLOTS) as fleet:
        yield from runs.in_tmux(fleet)


PARTS: dict[str, Callable[[], Iterator[Figure]]] = {
    "rate": rate,
    "hundred": hundred,
    "thousand": thousand,
    "million": million,
    "start": start.figures,
    "mixes": mixes.figures,
    "talks": talks.figures,
    "runs": of_runs,
    "orders": orders.figures,
    "workflow-check": workflows.figures,
}


def main() -> int:
    """1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measures what muxdeck promises.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; by default all of them")
    parts = parser.parse_args().parts or list(PARTS)
    if unknown := set(parts) - set(PARTS):
        parser.error(f"no part is called {', '.join(sorted(unknown))}: choose of {', '.join(PARTS)}")
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, {platform.release()}")
    print(HEADER, flush=True)
    missed = 0
    for part in parts:
        for figure in PARTS[part]():
            print(figure.line(), flush=True)
            missed += figure.reached is False
    print(f"\n{missed} goals missed" if missed else "\nevery goal reached")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
