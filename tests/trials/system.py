"""What the kernel says about processes, and how a trial ends those that carry its mark."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MARK = "TRIAL_FOLDER"
"""In the environment of every process of a trial: its folder."""


def until(holds: Callable[[], object], seconds: float, pause: float = 0.05) -> bool:
    """Whether the condition came true in time."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def command_line(pid: int) -> list[str]:
    """Empty if the process has ended, is a zombie, or belongs to the kernel."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return [os.fsdecode(word) for word in raw.split(b"\0")[:-1]]


def lives(pid: int) -> bool:
    return bool(command_line(pid))


def parent(pid: int) -> int:
    """0 if the process has ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    return int(status.rpartition(b")")[2].split()[1])


def pids() -> Iterator[int]:
    """Of all processes but this one."""
    own = os.getpid()
    for name in os.listdir("/proc"):
        if name.isdecimal() and int(name) != own:
            yield int(name)


def of_folder(folder: Path) -> list[int]:
    """Processes that have the mark of this trial, or name its folder on their command line."""
    mark = f"{MARK}={folder}".encode()
    inside = f"{folder}/"
    found = []
    for pid in pids():
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            environment = []
        if mark in environment or any(word.startswith(inside) for word in command_line(pid)):
            found.append(pid)
    return found


def send(numbers: Iterable[int], sent: int) -> None:
    for pid in numbers:
        with suppress(ProcessLookupError):
            os.kill(pid, sent)


def kill_all(folder: Path) -> None:
    """SIGKILL until nothing of the trial is left: what is killed may just have started something."""
    deadline = time.monotonic() + 10
    while (left := [pid for pid in of_folder(folder) if lives(pid)]) and time.monotonic() < deadline:
        send(left, signal.SIGKILL)
        time.sleep(0.05)


def resident(pid: int) -> float:
    """Megabytes; 0 if the process has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return 0.0


def open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))
