"""Whose process is whose: also of those that have left their session, and never of a stranger's."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from core.adapters import processes
from core.adapters.members import Members, Tenant
from core.model import AttemptId
from tests.fleet import has_ended, until

if TYPE_CHECKING:
    from collections.abc import Iterator

ATTEMPT = AttemptId(7, 1)
HOME = Path("/nowhere/home")
MARKS = {"MUXDECK_HOME": str(HOME), "MUXDECK_ATTEMPT": str(ATTEMPT)}
ESCAPE = """
import os, sys, time
if os.fork():
    time.sleep(300)
os.setsid()
if os.fork():
    os._exit(0)
open(sys.argv[1], "w").write(str(os.getpid()))
time.sleep(300)
"""

Launch = "Callable[..., subprocess.Popen[bytes]]"


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """A shell that stands in for a launcher: its child forks twice and leaves the session."""
    shells: list[subprocess.Popen[bytes]] = []
    others: list[int] = []

    def start(env: dict[str, str]) -> subprocess.Popen[bytes]:
        script, told = tmp_path / "escape.py", tmp_path / "pid"
        script.write_text(ESCAPE)
        shell = subprocess.Popen(
            ["sh", "-c", '"$@"; exit', "sh", sys.executable, str(script), str(told)],
            env={"PATH": os.environ["PATH"]} | env,
            start_new_session=True,
        )
        shells.append(shell)
        until(lambda: told.exists() and told.read_text(), "it has escaped")
        shell.escaped = int(told.read_text())  # type: ignore[attr-defined]
        others.extend([shell.escaped, *(child.pid for child in psutil.Process(shell.pid).children())])
        return shell

    yield start
    for pid in others:
        with suppress(ProcessLookupError):
            os.kill(pid, 9)
    for shell in shells:
        shell.kill()
        shell.wait()


async def test_an_escaped_process_is_found_by_a_pass_and_by_its_marks_alone(launch: Launch) -> None:
    shell, members = launch(MARKS), Members(HOME)
    launcher = processes.identify(shell.pid)
    members.add(ATTEMPT, Tenant(launcher, "", ""))
    await members.refresh()
    assert shell.escaped in members.of[ATTEMPT]
    assert members.launcher_alive(members.tenants[ATTEMPT])
    assert members.survivors(ATTEMPT) is True
    escaped = psutil.Process(shell.escaped)
    for pid in members.of[ATTEMPT]:
        os.kill(pid, 9)
    shell.wait()
    until(lambda: has_ended(escaped), "it has ended")
    await members.refresh()
    assert [process for process in members.of[ATTEMPT].values() if not process.dead] == []
    assert not members.launcher_alive(members.tenants[ATTEMPT])


async def test_the_same_marks_of_another_home_are_a_stranger_s(launch: Launch) -> None:
    shell, members = launch(MARKS | {"MUXDECK_HOME": "/nowhere/else"}), Members(HOME)
    members.add(ATTEMPT, Tenant(None, "", ""))
    await members.refresh()
    assert members.of[ATTEMPT] == {}
    assert not has_ended(psutil.Process(shell.escaped))


async def test_a_launcher_that_was_a_stranger_until_now_is_seen_alive(launch: Launch) -> None:
    shell, members = launch(MARKS), Members(HOME)
    await members.refresh()
    members.add(ATTEMPT, Tenant(processes.identify(shell.pid), "", ""))
    await members.refresh()
    assert members.launcher_alive(members.tenants[ATTEMPT])


async def test_one_whose_environment_is_not_told_now_is_asked_again_at_the_next_pass() -> None:
    """As of each program for a moment, while it becomes that program."""
    members = Members(HOME)
    members.add(ATTEMPT, Tenant(None, "", ""))
    untold = await asyncio.create_subprocess_exec("/bin/sleep", "300", env={}, start_new_session=True)
    await members.refresh()
    assert untold.pid not in members._strangers
    assert os.getpid() in members._strangers
    untold.kill()
    await untold.wait()
