"""Writes to files are told once, and at once."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from core.adapters.writes import Writes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is no inotify here: logs are asked instead")


def test_the_next_write_is_told_once_and_of_this_file_alone(tmp_path: Path) -> None:
    async def story() -> None:
        writes, told = Writes(), asyncio.Queue[str]()
        for name in ("one", "two"):
            (tmp_path / name).touch()
            assert writes.tell(str(tmp_path / name), lambda name=name: told.put_nowait(name))
        for _ in range(2):
            with (tmp_path / "two").open("a") as file:
                file.write("words")
        assert await asyncio.wait_for(told.get(), 5) == "two"
        with (tmp_path / "one").open("a") as file:
            file.write("words")
        assert await asyncio.wait_for(told.get(), 5) == "one"
        assert told.empty(), "the second write to two was not asked for"
        assert writes.tell(str(tmp_path / "two"), lambda: told.put_nowait("two again"))
        with (tmp_path / "two").open("a") as file:
            file.write("words")
        assert await asyncio.wait_for(told.get(), 5) == "two again"
        writes.close()

    asyncio.run(story())


def test_a_file_that_is_not_there_is_not_watched(tmp_path: Path) -> None:
    async def story() -> None:
        writes = Writes()
        assert not writes.tell(str(tmp_path / "nothing"), lambda: None)
        writes.close()

    asyncio.run(story())


def test_what_nobody_wants_to_know_any_more_is_not_told_and_not_kept(tmp_path: Path) -> None:
    async def story() -> None:
        writes, told = Writes(), asyncio.Queue[str]()
        for name in ("one", "two"):
            (tmp_path / name).touch()
            assert writes.tell(str(tmp_path / name), lambda name=name: told.put_nowait(name))
        writes.forget(str(tmp_path / "one"))
        for name in ("one", "two"):
            (tmp_path / name).write_text("words")
        assert await asyncio.wait_for(told.get(), 5) == "two"
        assert told.empty()
        assert writes._waiting == {}
        writes.close()

    asyncio.run(story())
