"""The bell and the configuration of tmux: made anew, in place of whatever stands there; garbage is passed over."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from core.adapters.tmux.bell import Bell
from core.adapters.tmux.configuration import Configuration, configuration
from core.adapters.tmux.control import TmuxError
from core.settings import ConsoleSettings, Settings
from core.troubles import Troubles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Heard:
    def __init__(self, path: Path) -> None:
        self.words: list[str] = []
        self.bell = Bell(
            path,
            lambda attempt, pid: self.words.append(f"S {attempt} {pid}"),
            lambda attempt, status: self.words.append(f"E {attempt} {status}"),
            lambda attempt, status: self.words.append(f"X {attempt} {status}"),
            lambda attempt: self.words.append(f"N {attempt}"),
            lambda attempt: self.words.append(f"H {attempt}"),
            lambda: self.words.append("lost"),
        )

    async def until(self, *words: str) -> None:
        async with asyncio.timeout(10):
            while self.words != list(words):
                await asyncio.sleep(0.005)


@pytest.fixture
async def heard(tmp_path: Path) -> Iterator[Heard]:
    heard = Heard(tmp_path / "bell")
    yield heard
    heard.bell.close()


def ring(path: Path, words: bytes) -> None:
    fifo = os.open(path, os.O_RDWR)
    os.write(fifo, words)
    os.close(fifo)


async def test_garbage_on_the_bell_is_passed_over_and_bounded(heard: Heard, tmp_path: Path) -> None:
    for noise in (b"\0\xff\n", b"E\n", b"E 1-1\n", b"E x 1\n", b"S 1-1 " + b"9" * 5000 + b"\n", b"x" * 60_000):
        ring(tmp_path / "bell", noise)
        await asyncio.sleep(0.01)
    assert len(heard.bell._rest) < 1000
    ring(tmp_path / "bell", b"E 1-1 0\nE 1-2 0\n")
    await heard.until("E 1-2 0")


@pytest.mark.parametrize("instead", ["nothing", "file", "folder", "fifo"])
async def test_a_bell_that_is_gone_is_made_anew_whatever_stands_there(
    instead: str, heard: Heard, tmp_path: Path
) -> None:
    path = tmp_path / "bell"
    path.unlink()
    {
        "nothing": lambda: None,
        "file": lambda: path.write_text("E 1-1 0\n"),
        "folder": path.mkdir,
        "fifo": lambda: os.mkfifo(path),
    }[instead]()
    assert not heard.bell.is_there
    heard.bell.mend()
    assert heard.bell.is_there
    ring(path, b"E 2-1 0\n")
    await heard.until("lost", "E 2-1 0")
    heard.bell.mend()
    await heard.until("lost", "E 2-1 0")


def with_key(key: str) -> Settings:
    return replace(Settings(), console=replace(ConsoleSettings(), detach_key=key))


def test_a_detach_key_is_a_key_or_is_not_bound() -> None:
    for key in ("C-q", "M-d", "F12", "C-M-x", "Home", "#", "%", '"', "\\", ";"):
        assert ": back " in configuration(with_key(key))
    assert "bind -n C-M-x detach-client" in configuration(with_key("C-M-x"))
    assert '" ##: back "' in configuration(with_key("#"))
    for key in ("", "x\nrun-shell reboot", "#(reboot)", "a b", "x ; kill-server", "C-q\r", "é"):
        assert configuration(with_key(key)) == configuration(Settings())


def test_a_configuration_that_cannot_be_written_starts_no_server_and_is_said_until_it_is(tmp_path: Path) -> None:
    folder, troubles = tmp_path / "run", Troubles()
    found = Configuration(folder / "tmux.conf")
    found.set(Settings())
    found.mend(troubles)
    assert "cannot write" in troubles.texts[0]
    with pytest.raises(TmuxError, match="cannot write"):
        found.write()
    folder.mkdir()
    for make in (lambda: None, found.path.unlink, lambda: found.path.write_text("cut")):
        make()
        found.mend(troubles)
        assert found.path.read_text() == configuration(Settings())
        assert not troubles
