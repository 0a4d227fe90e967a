"""Faults of what a running engine stands on, made and taken away again: one engine, said in words, nothing lost."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from core.client import Client
from core.engine.lock import holder
from core.home import Home
from core.sockets import listens
from tests.adapters.test_files import no_inotify_left
from tests.fleet import DEADLINE, Fleet, has_ended, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def said(fleet: Fleet, words: str) -> bool:
    return fleet.home.log.exists() and words in fleet.home.log.read_text()


def works(fleet: Fleet) -> None:
    assert fleet.wait(fleet.add("true")) == ["succeeded"]


def waits_for(gate: Path) -> str:
    return f"while ! test -e {gate}; do sleep 0.05; done; exit 3"


@pytest.mark.parametrize("swept", ["engine.sock", "bell", "tmux.conf", "*", "run"])
def test_swept_runtime_files_are_made_anew_and_no_end_is_missed(swept: str, fleet: Fleet) -> None:
    home, pid = fleet.home, fleet.pid
    gate = home.root / "gate"
    task = fleet.shell(waits_for(gate))
    fleet.running(task)
    if swept == "run":
        shutil.rmtree(home.run)
    else:
        for path in home.run.glob(swept):
            path.unlink()
    gate.touch()
    assert fleet.wait(task) == ["failed"], "also of an end that rang no bell; this client stays connected"
    assert fleet.task(task)["attempts"][0]["exit_code"] == 3
    until(lambda: home.socket.exists() and home.bell.is_fifo(), "they are there again")
    assert fleet.muxdeck("engine", "status").returncode == 0
    works(fleet)
    assert fleet.pid == pid
    servers = fleet.servers()
    until(lambda: all("_ctl" in fleet.tmux(server["index"], "ls") for server in servers), "tmux can be attached to")
    if swept in ("*", "run"):
        assert said(fleet, "trouble with socket")
    until(lambda: "no more trouble" in home.log.read_text() or swept == "tmux.conf", "and it is over")


def test_a_client_that_comes_while_the_socket_is_gone_finds_the_same_engine(fleet: Fleet) -> None:
    pid = fleet.pid
    for _ in range(2):
        fleet.home.socket.unlink()
        told = fleet.muxdeck("engine", "start")
        assert told.returncode == 0, told.stderr
        assert fleet.pid == pid
    with Client(fleet.home, start=False) as other:
        assert other.ask("status")["pid"] == pid


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_lock_that_is_taken_away_is_taken_anew_and_never_makes_two_engines(how: str, fleet: Fleet) -> None:
    pid, home = fleet.pid, fleet.home
    if how == "removed":
        home.lock.unlink()
    else:
        (home.root / "other").write_text("1\n")
        (home.root / "other").rename(home.lock)
    argv = [sys.executable, "-m", "core.engine", "--home", str(home.root)]
    others = [subprocess.Popen(argv, stderr=subprocess.DEVNULL) for _ in range(3)]
    assert [other.wait(timeout=DEADLINE) for other in others] == [7, 7, 7]
    until(lambda: holder(home.lock) == pid, "the lock is held again")
    works(fleet)
    assert fleet.pid == pid


def test_an_engine_whose_lock_was_taken_by_another_ends_and_leaves_it_the_work(fleet: Fleet) -> None:
    gate, home = fleet.home.root / "gate", fleet.home
    task = fleet.shell(waits_for(gate))
    fleet.running(task)
    first = psutil.Process(fleet.pid)
    first.suspend()
    home.socket.unlink()
    home.lock.unlink()
    fleet.disconnect()
    second = fleet.pid
    assert second != first.pid
    first.resume()
    until(lambda: has_ended(first), "the first one ends")
    assert listens(home.socket)
    gate.touch()
    assert fleet.wait(task) == ["failed"]
    assert fleet.task(task)["attempts"][0]["exit_code"] == 3
    works(fleet)
    assert (fleet.pid, holder(home.lock)) == (second, second)


def test_a_removed_home_ends_its_engine_and_what_runs_on_never_meets_a_new_one(fleet: Fleet) -> None:
    home, gate = fleet.home, fleet.home.root.with_name(f"{fleet.home.root.name}-gate")
    fleet.running(fleet.shell(waits_for(gate)))
    first = psutil.Process(fleet.pid)
    servers = [psutil.Process(server["pid"]) for server in fleet.servers()]
    programs = [process for process in fleet.processes() if process.name() == "sh"]
    fleet.disconnect()
    until(lambda: shutil.rmtree(home.root, ignore_errors=True) or not home.root.exists(), "it is removed as a whole")
    assert fleet.muxdeck("ls").returncode == 0
    second = fleet.pid
    until(lambda: has_ended(first), "the first engine ends")
    of_the_same_name = fleet.add("sleep", "300")
    fleet.running(of_the_same_name)
    assert not any(map(has_ended, programs)), "nobody has asked for their end"
    gate.touch()
    until(lambda: all(map(has_ended, [*servers, *programs])), "nothing is left for ever")
    gate.unlink()
    works(fleet)
    assert fleet.state(of_the_same_name) == "running", "the end was another's"
    assert (fleet.pid, of_the_same_name) == (second, 1)


def test_a_moved_home_is_taken_by_a_new_engine_at_its_new_place(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet("[engine]\nslots = 3\n")
    old = fleet.home
    gate = old.root.with_name(f"{old.root.name}-gate")
    ends, stopped = fleet.shell(f"echo before; {waits_for(gate)}"), fleet.add("sleep", "300")
    for task in (ends, stopped):
        fleet.running(task)
    first = psutil.Process(fleet.pid)
    fleet.disconnect()
    new = old.root.with_name(f"{old.root.name}-moved")
    old.root.rename(new)
    until(lambda: has_ended(first), "the engine of the old place ends")
    fleet.home = Home(new, new / "config.toml")
    assert fleet.running(ends)["attempt"] == f"{ends}-1"
    gate.touch()
    assert fleet.wait(ends) == ["failed"]
    gate.unlink()
    assert fleet.task(ends)["attempts"][0]["exit_code"] == 3
    assert fleet.log(ends) == b"before\r\n"
    fleet.ask("stop", tasks=[stopped], now=True)
    assert fleet.wait(stopped) == ["cancelled"]
    works(fleet)
    assert not old.root.exists()


def test_without_inotify_an_engine_starts_and_reads_its_configuration(fleet: Fleet) -> None:
    with no_inotify_left():
        fleet.ask("status")
        fleet.home.config.write_text("[engine]\nslots = 7\n")
        until(lambda: fleet.ask("stats")["slots"] == 7, "it counts")
        works(fleet)
    fleet.home.config.write_text("[engine]\nslots = 6\n")
    until(lambda: fleet.ask("stats")["slots"] == 6, "it counts")


def test_an_engine_without_file_handles_goes_on_and_says_so_until_there_are_some(fleet: Fleet) -> None:
    works(fleet)
    pid = fleet.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    lowest_free = next(number for number in range(1 << 16) if not os.path.exists(f"/proc/{pid}/fd/{number}"))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest_free - 4, before[1]))
    try:
        until(lambda: said(fleet, "trouble with file handles: no file handle is left"), "it is said")
        task = fleet.add("true")
        assert fleet.ask("list")["tasks"], "reads go on"
        env = os.environ | {"MUXDECK_HOME": str(fleet.home.root)}
        argv = [sys.executable, "-m", "tui", "engine", "status"]
        waits = subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL)
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    until(lambda: said(fleet, "no more trouble with file handles"), "it is over")
    assert fleet.wait(task) == ["succeeded"]
    assert waits.wait(timeout=DEADLINE) == 0, "who called meanwhile is answered"
    assert fleet.pid == pid


def test_a_log_that_is_removed_or_cannot_be_written_costs_nothing_but_the_log(fleet: Fleet) -> None:
    home = fleet.home
    home.make()
    home.log.mkdir()
    pid = fleet.pid
    works(fleet)
    home.log.rmdir()
    until(lambda: said(fleet, "no more trouble with log"), "it is written again")
    home.log.unlink()
    home.config.write_text("[engine]\nslots = 3\n")
    until(lambda: said(fleet, "configuration read"), "it is made anew")
    home.log.unlink()
    os.mkfifo(home.log)
    home.config.write_text("[engine]\nslots = 2\n")
    until(lambda: fleet.ask("stats")["slots"] == 2, "nobody waits for a reader of the log")
    fleet.stop_engine()
    assert fleet.pid != pid


def test_odd_things_in_the_folder_of_sockets_keep_no_engine_from_starting(fleet: Fleet) -> None:
    home = fleet.home
    home.make()
    for name in ("tmux-x.sock", "tmux-1.sock", "tmux-99999999999.sock"):
        (home.run / name).write_text("odd")
    for name in ("tmux-0.sock", "engine.sock", "bell", "tmux.conf"):
        (home.run / name).mkdir()
    works(fleet)
    assert (home.run / "tmux-0.sock").is_dir()


def test_sessions_whose_socket_was_removed_while_no_engine_ran_are_found(fleet: Fleet) -> None:
    gate = fleet.home.root / "gate"
    task = fleet.shell(waits_for(gate))
    fleet.running(task)
    fleet.kill_engine()
    shutil.rmtree(fleet.home.run)
    assert fleet.running(task)["server"] is not None
    assert "_ctl" in fleet.tmux(fleet.running(task)["server"], "ls")
    gate.touch()
    assert fleet.wait(task) == ["failed"]


def test_a_bug_at_the_start_is_told_as_one(fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "sqlite3.py").write_text("raise RuntimeError('no such luck')")
    home = fleet.home
    home.make()
    told = fleet.muxdeck("ls", env={"PYTHONPATH": f"{tmp_path}"})
    assert told.returncode == 70
    assert "a bug of muxdeck: RuntimeError: no such luck" in told.stderr
    assert str(home.log) in told.stderr
