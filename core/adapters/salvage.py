"""A store whose file is damaged: what can be read of it goes into a new file, and the damaged one is kept beside it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing, suppress
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_HOPELESS = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
"""No other part of the table can be read either: it is not there."""
_PRIMARY = 0xFF
"""The bits of an error code that tell its kind."""
_KEYS = {
    "task": "id", "attempt": "task", "need": "child", "shared": "id", "run": "id", "node": "run", "part": "run",
    "mail": "id", "event": "id", "note": "id",
}  # fmt: skip
"""Tables that are read in ranges of a number, so that a damaged page costs only its own rows."""
_WHOLE = ("meta", "grp", "agent", "fired")
"""Small tables without a number: read from both ends."""
_HIGHEST = 1 << 32
_VAIN_AT_MOST = 20_000
"""Failed reads of one table after which the rest of it is given up: about a second."""
_MAGIC = b"SQLite format 3\x00"
_HARMLESS = ("NULL value in", "TEXT value in", "NUMERIC value in")
"""What `quick_check` says of single values, which reading names one by one."""


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is wrong, not the disk, its space, or another process that holds it."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & _PRIMARY in _DAMAGE


def damage(db: sqlite3.Connection) -> str | None:
    """What is wrong with the file, in the words of SQLite; None if nothing is. Other errors are raised.

    Reads every page: about 0.4 seconds for a million tasks.
    """
    try:
        found = [str(row[0]) for row in db.execute("PRAGMA quick_check(100)")]
    except sqlite3.Error as error:
        if is_damage(error):
            return str(error)
        raise
    faults = [text for text in found if text != "ok" and not text.startswith(_HARMLESS)]
    return faults[0].splitlines()[-1] if faults else None


def not_a_store(path: Path) -> str | None:
    """What is wrong with a file that SQLite would take for a new one, and write over it; None if nothing is."""
    head = _head(path)
    if head and head != _MAGIC:
        return "it is no SQLite database"
    journal = f"{path}-wal"
    if not head and os.path.exists(journal) and os.path.getsize(journal):
        return "it is empty or gone, and its journal is not"
    return None


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC))
    except FileNotFoundError:
        return b""


def salvage(path: Path, why: str) -> str:
    """Puts a sound file in the place of the damaged one and returns what to say about it.

    OSError or sqlite3.Error if there is no room for it: then the damaged one is still in its place.
    """
    fresh = path.with_name(f"{path.name}.salvaged")
    _remove(fresh)
    os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    kept = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}")
    for suffix in ("", "-wal"):
        # Before SQLite looks at them: it folds a journal into its file, or deletes it.
        if os.path.exists(f"{path}{suffix}"):
            _link(f"{path}{suffix}", f"{kept}{suffix}")
    with closing(sqlite3.connect(fresh, isolation_level=None)) as new:
        new.executescript(files("core.adapters").joinpath("schema.sql").read_text())
        read = _take_over(path, new)
        counts = ", ".join(f"{count:,} of {table}" for table, count in read.items() if count) or "nothing"
        text = f"{path.name} was damaged ({why}): rows that could be read: {counts}; the damaged file is {kept.name}"
        new.execute("INSERT INTO note (at, who, task, text) VALUES (?, 'engine', NULL, ?)", (time.time(), text))
    _exchange(path, fresh)
    return text


def _take_over(path: Path, new: sqlite3.Connection) -> dict[str, int]:
    """How many rows of each table were read."""
    counts = {}
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.text_factory = bytes
        old.execute("PRAGMA query_only = ON")
        # Without it SQLite reads nothing at all of a file that was cut short, or of one with an odd schema.
        old.execute("PRAGMA writable_schema = ON")
        new.execute("BEGIN")
        for table in (*_WHOLE, *_KEYS):
            counts[table] = 0
            for columns, row in _Table(old, new, table).rows():
                values = [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in row]
                marks = ", ".join("?" * len(row))
                with suppress(sqlite3.IntegrityError):
                    new.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", values)
                    counts[table] += 1
        _keep_numbers(old, new)
        new.execute("COMMIT")
    return counts


def _keep_numbers(old: sqlite3.Connection, new: sqlite3.Connection) -> None:
    """Numbers of runs and events that were forgotten are not given again."""
    with suppress(sqlite3.DatabaseError):
        for name, number in old.execute("SELECT name, seq FROM sqlite_sequence").fetchall():
            found = new.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (number, name.decode()))
            if not found.rowcount:
                new.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name.decode(), number))


class _Table:
    """A table of the damaged file, as far as the new one has its columns."""

    def __init__(self, old: sqlite3.Connection, new: sqlite3.Connection, name: str) -> None:
        self._old = old
        self._name = name
        self._vain = 0
        known = [row[1] for row in new.execute(f"PRAGMA table_info({name})")]
        self._columns = ", ".join(known)

    def rows(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Names of the columns, and their values."""
        key = _KEYS.get(self._name)
        found = self._both_ends() if key is None else self._between(key, 0, self._highest(key))
        for row in found:
            yield self._columns, row

    def _highest(self, key: str) -> int:
        try:
            return int(self._old.execute(f"SELECT max({key}) FROM {self._name}").fetchone()[0] or 0)
        except (sqlite3.DatabaseError, ValueError):
            return _HIGHEST

    def _between(self, key: str, first: int, last: int) -> Iterator[tuple[Any, ...]]:
        """A range that cannot be read is halved, until it is one number."""
        ranges = [(first, last)]
        while ranges and self._vain < _VAIN_AT_MOST:
            low, high = ranges.pop()
            where = f"WHERE {key} BETWEEN {low} AND {high}"
            try:
                yield from self._old.execute(f"SELECT {self._columns} FROM {self._name} {where}").fetchall()
            except sqlite3.DatabaseError as error:
                if error.sqlite_errorcode & _PRIMARY in _HOPELESS:
                    return
                self._vain += 1
                middle = (low + high) // 2
                if low < high:
                    ranges += [(middle + 1, high), (low, middle)]

    def _both_ends(self) -> Iterator[tuple[Any, ...]]:
        """As far as the damage from the front, then from the back; the new table takes each row once."""
        for order in ("ASC", "DESC"):
            query = f"SELECT {self._columns} FROM {self._name} ORDER BY {self._columns.partition(',')[0]} {order}"
            try:
                yield from self._old.execute(query)
            except sqlite3.DatabaseError:
                continue
            return


def _exchange(path: Path, fresh: Path) -> None:
    """The journal of the damaged file goes first: the new file must never meet it."""
    _sync(fresh)
    for suffix in ("-wal", "-shm"):
        _remove(path.with_name(path.name + suffix))
    fresh.replace(path)
    _sync(path.parent)


def _link(source: str, target: str) -> None:
    """A second name, or a copy if the file system has no second names."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
