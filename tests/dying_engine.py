"""An engine that kills itself with SIGKILL at a given step of the first attempt:  python -m tests.dying_engine STEP"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from core.adapters.folders import Folder
from core.adapters.store import SqliteStore
from core.adapters.tmux.pool import Pool
from core.adapters.tmux.sessions import Sessions
from core.adapters.tmux.slots import Slot, Stage
from core.engine import __main__ as engine

if TYPE_CHECKING:
    from collections.abc import Callable


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def around(owner: type, name: str, when: str, holds: Callable[..., bool] = lambda *_: True) -> None:
    """Dies before or after a method, the first time that `holds` says so."""
    method = getattr(owner, name)

    def wrapped(self: Any, *args: Any, **options: Any) -> Any:
        dies = holds(self, *args)
        if dies and when == "before":
            die()
        result = method(self, *args, **options)
        if dies:
            die()
        return result

    setattr(owner, name, wrapped)


kept: list[str] = []


def has_kept(word: str) -> Callable[..., bool]:
    """Whether the transaction at hand has a task added, or an attempt ended."""

    def holds(*_: Any) -> bool:
        return word in kept

    keep = SqliteStore.keep

    def noting(self: SqliteStore, step: Any, who: str) -> None:
        kept.extend(["added"] if step.added else [])
        kept.extend(["ended"] if any(not attempt.state.live for attempt in step.attempts.values()) else [])
        keep(self, step, who)

    SqliteStore.keep = noting  # type: ignore[method-assign]
    return holds


def tells_to_run(_: Any, line: str) -> bool:
    return line.startswith("run ")


STEPS: dict[str, Callable[[], None]] = {
    "before the task is on disk": lambda: around(SqliteStore, "commit", "before", has_kept("added")),
    "after the task is on disk": lambda: around(SqliteStore, "commit", "after", has_kept("added")),
    "before the folder is made": lambda: around(Folder, "make", "before"),
    "after the folder is made": lambda: around(Folder, "make", "after"),
    "before the launcher is told": lambda: around(Slot, "tell", "before", tells_to_run),
    "after the launcher is told": lambda: around(Slot, "tell", "after", tells_to_run),
    "when the start is heard": lambda: around(Sessions, "_began", "before"),
    "when the end is heard": lambda: around(Sessions, "_ended", "before"),
    "before the end is on disk": lambda: around(SqliteStore, "commit", "before", has_kept("ended")),
    "after the end is on disk": lambda: around(SqliteStore, "commit", "after", has_kept("ended")),
    "before the log is taken": lambda: around(Slot, "take_log", "before"),
    "after the log is taken": lambda: around(Slot, "take_log", "after"),
    "before the session is ended": lambda: around(Pool, "end", "before", lambda _, slot: slot.stage is Stage.SEALING),
}

if __name__ == "__main__":
    step = sys.argv.pop()
    STEPS[step]()
    if step == "before the session is ended":
        Pool.clean = lambda *_: _no()  # type: ignore[method-assign,assignment,return-value]

    async def _no() -> bool:
        return False

    sys.exit(engine.main())
