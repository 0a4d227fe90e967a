"""A session with a launcher in it: made ahead, lent to one attempt at a time."""

from __future__ import annotations

import os
import shutil
import signal
import termios
import time
from contextlib import contextmanager, suppress
from enum import Enum
from typing import TYPE_CHECKING, Any

from core.adapters import processes
from core.adapters.folders import FILE_MODE, Folder, marker, write_new
from core.adapters.tmux.control import TmuxError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.adapters.tmux.control import Control
    from core.adapters.tmux.servers import Server
    from core.model import AttemptId, ProcessId


STOP_DEADLINE = 0.5
"""Seconds within which a signal has stopped the logger."""


class Stage(Enum):
    """Where a slot stands."""

    IDLE = "idle"
    BUSY = "busy"
    SEALING = "sealing"
    """Its attempt is over: the log is being completed."""


def _nothing() -> None:
    pass


class Slot:
    """Owned by `Sessions`. Its folder holds the launcher's fifo and the log that the session's output goes to."""

    def __init__(self, number: int, folder: str, server: Server | None) -> None:
        self.number = number
        self.folder = folder
        self.log = f"{folder}/log"
        self.server = server
        """None where its server is gone, or did not answer when this engine came up."""
        self.session_id = ""
        self.pane_id = ""
        self.tty = ""
        self.launcher: ProcessId | None = None
        self.stage = Stage.IDLE
        self.attempt: AttemptId | None = None
        self.unwatch: Callable[[], None] = _nothing
        """Takes back the watch over the launcher."""
        self._line: int | None = None
        self._fresh: list[Any] | None = None

    @property
    def control(self) -> Control:
        """TmuxError where its server is gone."""
        if self.server is None:
            raise TmuxError("its tmux server is gone")
        return self.server.control

    def make(self) -> None:
        """OSError where the disk refuses."""
        os.mkdir(self.folder, 0o700)
        os.mkfifo(f"{self.folder}/ctl", FILE_MODE)
        write_new(self.log, b"")
        self.open()

    def open(self) -> None:
        """Opens the launcher's line. Held open for reading too, so that writing never waits for the launcher."""
        self._line = os.open(f"{self.folder}/ctl", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def tell(self, line: str) -> None:
        """One line to the launcher; it stays in the fifo until the launcher reads it."""
        if self._line is not None:
            os.write(self._line, os.fsencode(line + "\n"))

    def close(self) -> None:
        self.unwatch()
        if self._line is not None:
            os.close(self._line)
            self._line = None

    def remove(self) -> None:
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def remember_terminal(self) -> None:
        """The settings of the fresh terminal, to be put back after each attempt."""
        with self._opened_terminal() as terminal:
            self._fresh = None if terminal is None else termios.tcgetattr(terminal)

    def restore_terminal(self) -> bool:
        """False where the terminal cannot be made as it was."""
        with self._opened_terminal() as terminal:
            if terminal is None or self._fresh is None:
                return False
            termios.tcsetattr(terminal, termios.TCSANOW, self._fresh)
        return True

    @contextmanager
    def _opened_terminal(self) -> Iterator[int | None]:
        try:
            terminal = os.open(self.tty, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            yield None
            return
        try:
            yield terminal
        finally:
            os.close(terminal)

    def drained(self) -> bool:
        """Whether everything that the attempt wrote is in the log."""
        assert self.attempt is not None
        end = marker(self.attempt)
        try:
            log = os.open(self.log, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            return os.pread(log, len(end), max(os.fstat(log).st_size - len(end), 0)) == end
        finally:
            os.close(log)

    def take_log(self, into: str) -> None:
        """Moves the finished attempt's output out of the slot's log; the launcher is told to begin an empty one."""
        assert self.attempt is not None
        with open(self.log, "rb") as log:
            content = log.read().removesuffix(marker(self.attempt))
        if content:
            write_new(f"{into}.new", content)
            os.rename(f"{into}.new", into)
        else:
            os.unlink(into)
        self.tell(f"kept {self.attempt}\nanew")

    def has_output(self) -> bool:
        """Whether the attempt, whose log is complete, has written anything."""
        assert self.attempt is not None
        return self.log_size() > len(marker(self.attempt))

    def end_log(self) -> None:
        """Cuts the marker off the log of the finished attempt, which keeps the file."""
        if self.drained():
            assert self.attempt is not None
            os.truncate(self.log, os.stat(self.log).st_size - len(marker(self.attempt)))

    def log_size(self) -> int:
        """Bytes; 0 where there is no log."""
        try:
            return os.stat(self.log).st_size
        except OSError:
            return 0

    def logger_alive(self) -> bool:
        logger = self._logger()
        return logger is not None and not logger.dead

    def rotate_log(self, folder: Folder) -> None:
        """Moves the log's content to the older part of the attempt's log.

        The logger is stopped meanwhile: tmux keeps what comes in that moment.

        Runs in a thread: a stop takes a moment, and so does the copy.
        """
        logger = self._logger()
        if logger is not None:
            processes.send(logger, signal.SIGSTOP)
            _await_stop(logger.pid)
        try:
            with suppress(OSError):
                folder.drop_older_log()
                shutil.copyfile(self.log, folder.older_log)
                os.chmod(folder.older_log, FILE_MODE)
                os.truncate(self.log, 0)
        finally:
            if logger is not None:
                processes.send(logger, signal.SIGCONT)

    def _logger(self) -> processes.Process | None:
        """The process that writes the log, and no other one that may have its number now."""
        try:
            with open(f"{self.folder}/logger", encoding="ascii") as file:
                pid = int(file.read())
        except (OSError, ValueError):
            return None
        return processes.look(pid) if processes.writes_to(pid, self.log) else None


def _await_stop(pid: int) -> None:
    deadline = time.monotonic() + STOP_DEADLINE
    while (found := processes.look(pid)) is not None and found.state != "T" and time.monotonic() < deadline:
        time.sleep(0.001)
