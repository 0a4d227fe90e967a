"""Real tasks in real tmux sessions: what they get, what is kept of them, and how they end."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from core.text import size as in_words
from tests.fleet import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fleet import Fleet


def test_a_program_gets_its_words_its_folder_and_its_environment_exactly(fleet: Fleet) -> None:
    odd = [
        "a b",
        "it's",
        '"quoted"',
        "$HOME `id` $(id)",
        "*",
        "",
        "-n",
        "tab\there",
        "line\nbreak",
        "ünïcödé 🙂",
        "#{pane_id};",
    ]
    script = "import os,sys,json; print(json.dumps([sys.argv[1:], os.getcwd(), os.environ['ODD'], oct(os.umask(0))]))"
    (task,) = fleet.add_all(
        {"command": ["python3", "-c", script, *odd], "env": {"ODD": "x'y\n$z"}, "cwd": "/usr/share"},
    )
    assert fleet.wait(task) == ["succeeded"]
    import json

    words, folder, value, umask = json.loads(fleet.log(task).replace(b"\r\n", b"\n"))
    assert (words, folder, value, umask) == (odd, "/usr/share", "x'y\n$z", "0o22")


def test_names_that_a_shell_would_not_assign_reach_the_program(fleet: Fleet) -> None:
    env = {"BASH_FUNC_x%%": "() { :; }", "OPTIND": "abc", "A-B": "1", "PPID": "7"}
    (task,) = fleet.add_all({"command": ["env"], "env": env})
    assert fleet.wait(task) == ["succeeded"]
    shown = fleet.log(task).decode().replace("\r\n", "\n")
    assert all(f"{name}={value}\n" in shown for name, value in env.items())
    assert "TMUX=" not in shown
    assert f"MUXDECK_TASK={task}\n" in shown


def test_a_shell_is_only_used_where_it_is_asked_for(fleet: Fleet) -> None:
    plain, by_shell = fleet.add("echo", "$((1+1))"), fleet.shell("echo $((1+1))")
    fleet.wait(plain, by_shell)
    assert fleet.log(plain) == b"$((1+1))\r\n"
    assert fleet.log(by_shell) == b"2\r\n"


def test_output_is_kept_byte_for_byte(fleet: Fleet) -> None:
    task = fleet.add("python3", "-c", "import sys,tty; tty.setraw(1); sys.stdout.buffer.write(bytes(range(256))*40)")
    fleet.wait(task)
    assert fleet.log(task) == bytes(range(256)) * 40


def test_input_reaches_a_task_byte_for_byte_by_file(fleet: Fleet) -> None:
    content = bytes(range(256)) * 100
    given, taken = fleet.home.root / "given", fleet.home.root / "taken"
    given.write_bytes(content)
    task = fleet.add("dd", f"of={taken}", "status=none", stdin=str(given))
    assert fleet.wait(task) == ["succeeded"]
    assert taken.read_bytes() == content


def test_a_task_has_a_terminal_of_its_own(fleet: Fleet) -> None:
    task = fleet.shell("test -t 0 && test -t 1 && test -t 2 && stty size && echo $TERM")
    assert fleet.wait(task) == ["succeeded"]
    assert fleet.log(task).split() in ([b"50", b"200", b"tmux-256color"], [b"50", b"200", b"screen-256color"])


def test_text_typed_from_outside_reaches_the_program_exactly(fleet: Fleet) -> None:
    got = fleet.home.root / "got"
    task = fleet.shell(f'IFS= read -r x; printf %s "$x" >{got}')
    fleet.running(task)
    fleet.ask("type", task=task, text="-x 'a' ; $HOME ünï #{pane_id} end;")
    assert fleet.wait(task) == ["succeeded"]
    assert got.read_text() == "-x 'a' ; $HOME ünï #{pane_id} end;"


def test_each_attempt_has_a_session_and_a_folder_of_its_name(fleet: Fleet) -> None:
    task = fleet.add("sleep", "60")
    session = fleet.running(task)
    until(lambda: f"t{task}-1:" in fleet.tmux(session["server"], "list-sessions"), "its session has its name")
    folder = fleet.home.attempts / f"{task}-1"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert all((folder / name).stat().st_mode & 0o077 == 0 for name in ("run", "started", "log"))


def test_the_exit_status_and_the_times_are_right(fleet: Fleet) -> None:
    before = time.time()
    ok, failed, signalled = fleet.add("true"), fleet.shell("exit 7"), fleet.shell("kill -9 $$")
    missing = fleet.add("no-such-program-anywhere")
    assert fleet.wait(ok, failed, signalled, missing) == ["succeeded", "failed", "failed", "failed"]
    codes = [fleet.task(task)["attempts"][0]["exit_code"] for task in (ok, failed, signalled, missing)]
    assert codes == [0, 7, 137, 127]
    assert "KILL" in fleet.task(signalled)["reason"]
    attempt = fleet.task(failed)["attempts"][0]
    assert before <= attempt["placed_at"] <= attempt["started_at"] <= attempt["ended_at"] <= time.time()


def test_a_folder_that_is_not_there_fails_the_task(fleet: Fleet) -> None:
    task = fleet.add("true", cwd="/no/such/folder")
    assert fleet.wait(task) == ["failed"]
    assert b"/no/such/folder" in fleet.log(task)


def test_a_failed_attempt_is_tried_again_and_each_try_is_kept(fleet: Fleet) -> None:
    mark = fleet.home.root / "tried"
    task = fleet.shell(
        f"echo try; test -e {mark} || {{ touch {mark}; exit 3; }}", retry={"attempts": 3, "first": "50ms"}
    )
    assert fleet.wait(task) == ["succeeded"]
    assert [attempt["exit_code"] for attempt in fleet.task(task)["attempts"]] == [3, 0]
    assert fleet.ask("log", task=task, attempt=1)["content"] == "try\r\n"


def test_an_exit_code_that_is_never_retried_is_final_at_once(fleet: Fleet) -> None:
    task = fleet.shell("exit 64", retry={"attempts": 5, "first": "10ms", "never_exit": [64]})
    assert fleet.wait(task) == ["failed"]
    assert len(fleet.task(task)["attempts"]) == 1


def test_a_task_that_runs_too_long_is_ended(fleet: Fleet) -> None:
    task = fleet.shell("trap '' TERM; sleep 60", timeout={"run": "200ms", "grace": "200ms"})
    assert fleet.wait(task) == ["timed_out"]
    assert "ran longer" in fleet.task(task)["reason"]
    until(lambda: not fleet.processes(), "nothing of it is left")


def test_a_silent_task_is_ended_and_a_talking_one_is_not(fleet: Fleet) -> None:
    silent = fleet.add("sleep", "60", timeout={"idle": "500ms", "grace": "1s"})
    talking = fleet.shell("for i in 1 2 3 4 5 6; do echo $i; sleep 0.2; done", timeout={"idle": "500ms"})
    assert fleet.wait(silent, talking) == ["timed_out", "succeeded"]
    assert "no output" in fleet.task(silent)["reason"]


def test_stop_asks_first_and_kill_does_not(fleet: Fleet) -> None:
    polite = fleet.shell("trap 'echo bye; exit 0' TERM; while :; do sleep 0.05; done")
    rude = fleet.shell("trap 'echo bye' TERM; while :; do sleep 0.05; done")
    fleet.running(polite)
    fleet.running(rude)
    fleet.ask("stop", tasks=[polite])
    fleet.ask("stop", tasks=[rude], now=True)
    assert fleet.wait(polite, rude) == ["cancelled", "cancelled"]
    assert b"bye" in fleet.log(polite)
    assert b"bye" not in fleet.log(rude)
    until(lambda: not fleet.processes(), "nothing of them is left")


def test_kill_finds_every_process_however_it_hid(fleet: Fleet, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    hiding = f"""
    trap '' TERM HUP
    (trap '' TERM; sleep 300 & echo $! >>{pids}; wait) &
    setsid sleep 301 & echo $! >>{pids}
    sh -c 'setsid sh -c "setsid sleep 302 & echo \\$! >>{pids}" &'
    setsid env -i sleep 303 >/dev/null 2>&1 </dev/null & echo $! >>{pids}
    sleep 304 & echo $! >>{pids}; kill -STOP $!
    while :; do sleep 1; done
    """
    task = fleet.shell(hiding)
    fleet.running(task)
    until(lambda: pids.exists() and len(pids.read_text().split()) == 5, "all of them run")
    until(lambda: all(int(pid) in psutil.pids() for pid in pids.read_text().split()), "all of them run")
    time.sleep(0.2)
    fleet.ask("stop", tasks=[task], now=True)
    assert fleet.wait(task) == ["cancelled"]
    left = [int(pid) for pid in pids.read_text().split() if _lives(int(pid))]
    assert left == []
    assert fleet.task(task)["attempts"][0]["left"] == []


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_what_a_task_leaves_behind_is_said_and_can_be_killed(fleet: Fleet) -> None:
    task = fleet.shell("setsid sleep 300 </dev/null >/dev/null 2>&1 & exit 0")
    assert fleet.wait(task) == ["succeeded"]
    until(lambda: any("left" in note["text"] for note in fleet.ask("notes", task=task)["notes"]), "it is said")
    assert fleet.processes()
    fleet.ask("stop", tasks=[task], now=True)
    until(lambda: not fleet.processes(), "it is gone")


def test_a_signal_reaches_every_process(fleet: Fleet) -> None:
    task = fleet.shell("trap 'exit 5' USR1; while :; do sleep 0.05; done")
    fleet.running(task)
    fleet.ask("signal", tasks=[task], signal=signal.SIGUSR1)
    fleet.wait(task)
    assert fleet.task(task)["attempts"][0]["exit_code"] in (5, 128 + signal.SIGUSR1)


def test_a_paused_task_stands_still_and_is_said_to(fleet: Fleet) -> None:
    task = fleet.shell("while :; do echo x; sleep 0.02; done")
    fleet.running(task)
    fleet.ask("pause", tasks=[task])
    until(lambda: fleet.running(task)["health"] == "stopped", "it is seen to stand still")
    fleet.ask("resume", tasks=[task])
    until(lambda: fleet.running(task)["health"] == "working", "it is seen to work")


def test_a_program_that_waits_for_somebody_to_type_is_found_out(fleet: Fleet) -> None:
    task = fleet.shell("printf 'Continue? '; read x")
    fleet.running(task)
    until(lambda: fleet.running(task)["health"] == "waiting", "it is seen to wait")
    until(lambda: fleet.running(task)["state"] == "waiting", "the attempt waits")
    assert any("type" in reason for reason in fleet.ask("why", task=task)["why"])
    fleet.ask("type", task=task, text="yes")
    assert fleet.wait(task) == ["succeeded"]


def test_a_used_session_is_as_good_as_new(make_fleet: Callable[..., Fleet]) -> None:
    """Whatever a task does to its terminal, the next one in the same session does not see it."""
    fleet = make_fleet("[engine]\nslots = 1\nwarm_sessions = 1\n")
    spoil = r"stty raw -echo; printf '\033[?1049h\033[31m\033[?25l\033[5;10r\033]2;title\007secret'; exit 0"
    look = "stty -a | tr ';' '\n' | grep -E 'echo|icanon|opost'"
    tasks = [fleet.shell(look)]
    for _ in range(6):
        tasks += [fleet.shell(spoil), fleet.shell(look)]
    fleet.wait(*tasks)
    looks = {fleet.log(task) for task in tasks[::2]}
    assert len(looks) == 1
    last = fleet.shell("sleep 60")
    fleet.running(last)
    screen = fleet.ask("screen", task=last)["content"]
    assert "secret" not in screen
    assert screen.strip() == ""


def test_the_last_screen_of_a_failed_task_is_kept(fleet: Fleet) -> None:
    task = fleet.shell("printf '10%%\\r20%%\\r\\033[31mbroken\\033[0m\\n'; exit 1")
    fleet.wait(task)
    kept = until(
        lambda: "\033[" in (found := fleet.ask("screen", task=task))["content"] and found["content"], "it is kept"
    )
    assert "broken" in kept
    assert "20%" not in kept


def test_a_hundred_tasks_run_at_once_each_in_its_own_session(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet("[engine]\nslots = 100\nsessions_per_server = 32\n")
    gate = fleet.home.root / "gate"
    tasks = fleet.add_all(
        *({"shell": f"while ! test -e {gate}; do sleep 0.2; done; echo {number}"} for number in range(100))
    )
    until(lambda: sum(bool(one["started_at"]) for one in fleet.ask("sessions")["sessions"]) == 100, "all of them run")
    names = "".join(
        fleet.tmux(server["index"], "list-sessions", "-F", "#{session_name} ") for server in fleet.servers()
    )
    until(lambda: len(fleet.servers()) >= 4, "they are spread")
    assert all(f"t{task}-1" in names for task in tasks)
    gate.touch()
    assert set(fleet.wait(*tasks)) == {"succeeded"}
    assert [fleet.log(task) for task in tasks] == [f"{number}\r\n".encode() for number in range(100)]


COUNTING = "import sys\nfor number in range(int(sys.argv[1])): print(f'{number:020}')"


@pytest.mark.parametrize("engine", ["lives", "is killed meanwhile"])
def test_of_a_log_every_byte_is_kept_or_counted_and_its_end_is_there(
    engine: str, make_fleet: Callable[..., Fleet]
) -> None:
    size, lines = 1 << 20, 1_000_000
    fleet = make_fleet(f"[engine]\nslots = 1\nlog_size = {size}\n")
    task = fleet.add("python3", "-u", "-c", COUNTING, str(lines))
    folder = fleet.home.attempts / f"{task}-1"
    if engine != "lives":
        until((folder / "log.dropped").exists, "the first part is gone")
        fleet.kill_engine()
        until((folder / "exit").exists, "the launcher has seen to its status")
    assert fleet.wait(task) == ["succeeded"]
    part = fleet.ask("log", task=task, offset=-size, limit=size)
    content = part["content"].encode("latin-1")
    assert part["end"] == lines * 22
    assert content == b"".join(f"{number:020}\r\n".encode() for number in range(lines - size // 20, lines))[-size:]
    assert sum(path.stat().st_size for path in folder.glob("log*")) < 2 * size + 100
    gone = lines * 22 - sum((folder / name).stat().st_size for name in ("log", "log.1"))
    assert (folder / "log.dropped").read_text() == f"{gone}\n"
    shown = fleet.muxdeck("log", str(task)).stdout
    assert shown.startswith(f"… {in_words(gone)} before this are gone\n")
    assert shown.endswith(f"{lines - 1:020}\n")


def test_nothing_that_was_cleaned_stays_on_disk(fleet: Fleet) -> None:
    task = fleet.add("true")
    fleet.wait(task)
    folder = fleet.home.attempts / f"{task}-1"
    assert folder.exists()
    assert fleet.ask("clean", tasks=[task]) == [task]
    until(lambda: not folder.exists(), "its folder is gone")
    assert os.listdir(fleet.home.attempts) == []
