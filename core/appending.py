"""Opens a log to append to it, and never waits for anybody to read it."""

from __future__ import annotations

import os
import stat


def opened_plain(path: str, flags: int = os.O_CREAT | os.O_APPEND | os.O_WRONLY) -> int:
    """A descriptor of a file that its person alone can read. OSError also for a folder, a fifo or a device."""
    file = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(0, "it is no plain file")
    return file
