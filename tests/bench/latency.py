"""From a wish to a running program, from an end to the next start, and sessions made cold."""

from __future__ import annotations

import itertools
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.bench import floors
from tests.bench.figures import latencies
from tests.fleet import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.figures import Figure
    from tests.fleet import Fleet

ROUNDS = 150
COLD = 100
PAUSE = 0.01
"""Seconds between two submits: a person, or a script, not a flood."""


def fill(fleet: Fleet, live: int) -> None:
    """Starts tasks that sleep until that many run."""
    missing = live - _running(fleet)
    for _ in range(0, missing, 100):
        fleet.add_all(*[{"command": ["sleep", "100000"], "name": "agent"}] * min(100, live - _running(fleet)))
        until(lambda: fleet.ask("stats")["counts"].get("queued", 0) == 0, "all of them run", 120)


def _running(fleet: Fleet) -> int:
    return int(fleet.ask("stats")["counts"].get("running", 0))


def starts(fleet: Fleet, live: int, goals: tuple[float | None, float | None]) -> Iterator[Figure]:
    """With that many sessions live."""
    begun, committed = [], []
    for _ in range(ROUNDS):
        submitted = time.time()
        task = fleet.add(*floors.STAMP)
        fleet.ask("wait", tasks=[task])
        told = time.time()
        ran = float(fleet.log(task))
        begun.append(ran - submitted)
        committed.append(told - ran)
        time.sleep(PAUSE)
    spawned, noticed = floors.spawned(ROUNDS)
    yield from latencies(
        f"submit to program running, {live:,} live", begun, goals=goals, floor=spawned, floor_is="fork and exec"
    )
    yield from latencies(
        f"exit to result committed and told, {live:,} live", committed, goals=(None, 10), floor=noticed, floor_is="wait"
    )


def successions(fleet: Fleet, live: int) -> Iterator[Figure]:
    """One task after the other through one slot; the program's own time is in it, here and in the floor."""
    tasks = fleet.add_all(*[{"command": list(floors.STAMP), "group": "one"}] * ROUNDS)
    fleet.wait(*tasks)
    stamps = [float(fleet.log(task)) for task in tasks]
    gaps = [later - sooner for sooner, later in itertools.pairwise(stamps)]
    yield from latencies(
        f"exit to next start, {live:,} live", gaps, goals=(None, 15), floor=floors.sh_loop(ROUNDS), floor_is="sh loop"
    )


def creations(fleet: Fleet, live: int) -> Iterator[Figure]:
    """Without a reserve, so that each start needs a new session: from the command to tmux's reply."""
    fill(fleet, live)
    with without_reserve(fleet):
        before = fleet.ask("stats")["creation"]["count"]
        tasks, samples = [], []
        for made in range(1, COLD + 1):
            tasks.append(fleet.add("sleep", "100000"))
            until(lambda count=before + made: fleet.ask("stats")["creation"]["count"] >= count, "a session is made")
            samples.append(fleet.ask("stats")["creation"]["latest"][-1] / 1e3)
            time.sleep(PAUSE)
    fleet.ask("stop", tasks=tasks, now=True)
    fleet.wait(*tasks)
    yield from latencies(
        f"session created cold, {live:,} live",
        samples,
        goals=(None, 10),
        floor=floors.tmux_loop(COLD),
        floor_is="bare control-mode loop, an empty server",
    )


@contextmanager
def without_reserve(fleet: Fleet) -> Iterator[None]:
    """By the configuration, which the engine reads again; the sessions in reserve are used up."""
    text = fleet.home.config.read_text()
    fleet.home.config.write_text(text.replace("[engine]\n", "[engine]\nwarm_sessions = 0\n"))

    def used_up() -> bool:
        fleet.wait(fleet.add("true"))
        time.sleep(PAUSE)
        return sum(server["sessions"] for server in fleet.servers()) == _running(fleet)

    until(used_up, "the reserve is used up", 60)
    try:
        yield
    finally:
        fleet.home.config.write_text(text)
