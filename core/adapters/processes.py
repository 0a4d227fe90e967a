"""The process table: read raw from /proc where there is one, by psutil elsewhere; both tell the same."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psutil

from core.model import ProcessId

if TYPE_CHECKING:
    from collections.abc import Callable

LINUX = sys.platform == "linux"
_TICK = 1 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
ASK_EVERY = 1.0
"""Seconds between two questions whether a process lives of which there is no handle."""
_NOT_NOW = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO)
"""What says nothing about a process."""
_TTY_READS = (b"wait_woken", b"n_tty_read")


class UntoldError(Exception):
    """The kernel does not tell this now."""


class Process(NamedTuple):
    """One process at one look."""

    pid: int
    ppid: int
    session: int
    foreground: bool
    """In the foreground group of its terminal."""
    state: str
    """As in /proc: R running, S sleeping, D in a wait of the kernel, T stopped, Z zombie."""
    cpu: float
    """Seconds of processor time."""
    reaped_cpu: float
    """Seconds of its ended children, waited for."""
    created: float
    """Seconds since boot."""
    memory: int
    """Resident bytes."""
    threads: int
    line: bytes = b""
    """As the kernel has told it; empty where it was asked otherwise."""

    @property
    def identity(self) -> ProcessId:
        return ProcessId(self.pid, self.created, boot())

    @property
    def dead(self) -> bool:
        """Ended, and not yet waited for by its parent."""
        return self.state in ("Z", "X")


@cache
def boot() -> str:
    """Names this boot of the host."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return f"{psutil.boot_time():.0f}"


