"""Tells once of the next write to a file, where the kernel does: by inotify."""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_MODIFY, _OVERFLOW, _ONE_SHOT = 0x2, 0x4000, 0x80000000
_EVENT = struct.Struct("iIII")
"""The watch, what happened, a cookie, and the length of a name: of a file watched by itself there is none."""
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class Writes:
    """A file that is watched costs nothing until it is written to."""

    def __init__(self) -> None:
        self._inotify = -1
        self._waiting: dict[int, tuple[str, Callable[[], None]]] = {}
        """Paths and callbacks by the numbers of their watches."""

    def tell(self, path: str, callback: Callable[[], None]) -> bool:
        """Calls back from the running loop at the next write; False where nobody will: then one has to ask."""
        watch = _libc.inotify_add_watch(self._open(), os.fsencode(path), _MODIFY | _ONE_SHOT) if _libc else -1
        if watch >= 0:
            self._waiting[watch] = path, callback
        return bool(watch >= 0)

    def forget(self, path: str) -> None:
        """Nobody wants to know any more."""
        for watch in [watch for watch, (watched, _) in self._waiting.items() if watched == path]:
            del self._waiting[watch]
            if _libc is not None:
                _libc.inotify_rm_watch(self._inotify, watch)

    def close(self) -> None:
        if self._inotify >= 0:
            asyncio.get_running_loop().remove_reader(self._inotify)
            os.close(self._inotify)
            self._inotify = -1

    def _open(self) -> int:
        if self._inotify < 0 and _libc is not None:
            self._inotify = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
            if self._inotify >= 0:
                asyncio.get_running_loop().add_reader(self._inotify, self._read)
        return self._inotify

    def _read(self) -> None:
        with suppress(BlockingIOError):
            for watch, happened, _cookie, _length in _EVENT.iter_unpack(os.read(self._inotify, 1 << 12)):
                if happened & _OVERFLOW:
                    self._tell(*self._waiting)
                elif happened & _MODIFY:
                    self._tell(watch)

    def _tell(self, *watches: int) -> None:
        for watch in watches:
            _, callback = self._waiting.pop(watch, (None, None))
            if callback is not None:
                callback()
