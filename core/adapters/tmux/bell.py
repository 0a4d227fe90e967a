"""The fifo on which every launcher tells that something has happened. It only wakes: the files are the truth."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from core.model import AttemptId

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_READ_AT_ONCE = 1 << 16


class Bell:
    """Calls `on_start(attempt, pid)`, `on_end(attempt)` and `on_hook(attempt)` from the running loop.

    Lines not ours are ignored.
    """

    def __init__(
        self,
        path: Path,
        on_start: Callable[[AttemptId, int], None],
        on_end: Callable[[AttemptId], None],
        on_hook: Callable[[AttemptId], None],
    ) -> None:
        path.unlink(missing_ok=True)
        os.mkfifo(path, 0o600)
        self._fifo = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._on_start = on_start
        self._on_end = on_end
        self._on_hook = on_hook
        self._rest = b""
        asyncio.get_running_loop().add_reader(self._fifo, self._readable)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._fifo)
        os.close(self._fifo)

    def _readable(self) -> None:
        *lines, self._rest = (self._rest + os.read(self._fifo, _READ_AT_ONCE)).split(b"\n")
        for line in lines:
            self._heard(line)

    def _heard(self, line: bytes) -> None:
        try:
            word, name, number = line.decode("ascii").split(" ")
            attempt, value = AttemptId.parse(name), int(number)
        except ValueError:
            return
        if word == "S":
            self._on_start(attempt, value)
        elif word == "E":
            self._on_end(attempt)
        elif word == "H":
            self._on_hook(attempt)
