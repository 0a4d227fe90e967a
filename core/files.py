"""Notices that files have changed: by inotify, and by looking again and again while there is none."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from typing import TYPE_CHECKING

from core import inotify
from core.inotify import Event, Inotify

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from core.troubles import Troubles

STEP = 0.5
"""Seconds without another change after which a change counts as settled."""
SETTLE = 1.0
"""Seconds after which it is told in any case."""
LOOK_EVERY = 1.0
"""Seconds between two looks while nothing tells of changes, and at the folder's own identity while inotify does."""
LOOK_ANYWAY = 60.0
"""Seconds after which a folder is looked through although inotify was silent: it never tells of a remote disk."""
TRY_AGAIN = 10.0
"""Seconds between two tries to have inotify again."""
_WATCHED = (
    inotify.MODIFIED | inotify.CHANGED_MODE | inotify.WRITTEN | inotify.MOVED_FROM | inotify.MOVED_TO
    | inotify.CREATED | inotify.DELETED | inotify.SELF_DELETED | inotify.SELF_MOVED
)  # fmt: skip
_NONE_LEFT = {
    errno.EMFILE: "the user has no inotify instance left (fs.inotify.max_user_instances)",
    errno.ENFILE: "the system has no file handle left",
    errno.ENOSPC: "the user has no inotify watch left (fs.inotify.max_user_watches)",
    errno.ENOMEM: "there is no memory for inotify",
}
Picture = tuple[object, ...]


async def changes(folder: Path, name: str | None = None, troubles: Troubles | None = None) -> AsyncIterator[None]:
    """Each time that something in the folder has changed, or the file of that name in it; not what lies deeper.

    Goes on whatever happens to the folder: it may be missing, removed, made anew, replaced or closed for a while.
    Without inotify it looks every second, says so among the troubles, and has inotify again as soon as there is some.
    """
    watch = _Watch(folder, troubles)
    try:
        watch.arm()
        seen = await _picture(folder, name)
        looked_at = time.monotonic()
        while True:
            told = await watch.wait(LOOK_EVERY)
            anew = watch.arm()
            due = time.monotonic() - looked_at > LOOK_ANYWAY
            if told or anew or due or name is not None or not watch.armed:
                looked_at = time.monotonic()
                before, seen = seen, await _picture(folder, name)
                if seen != before:
                    yield
    finally:
        watch.close()


class _Watch:
    """Over one folder, for as long as its path names it."""

    def __init__(self, folder: Path, troubles: Troubles | None) -> None:
        self._folder = folder
        self._troubles = troubles
        self._subject = f"inotify {folder}"
        self._inotify: Inotify | None = None
        self._watched: tuple[int, int] | None = None
        """Device and inode of the folder that is watched."""
        self._happened = asyncio.Event()
        self._try_at = 0.0

    @property
    def armed(self) -> bool:
        return self._watched is not None

    def arm(self) -> bool:
        """Watches what the path names now; whether that is something else than before."""
        named = _identity(self._folder)
        if named is not None and named == self._watched:
            return False
        had, self._watched = self._watched, None
        if named is not None and time.monotonic() >= self._try_at:
            try:
                self._add()
            except OSError as error:
                self._try_at = time.monotonic() + TRY_AGAIN
                self._note(error)
            else:
                self._watched = named
                self._clear()
        return had != self._watched

    def _add(self) -> None:
        if self._inotify is None:
            self._inotify = Inotify(self._heard)
        self._inotify.add(os.fspath(self._folder), _WATCHED)

    def _heard(self, event: Event) -> None:
        if event.happened & inotify.IGNORED:
            self._watched = None
        self._happened.set()

    async def wait(self, patience: float) -> bool:
        """Returns True once something has happened and has settled, False after so many seconds without."""
        if not await self._happens(patience):
            return False
        deadline = time.monotonic() + SETTLE
        while await self._happens(min(STEP, deadline - time.monotonic())):
            pass
        return True

    async def _happens(self, patience: float) -> bool:
        try:
            async with asyncio.timeout(max(patience, 0.0)):
                await self._happened.wait()
        except TimeoutError:
            return False
        self._happened.clear()
        return True

    def _note(self, error: OSError) -> None:
        why = _NONE_LEFT.get(error.errno or 0)
        if why is not None and self._troubles is not None:
            text = f"{why}: changes in {self._folder} are looked for every second; raise the limit, or end programs "
            self._troubles.note(self._subject, text + "that watch many files")

    def _clear(self) -> None:
        if self._troubles is not None:
            self._troubles.clear(self._subject)

    def close(self) -> None:
        self._clear()
        if self._inotify is not None:
            self._inotify.close()


async def _picture(folder: Path, name: str | None) -> Picture:
    """What a change changes. A folder may be large: it is looked through in a thread."""
    if name is not None:
        return _facts(folder / name)
    return await asyncio.to_thread(_all_facts, folder)


def _all_facts(folder: Path) -> Picture:
    try:
        with os.scandir(folder) as entries:
            return tuple(sorted((entry.name, *_facts(entry)) for entry in entries))
    except OSError as error:
        return (error.errno,)


def _facts(path: Path | os.DirEntry[str]) -> Picture:
    """Empty if there is nothing."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
