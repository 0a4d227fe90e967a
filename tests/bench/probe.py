"""What a process costs, read from the kernel."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.fleet import Fleet


def cpu(pid: int) -> float:
    """Seconds of CPU that all threads of a process took so far, to the nanosecond; 0 where it is gone."""
    total = 0
    for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(OSError):
            total += int(thread.read_text().split()[0])
    return total / 1e9


def share(pids: Iterable[int], seconds: float) -> float:
    """Per cent of a core that the processes take together over some seconds."""
    known = list(pids)
    before = {pid: cpu(pid) for pid in known}
    began = time.monotonic()
    time.sleep(seconds)
    elapsed = time.monotonic() - began
    return 100 * sum(cpu(pid) - before[pid] for pid in known) / elapsed


def memory(pid: int) -> float:
    """Megabytes resident."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def tmux_pids(fleet: Fleet) -> list[int]:
    return [int(server["pid"]) for server in fleet.servers() if server["pid"]]
