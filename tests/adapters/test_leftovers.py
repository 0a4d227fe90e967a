"""What a store that was restored from a copy finds in the folder of attempts never hinders a new start."""

from __future__ import annotations

import shutil

import pytest

from core import messages as m
from core.adapters.folders import Folder, Place
from core.adapters.leftovers import OLD, move_aside
from core.adapters.store import SqliteStore
from core.engine.ring import Ring
from core.model import AttemptId, ProcessId
from core.settings import Limits
from tests.build import TRUE, add, new

PLACE = Place(0, 1, ProcessId(9, 1.5, "b"))


def test_folders_that_the_copy_does_not_know_make_room(tmp_path) -> None:
    attempts, path = tmp_path / "attempts", tmp_path / "db"
    attempts.mkdir()
    store = SqliteStore(path)
    ring = Ring(store, Limits(slots=9), 100.0)
    ring.apply(add(new(), new()), 100.0)
    store.commit()
    store.checkpoint()
    store.close()
    shutil.copy(path, tmp_path / "copy")
    store = SqliteStore(path)
    ring = Ring(store, Limits(slots=9), 101.0)
    ring.apply(m.Exited(AttemptId(1, 1), 1, 101.0), 101.0)
    ring.apply(m.Retry((1,)), 102.0)
    ring.apply(add(new()), 103.0)
    store.commit()
    store.close()
    for attempt in (AttemptId(1, 1), AttemptId(1, 2), AttemptId(2, 1), AttemptId(3, 1)):
        Folder(str(attempts), attempt).make(TRUE, "/", PLACE)
    (attempts / "notes").mkdir()
    (attempts / "1-02").mkdir()
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"db{suffix}").unlink(missing_ok=True)
    shutil.copy(tmp_path / "copy", path)

    store = SqliteStore(path)
    ring = Ring(store, Limits(slots=9), 104.0)
    moved = move_aside(attempts, store.attempts_made, ring.world.next_task)
    store.close()
    assert [name.removeprefix(OLD).rsplit("-", 1)[0] for name in moved] == ["1-2", "3-1"]
    assert all((attempts / name / "run").exists() for name in moved)
    assert {one.name for one in attempts.iterdir()} == {"1-1", "2-1", "notes", "1-02", *moved}
    Folder(str(attempts), AttemptId(1, 2)).make(TRUE, "/", PLACE)
    Folder(str(attempts), AttemptId(3, 1)).make(TRUE, "/", PLACE)


def test_a_folder_of_a_forgotten_task_stays(tmp_path) -> None:
    (tmp_path / "5-3").mkdir()
    assert move_aside(tmp_path, lambda _tasks: {}, 6) == []
    assert [name.startswith(f"{OLD}5-3-") for name in move_aside(tmp_path, lambda _tasks: {}, 5)] == [True]
    assert move_aside(tmp_path, lambda _tasks: {}, 5) == []


def test_a_folder_that_was_in_the_way_could_not_be_made_again(tmp_path) -> None:
    """That is why they are moved."""
    Folder(str(tmp_path), AttemptId(1, 1)).make(TRUE, "/", PLACE)
    with pytest.raises(FileExistsError):
        Folder(str(tmp_path), AttemptId(1, 1)).make(TRUE, "/", PLACE)
