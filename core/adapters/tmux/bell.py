"""The fifo on which every launcher tells that something has happened. It wakes: a file counts more than its word."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from core.adapters.folders import HIGHEST_CODE
from core.model import AttemptId
from core.plainfile import number_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_READ_AT_ONCE = 1 << 16
_LONGEST_LINE = 1 << 12
LARGEST_PID = 1 << 31


class Bell:
    """Calls `on_start(attempt, pid)`, `on_end(attempt, status)`, `on_unwritten(attempt, status)` (it has ended, and its
    status is known by the bell alone), `on_refused(attempt)` and `on_hook(attempt)` from the running loop.

    Lines not ours are ignored.
    """

    def __init__(
        self,
        path: Path,
        on_start: Callable[[AttemptId, int], None],
        on_end: Callable[[AttemptId, int], None],
        on_unwritten: Callable[[AttemptId, int], None],
        on_refused: Callable[[AttemptId], None],
        on_hook: Callable[[AttemptId], None],
    ) -> None:
        path.unlink(missing_ok=True)
        os.mkfifo(path, 0o600)
        self._fifo = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._on_start = on_start
        self._on_end = on_end
        self._on_unwritten = on_unwritten
        self._on_refused = on_refused
        self._on_hook = on_hook
        self._rest = b""
        asyncio.get_running_loop().add_reader(self._fifo, self._readable)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._fifo)
        os.close(self._fifo)

    def _readable(self) -> None:
        *lines, self._rest = (self._rest + os.read(self._fifo, _READ_AT_ONCE)).split(b"\n")
        self._rest = self._rest[-_LONGEST_LINE:]
        for line in lines:
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
