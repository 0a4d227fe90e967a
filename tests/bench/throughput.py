"""Trivial tasks, each in a tmux session, against tools that have none."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.bench import floors
from tests.bench.figures import Figure
from tests.bench.probe import cpu

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fleet import Fleet

TRUE = {"command": ["/bin/true"]}


def against_others(fleet: Fleet) -> Iterator[Figure]:
    """From the first command typed to the end of the last task: 200 tasks, 4 slots. The best of three, in turns."""
    took: dict[str, list[float]] = {"muxdeck": [], "tsp": [], "parallel": [], "sh": []}
    path = fleet.home.root / "tasks"
    path.write_text("/bin/true\n" * 200)
    for _ in range(3):
        began = time.perf_counter()
        fleet.muxdeck("batch", "--wait", str(path))
        took["muxdeck"].append(time.perf_counter() - began)
        took["sh"].append(floors.sh_tasks(200, 4))
        for name, tool in (("tsp", floors.task_spooler), ("parallel", floors.parallel)):
            if (seconds := tool(200, 4)) is not None:
                took[name].append(seconds)
    ours = min(took["muxdeck"])
    spooler = min(took["tsp"], default=None)
    yield Figure("200 trivial tasks, 4 slots, from the shell", ours, "s", spooler, spooler, "task-spooler")
    yield Figure("  the same", ours, "s", None, min(took["parallel"], default=None), "GNU parallel")
    yield Figure("  the same", ours, "s", None, min(took["sh"]), "4 bare sh loops")


def rate(fleet: Fleet, count: int = 3000) -> Iterator[Figure]:
    pid = fleet.pid
    spent, began = cpu(pid), time.perf_counter()
    tasks = []
    for start in range(0, count, 500):
        tasks += fleet.add_all(*[TRUE] * min(500, count - start))
    fleet.ask("wait", tasks=tasks)
    elapsed = time.perf_counter() - began
    bare = count / floors.sh_tasks(count, 4)
    yield Figure(
        "trivial tasks a second, 4 slots", count / elapsed, "/s", 500, bare, "4 bare sh loops", more_is_better=True
    )
    yield Figure("  engine's CPU for each of them", (cpu(pid) - spent) / count * 1e3, "ms")
