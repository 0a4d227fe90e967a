"""The console on a terminal of its own: its first frame, and what happens between a key and the screen."""

from __future__ import annotations

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from core.client import Client
from tests.bench import probe
from tests.bench.figures import Figure, latencies, p50_p99

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fleet import Fleet

KEYS = 150
CHANGES = 1000
"""A second."""
DEADLINE = 60.0
_CURSOR = re.compile(rb"48;2;36;50;63m[^\x1b]*?(\d+)")
"""The cursor's colour in the theme `harbour`, and the first number of its row."""
_ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")


class Screen:
    """A program on a pty of 200x50, by default the console; what it writes is read at once, as a terminal would."""

    def __init__(self, fleet: Fleet, program: str = "tui") -> None:
        self.began = time.perf_counter()
        self._terminal, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        env = {name: value for name, value in os.environ.items() if not name.startswith("TMUX")}
        env |= {"MUXDECK_HOME": str(fleet.home.root), "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", program], stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True
        )
        os.close(theirs)
        self._row = b""

    def until(self, pattern: bytes) -> float:
        """The time, by `perf_counter`, at which what was written since the call matches, colours aside."""
        return self._until(lambda seen: re.search(pattern, _ESCAPES.sub(b"", seen)), repr(pattern))

    def cursor_moves(self) -> float:
        """The time at which the row under the cursor is drawn, and it is another one than at the call before."""

        def moved(seen: bytes) -> bool:
            rows = [row for row in _CURSOR.findall(seen) if row != self._row]
            self._row = rows[-1] if rows else self._row
            return bool(rows)

        return self._until(moved, "a cursor")

    def _until(self, holds: Callable[[bytes], object], what: str) -> float:
        seen = b""
        end = time.perf_counter() + DEADLINE
        while time.perf_counter() < end:
            if select.select([self._terminal], [], [], 1.0)[0]:
                seen += os.read(self._terminal, 1 << 16)
                if holds(seen):
                    return time.perf_counter()
        raise AssertionError(f"the console never wrote {what}")

    def calm(self) -> None:
        """Reads on until nothing is written for a moment."""
        while select.select([self._terminal], [], [], 0.03)[0]:
            os.read(self._terminal, 1 << 16)

    def press(self, key: bytes) -> float:
        os.write(self._terminal, key)
        return time.perf_counter()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._terminal)


@contextmanager
def changes(fleet: Fleet, tasks: list[int]) -> Iterator[None]:
    """Somebody else changes that many tasks a second, in tens of bursts."""
    stop = threading.Event()

    def change() -> None:
        with Client(fleet.home, start=False) as client:
            turn, due = 0, time.perf_counter()
            while not stop.is_set():
                turn, due = turn + 1, due + 0.1
                client.ask("priority", tasks=tasks, priority=turn % 7)
                stop.wait(max(due - time.perf_counter(), 0))

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def screen(fleet: Fleet, live: int, queued: int) -> Iterator[Figure]:
    where = f"{live:,} sessions, {queued:,} queued"
    first = []
    for _ in range(5):
        with opened(fleet) as console:
            first.append(console.until(rb"agents") - console.began)
    yield Figure(f"first frame of the console, {where}", p50_p99(first)[0], "s", 0.6, _bare_frame(fleet), _BARE)
    bare = _bare_keys(fleet)
    some = [one["id"] for one in fleet.ask("list", states=["queued"], limit=CHANGES // 10)["tasks"]]
    with opened(fleet) as console:
        shown = sum(fleet.ask("stats")["counts"].values())
        everything = rb"\xe2\x94\x80 %s \xe2\x94\x80" % f"{shown:,}".encode()
        yield Figure("  until all of them are there", console.until(everything) - console.began, "s")
        console.calm()
        yield from latencies(f"key to screen, {where}", _keys(console), goals=(None, 20), floor=bare, floor_is=_BARE)
        with changes(fleet, some):
            took = _keys(console)
            yield from latencies(f"  and {CHANGES:,} changes a second", took, goals=(None, 20))
            yield Figure("  console's CPU meanwhile", probe.share([console.process.pid], 5), "%")
        yield Figure("  console's memory", probe.memory(console.process.pid), "MB", 80)


@contextmanager
def opened(fleet: Fleet, program: str = "tui") -> Iterator[Screen]:
    console = Screen(fleet, program)
    try:
        yield console
    finally:
        console.close()


_BARE = "a bare list in Textual"


def _bare_frame(fleet: Fleet) -> float:
    with opened(fleet, "tests.bench.bare_list") as console:
        return console.until(rb"a row") - console.began


def _bare_keys(fleet: Fleet) -> list[float]:
    with opened(fleet, "tests.bench.bare_list") as console:
        console.until(rb"a row")
        return _keys(console)


def _keys(console: Screen) -> list[float]:
    """Down through the list, one row after the other, and on when it scrolls."""
    console.press(b"j")
    console.cursor_moves()
    took = []
    for _ in range(KEYS):
        console.calm()
        took.append(-console.press(b"j") + console.cursor_moves())
    return took
