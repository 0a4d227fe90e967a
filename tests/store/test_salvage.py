"""A store whose file is damaged, cut short or something else is opened with what can be read of it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from core.adapters.store import SqliteStore, StoreError
from core.engine.ring import Ring
from core.settings import AgentLimits, Limits
from tests.build import add, new

if TYPE_CHECKING:
    from pathlib import Path

LIMITS = Limits(slots=2, agents=(AgentLimits("local"),))
COUNT = 3000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store that was closed in order, with its journal folded."""
    found = tmp_path / "muxdeck.db"
    store = SqliteStore(found)
    ring = Ring(store, LIMITS, 100.0)
    ring.apply(add(*[new(f"number {number}") for number in range(COUNT)]), 100.0)
    store.commit()
    store.checkpoint()
    store.close()
    return found


def page_of(path: Path, marker: bytes) -> int:
    """Where the page begins that has the text."""
    with closing(sqlite3.connect(path)) as db:
        size = db.execute("PRAGMA page_size").fetchone()[0]
    at = path.read_bytes().index(marker)
    return int(at // size * size)


def live_tasks(store: SqliteStore) -> list[int]:
    return sorted(Ring(store, LIMITS, 200.0).world.tasks)


def kept(path: Path) -> Path:
    """The damaged file, beside the new one."""
    (found,) = [one for one in path.parent.glob("muxdeck.db.damaged-*") if not one.name.endswith(("-wal", "-shm"))]
    return found


def test_a_sound_store_is_left_as_it_is(path: Path) -> None:
    before = path.stat().st_ino
    store = SqliteStore(path)
    assert (store.notices, len(live_tasks(store)), path.stat().st_ino) == ([], COUNT, before)
    store.close()


def test_a_damaged_page_costs_the_tasks_on_it(path: Path) -> None:
    at = page_of(path, b"number 1500")
    content = bytearray(path.read_bytes())
    content[at : at + 512] = os.urandom(512)
    path.write_bytes(content)
    store = SqliteStore(path)
    tasks = live_tasks(store)
    assert COUNT - 100 < len(tasks) < COUNT
    assert {1, 2, COUNT} <= set(tasks)
    assert store.spec(1).name == "number 0"
    assert kept(path).read_bytes() == bytes(content)
    assert kept(path).name in store.notices[0]
    assert path.stat().st_mode & 0o777 == 0o600
    store.close()
    again = SqliteStore(path)
    assert (again.notices, live_tasks(again)) == ([], tasks)
    again.close()


def test_new_tasks_get_numbers_that_no_lost_one_had(path: Path) -> None:
    at = page_of(path, f"number {COUNT - 1}".encode())
    content = bytearray(path.read_bytes())
    content[at : at + 512] = b"\xff" * 512
    path.write_bytes(content)
    store = SqliteStore(path)
    ring = Ring(store, LIMITS, 200.0)
    assert COUNT not in ring.world.tasks
    ring.apply(add(), 201.0)
    assert max(ring.world.tasks) == COUNT + 1
    store.close()


@pytest.mark.parametrize("share", [0.9, 0.5, 0.1])
def test_a_file_that_was_cut_short_gives_what_is_left(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    store = SqliteStore(path)
    tasks = live_tasks(store)
    assert len(tasks) <= COUNT
    assert len(tasks) > COUNT * share / 3 or share < 0.5, "only the roots of the tables stand at the front"
    assert "was damaged" in store.notices[0]
    store.close()


@pytest.mark.parametrize("content", [b"no database" * 1000, b"SQLite format 3\x00" + b"\xff" * 5000, b"x"])
def test_what_is_no_database_is_kept_beside_a_new_store(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    store = SqliteStore(path)
    assert live_tasks(store) == []
    assert "nothing" in store.notices[0]
    assert kept(path).read_bytes() == content
    store.close()


def test_a_journal_of_nonsense_does_not_hinder(path: Path) -> None:
    path.with_name("muxdeck.db-wal").write_bytes(os.urandom(5000))
    store = SqliteStore(path)
    assert len(live_tasks(store)) == COUNT
    store.close()


def test_what_only_the_journal_has_is_salvaged_too(path: Path) -> None:
    store = SqliteStore(path)
    Ring(store, LIMITS, 200.0).apply(add(new("late")), 201.0)
    store.commit()
    at = page_of(path, b"number 100")
    content = bytearray(path.read_bytes())
    wal = path.with_name("muxdeck.db-wal").read_bytes()
    store.close()
    content[at : at + 512] = b"\xff" * 512
    path.write_bytes(content)
    path.with_name("muxdeck.db-wal").write_bytes(wal)
    store = SqliteStore(path)
    assert store.notices
    assert store.spec(COUNT + 1).name == "late"
    store.close()


@pytest.mark.parametrize("gone", [True, False])
def test_a_journal_that_has_lost_its_file_is_kept(path: Path, gone: bool) -> None:
    journal = b"the journal" * 1000
    path.with_name("muxdeck.db-wal").write_bytes(journal)
    path.unlink() if gone else path.write_bytes(b"")
    store = SqliteStore(path)
    assert "its journal is not" in store.notices[0]
    (found,) = path.parent.glob("*.damaged-*-wal")
    assert found.read_bytes() == journal
    store.close()


def test_a_newer_schema_is_refused_and_untouched(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE meta SET value = '99' WHERE name = 'schema'")
        db.execute("DROP INDEX task_queued")
        db.execute("ALTER TABLE task RENAME COLUMN place TO position")
        db.commit()
    with pytest.raises(StoreError, match="schema 99"):
        SqliteStore(path)
    assert not list(path.parent.glob("*.damaged-*"))


def test_a_store_that_somebody_holds_is_not_taken_for_a_damaged_one(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="locked"):
            SqliteStore(path)
    assert not list(path.parent.glob("*.damaged-*"))


def test_history_says_what_happened(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)
    store = SqliteStore(path)
    assert store.db.execute("SELECT text FROM note").fetchone()[0] == store.notices[0]
    store.close()
