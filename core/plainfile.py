"""Text files of people, read without waiting: a pipe or a device in the place of one would never end."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 16 << 20
"""Bytes."""


def read_text(path: Path, largest: int = LARGEST) -> str:
    """OSError if it is missing, no regular file or too large; UnicodeDecodeError if it is not UTF-8."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except ValueError as error:
        raise OSError(f"{path!r} cannot be the name of a file: {error}") from None
    with open(file, "rb") as opened:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(f"{path} is not a regular file")
        content = opened.read(largest + 1)
    if len(content) > largest:
        raise OSError(f"{path} is larger than {largest >> 20} MiB")
    return content.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
