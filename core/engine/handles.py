"""Whether file handles are left: said while there are none, and no longer once there are."""

from __future__ import annotations

import errno
import os
import resource
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.troubles import Troubles

SUBJECT = "file handles"


class Handles:
    def __init__(self, troubles: Troubles) -> None:
        self._troubles = troubles
        self._reserve = -1
        """Given up for a moment in order to count the others when none is left."""
        self.look()

    def explains(self, error: BaseException | None) -> bool:
        """Whether something failed only since no handle was left: it is tried again by whoever wants it."""
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            self._note()
            return True
        return False

    def look(self) -> bool:
        """Whether there are some again, after a time in which files could not be read."""
        try:
            spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            self.explains(error)
            return False
        if self._reserve < 0:
            self._reserve = spare
            return self.look()
        os.close(spare)
        if SUBJECT not in self._troubles:
            return False
        self._troubles.clear(SUBJECT)
        return True

    def _note(self) -> None:
        if SUBJECT in self._troubles:
            return  # the count would change with each look
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._troubles.note(
            SUBJECT,
            f"no file handle is left, {self._count()} of {limit} are open: what runs goes on, and new sessions wait; "
            f"raise the limit (prlimit --pid {os.getpid()} --nofile=65536), or run less at once",
        )

    def _count(self) -> int | str:
        if self._reserve >= 0:
            os.close(self._reserve)
            self._reserve = -1
        with suppress(OSError):
            return len(os.listdir("/proc/self/fd"))
        return "an unknown number"
