"""One engine per home: a lock that the kernel takes back whatever happens to its holder, and that names it."""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING

from core.sockets import listens

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

PATIENCE = 15.0
"""Seconds that a holder has to listen, or to end: it may have thousands of sessions to take back or to leave."""


class LockedError(Exception):
    """Another engine has the home; the text names it."""


class Lock:
    """Waits for a holder that does not listen: it is about to, or about to end."""

    def __init__(self, path: Path, listener: Path) -> None:
        self._path = path
        self._listener = listener
        self._file = -1

    def __enter__(self) -> None:
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + PATIENCE
        while not _locks(self._file):
            served = listens(self._listener)
            if served or time.monotonic() > deadline:
                holder = os.pread(self._file, 32, 0).decode("ascii", "replace").strip()
                os.close(self._file)
                does = "already serves" if served else "does not answer, and has the lock of"
                raise LockedError(f"an engine, process {holder or 'unknown'}, {does} {self._path.parent}")
            time.sleep(0.02)
        os.ftruncate(self._file, 0)
        os.write(self._file, f"{os.getpid()}\n".encode("ascii"))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)


def holder(path: Path) -> int | None:
    """The process that has the lock; None where nobody has."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return None if _locks(file) else int(os.read(file, 32) or 0) or None
    finally:
        os.close(file)


def _locks(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
