"""Changes are noticed whatever happens to the folder, with inotify and without."""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core import files
from core.adapters.writes import Writes
from core.troubles import Troubles

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

DEADLINE = 10.0


@contextmanager
def no_inotify_left() -> Iterator[None]:
    """Takes every instance that this user may have, also those that come free meanwhile."""
    libc = ctypes.CDLL(None, use_errno=True)
    taken: list[int] = []
    settled, over = threading.Event(), threading.Event()

    def take() -> None:
        latest = time.monotonic()
        while not over.wait(0.002):
            while (instance := libc.inotify_init1(os.O_CLOEXEC)) >= 0:
                taken.append(instance)
                latest = time.monotonic()
            if time.monotonic() - latest > 0.3:
                settled.set()

    taker = threading.Thread(target=take)
    taker.start()
    try:
        assert settled.wait(DEADLINE), "instances come free all the time"
        yield
    finally:
        over.set()
        taker.join()
        for instance in taken:
            os.close(instance)


def instances() -> int:
    """How many instances of inotify this process has."""
    handles = Path("/proc/self/fd")
    if not handles.exists():
        return 0
    return sum(os.path.realpath(handle).endswith("inotify") for handle in handles.iterdir())


class Watching:
    def __init__(self, changes: AsyncGenerator[None]) -> None:
        self._changes = changes
        self._next: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """From now on a change counts."""
        self._next = asyncio.ensure_future(anext(self._changes))  # type: ignore[arg-type]
        await asyncio.sleep(0.1)

    async def told(self) -> None:
        assert self._next is not None
        async with asyncio.timeout(DEADLINE):
            await self._next
        await self.begin()

    async def close(self) -> None:
        """Returns once its instance of inotify is free again."""
        assert self._next is not None
        before = instances()
        self._next.cancel()
        await asyncio.gather(self._next, return_exceptions=True)
        await self._changes.aclose()
        await until(lambda: not before or instances() < before)


async def until(holds) -> None:
    async with asyncio.timeout(DEADLINE):
        while not holds():
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("LOOK_EVERY", 0.05), ("TRY_AGAIN", 0.1), ("STEP", 0.02), ("SETTLE", 0.1)):
        monkeypatch.setattr(files, name, value)


async def test_a_folder_is_watched_through_all_that_can_happen_to_it(tmp_path: Path) -> None:
    folder = tmp_path / "watched"
    watching = Watching(files.changes(folder))
    await watching.begin()
    folder.mkdir()
    await watching.told()
    (folder / "one").touch()
    await watching.told()
    (folder / "one").unlink()
    folder.rmdir()
    await watching.told()
    folder.write_text("a file")
    await asyncio.sleep(0.1)
    folder.unlink()
    folder.mkdir()
    (folder / "two").touch()
    await watching.told()
    folder.rename(tmp_path / "aside")
    folder.mkdir()
    await watching.told()
    (folder / "three").write_text("3")
    await watching.told()
    await watching.close()


async def test_one_file_is_told_alone_also_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "real").write_text("1")
    (tmp_path / "config").symlink_to(tmp_path / "elsewhere" / "real")
    watching = Watching(files.changes(tmp_path, "config"))
    await watching.begin()
    (tmp_path / "other").touch()
    (tmp_path / "elsewhere" / "real").write_text("12")
    await watching.told()
    (tmp_path / "config").unlink()
    await watching.told()
    await watching.close()


@pytest.mark.skipif(sys.platform != "linux", reason="there is no inotify here")
async def test_without_inotify_changes_are_looked_for_and_that_is_said_until_there_is_some(tmp_path: Path) -> None:
    troubles = Troubles()
    watching = Watching(files.changes(tmp_path, troubles=troubles))
    with no_inotify_left():
        await watching.begin()
        assert "max_user_instances" in troubles.texts[0]
        (tmp_path / "one").touch()
        await watching.told()
        writes = Writes()
        assert not writes.tell(str(tmp_path / "one"), lambda: None)
    await until(lambda: not troubles)
    (tmp_path / "two").touch()
    await watching.told()
    heard = asyncio.Event()
    assert writes.tell(str(tmp_path / "one"), heard.set)
    (tmp_path / "one").write_text("word")
    async with asyncio.timeout(DEADLINE):
        await heard.wait()
    writes.close()
    await watching.close()


async def test_many_folders_are_watched_without_a_thread_of_the_loop(tmp_path: Path) -> None:
    watching = []
    for number in range(40):
        (tmp_path / str(number)).mkdir()
        watching.append(Watching(files.changes(tmp_path / str(number))))
        await watching[-1].begin()
    async with asyncio.timeout(DEADLINE):
        assert await asyncio.to_thread(lambda: "a thread is free") == "a thread is free"
    for one in watching:
        await one.close()
    await until(lambda: not [one for one in threading.enumerate() if one.name.startswith("watch")])


@pytest.mark.skipif(sys.platform != "linux", reason="names are always UTF-8 elsewhere")
async def test_a_name_that_is_not_utf8_is_a_change_like_any_other(tmp_path: Path) -> None:
    watching = Watching(files.changes(tmp_path))
    await watching.begin()
    for name in (b"\xff", b"\xfe", b"plain"):
        with open(os.path.join(os.fsencode(tmp_path), name), "w"):
            pass
        await watching.told()
    await watching.close()