def pids() -> list[int]:
    if LINUX:
        return [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    return psutil.pids()


def children(pid: int) -> list[int] | None:
    """None where the kernel does not tell, or there is no such process."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return None


def look(pid: int, before: Process | None = None) -> Process | None:
    """None if there is no such process, or no longer. What was found `before` is given back if it still holds: most
    processes have done nothing since the last look. OSError if the kernel cannot be asked: too many files are open."""
    return _from_proc(pid, before) if LINUX else from_psutil(pid)


def identify(pid: int) -> ProcessId | None:
    """The process that has this number now; None if there is none. OSError as of `look`."""
    found = look(pid)
    return None if found is None else found.identity


def is_alive(process: ProcessId) -> bool:
    """Whether exactly this process lives; a zombie is dead. If the kernel cannot be asked now, one of its number is."""
    if process.boot != boot():
        return False
    try:
        return is_same(look(process.pid), process)
    except OSError:
        return _is_there(process.pid)


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def is_same(found: Process | None, process: ProcessId) -> bool:
    """Whether a look in this boot of the host has met the process alive."""
    return found is not None and not found.dead and abs(found.created - process.created) < _TICK


def send(process: Process, number: int) -> bool:
    """Sends a signal to exactly this process; False where that is not allowed. One that is gone is no failure."""
    try:
        handle = _handle(process.pid)
        if handle is None:
            if is_alive(process.identity):
                os.kill(process.pid, number)
            return True
        try:
            if is_alive(process.identity):
                signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return True


def _handle(pid: int) -> int | None:
    """A handle of the process that has this number now, which no other can take from it; None if none can be had: on
    this system, or because too many files are open. ProcessLookupError if there is no such process."""
    if not LINUX:
        return None
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        raise
    except OSError:
        return None


def environment_value(pid: int, name: bytes, *, beside: bytes) -> str | None:
    """A value from the environment the process was started with, if that also has `beside` (NAME=value).

    None if it has not, or does not tell. UntoldError if it may tell a moment later: a process has no environment while
    it becomes another program.
    """
    try:
        if LINUX:
            with open(f"/proc/{pid}/environ", "rb") as file:
                found = file.read().split(b"\0")
        else:
            found = [os.fsencode(f"{key}={value}") for key, value in psutil.Process(pid).environ().items()]
    except (OSError, psutil.Error) as error:
        if isinstance(error, OSError) and error.errno in _NOT_NOW:
            raise UntoldError from error
        return None
    if found == [b""]:
        raise UntoldError
    if beside not in found:
        return None
    values = (entry.partition(b"=") for entry in found)
    return next((value.decode("ascii", "replace") for key, _, value in values if key == name), None)


def open_terminals(pid: int) -> set[str]:
    """The terminals that the process has open; none where it does not tell."""
    if not LINUX:
        return set()
    folder = f"/proc/{pid}/fd"
    try:
        links = {os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)}
    except OSError:
        return set()
    return {link for link in links if link.startswith("/dev/")}


def writes_to(pid: int, path: str) -> bool:
    """Whether its standard output is this file; False where it does not tell."""
    try:
        return os.readlink(f"/proc/{pid}/fd/1") == path
    except OSError:
        return False


def reads_terminal(pid: int) -> bool:
    """Whether it sleeps in a read of a terminal; False where the kernel does not tell."""
    if not LINUX:
        return False
    try:
        if _read(f"/proc/{pid}/wchan") not in _TTY_READS:
            return False
        return os.readlink(f"/proc/{pid}/fd/{_awaited_fd(pid)}").startswith(("/dev/pts/", "/dev/tty"))
    except OSError:
        return False


def _awaited_fd(pid: int) -> int:
    """The first argument of its system call, or standard input where the kernel keeps that to itself."""
    try:
        return int(_read(f"/proc/{pid}/syscall").split()[1], 16)
    except (OSError, IndexError, ValueError):
        return 0


def io_bytes(pid: int) -> int:
    """Bytes it has read and written, through caches too; 0 where it does not tell."""
    try:
        if LINUX:
            with open(f"/proc/{pid}/io", "rb") as file:
                first, second, *_ = file.read().split(b"\n")
            return int(first.split()[1]) + int(second.split()[1])
        counters = psutil.Process(pid).io_counters()  # type: ignore[attr-defined,unused-ignore]
        return int(counters.read_bytes + counters.write_bytes)
    except (OSError, ValueError, AttributeError, psutil.Error):
        return 0


def _read(path: str) -> bytes:
    """A short file of the kernel's, in a third of the time that a file object takes."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, 1024)
    finally:
        os.close(file)


def _from_proc(pid: int, before: Process | None) -> Process | None:
    try:
        line = _read(f"/proc/{pid}/stat")
    except OSError as error:
        if error.errno in _NOT_NOW:
            raise
        return None
    if before is not None and before.line == line:
        return before
    fields = line[line.rindex(b")") + 2 :].split()
    return Process(
        pid=pid,
        ppid=int(fields[1]),
        session=int(fields[3]),
        foreground=fields[2] == fields[5],
        state=fields[0].decode().replace("t", "T"),
        cpu=(int(fields[11]) + int(fields[12])) * _TICK,
        reaped_cpu=(int(fields[13]) + int(fields[14])) * _TICK,
        created=int(fields[19]) * _TICK,
        memory=int(fields[21]) * _PAGE,
        threads=int(fields[17]),
        line=line,
    )


_STATES = {
    psutil.STATUS_RUNNING: "R",
    psutil.STATUS_SLEEPING: "S",
    psutil.STATUS_DISK_SLEEP: "D",
    psutil.STATUS_STOPPED: "T",
    psutil.STATUS_TRACING_STOP: "T",
    psutil.STATUS_ZOMBIE: "Z",
    psutil.STATUS_IDLE: "I",
}


def from_psutil(pid: int) -> Process | None:
    """The reference: slower, and the same on every platform. `session` and `foreground` need a process of our own."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times = process.cpu_times()
            return Process(
                pid=pid,
                ppid=process.ppid(),
                session=_session(pid),
                foreground=False,
                state=_STATES.get(process.status(), "S"),
                cpu=times.user + times.system,
                reaped_cpu=getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0),
                created=process.create_time() - psutil.boot_time(),
                memory=process.memory_info().rss,
                threads=process.num_threads(),
            )
    except psutil.Error:
        return None


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def on_end(process: ProcessId, callback: Callable[[], None]) -> Callable[[], None]:
    """Calls back once from the running loop when the process ends, at once if it has ended already.

    Returns what takes the watch back. If no handle of the process can be had, the process table is asked now and then.
    """
    loop = asyncio.get_running_loop()
    try:
        handle = _handle(process.pid)
    except ProcessLookupError:
        return loop.call_soon(callback).cancel
    if handle is None:
        return _ask_now_and_then(process, callback)
    if not is_alive(process):
        os.close(handle)
        return loop.call_soon(callback).cancel
    return _on_readable(handle, callback)


def _on_readable(handle: int, callback: Callable[[], None]) -> Callable[[], None]:
    loop = asyncio.get_running_loop()

    def forget() -> None:
        nonlocal handle
        if handle >= 0:
            loop.remove_reader(handle)
            os.close(handle)
            handle = -1

    def ended() -> None:
        forget()
        callback()

    loop.add_reader(handle, ended)
    return forget


def _ask_now_and_then(process: ProcessId, callback: Callable[[], None]) -> Callable[[], None]:
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle | None = None

    def ask() -> None:
        nonlocal timer
        if is_alive(process):
            timer = loop.call_later(ASK_EVERY, ask)
        else:
            callback()

    def forget() -> None:
        if timer is not None:
            timer.cancel()

    timer = loop.call_later(ASK_EVERY, ask)
    return forget
