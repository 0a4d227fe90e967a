"""Calls for a person who looks elsewhere: once for each attempt that begins to need one, and to the byte."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from tests.console.terminal import open_console
from tests.fleet import until
from tui.calling import BETWEEN, LONGEST, Calls, notification, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.console.terminal import Terminal
    from tests.fleet import Fleet

ONE, TWO = {"1-1": "1 one"}, {"1-1": "1 one", "2-1": "2 two"}


def test_an_attempt_is_told_of_once_for_each_time_that_it_begins_to_need_somebody() -> None:
    calls = Calls()
    assert calls.due(ONE, 0, 0.0) == [], "it was there before"
    assert calls.due(TWO, 0, 1.0) == ["2 two"]
    assert calls.due(TWO, 0, 9.0) == []
    assert calls.due({"2-1": "2 two", "1-2": "1 one"}, 0, 19.0) == ["1 one"], "another attempt of it"
    assert calls.due({}, 0, 29.0) == []
    assert calls.due(TWO, 0, 39.0) == ["1 one", "2 two"]
    assert calls.due(TWO, 1, 49.0) == ["a lost task"]
    assert calls.due(TWO, 0, 59.0) == []


def test_what_begins_shortly_after_a_call_is_told_of_together_if_it_still_needs_somebody() -> None:
    calls = Calls()
    calls.due({}, 0, 0.0)
    assert calls.due(ONE, 0, 1.0) == ["1 one"]
    for attempt in range(2, 9):
        assert calls.due(ONE | {f"{attempt}-1": str(attempt)}, 0, 1.0 + BETWEEN * 0.1 * attempt) == []
    assert calls.due(ONE | {"8-1": "8"}, 0, 1.0 + BETWEEN) == ["8"]


WRAPPED = "\033Ptmux;\033\033]9;x\a\033\\"


@pytest.mark.parametrize(
    ("env", "through", "told"),
    [
        ({"TERM": "xterm-256color"}, False, "\033]9;x\a"),
        ({"TERM": "foot"}, False, "\033]777;notify;muxdeck;x\a"),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7600"}, False, "\033]777;notify;muxdeck;x\a"),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/x,1,0"}, True, WRAPPED),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/x,1,0"}, False, "\a"),
        ({"TERM": "screen", "STY": "1.x"}, False, "\a"),
    ],
)
def test_each_terminal_is_told_in_its_own_way(env: dict[str, str], through: bool, told: str) -> None:
    assert notification("x", env, through_tmux=through) == told


def test_no_name_can_end_the_call_or_begin_another() -> None:
    hostile = "1 \a\033\\\033]52;c;x\x9c\x9d0;title\n\u202e;9;4;" + "x" * 500
    said = words("fleet", [hostile, "2 two"])
    assert said.startswith("muxdeck fleet: 2 need you: 1 ")
    assert len(said) == LONGEST
    assert not re.search(r"[\x00-\x1f\x7f-\x9f;\u202e]", said)


class Ear:
    """Everything that a program writes to its terminal."""

    def __init__(self, argv: list[str], env: dict[str, str]) -> None:
        self._ours, theirs = os.openpty()
        self._heard = b""
        self._program = subprocess.Popen(
            argv, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, env=env
        )
        os.close(theirs)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        try:
            while heard := os.read(self._ours, 1 << 16):
                self._heard += heard
        except OSError:
            return

    @property
    def calls(self) -> list[bytes]:
        return re.findall(rb"\x1b\]9;([^\x07\x1b]*)\x07", self._heard)

    @property
    def rings(self) -> int:
        """Bells that end no other sequence."""
        return re.sub(rb"\x1b\][^\x07\x1b]*\x07", b"", self._heard).count(b"\a")

    def hears(self, word: bytes) -> None:
        until(lambda: word in self._heard, f"the terminal is told {word!r}")

    def close(self) -> None:
        self._program.kill()
        self._program.wait()
        self._thread.join(10)
        os.close(self._ours)


@pytest.fixture
def make_ear() -> Iterator[Callable[..., Ear]]:
    made: list[Ear] = []

    def make(argv: list[str], **env: str) -> Ear:
        outside = {name: value for name, value in os.environ.items() if not name.startswith(("TMUX", "VTE", "STY"))}
        made.append(Ear(argv, outside | {"TERM": "xterm-256color"} | env))
        return made[-1]

    yield make
    for ear in made:
        ear.close()


NOTIFY = '[console]\nnotify = "desktop"\n'


def asks(fleet: Fleet, name: str) -> int:
    return fleet.shell("read x", name=name)


def test_a_terminal_is_told_exactly_once_of_each_question(
    make_fleet: Callable[..., Fleet], make_ear: Callable[..., Ear]
) -> None:
    fleet = make_fleet(NOTIFY)
    ear = make_ear([sys.executable, "-m", "tui"], MUXDECK_HOME=str(fleet.home.root))
    ear.hears(b"Nothing is queued yet")
    name = fleet.home.root.name.encode()
    told = []
    for title in (b"1 first", b"2 second"):
        asks(fleet, title[2:].decode())
        told.append(b"muxdeck %s: %s needs you" % (name, title))
        ear.hears(told[-1])
    assert (ear.calls, ear.rings) == (told, 0)


@pytest.mark.parametrize("passes", ["on", "off"])
def test_inside_tmux_the_call_reaches_the_terminal_around_it_where_that_is_allowed(
    passes: str,
    make_fleet: Callable[..., Fleet],
    make_terminal: Callable[..., Terminal],
    make_ear: Callable[..., Ear],
) -> None:
    fleet, terminal = make_fleet(NOTIFY), make_terminal()
    terminal.run("set-option", "-g", "allow-passthrough", passes)
    ear = make_ear(["tmux", "-u", "-S", terminal.socket, "attach", "-t", "term"])
    open_console(terminal, fleet, inside=True)
    ear.hears(b"Nothing is queued yet")
    asks(fleet, "first")
    if passes == "on":
        ear.hears(b"\x1b]9;muxdeck %s: 1 first needs you\x07" % fleet.home.root.name.encode())
        assert len(ear.calls) == 1
    else:
        until(lambda: ear.rings, "it rings")
        assert (ear.rings, ear.calls) == (1, [])
    assert "]9;" not in terminal.text
