"""What it costs while it does nothing, and what that takes from those who work."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

from tests.bench import probe
from tests.bench.figures import Figure
from tests.fleet import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fleet import Fleet

SETTLE = 20.0
"""Seconds after the last start: what follows a start is over, and looks have found their pace."""
SECONDS = 30.0
WINDOW = 1.5
_WORK = "i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done"


def idle(fleet: Fleet, live: int, goal: float) -> Iterator[Figure]:
    """While nobody looks."""
    time.sleep(SETTLE)
    ours, tmux = probe.share([fleet.pid], SECONDS), probe.share(probe.tmux_pids(fleet), SECONDS)
    yield Figure(f"engine's CPU, {live:,} idle sessions", ours, "%", goal)
    yield Figure(f"  tmux's own, {live:,} idle sessions", tmux, "%")


def chatty(fleet: Fleet, live: int) -> Iterator[Figure]:
    fleet.add_all(*[{"shell": "while :; do echo a line of output; sleep 1; done"}] * live)
    until(lambda: fleet.ask("stats")["counts"].get("running", 0) == live, "all of them run", 120)
    time.sleep(SETTLE)
    ours, tmux = probe.share([fleet.pid], SECONDS), probe.share(probe.tmux_pids(fleet), SECONDS)
    yield Figure(f"engine's CPU, {live:,} sessions that write a line a second", ours, "%")
    yield Figure(f"  tmux's own, {live:,} sessions that write a line a second", tmux, "%")


def slowdown(fleet: Fleet, live: int) -> Iterator[Figure]:
    """Work on every core, in turns with the engine and its tmux servers running, and stopped."""
    ours = [fleet.pid, *probe.tmux_pids(fleet)]
    fleet.disconnect()
    with_us, without = 0.0, 0.0
    try:
        for _ in range(10):
            with_us += _worked()
            _signal(ours, signal.SIGSTOP)
            without += _worked()
            _signal(reversed(ours), signal.SIGCONT)
    finally:
        _signal(reversed(ours), signal.SIGCONT)
    yield Figure(f"slowdown of the agents' own work, {live:,} idle sessions", 100 * (1 - with_us / without), "%", 2.0)


def _worked() -> float:
    """CPU seconds that busy loops, one for each core, get done in a window."""
    workers = [subprocess.Popen(["sh", "-c", f"while :; do {_WORK}; done"]) for _ in range(os.cpu_count() or 1)]
    time.sleep(0.05)
    before = sum(probe.cpu(worker.pid) for worker in workers)
    time.sleep(WINDOW)
    done = sum(probe.cpu(worker.pid) for worker in workers) - before
    for worker in workers:
        worker.kill()
        worker.wait()
    return done


def _signal(pids: Iterator[int] | list[int], number: int) -> None:
    for pid in pids:
        os.kill(pid, number)


def memory(fleet: Fleet, live: int, queued: int) -> Iterator[Figure]:
    yield Figure(f"engine's memory, {live:,} sessions, {queued:,} queued", probe.memory(fleet.pid), "MB", 80)
    yield Figure("  tmux's own, all servers", sum(map(probe.memory, probe.tmux_pids(fleet))), "MB")
