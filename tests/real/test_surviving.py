"""kill -9 of everything, at any instant: nothing accepted is lost, nothing runs twice, ends are told as they were."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from core.client import LOCKED
from core.sockets import listens
from tests.fleet import DEADLINE, Fleet, has_ended, until

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS = (
    "before the task is on disk",
    "after the task is on disk",
    "before the folder is made",
    "after the folder is made",
    "before the launcher is told",
    "after the launcher is told",
    "when the start is heard",
    "when the end is heard",
    "before the end is on disk",
    "after the end is on disk",
    "before the log is taken",
    "after the log is taken",
    "before the session is ended",
)


@pytest.mark.parametrize("step", STEPS)
def test_an_engine_killed_at_this_step_loses_nothing_and_runs_nothing_twice(
    step: str, make_fleet: Callable[..., Fleet]
) -> None:
    """The program counts its own runs. What was not accepted may be lost; what was accepted runs exactly once."""
    fleet = make_fleet("[engine]\nslots = 2\nwarm_sessions = 2\n")
    runs = fleet.home.root / "ran"
    engine = _engine_that_dies(fleet, step)
    accepted = _try_to_add(fleet, f"echo run >>{runs}; sleep 0.3; exit 3")
    engine.wait(timeout=30)
    assert engine.returncode == -signal.SIGKILL
    fleet.disconnect()
    tasks = [task["id"] for task in fleet.ask("list")["tasks"]]
    assert len(tasks) == 1 or not accepted
    for task in tasks:
        assert fleet.wait(task) == ["failed"]
        attempts = fleet.task(task)["attempts"]
        assert [attempt["exit_code"] for attempt in attempts] == [3]
        assert fleet.log(task) == b""
    assert (runs.read_text() if runs.exists() else "").count("run") == len(tasks)
    until(lambda: not fleet.processes(), "nothing is left of it")
    assert fleet.wait(fleet.add("true")) == ["succeeded"]


def _engine_that_dies(fleet: Fleet, step: str) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "tests.dying_engine", step]
    env = os.environ | {"MUXDECK_HOME": str(fleet.home.root)}
    engine = subprocess.Popen(argv, env=env, stderr=subprocess.DEVNULL)
    until(lambda: listens(fleet.home.socket), "it listens")
    return engine


def _try_to_add(fleet: Fleet, text: str) -> bool:
    from core.client import Client, NoEngineError

    try:
        with Client(fleet.home, start=False) as client:
            context = {"cwd": "/", "env": {"PATH": os.environ["PATH"]}}
            client.ask("add", tasks=[{"shell": text}], context=context)
    except NoEngineError:
        return False
    return True


def test_running_tasks_are_taken_back_with_what_they_were_doing(fleet: Fleet) -> None:
    gate = fleet.home.root / "gate"
    goes_on = fleet.shell(f"echo before; while ! test -e {gate}; do sleep 0.05; done; echo after; exit 5")
    ends = fleet.shell("sleep 0.3; echo late; exit 4")
    pid = fleet.running(goes_on)["pid"]
    fleet.running(ends)
    fleet.kill_engine()
    time.sleep(0.8)
    ended_before = time.time()
    fleet.ask("status")
    assert fleet.running(goes_on)["attempt"] == f"{goes_on}-1"
    assert not has_ended(psutil.Process(pid))
    gate.touch()
    assert fleet.wait(ends, goes_on) == ["failed", "failed"]
    attempts = [fleet.task(task)["attempts"][0] for task in (ends, goes_on)]
    assert [attempt["exit_code"] for attempt in attempts] == [4, 5]
    assert attempts[0]["ended_at"] < ended_before - 0.2, "the time of the end is that of the end"
    assert fleet.log(goes_on) == b"before\r\nafter\r\n"
    assert fleet.log(ends) == b"late\r\n"


def test_a_stop_goes_on_after_the_engine_was_killed_in_the_time_of_grace(fleet: Fleet) -> None:
    task = fleet.shell("trap '' TERM; sleep 300", timeout={"grace": "1s"})
    fleet.running(task)
    fleet.ask("stop", tasks=[task])
    fleet.kill_engine()
    assert fleet.wait(task) == ["cancelled"]
    until(lambda: not fleet.processes(), "nothing of it is left")


def test_limits_and_delays_count_on_over_a_restart(fleet: Fleet) -> None:
    limited = fleet.add("sleep", "300", timeout={"run": "1500ms", "grace": "1s"})
    delayed = fleet.add("true", delay=1.5)
    waiting = fleet.add("true", after_ok=[delayed])
    fleet.running(limited)
    fleet.kill_engine()
    assert fleet.wait(limited, delayed, waiting) == ["timed_out", "succeeded", "succeeded"]


def test_a_launcher_that_is_killed_loses_its_attempt_and_says_so(fleet: Fleet) -> None:
    task = fleet.add("sleep", "300")
    again = fleet.shell(
        "test $MUXDECK_ATTEMPT != ${MUXDECK_TASK}-1 || sleep 300", retry={"attempts": 2, "first": 0.05, "lost": True}
    )
    for one in (task, again):
        fleet.running(one)
        os.kill(_launcher(fleet, one), signal.SIGKILL)
    assert fleet.wait(task, again) == ["lost", "succeeded"]
    assert "not known" in fleet.task(task)["reason"]
    assert [attempt["state"] for attempt in fleet.task(again)["attempts"]] == ["lost", "exited"]


def test_a_lost_attempt_that_ended_while_nobody_looked_is_lost_too(fleet: Fleet) -> None:
    task = fleet.add("sleep", "300")
    fleet.running(task)
    launcher = _launcher(fleet, task)
    fleet.kill_engine()
    os.kill(launcher, signal.SIGKILL)
    assert fleet.wait(task) == ["lost"]


def test_processes_that_outlive_their_launcher_are_seen_and_can_be_ended(fleet: Fleet) -> None:
    task = fleet.shell("trap '' HUP; while :; do sleep 0.1; done")
    fleet.running(task)
    os.kill(_launcher(fleet, task), signal.SIGKILL)
    until(lambda: fleet.running(task)["health"] == "orphaned", "it is seen")
    assert fleet.state(task) == "running"
    fleet.ask("stop", tasks=[task], now=True)
    assert fleet.wait(task) == ["cancelled"]
    until(lambda: not fleet.processes(), "nothing of it is left")


def _launcher(fleet: Fleet, task: int) -> int:
    import json

    spec = (fleet.home.attempts / f"{task}-1" / "run").read_text().splitlines()[0]
    return int(json.loads(spec.removeprefix("# "))["place"][2][0])


def test_a_killed_tmux_server_costs_its_own_sessions_their_terminal_and_nothing_else(
    make_fleet: Callable[..., Fleet],
) -> None:
    fleet = make_fleet("[engine]\nslots = 12\nwarm_sessions = 0\n")
    gate = fleet.home.root / "gate"
    tasks = [fleet.shell(f"while ! test -e {gate}; do sleep 0.05; done; exit 6") for _ in range(10)]
    sessions = [fleet.running(task) for task in tasks]
    assert len({session["server"] for session in sessions}) > 1
    fleet.tmux(0, "kill-server")
    hit = [session["task"] for session in sessions if session["server"] == 0]
    until(lambda: all(fleet.running(task)["health"] == "orphaned" for task in hit), "they are seen")
    later = fleet.add("true")
    assert fleet.wait(later) == ["succeeded"]
    gate.touch()
    assert fleet.wait(*tasks) == ["failed"] * 10
    assert {fleet.task(task)["attempts"][0]["exit_code"] for task in tasks} == {6}


def test_everything_killed_at_once_comes_back_with_every_exit_status(fleet: Fleet) -> None:
    tasks = [fleet.shell(f"sleep 1; exit {number}") for number in range(1, 4)]
    for task in tasks:
        fleet.running(task)
    servers = [server["index"] for server in fleet.servers()]
    fleet.kill_engine()
    for server in servers:
        fleet.tmux(server, "kill-server")
    time.sleep(1.2)
    assert fleet.wait(*tasks) == ["failed"] * 3
    assert [fleet.task(task)["attempts"][0]["exit_code"] for task in tasks] == [1, 2, 3]


def test_a_tmux_server_that_hangs_leaves_everything_else_alive(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet("[engine]\nslots = 12\nwarm_sessions = 0\n")
    tasks = [fleet.add("sleep", "300") for _ in range(10)]
    sessions = {task: fleet.running(task) for task in tasks}
    server = fleet.servers()[0]
    hung = [task for task, session in sessions.items() if session["server"] == server["index"]]
    well = [task for task in tasks if task not in hung]
    assert hung
    assert well
    os.kill(server["pid"], signal.SIGSTOP)
    try:
        until(lambda: fleet.running(hung[0])["state"] == "unknown", "its sessions are unknown")
        assert any("not answered" in reason for reason in fleet.ask("why", task=hung[0])["why"])
        assert fleet.running(well[0])["state"] == "running"
        assert fleet.wait(fleet.add("true")) == ["succeeded"]
        fleet.ask("stop", tasks=[hung[0]], now=True)
        assert fleet.wait(hung[0]) == ["cancelled"], "its processes are not tmux's to keep"
        fleet.kill_engine()
        assert fleet.running(well[0])["attempt"] == f"{well[0]}-1"
    finally:
        os.kill(server["pid"], signal.SIGCONT)
    until(lambda: fleet.running(hung[1])["state"] == "running", "it is back")
    fleet.ask("stop", tasks=[task for task in tasks if task != hung[0]], now=True)
    assert set(fleet.wait(*tasks)) == {"cancelled"}


def test_a_second_engine_says_who_has_the_home(fleet: Fleet) -> None:
    pid = fleet.pid
    second = subprocess.run(
        [sys.executable, "-m", "core.engine", "--home", str(fleet.home.root)],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert second.returncode == LOCKED
    assert str(pid) in second.stderr


def test_an_engine_that_is_still_ending_is_waited_for(fleet: Fleet) -> None:
    fleet.home.make()
    with open(fleet.home.lock, "w") as ending:
        fcntl.flock(ending, fcntl.LOCK_EX)
        argv = [sys.executable, "-m", "tui", "--home", str(fleet.home.root), "ls"]
        client = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        new = until(lambda: psutil.Process(client.pid).children(), "another engine is started")[0]
        until(lambda: str(fleet.home.lock) in [file.path for file in new.open_files()], "it tries to have the lock")
        assert client.poll() is None
    assert client.wait(timeout=DEADLINE) == 0


def test_many_clients_that_need_an_engine_at_once_get_one(fleet: Fleet) -> None:
    argv = [sys.executable, "-m", "tui", "engine", "status", "--json"]
    start = [sys.executable, "-m", "tui", "ls", "--json"]
    env = os.environ | {"MUXDECK_HOME": str(fleet.home.root)}
    clients = [subprocess.Popen(start, env=env, stdout=subprocess.DEVNULL) for _ in range(6)]
    assert [client.wait(timeout=30) for client in clients] == [0] * 6
    assert subprocess.run(argv, env=env, check=False, capture_output=True).returncode == 0


def test_work_goes_on_when_the_engine_is_stopped_on_purpose(fleet: Fleet) -> None:
    task = fleet.shell("sleep 0.5; echo done; exit 9")
    fleet.running(task)
    fleet.stop_engine()
    time.sleep(0.8)
    assert (fleet.home.attempts / f"{task}-1" / "exit").read_text() == "9\n", "the launcher saw to it that it lasts"
    assert fleet.wait(task) == ["failed"]
    assert fleet.log(task) == b"done\r\n"


def test_an_engine_that_is_stopped_with_nothing_to_do_leaves_no_tmux_server_behind(fleet: Fleet) -> None:
    assert fleet.wait(fleet.add("true")) == ["succeeded"]
    servers = [psutil.Process(server["pid"]) for server in fleet.servers()]
    fleet.stop_engine()
    assert servers
    until(lambda: all(map(has_ended, servers)), "they end")


def test_a_launcher_whose_folder_was_removed_ends(fleet: Fleet) -> None:
    fleet.running(fleet.add("sleep", "300"))
    server = fleet.servers()[0]
    pids = fleet.tmux(server["index"], "list-panes", "-a", "-f", "#{m:w*,#{session_name}}", "-F", "#{pane_pid}")
    idle = [psutil.Process(int(pid)) for pid in pids.split()]
    assert idle
    shutil.rmtree(fleet.home.slots)
    fleet.kill_engine()
    until(lambda: all(map(has_ended, idle)), "they end")
