"""The fifo on which every launcher tells that something has happened. It wakes: a file counts more than its word."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from core.adapters.folders import HIGHEST_CODE
from core.model import AttemptId
from core.plainfile import number_in
from core.sockets import set_aside

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_READ_AT_ONCE = 1 << 16
LONGEST_LINE = 256
"""Bytes; what is longer is not ours."""
LARGEST_PID = 1 << 31


class Bell:
    """Calls `on_start(attempt, pid)`, `on_end(attempt, status)`, `on_unwritten(attempt, status)` (it has ended, and its
    status is known by the bell alone), `on_refused(attempt)` and `on_hook(attempt)` from the running loop.

    Lines not ours are ignored. `on_lost` is called after a time in which nobody can have been heard: the files have to
    be looked at.
    """

    def __init__(
        self,
        path: Path,
        on_start: Callable[[AttemptId, int], None],
        on_end: Callable[[AttemptId, int], None],
        on_unwritten: Callable[[AttemptId, int], None],
        on_refused: Callable[[AttemptId], None],
        on_hook: Callable[[AttemptId], None],
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        """If there can be no fifo at the path now, `mend` makes it later."""
        self._path = path
        self._fifo = -1
        self._on_start = on_start
        self._on_end = on_end
        self._on_unwritten = on_unwritten
        self._on_refused = on_refused
        self._on_hook = on_hook
        self.on_lost = on_lost
        self._rest = b""
        with suppress(OSError):
            self._make()

    def close(self) -> None:
        if self._fifo >= 0:
            asyncio.get_running_loop().remove_reader(self._fifo)
            os.close(self._fifo)
            self._fifo = -1

    @property
    def is_there(self) -> bool:
        """Whether a launcher that opens the path finds this fifo."""
        try:
            named = os.stat(self._path, follow_symlinks=False)
        except OSError:
            return False
        return self._fifo >= 0 and os.path.samestat(named, os.fstat(self._fifo))

    def mend(self) -> None:
        """Makes the fifo anew if the path no longer names it. OSError if it cannot be made."""
        if not self.is_there:
            self._make()
            self.on_lost()

    def _make(self) -> None:
        """In place of whatever is at the path: a launcher that found no fifo has made a plain file there."""
        new = self._path.with_name(f"{self._path.name}.new")
        new.unlink(missing_ok=True)
        os.mkfifo(new, 0o600)
        fifo = os.open(new, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            set_aside(self._path)
            new.rename(self._path)
        except OSError:
            os.close(fifo)
            raise
        if self._fifo >= 0:
            self._readable()  # the last words on the one before
            self.close()
        self._fifo, self._rest = fifo, b""
        asyncio.get_running_loop().add_reader(fifo, self._readable)

    def _readable(self) -> None:
        try:
            heard = os.read(self._fifo, _READ_AT_ONCE)
        except OSError:
            return
        *lines, self._rest = (self._rest + heard).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            self._rest = self._rest[: LONGEST_LINE + 1]  # enough to know at its end that it was too long
        for line in lines:
            if len(line) <= LONGEST_LINE:
                self._heard(line)

    def _heard(self, line: bytes) -> None:
        try:
            word, name, number = line.decode("ascii").split(" ")
            attempt = AttemptId.parse(name)
        except ValueError:
            return
        value = number_in(number, LARGEST_PID)
        if value is None:
            return
        if word == "S":
            self._on_start(attempt, value)
        elif word == "E" and value <= HIGHEST_CODE:
            self._on_end(attempt, value)
        elif word == "X" and value <= HIGHEST_CODE:
            self._on_unwritten(attempt, value)
        elif word == "N":
            self._on_refused(attempt)
        elif word == "H":
            self._on_hook(attempt)
