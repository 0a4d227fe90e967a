"""The console for real: in a terminal of tmux, by keys that are typed, over a real engine with real sessions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.console.terminal import open_console
from tests.fleet import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.console.terminal import Terminal
    from tests.fleet import Fleet


def test_a_question_is_found_answered_by_attaching_and_the_place_is_kept(
    fleet: Fleet, make_terminal: Callable[..., Terminal]
) -> None:
    fleet.add_all(
        {"name": "other", "command": ["sleep", "300"]}, {"name": "asks", "shell": "printf 'Go on? '; read x; echo $x"}
    )
    terminal = make_terminal()
    open_console(terminal, fleet)
    terminal.sees("1 needs you", "waiting", "Go on?")
    terminal.press("w", "a")
    terminal.sees("C-q: back")
    terminal.type("yes, do")
    terminal.press("C-q")
    terminal.sees("3 sessions", "Go on? yes, do")
    terminal.press("i")
    terminal.sees("send to 2 asks")
    terminal.type("!")
    terminal.press("Enter")
    terminal.sees("✓", "succeeded")
    assert fleet.log(2).endswith(b"yes, do!\r\n")


def test_attaching_works_inside_the_person_s_own_tmux(fleet: Fleet, make_terminal: Callable[..., Terminal]) -> None:
    fleet.shell("echo marker-in-the-session; sleep 300")
    terminal, person = make_terminal(), make_terminal()
    person.type(f"unset TMUX; tmux -u -S {terminal.socket} attach -t term")  # a popup needs a terminal to pop up on
    person.press("Enter")
    until(lambda: "1" in terminal.run("display-message", "-p", "#{session_attached}"), "somebody looks at it")
    open_console(terminal, fleet, inside=True)
    terminal.sees("marker-in-the-session")
    terminal.press("a")
    until(lambda: fleet.ask("attach", task=1)["attached"] == 1, "it is attached")
    fleet.tmux(fleet.running(1)["server"], "detach-client", "-s", "=t1-1")
    until(lambda: fleet.ask("attach", task=1)["attached"] == 0, "it is left again")
    terminal.press("x")
    terminal.sees("stop 1", "y  stop it")


def test_failures_are_triaged_and_retried_from_the_keyboard(
    fleet: Fleet, make_terminal: Callable[..., Terminal]
) -> None:
    mend = Path(fleet.home.root, "mended")
    fleet.add_all(
        *({"name": f"suite-{number}", "shell": f"echo shard {number}; test -e {mend}"} for number in range(6))
    )
    terminal = make_terminal(200, 50)
    open_console(terminal, fleet)
    terminal.sees("6 failed", "exit 1")
    terminal.press("l")
    terminal.sees("output of", "shard")
    terminal.press("Escape")
    until(
        lambda: "output of" not in terminal.text, "the log is closed: Escape and a key at once would be Alt and the key"
    )
    terminal.press("!")
    terminal.sees("problems only")
    mend.touch()
    terminal.press("R")
    terminal.sees("retry all 6 that failed?")
    terminal.press("y")
    terminal.sees("0 failed")
    assert fleet.wait(*range(1, 7)) == ["succeeded"] * 6


def test_a_console_outlives_its_engine_and_the_work_outlives_both(
    fleet: Fleet, make_terminal: Callable[..., Terminal]
) -> None:
    gate = fleet.home.root / "gate"
    task = fleet.shell(f"while ! test -e {gate}; do sleep 0.1; done; exit 4")
    fleet.running(task)
    terminal = make_terminal(80, 24)
    open_console(terminal, fleet)
    terminal.sees("1 running")
    fleet.kill_engine()
    terminal.sees("no engine")
    terminal.sees("1 running")
    terminal.press("q")
    terminal.sees("shell>")
    gate.touch()
    assert fleet.wait(task) == ["failed"]


def test_it_leaves_the_terminal_as_it_was(fleet: Fleet, make_terminal: Callable[..., Terminal]) -> None:
    terminal = make_terminal()
    open_console(terminal, fleet)
    terminal.press("C-c")
    terminal.sees("-m tui\nshell>")
    terminal.type("stty -a | grep -o ' echo ' | head -1; echo after")
    terminal.press("Enter")
    terminal.sees("\n echo\nafter")


def test_it_ends_with_its_terminal_also_where_that_does_not_control_it(fleet: Fleet) -> None:
    ours, theirs = os.openpty()
    console = subprocess.Popen(
        [sys.executable, "-m", "tui"], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env=os.environ | {"MUXDECK_HOME": str(fleet.home.root), "TERM": "xterm-256color"},
    )  # fmt: skip
    os.close(theirs)
    assert os.read(ours, 1)
    os.close(ours)
    assert console.wait(timeout=30) == -signal.SIGHUP


@pytest.mark.parametrize("colours", ["NO_COLOR=1", "TERM=xterm COLORTERM="])
def test_it_is_readable_without_colours_and_with_sixteen(
    colours: str, fleet: Fleet, make_terminal: Callable[..., Terminal]
) -> None:
    fleet.add("false")
    terminal = make_terminal()
    terminal.type(f"unset TMUX; {colours} MUXDECK_HOME={fleet.home.root} {sys.executable} -m tui")
    terminal.press("Enter")
    terminal.sees("✗", "exit 1", "? help")
