"""The same work with nothing of muxdeck around it."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

STAMP = ("date", "+%s.%N")
"""A program whose output is the time at which it ran."""


def spawned(rounds: int) -> tuple[list[float], list[float]]:
    """Seconds from a bare fork and exec to the running program, and from its end to the notice."""
    starts, notices = [], []
    for _ in range(rounds):
        began = time.time()
        done = subprocess.run(STAMP, capture_output=True, check=True)
        noticed, ran = time.time(), float(done.stdout)
        starts.append(ran - began)
        notices.append(noticed - ran)
    return starts, notices


def sh_loop(rounds: int) -> list[float]:
    """Seconds from one program to the next in a bare `sh` loop."""
    text = f"i=0; while [ $i -lt {rounds + 1} ]; do {' '.join(STAMP)}; i=$((i + 1)); done"
    done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=True)
    stamps = [float(line) for line in done.stdout.split()]
    return [later - sooner for sooner, later in itertools.pairwise(stamps)]


class BareTmux:
    """A tmux server with one control-mode connection, and a loop that waits for each reply."""

    def __init__(self, socket: Path) -> None:
        env = {"PATH": os.environ["PATH"], "TERM": "xterm-256color"}
        self._argv = ["tmux", "-S", str(socket), "-f", "/dev/null"]
        self._client = subprocess.Popen(
            [*self._argv, "-C", "new-session", "-s", "_ctl", "cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=env,
        )
        self.ask("display-message -p ready")

    def ask(self, command: str) -> None:
        """Returns once the command is answered."""
        assert self._client.stdin is not None
        assert self._client.stdout is not None
        self._client.stdin.write(command.encode() + b"\n")
        self._client.stdin.flush()
        answered = False
        while not (answered and self._line.startswith((b"%end", b"%error"))):
            self._line = self._client.stdout.readline()
            answered = answered or (self._line.startswith(b"%begin") and self._line.rstrip().endswith(b"1"))

    _line = b""

    def close(self) -> None:
        subprocess.run([*self._argv, "kill-server"], capture_output=True, check=False)
        self._client.communicate()


@contextmanager
def bare_tmux() -> Iterator[BareTmux]:
    with tempfile.TemporaryDirectory(prefix="mxb-", dir="/tmp") as folder:
        tmux = BareTmux(Path(folder, "t"))
        try:
            yield tmux
        finally:
            tmux.close()


def tmux_loop(rounds: int) -> list[float]:
    """Seconds that a bare control-mode loop takes for each session that it creates."""
    took = []
    with bare_tmux() as tmux:
        for number in range(rounds):
            began = time.perf_counter()
            tmux.ask(f"new-session -d -s s{number} -x 200 -y 50 sleep 100000")
            took.append(time.perf_counter() - began)
    return took


def sh_tasks(count: int, slots: int) -> float:
    """Seconds for trivial programs in bare `sh` loops, side by side."""
    text = f"i=0; while [ $i -lt {count // slots} ]; do /bin/true; i=$((i + 1)); done"
    began = time.perf_counter()
    loops = [subprocess.Popen(["sh", "-c", text]) for _ in range(slots)]
    for loop in loops:
        loop.wait()
    return time.perf_counter() - began


def task_spooler(count: int, slots: int) -> float | None:
    """Seconds for trivial programs, from the first command to the end of the last; None where it is not installed."""
    if (tsp := shutil.which("tsp") or shutil.which("ts")) is None:
        return None
    with tempfile.TemporaryDirectory(prefix="mxb-", dir="/tmp") as folder:
        env = os.environ | {"TS_SOCKET": f"{folder}/s", "TMPDIR": folder, "TS_SLOTS": str(slots), "TS_MAXFINISHED": "9"}
        subprocess.run([tsp, "-S", str(slots)], env=env, check=True, capture_output=True)
        try:
            began = time.perf_counter()
            for _ in range(count):
                subprocess.run([tsp, "/bin/true"], env=env, check=True, capture_output=True)
            subprocess.run([tsp, "-w"], env=env, check=False, capture_output=True)
            while "running" in (listed := _listed(tsp, env)) or "queued" in listed:
                pass
            return time.perf_counter() - began
        finally:
            subprocess.run([tsp, "-K"], env=env, check=False, capture_output=True)


def _listed(tsp: str, env: dict[str, str]) -> str:
    return subprocess.run([tsp], env=env, check=True, capture_output=True, text=True).stdout


def parallel(count: int, slots: int) -> float | None:
    """Seconds of GNU parallel for trivial programs; None where it is not installed."""
    if (tool := shutil.which("parallel")) is None:
        return None
    began = time.perf_counter()
    subprocess.run(
        [tool, f"-j{slots}"], input="/bin/true\n" * count, text=True, check=True, capture_output=True,
        env=os.environ | {"PARALLEL_HOME": "/nonexistent"},
    )  # fmt: skip
    return time.perf_counter() - began
