"""An engine in which everything fails at random while a file `faults` is in its home:  -m tests.faulty_engine SEED

What has failed, and how often, is written to `faults.json` in the home.
"""

from __future__ import annotations

import errno
import json
import os
import random
import sqlite3
import stat
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.adapters.folders import Folder
from core.adapters.reading import Reader
from core.adapters.store import SqliteStore
from core.adapters.tmux.sessions import Sessions
from core.adapters.tmux.slots import Slot
from core.adapters.vitals import Watch
from core.engine import __main__ as engine
from core.engine.feed import Feed
from core.engine.service import Service
from core.rules import decide, placing

if TYPE_CHECKING:
    from collections.abc import Callable

SHARE = 0.04
"""Of the calls that fail."""
HOME = Path(os.environ["MUXDECK_HOME"])
chance = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
failed: Counter[str] = Counter()


def fails(what: str) -> bool:
    if not (HOME / "faults").exists() or chance.random() > SHARE:
        return False
    failed[what] += 1
    with open(HOME / "faults.json", "w", encoding="ascii") as told:
        json.dump(failed, told)
    return True


def bug(_: str) -> Exception:
    return chance.choice([ValueError, KeyError, AssertionError, OverflowError, AttributeError])("put here")


def disk(_: str) -> Exception:
    number = chance.choice([errno.ENOSPC, errno.EIO, errno.EROFS, errno.EMFILE])
    return OSError(number, os.strerror(number))


def full(_: str) -> Exception:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = chance.choice([sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY])
    return error


def around(owner: Any, name: str, error: Callable[[str], Exception], *, after: bool = False) -> None:
    """Raises before the work of a function, or after it."""
    original = getattr(owner, name)
    what = f"{getattr(owner, '__name__', owner)}.{name}"

    def wrapped(*args: Any, **options: Any) -> Any:
        if not after and fails(what):
            raise error(what)
        result = original(*args, **options)
        if after and fails(what):
            raise error(what)
        return result

    setattr(owner, name, wrapped)


def write_short() -> None:
    """A file takes a part of what it is given, as a disk that fills does."""
    original = os.write

    def wrapped(file: int, content: Any) -> int:
        view = memoryview(content)
        if len(view) > 1 and stat.S_ISREG(os.fstat(file).st_mode) and fails("os.write"):
            view = view[: len(view) // 2]
        return original(file, view)

    os.write = wrapped  # type: ignore[assignment]


def prepare() -> None:
    around(decide, "advance", bug, after=True)
    around(placing, "begin", bug, after=True)
    around(Service, "answer", bug)
    around(SqliteStore, "keep", bug, after=True)
    around(SqliteStore, "keep", full)
    around(SqliteStore, "commit", full)
    around(SqliteStore, "launch", bug)
    around(SqliteStore, "sync", disk)
    around(Reader, "rows", full)
    around(Feed, "note", bug)
    around(Feed, "message", bug)
    around(Folder, "make", disk)
    around(Folder, "exit", disk)
    around(Slot, "tell", disk)
    around(Sessions, "start", bug)
    around(Sessions, "release", bug)
    around(Sessions, "check_servers", bug)
    around(Watch, "leftovers", bug)
    write_short()


if __name__ == "__main__":
    prepare()
    sys.argv[1:] = []
    sys.exit(engine.main())
