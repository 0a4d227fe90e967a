"""Files as anybody may have left them: only plain ones are read, within a bound, and a write is whole or fails.

Standard library only: the runner loads it in a session's terminal.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress

_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
"""Never waits (a fifo would), and never follows a link."""
_WRITE = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
LARGEST_TEXT = 16 << 20
"""Bytes of a text that a person writes."""
_OF_THE_MACHINE = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the disk is read-only",
    errno.EIO: "the disk does not work (input/output error)",
    errno.EMFILE: "no file handle is left to this process (ulimit -n)",
    errno.ENFILE: "no file handle is left on this machine (fs.file-max)",
    errno.EAGAIN: "no process is left to this user (ulimit -u, or the limit of its container)",
    errno.ENOMEM: "no memory is left",
}


class NotPlainError(OSError):
    """It is there, and it is not what can be read: a folder, a fifo, a device, or too large."""


def in_words(error: OSError) -> str:
    """What is wrong, fit for the screen."""
    known = _OF_THE_MACHINE.get(error.errno or 0)
    return known or error.strerror or str(error)


def open_plain(path: str | os.PathLike[str]) -> int:
    """A descriptor to read from. OSError, NotPlainError if it is no regular file."""
    try:
        number = os.open(path, _READ)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise NotPlainError(errno.ELOOP, "it is a symbolic link") from None
        raise
    try:
        is_plain = stat.S_ISREG(os.fstat(number).st_mode)
    except OSError:
        os.close(number)
        raise
    if not is_plain:
        os.close(number)
        raise NotPlainError(errno.EINVAL, "it is not a regular file")
    return number


def read(path: str | os.PathLike[str], most: int) -> bytes:
    """The whole content. OSError, NotPlainError if it is no regular file or has more than `most` bytes."""
    number = open_plain(path)
    try:
        content = read_at(number, 0, most + 1)
    finally:
        os.close(number)
    if len(content) > most:
        raise NotPlainError(errno.EFBIG, f"it has more than {most:,} bytes")
    return content


def read_at(number: int, offset: int, most: int) -> bytes:
    """At most `most` bytes of an open file from `offset` on; fewer only at its end."""
    parts = []
    while most > 0 and (part := os.pread(number, min(most, 1 << 20), offset)):
        parts.append(part)
        offset, most = offset + len(part), most - len(part)
    return b"".join(parts)


def read_part(path: str | os.PathLike[str], offset: int, most: int) -> bytes:
    """At most `most` bytes from `offset` on. OSError, NotPlainError if it is no regular file."""
    number = open_plain(path)
    try:
        return read_at(number, offset, most)
    finally:
        os.close(number)


def size(path: str | os.PathLike[str]) -> int:
    """Bytes; 0 if there is no such regular file."""
    try:
        found = os.lstat(path)
    except OSError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def may_be_written(path: str) -> bool:
    """Whether a program that opens it for writing neither waits nor is led elsewhere."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return True


def write_new(path: str, content: bytes, mode: int = 0o600) -> None:
    """Makes a file that was not there before: whole, or not at all. OSError, FileExistsError if it is there."""
    number = os.open(path, _WRITE, mode)
    try:
        _write_all(number, content)
    except BaseException:
        with suppress(OSError):
            os.unlink(path)
        raise
    finally:
        os.close(number)


def write_whole(path: str | os.PathLike[str], content: bytes, mode: int = 0o600, *, sync: bool = False) -> None:
    """Replaces the file by one with this content in one step; what was there stays if it fails. OSError says why.

    With `sync`, the content survives a power cut.
    """
    path = os.fspath(path)
    growing = f"{path}.{os.getpid()}.new"
    try:
        number = os.open(growing, _WRITE, mode)
    except FileExistsError:
        os.unlink(growing)
        number = os.open(growing, _WRITE, mode)
    try:
        try:
            _write_all(number, content)
            if sync:
                os.fsync(number)
        finally:
            os.close(number)
        os.rename(growing, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(growing)
        raise


def _write_all(number: int, content: bytes) -> None:
    """A disk that fills takes a part of what it is given and refuses the rest."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(number, rest) :]


def make_folder(path: str) -> None:
    """Makes a private folder, and the one around it if somebody has removed that. FileExistsError if it is there."""
    try:
        os.mkdir(path, 0o700)
    except FileNotFoundError:
        with suppress(FileExistsError):
            os.mkdir(os.path.dirname(path), 0o700)
        os.mkdir(path, 0o700)


def number_in(text: str | bytes, most: int) -> int | None:
    """A number of decimal digits from 0 to `most`; None for any other text, whatever its length."""
    digits = text.strip()
    if not digits.isdigit() or not digits.isascii() or len(digits) > len(str(most)):
        return None
    value = int(digits)
    return value if value <= most else None


def read_text(path: str | os.PathLike[str], largest: int = LARGEST_TEXT) -> str:
    """A text that a person has written; the path may be a link to it. OSError if it is missing, no regular file or too
    large; UnicodeDecodeError if it is not UTF-8."""
    try:
        number = os.open(path, _READ & ~os.O_NOFOLLOW)
    except ValueError as error:
        raise OSError(f"{path!r} cannot be the name of a file: {error}") from None
    with open(number, "rb") as opened:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise NotPlainError(errno.EINVAL, f"{os.fspath(path)} is not a regular file")
        content = opened.read(largest + 1)
    if len(content) > largest:
        raise NotPlainError(errno.EFBIG, f"{os.fspath(path)} is larger than {largest >> 20} MiB")
    return content.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
