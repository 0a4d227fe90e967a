"""Tells once of the next write to a file, where the kernel does: by inotify."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.inotify import IGNORED, MODIFIED, ONE_SHOT, OVERFLOW, SELF_MOVED, Event, Inotify

if TYPE_CHECKING:
    from collections.abc import Callable


class Writes:
    """A file that is watched costs nothing until it is written to."""

    def __init__(self) -> None:
        self._inotify: Inotify | None = None
        self._waiting: dict[int, tuple[str, Callable[[], None]]] = {}
        """Paths and callbacks by the numbers of their watches."""

    def tell(self, path: str, callback: Callable[[], None]) -> bool:
        """Calls back from the running loop at the next write. False if nobody will, since the file is not there or the
        user has no inotify left: then one has to ask. The next call tries again."""
        try:
            if self._inotify is None:
                self._inotify = Inotify(self._happened)
            watch = self._inotify.add(path, MODIFIED | SELF_MOVED | ONE_SHOT)
        except OSError:
            return False
        self._waiting[watch] = path, callback
        return True

    def forget(self, path: str) -> None:
        """Nobody wants to know any more."""
        for watch in [watch for watch, (watched, _) in self._waiting.items() if watched == path]:
            del self._waiting[watch]
            if self._inotify is not None:
                self._inotify.remove(watch)

    def close(self) -> None:
        if self._inotify is not None:
            self._inotify.close()
            self._inotify = None

    def _happened(self, event: Event) -> None:
        """A watch whose file is gone ends without a write: whoever waits looks, and finds out."""
        if event.happened & OVERFLOW:
            self._tell(*self._waiting)
        elif event.happened & (MODIFIED | IGNORED):
            self._tell(event.watch)

    def _tell(self, *watches: int) -> None:
        for watch in watches:
            _, callback = self._waiting.pop(watch, (None, None))
            if callback is not None:
                callback()
