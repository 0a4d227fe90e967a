"""A session with a launcher in it: made ahead, lent to one attempt at a time."""

from __future__ import annotations

import os
import shutil
import termios
from contextlib import contextmanager, suppress
from enum import Enum
from typing import TYPE_CHECKING, Any

from core import plainfile
from core.adapters import processes
from core.adapters.folders import FILE_MODE, marker
from core.adapters.tmux.control import TmuxError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.adapters.folders import Folder
    from core.adapters.tmux.control import Control
    from core.adapters.tmux.servers import Server
    from core.model import AttemptId, ProcessId


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
        self.rung_status: int | None = None
        """The exit status that the launcher has told by the bell; its file, if there is one, counts more."""
        self.programs: set[int] = set()
        """Numbers of the programs that its launcher has begun or is known to have had."""
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
        """OSError if the disk refuses."""
        plainfile.make_folder(self.folder)
        os.mkfifo(f"{self.folder}/ctl", FILE_MODE)
        plainfile.write_new(self.log, b"")
        self.open()

    def is_whole(self) -> bool:
        """False if somebody has removed its folder: its launcher can be told nothing more, and logs nowhere."""
        return os.path.exists(self.log) and os.path.exists(f"{self.folder}/ctl")

    def lend(self, folder: Folder) -> None:
        """From now on its output is that of the attempt, and its logger keeps the older part there. OSError says why
        it cannot be."""
        self.rung_status = None
        self.programs.clear()
        link = f"{self.folder}/attempt"
        with suppress(FileNotFoundError):
            os.unlink(link)
        os.symlink(folder.path, link)
        os.link(self.log, folder.log)

    def open(self) -> None:
        """Opens the launcher's line. Held open for reading too, so that writing never waits for the launcher."""
        self._line = os.open(f"{self.folder}/ctl", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def runs_program(self) -> bool:
        """Whether a program that its launcher has begun is still its child; False where the kernel does not tell."""
        children = None if self.launcher is None else processes.children(self.launcher.pid)
        return not self.programs.isdisjoint(children or ())

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

    def take_log(self, into: str) -> None:
        """Moves the finished attempt's output out of the slot's log; the launcher is told to begin an empty one.
        OSError if the disk refuses: then the log stays the slot's own."""
        assert self.attempt is not None
        content = plainfile.read(self.log, plainfile.size(self.log)).removesuffix(marker(self.attempt))
        if content:
            plainfile.write_whole(into, content)
        else:
            os.unlink(into)
        self.tell(f"kept {self.attempt}\nanew")

    def has_output(self) -> bool:
        """Whether the attempt, whose log is complete, has written anything."""
        assert self.attempt is not None
        return self.log_size() > len(marker(self.attempt))

    def log_size(self) -> int:
        """Bytes; 0 if there is no log."""
        return plainfile.size(self.log)
