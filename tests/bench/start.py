"""An engine that starts with very much in its store: how long until everything is taken in."""

from __future__ import annotations

import gc
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from core.adapters import rows
from core.adapters.loading import LIVE
from core.adapters.store import SqliteStore
from core.engine.ring import Ring
from core.rules.recovery import restoring
from core.rules.world import World
from core.settings import Limits
from tests.bench.figures import Figure
from tests.build import add, new

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.ports import Store

DEEP, LONG, MANY = 1_000_000, 100_000, 1000
_FLOOR_IS = "a bare SELECT of the same rows"


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="mxb-") as folder:
        yield from _loaded(Path(folder, "deep"), f"{DEEP:,} queued tasks", DEEP, 0, 5.0)
        yield from _loaded(Path(folder, "long"), f"{MANY:,} sessions, {LONG:,} queued", LONG, MANY, 1.0)


def _loaded(path: Path, name: str, queued: int, running: int, goal: float) -> Iterator[Figure]:
    limits = Limits(slots=running or 1)
    _fill(path, limits, queued, running)
    store = SqliteStore(path, "normal")
    floor = _bare(store)
    began = time.perf_counter()
    ring = Ring(store, limits, time.time())
    elapsed = time.perf_counter() - began
    assert len(ring.world.tasks) >= queued + running
    yield Figure(f"everything read, {name}", elapsed, "s", goal, floor, _FLOOR_IS)
    yield Figure("  as many times the bare SELECT", elapsed / floor, "")
    del ring
    gc.collect()
    yield Figure("  longest piece of it", _longest_piece(store, limits) * 1e3, "ms")
    store.close()


def _bare(store: SqliteStore) -> float:
    """Seconds in which every row is a tuple in Python, and is let go."""
    began = time.perf_counter()
    for _row in store.db.execute(f"{rows.SELECT_TASK} WHERE {LIVE} ORDER BY id"):
        pass
    return time.perf_counter() - began


def _longest_piece(store: Store, limits: Limits) -> float:
    """Seconds for which nobody else is answered while everything is read."""
    loaded = store.load()
    world = World(limits=limits)
    longest, before = 0.0, time.perf_counter()
    for _ in restoring(world, loaded.tasks, loaded.attempts, time.time()):
        now = time.perf_counter()
        longest, before = max(longest, now - before), now
    return longest


def _fill(path: Path, limits: Limits, queued: int, running: int) -> None:
    """A few tasks are added as any are; the many queued ones are copies of the last."""
    store = SqliteStore(path, "off")
    Ring(store, limits, 100.0).apply(add(*[new()] * (running + 2)), 100.0)
    store.commit()
    columns = [row[1] for row in store.db.execute("PRAGMA table_info(task)")]
    copied = ", ".join(name for name in columns if name not in ("id", "place", "queued_at"))
    store.db.execute("BEGIN")
    store.db.execute(
        f"""WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {queued})
            INSERT INTO task (id, place, queued_at, {copied})
            SELECT id + n, place + n * 1e-3, queued_at + n * 1e-3, {copied}
            FROM number, task WHERE id = {running + 2}"""
    )
    store.db.execute("COMMIT")
    store.checkpoint()
    store.close()
