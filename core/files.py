"""Notices that files have changed: by watchfiles, and by looking again and again while it cannot watch."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from watchfiles._rust_notify import RustNotify

    from core.troubles import Troubles

STEP = 0.2
"""Seconds without another change after which a change counts as settled, and after which a thread sees its end."""
SETTLE = 1.0
"""Seconds after which it is told in any case."""
LOOK_EVERY = 1.0
"""Seconds between two looks while nothing tells of changes, and at the folder's own identity while something does."""
LOOK_ANYWAY = 60.0
"""Seconds after which a folder is looked through although nothing was told: nothing tells of a remote disk."""
TRY_AGAIN = 10.0
"""Seconds between two tries to watch."""
Picture = tuple[object, ...]


async def changes(
    folder: Path,
    name: str | None = None,
    troubles: Troubles | None = None,
    on_begun: Callable[[], None] = lambda: None,
) -> AsyncIterator[None]:
    """Each time that something in the folder has changed, or the file of that name in it; not what lies deeper.

    `on_begun` is called once from when on changes count: whoever has looked before has to look again.
    Goes on whatever happens to the folder: it may be missing, removed, made anew, replaced or closed for a while.
    Without inotify it looks every second, says so among the troubles, and watches as soon as there is some.
    """
    watch = _Watch(folder, troubles)
    try:
        watch.arm()
        seen = await _picture(folder, name)
        on_begun()
        looked_at = time.monotonic()
        while True:
            told = await watch.wait()
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
        self._notify: RustNotify | None = None
        """Watches until nothing refers to it."""
        self._watched: tuple[int, int] | None = None
        """Device and inode of the folder that is watched."""
        self._thread = ThreadPoolExecutor(1, "watch")
        """Its own: the few threads of the loop would all wait for changes."""
        self._stop = threading.Event()
        self._try_at = 0.0

    @property
    def armed(self) -> bool:
        return self._notify is not None

    def arm(self) -> bool:
        """Watches what the path names now; whether that is something else than before."""
        named = _identity(self._folder)
        if named is not None and named == self._watched:
            return False
        had = self._watched
        self._drop()
        if named is not None and time.monotonic() >= self._try_at:
            try:
                self._notify = _notify(self._folder)
            except (OSError, RuntimeError) as error:
                self._try_at = time.monotonic() + TRY_AGAIN
                self._note(error)
            else:
                self._watched = named
                self._clear()
        return had != self._watched

    async def wait(self) -> bool:
        """Returns True once something has happened and has settled, False if nothing has for a while."""
        if self._notify is None:
            await asyncio.sleep(LOOK_EVERY)
            return False
        settle, step, patience = (round(seconds * 1000) for seconds in (SETTLE, STEP, LOOK_EVERY))
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._thread, self._notify.watch, settle, step, patience, self._stop)
        except RuntimeError:  # a name that is not UTF-8, of which it would complain for ever
            self._drop()
            return True
        if isinstance(found, str):
            return False
        if any(path == str(self._folder) for _, path in found):  # it may be gone, and its inode used again
            self._drop()
        return True

    def _drop(self) -> None:
        self._notify = self._watched = None

    def _note(self, error: Exception) -> None:
        if self._troubles is not None and not isinstance(error, FileNotFoundError | PermissionError):
            text = f"changes in {self._folder} are looked for every second ({error}): raise the limits of the user "
            text += "(fs.inotify.max_user_instances, fs.inotify.max_user_watches), or end programs that watch files"
            self._troubles.note(self._subject, text)

    def _clear(self) -> None:
        if self._troubles is not None:
            self._troubles.clear(self._subject)

    def close(self) -> None:
        """Does not wait for the thread, which ends a step later."""
        self._stop.set()
        self._thread.shutdown(wait=False)
        self._drop()
        self._clear()


def _notify(folder: Path) -> RustNotify:
    from watchfiles._rust_notify import RustNotify

    return RustNotify(
        [str(folder)],
        debug=False,
        force_polling=False,
        poll_delay_ms=round(LOOK_EVERY * 1000),
        recursive=False,
        ignore_permission_denied=False,
    )


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
