"""A small disk of the trial's own, in a mount namespace that nobody outside sees."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_INSIDE = "TRIAL_NAMESPACE"
CHUNK = 1 << 16


def is_root() -> bool:
    return os.geteuid() == 0


def inside() -> bool:
    """Whether this process has a mount namespace of its own."""
    return _INSIDE in os.environ


def enter(module: str) -> int:
    """Runs the trial again in a mount namespace of its own; its exit code. Its mounts end with it."""
    argv = ["unshare", "--mount", "--propagation", "private", sys.executable, "-m", module, *sys.argv[1:]]
    with subprocess.Popen(argv, env=os.environ | {_INSIDE: "1"}) as again:
        try:
            return again.wait()
        except KeyboardInterrupt:
            return again.wait()
        except SystemExit:
            again.terminate()
            again.wait()
            raise


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """An empty tmpfs; `inside` must hold."""
    folder = Path(mkdtemp(prefix="mxd-", dir="/tmp"))
    _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "trial", str(folder))
    try:
        yield folder
    finally:
        _run("umount", "--lazy", str(folder))
        folder.rmdir()


def fill(disk: Path) -> int:
    """Takes all the room that is left, to the last byte; the bytes taken."""
    taken = 0
    file = os.open(disk / "filler", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        size = CHUNK
        while size:
            try:
                taken += os.write(file, b"\0" * size)
            except OSError:
                size //= 2
    finally:
        os.close(file)
    return taken


def free(disk: Path) -> None:
    with suppress(FileNotFoundError):
        (disk / "filler").unlink()


def forbid_writing(folder: Path) -> None:
    """Covers a folder with a read-only view of itself: what is open stays writable, nothing new can be made."""
    _run("mount", "--bind", str(folder), str(folder))
    _run("mount", "-o", "remount,ro,bind", str(folder))


def allow_writing(folder: Path) -> None:
    _run("umount", "--lazy", str(folder))


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True, timeout=20)
