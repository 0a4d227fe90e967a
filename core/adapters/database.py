"""The SQLite file: opened, watched, and put right where somebody has moved, replaced or locked it."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core.ports import StoreFault
from core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

OPENING_TIMEOUT = 10.0
"""Seconds for which the start waits for somebody who holds the database."""
TIMEOUT = 0.05
"""Seconds for which the running engine waits for it at a stretch: meanwhile it answers nobody."""
_SIDES = ("-wal", "-shm")
_PRIMARY = 0xFF
_MACHINE = frozenset(
    {
        sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOTADB,
    }
)  # fmt: skip
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_WRITE_LOCK = ("120", "120")
"""The byte of the -shm file that a writer locks (SQLite's wal.c)."""


class Identity(NamedTuple):
    device: int
    inode: int


class Database:
    """`execute` and `executemany` are those of the open connection; it may be opened anew under those that hold it."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        """SQLite follows links too: the journal stands beside the file itself."""
        self._journal = -1
        self.open()

    def open(self) -> None:
        self.raw = sqlite3.connect(self.path, isolation_level=None, cached_statements=256, timeout=OPENING_TIMEOUT)
        self.execute = self.raw.execute
        self.executemany = self.raw.executemany
        self.executescript = self.raw.executescript

    def opened(self) -> None:
        """Everything is set up: from now on nothing waits long, and its files are known."""
        self.execute(f"PRAGMA busy_timeout = {TIMEOUT * 1000:.0f}")
        self._journal = os.open(f"{self.path}-wal", os.O_RDONLY | os.O_CLOEXEC)
        self._files = self._present()

    def close(self) -> None:
        if self._journal >= 0:
            os.close(self._journal)
            self._journal = -1
        self.raw.close()

    def sync(self) -> None:
        """Waits for the disk. May run in another thread."""
        os.fdatasync(self._journal)

    def sync_by_folding(self) -> None:
        """After a sync that failed, another one proves nothing: the kernel may have dropped what it could not write.
        So everything is written to the database file itself, and waited for."""
        with closing(sqlite3.connect(self.path, isolation_level=None, timeout=TIMEOUT)) as folding:
            folding.execute("PRAGMA synchronous = FULL")
            busy, pages, folded = folding.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
        if busy or pages != folded:
            raise OSError(errno.EIO, "the journal could not be folded into the database")

    def checkpoint(self) -> None:
        """Folds the journal into the file, over a connection of its own: may run in another thread."""
        with closing(sqlite3.connect(self.path, isolation_level=None, timeout=0)) as folding:
            folding.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def rollback(self) -> None:
        with suppress(sqlite3.Error):
            if self.raw.in_transaction:
                self.raw.execute("ROLLBACK")

    # Trouble

    def fault(self, error: BaseException) -> StoreFault | None:
        if isinstance(error, OSError):
            return StoreFault(f"{self.path}: {self._state_of_disk() or one_line(str(error))}", passes=False)
        if not isinstance(error, sqlite3.Error):
            return None
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY
        if code not in _MACHINE:
            return None
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StoreFault(f"{self.path} is locked by {self._holder()}: it goes on once that lets go", passes=True)
        state = self._state_of_disk()
        if state is None and code in _DAMAGED:
            state = "is damaged"
        return StoreFault(f"{self.path}: {state or one_line(str(error))}", passes=False)

    def is_damaged_by(self, error: BaseException) -> bool:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY
        return isinstance(error, sqlite3.Error) and code in _DAMAGED

    def _state_of_disk(self) -> str | None:
        """Why nothing can be written, as far as the disk tells."""
        try:
            disk = os.statvfs(self.path.parent)
        except OSError as error:
            return f"the home cannot be reached ({error.strerror})"
        if disk.f_flag & os.ST_RDONLY:
            return "the disk is read-only: mount it for writing"
        if disk.f_bavail * disk.f_frsize < 1 << 16:
            return "the disk is full: make room"
        return None

    def _holder(self) -> str:
        """Who has it locked, as far as the kernel tells."""
        with suppress(OSError, ValueError):
            inode = str(os.stat(f"{self.path}-shm").st_ino)
            for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
                words = line.split()
                if words[3] == "WRITE" and words[5].rpartition(":")[2] == inode and tuple(words[6:8]) == _WRITE_LOCK:
                    name = Path(f"/proc/{words[4]}/comm").read_text(encoding="utf-8", errors="replace").strip()
                    return f"process {words[4]} ({one_line(name, 20)})"
        return "another process"

    # Files

    def _present(self) -> dict[str, Identity | None]:
        return {side: _identity(f"{self.path}{side}") for side in ("", *_SIDES)}

    @property
    def is_in_place(self) -> bool:
        """Whether its path still names the files that are open."""
        return self._present() == self._files

    def write_anew(self, prepare: Callable[[], object]) -> str:
        """Puts the open database back at its path, where somebody has removed or replaced its files.

        What stands there now is kept beside it. Returns what was done, in words. `prepare` sets the new connection up.
        """
        fresh, stamp = Path(f"{self.path}.fresh"), time.strftime("%Y%m%d-%H%M%S")
        fresh.unlink(missing_ok=True)
        with closing(sqlite3.connect(fresh, isolation_level=None)) as copy:
            self.raw.backup(copy)
        self.close()
        kept = self.put_by(f"replaced-{stamp}")
        os.rename(fresh, self.path)
        self.open()
        prepare()
        self.opened()
        found = f"; what stood there is kept as {kept}" if kept is not None else ""
        return f"{self.path} was removed or replaced while the engine ran: it was written anew{found}"

    def put_by(self, word: str) -> Path | None:
        """Moves the files that stand at the path aside; None if there is no database among them."""
        kept = Path(f"{self.path}.{word}")
        moved = None
        for side in ("", *_SIDES):
            with suppress(FileNotFoundError):
                os.rename(f"{self.path}{side}", f"{kept}{side}")
                moved = kept if side == "" else moved
        return moved


def _identity(path: str) -> Identity | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return Identity(found.st_dev, found.st_ino)
