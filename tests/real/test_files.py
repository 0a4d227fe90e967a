"""The files of attempts on a real engine: odd ones, removed ones, and a disk without room."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.fleet import Fleet, has_ended, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def launcher_of(fleet: Fleet, task: int) -> int:
    spec = (fleet.home.attempts / f"{task}-1" / "run").read_text().splitlines()[0]
    return int(json.loads(spec.removeprefix("# "))["place"][2][0])


@pytest.mark.parametrize("odd", ["mkfifo", "mkdir", "ln -s /dev/zero", "echo abc >"])
def test_odd_files_in_the_folder_of_an_attempt_cost_it_alone(fleet: Fleet, odd: str) -> None:
    """A fifo in place of its result hung the engine, and all its clients with it."""
    names = ("result.json", "exit", "exit.new", "log.dropped", "log.1", "screen", "hooks.spool", "session")
    folder = fleet.home.attempts / "1-1"
    task = fleet.shell("; ".join(f"{odd} {folder / name}" for name in names) + "; echo said; exit 3")
    assert task == 1
    assert fleet.wait(task) == ["failed"]
    assert fleet.task(task)["attempts"][0]["exit_code"] == 3
    assert b"said" in fleet.log(task)
    pid = fleet.pid
    fleet.kill_engine()
    assert fleet.wait(fleet.add("true")) == ["succeeded"]
    assert fleet.pid != pid


def test_an_engine_starts_whatever_lies_in_its_folders_and_a_damaged_end_is_lost_in_words(fleet: Fleet) -> None:
    damaged, whole = fleet.add("sleep", "300"), fleet.shell("sleep 0.5; exit 4")
    for task in (damaged, whole):
        fleet.running(task)
    launcher = launcher_of(fleet, damaged)
    fleet.kill_engine()
    os.kill(launcher, signal.SIGKILL)
    (fleet.home.attempts / f"{damaged}-1" / "exit.new").write_text("abc\n")
    (fleet.home.slots / "x").mkdir()
    (fleet.home.slots / ("9" * 5000)[:200]).touch()
    os.mkfifo(fleet.home.slots / "fifo")
    (fleet.home.attempts / "not-one").mkdir()
    assert fleet.wait(damaged, whole) == ["lost", "failed"]
    assert "its exit file is damaged: it holds no exit status" in fleet.task(damaged)["reason"]
    assert fleet.wait(fleet.add("true")) == ["succeeded"]


@pytest.mark.parametrize("name", ["attempts", "slots", "both"])
def test_a_folder_of_the_home_that_is_removed_is_made_anew_and_nothing_waits_for_ever(
    make_fleet: Callable[..., Fleet], name: str
) -> None:
    fleet = make_fleet("[engine]\nslots = 2\nwarm_sessions = 2\n")
    gate = fleet.home.root / "gate"
    task = fleet.shell(f"while ! test -e {gate}; do sleep 0.05; done; exit 5")
    fleet.running(task)
    for removed in ("attempts", "slots") if name == "both" else (name,):
        shutil.rmtree(fleet.home.root / removed)
    later = [fleet.add("true") for _ in range(4)]
    assert fleet.wait(*later) == ["succeeded"] * 4
    gate.touch()
    assert fleet.wait(task) == ["failed"]
    assert fleet.task(task)["attempts"][0]["exit_code"] == 5


def test_the_end_of_one_whose_folder_is_gone_is_told_to_the_next_engine_too(fleet: Fleet) -> None:
    gate = fleet.home.root / "gate"
    ended, running = (fleet.shell(f"while ! test -e {gate}{n}; do sleep 0.05; done; exit {n}") for n in (6, 7))
    for task in (ended, running):
        fleet.running(task)
    pid = fleet.running(ended)["pid"]
    fleet.kill_engine()
    shutil.rmtree(fleet.home.attempts)
    Path(f"{gate}6").touch()
    until(lambda: not psutil.pid_exists(pid), "it has ended while there was no engine")
    assert fleet.wait(ended) == ["failed"]
    assert fleet.state(running) == "running"
    Path(f"{gate}7").touch()
    assert fleet.wait(running) == ["failed"]
    assert [fleet.task(task)["attempts"][0]["exit_code"] for task in (ended, running)] == [6, 7]


@pytest.mark.parametrize("seed", range(3))
def test_nothing_runs_twice_when_engine_servers_and_launchers_are_killed_at_one_instant(
    make_fleet: Callable[..., Fleet], seed: int
) -> None:
    fleet = make_fleet("[engine]\nslots = 8\nwarm_sessions = 4\n")
    ran = fleet.home.root / "ran"
    text = f"trap '' HUP; echo $$ >>{ran}; while :; do sleep 0.05; done"
    again = {"attempts": 3, "first": 0, "lost": True}
    tasks = [fleet.shell(text, retry=again) for _ in range(4)]
    for task in tasks:
        fleet.running(task)
    until(lambda: ran.read_text().count("\n") == 4, "all have begun")
    programs = [psutil.Process(int(pid)) for pid in ran.read_text().split()]
    kills = [fleet.pid, *(server["pid"] for server in fleet.servers()), *(launcher_of(fleet, task) for task in tasks)]
    random.Random(seed).shuffle(kills)
    for pid in kills:
        os.kill(pid, signal.SIGKILL)
    fleet.disconnect()
    until(lambda: [fleet.running(task)["health"] for task in tasks] == ["orphaned"] * 4, "they are seen")
    assert [fleet.task(task)["attempts"][-1]["attempt"] for task in tasks] == [f"{task}-1" for task in tasks]
    assert not any(map(has_ended, programs))
    programs[0].kill()
    until(lambda: ran.read_text().count("\n") == 5, "what is gone is tried again")
    assert sum(len(fleet.task(task)["attempts"]) for task in tasks) == 5


@pytest.fixture
def small() -> Iterator[Fleet]:
    """A fleet on a disk of 24 MB; its store is on another one."""
    fleet = Fleet("")
    root, store = fleet.home.root, fleet.home.root.with_name(f"{fleet.home.root.name}-store")
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "none", str(root)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        shutil.rmtree(root)
        pytest.skip("only root can mount a small disk")
    store.mkdir()
    fleet.home.store.symlink_to(store / "muxdeck.db")
    fleet.home.config.write_text('[engine]\nslots = 6\nwarm_sessions = 2\ndurability = "normal"\n')
    yield fleet
    fleet.clear()
    subprocess.run(["umount", "-l", str(root)], check=True)
    for folder in (root, store):
        shutil.rmtree(folder)


def test_on_a_disk_without_room_nothing_fails_no_end_is_forgotten_and_what_is_missing_is_said(small: Fleet) -> None:
    gate = Path("/tmp", f"{small.home.root.name}-gate")
    waits = f"while ! test -e {gate}; do sleep 0.05; done"
    ends = [small.shell(f"{waits}; exit {code}") for code in (0, 9)]
    writes = small.shell("for i in $(seq 1 2000); do printf '%0500d\\n' $i; sleep 0.005; done; echo THE END")
    for task in (*ends, writes):
        small.running(task)
    ballast = small.home.root / "ballast"
    try:
        with open(ballast, "wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                with suppress(OSError):
                    while file.write(b"\0" * size) == size:
                        pass
        later = [small.add("true") for _ in range(3)]
        until(lambda: all("the disk is full" in (small.task(task)["reason"] or "") for task in later), "it is said")
        log = small.home.attempts / f"{writes}-1" / "log"
        until(lambda: log.stat().st_size and log.stat().st_size % 4096 == 0, "there is no room for its output")
        gate.touch()
        assert small.wait(*ends) == ["succeeded", "failed"], "the bell tells what cannot be written"
        assert [small.task(task)["attempts"][0]["exit_code"] for task in ends] == [0, 9]
    finally:
        ballast.unlink()
        gate.unlink(missing_ok=True)
    assert small.wait(*later, writes) == ["succeeded"] * 4
    shown = small.log(writes).decode()
    assert shown.endswith("THE END\r\n")
    assert "bytes of output are missing here: the disk was full" in shown
    assert len(shown) >= 2000 * 502 - 4096
    assert [len(small.task(task)["attempts"]) for task in later] == [1, 1, 1]
