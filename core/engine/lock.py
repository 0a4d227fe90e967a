"""One engine per home: a lock that the kernel takes back whatever happens to its holder, and that names it.

The lock is an open file, and counts only as long as its path names that very file: whoever removes or replaces the
file takes the lock away from its holder, who notices (`held`) and takes it anew (`renew`) or ends.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from core.home import HomeError
from core.sockets import listener_pid, listens, set_aside

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

PATIENCE = 15.0
"""Seconds that a holder has to listen, or to end: it may have thousands of sessions to take back or to leave."""
PAUSE = 0.02
LONGEST_PID = 32


class LockedError(Exception):
    """Another engine has the home; the text names it."""


class Lock:
    """Waits for a holder that does not listen: it is about to, or about to end. Also for an engine that listens and
    has lost its lock: it is about to take it anew."""

    def __init__(self, path: Path, listener: Path) -> None:
        self._path = path
        self._listener = listener
        self._file = -1
        """The file that is locked."""
        self._wanted = -1
        """The file that another engine has locked, kept open while it is waited for."""

    def __enter__(self) -> Lock:
        """LockedError if another engine has the home, HomeError if nobody could lock it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            served = listens(self._listener)
            if not served and self.renew():
                return self
            if (served and holder(self._path)) or time.monotonic() > deadline:
                raise LockedError(self._refusal(served=served))
            time.sleep(PAUSE)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in (self._file, self._wanted):
            if file >= 0:
                os.close(file)
        self._file = self._wanted = -1

    @property
    def held(self) -> bool:
        """Whether the path still names the file that is locked."""
        return self._file >= 0 and _names(self._path, self._file)

    def renew(self) -> bool:
        """Takes the lock on what the path names now. False if another has it; HomeError if it cannot be locked."""
        file = self._open()
        try:
            if not (_locks(file) and _names(self._path, file)):
                return False
        except OSError as error:
            raise HomeError(f"cannot lock {self._path}: {error.strerror}") from error
        with suppress(OSError):  # on a full disk nobody reads who has it
            os.ftruncate(file, 0)
            os.write(file, f"{os.getpid()}\n".encode("ascii"))
        if self._file >= 0:
            os.close(self._file)
        self._file, self._wanted = file, -1
        return True

    def _open(self) -> int:
        """What the path names now."""
        if self._wanted >= 0 and not _names(self._path, self._wanted):
            os.close(self._wanted)
            self._wanted = -1
        if self._wanted < 0:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            try:
                set_aside(self._path)
                self._wanted = os.open(self._path, flags, 0o600)
            except OSError as error:
                raise HomeError(f"cannot open {self._path}: {error.strerror}") from error
        return self._wanted

    def _refusal(self, *, served: bool) -> str:
        pid = listener_pid(self._listener) or holder(self._path) or "unknown"
        does = "already serves" if served else "does not answer, and has the lock of"
        return f"an engine, process {pid}, {does} {self._path.parent}"


def holder(path: Path) -> int | None:
    """The process that has the lock; None if nobody has, or if nobody can read who."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        text = b"" if _locks(file) else os.pread(file, LONGEST_PID, 0).strip()
        return int(text) if text.isdigit() else None
    except OSError:
        return None
    finally:
        os.close(file)


def _names(path: Path, file: int) -> bool:
    try:
        named = os.stat(path, follow_symlinks=False)
    except OSError:
        return False
    return os.path.samestat(named, os.fstat(file))


def _locks(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
