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
    from collections.abc import Iterator

    from tests.fleet import Fleet

KEYS = 150
CHANGES = 1000
"""A second."""
DEADLINE = 60.0
_ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")


class Screen:
    """A console on a pty of 200x50; what it writes is read at once, as a terminal would."""

    def __init__(self, fleet: Fleet) -> None:
        self.began = time.perf_counter()
        self._terminal, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        env = {name: value for name, value in os.environ.items() if not name.startswith("TMUX")}
        env |= {"MUXDECK_HOME": str(fleet.home.root), "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tui"], stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True
        )
        os.close(theirs)

    def until(self, pattern: bytes) -> float:
        """Seconds since the epoch of `perf_counter` at which what is written since the call matches, colours aside."""
        seen = b""
        end = time.perf_counter() + DEADLINE
        while True:
            ready, _, _ = select.select([self._terminal], [], [], 1.0)
            if ready:
                seen += os.read(self._terminal, 1 << 16)
                if re.search(pattern, _ESCAPES.sub(b"", seen)):
                    return time.perf_counter()
            assert time.perf_counter() < end, f"the console never wrote {pattern!r}"

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
    first = []
    for _ in range(5):
        console = Screen(fleet)
        first.append(console.until(rb"agents") - console.began)
        console.close()
    bare = _imported()
    yield Figure(
        f"first frame of the console, {live:,} sessions, {queued:,} queued",
        p50_p99(first)[0],
        "s",
        0.6,
        bare,
        "python -c 'import textual.app'",
    )
    fleet.ask("wait", tasks=[fleet.add("true")])
    queued_tasks = [one["id"] for one in fleet.ask("list", states=["queued"], limit=CHANGES // 10)["tasks"]]
    console = Screen(fleet)
    try:
        console.until(rb"2 queue")
        time.sleep(3)
        console.calm()
        yield from latencies(f"key to screen, {live:,} sessions, {queued:,} queued", _keys(console), goals=(None, 20))
        with changes(fleet, queued_tasks):
            time.sleep(1)
            took = _keys(console)
            yield from latencies(f"  and {CHANGES:,} changes a second", took, goals=(None, 20))
            yield Figure("  console's CPU meanwhile", probe.share([console.process.pid], 5), "%")
        yield Figure("  console's memory", probe.memory(console.process.pid), "MB", 80)
    finally:
        console.close()


def _keys(console: Screen) -> list[float]:
    """Down through the queue: the chosen task's number appears in the title of its details."""
    took = []
    for _ in range(KEYS):
        console.calm()
        pressed = console.press(b"j")
        took.append(console.until(rb"\xe2\x95\xad\xe2\x94\x80 \d+ agent") - pressed)
    return took


def _imported() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import textual.app"], check=True)
    return time.perf_counter() - began
