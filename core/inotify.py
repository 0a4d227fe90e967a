"""The kernel's own word that something has happened to a file or in a folder, where there is one: inotify."""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODIFIED, CHANGED_MODE, WRITTEN = 0x2, 0x4, 0x8
MOVED_FROM, MOVED_TO, CREATED, DELETED = 0x40, 0x80, 0x100, 0x200
SELF_DELETED, SELF_MOVED = 0x400, 0x800
OVERFLOW, IGNORED, ONE_SHOT = 0x4000, 0x8000, 0x80000000
_EVENT = struct.Struct("iIII")
"""The watch, what happened, a cookie, and the length of the name that follows."""
_READ_AT_ONCE = 1 << 16
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class Event(NamedTuple):
    watch: int
    """-1 of an overflow, which is about all watches."""
    happened: int


class Inotify:
    """One instance of the few that a user has. Calls `on_event` from the running loop."""

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        """OSError if there is none left, or none at all on this platform."""
        if _libc is None:
            raise OSError(0, "this platform has no inotify")
        self._on_event = on_event
        self._file = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._file < 0:
            raise _latest_error()
        asyncio.get_running_loop().add_reader(self._file, self._read)

    def add(self, path: str, mask: int) -> int:
        """The number of the watch. OSError if the path cannot be watched, or if no watch is left."""
        assert _libc is not None
        watch = int(_libc.inotify_add_watch(self._file, os.fsencode(path), mask))
        if watch < 0:
            raise _latest_error()
        return watch

    def remove(self, watch: int) -> None:
        """Also of a watch that is gone."""
        assert _libc is not None
        _libc.inotify_rm_watch(self._file, watch)

    def close(self) -> None:
        if self._file >= 0:
            asyncio.get_running_loop().remove_reader(self._file)
            os.close(self._file)
            self._file = -1

    def _read(self) -> None:
        try:
            events = os.read(self._file, _READ_AT_ONCE)
        except OSError:
            return
        for event in _events(events):
            self._on_event(event)


def _events(buffer: bytes) -> Iterator[Event]:
    at = 0
    while at + _EVENT.size <= len(buffer):
        watch, happened, _cookie, length = _EVENT.unpack_from(buffer, at)
        yield Event(watch, happened)
        at += _EVENT.size + length


def _latest_error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
