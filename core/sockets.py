"""Unix sockets: to connect to one, to know whether somebody would take the call, and to listen at a path."""

from __future__ import annotations

import errno
import os
import socket
import stat
import struct
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

BACKLOG = 256


def connect(path: Path) -> socket.socket:
    """OSError if nobody listens."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        raise
    return connection


def listens(path: Path) -> bool:
    """Whether a process, however slow, accepts connections there. OSError if no socket can be made to ask it."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        return probe.connect_ex(os.fsencode(path)) in (0, errno.EAGAIN)


def listener_pid(path: Path) -> int | None:
    """The process that listens there; None if nobody does, or if the platform does not tell."""
    if sys.platform != "linux":
        return None
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        if probe.connect_ex(os.fsencode(path)) != 0:
            return None
        credentials = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[0])


class Listener:
    """A socket of ours at a path, and whether it still is what the path names."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._named: tuple[int, int] | None = None
        """Device and inode of the socket's file."""

    def bind(self) -> socket.socket:
        """A new listening socket, for its person alone, in place of whatever stood at the path: clients find the one
        before or this one, never none. OSError if the folder takes none. Only for who has the lock of the home."""
        new = self._path.with_name(f"{self._path.name}.new")
        listening = socket.socket(socket.AF_UNIX)
        try:
            new.unlink(missing_ok=True)
            listening.bind(os.fsencode(new))
            new.chmod(0o600)
            listening.listen(BACKLOG)
            listening.setblocking(False)
            set_aside(self._path)
            new.rename(self._path)
            self._named = _identity(self._path)
        except OSError:
            listening.close()
            raise
        return listening

    @property
    def is_there(self) -> bool:
        """Whether a client that opens the path finds the latest socket that was bound."""
        return self._named is not None and _identity(self._path) == self._named

    def remove(self) -> None:
        """Takes the path away, unless it names something else by now."""
        if self.is_there:
            self._path.unlink(missing_ok=True)


def set_aside(path: Path) -> None:
    """Moves a folder away that stands where a file of ours belongs; nothing of anybody is deleted. OSError if the
    disk refuses."""
    try:
        found = path.lstat()
    except OSError:
        return
    if stat.S_ISDIR(found.st_mode):
        path.rename(path.with_name(f"{path.name}.aside-{time.time_ns()}"))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path, follow_symlinks=False)
    except OSError:
        return None
    return found.st_dev, found.st_ino
