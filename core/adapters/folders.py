"""An attempt's own folder: what it runs, whether it began, how it ended, what it wrote."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple

from core.adapters import script
from core.model import AttemptId, ProcessId

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from core.model import Launch

FILE_MODE = 0o600
SHOWN_OF_LOG = 1 << 14
"""Bytes of a log that stand for the last screen where none was kept."""


class Place(NamedTuple):
    """Where an attempt was put."""

    server: int
    slot: int
    launcher: ProcessId


class Exit(NamedTuple):
    code: int
    at: float
    """Unix time."""


class Folder:
    """Paths and files of one attempt. The name is the attempt's: making it twice fails."""

    def __init__(self, attempts: Path, attempt: AttemptId) -> None:
        self.path = attempts / str(attempt)
        self.attempt = attempt
        self.log = self.path / "log"
        self.older_log = self.path / "log.1"
        self.screen = self.path / "screen"

    def make(self, launch: Launch, home: Path, place: Place) -> None:
        """Writes the spec and the script that runs it. OSError where the disk refuses."""
        self.path.mkdir(mode=0o700)
        spec = {"attempt": str(self.attempt), "place": place, "launch": _public(launch)}
        _write(self.path / "spec.json", json.dumps(spec).encode())
        _write(self.path / "run", script.run_script(self.attempt, launch, home))

    def place(self) -> Place | None:
        """Where it was put, as `make` was told; None where nothing was written yet."""
        try:
            server, slot, launcher = json.loads((self.path / "spec.json").read_bytes())["place"]
        except (OSError, ValueError):
            return None
        return Place(server, slot, ProcessId(*launcher))

    def begun_at(self) -> float | None:
        """Unix time at which a launcher took the attempt; None where none did."""
        try:
            return (self.path / "started").stat().st_mtime
        except OSError:
            return None

    def forestall(self) -> bool:
        """Makes sure that no launcher ever begins it; False where one already has."""
        try:
            os.close(os.open(self.path / "started", os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))
        except FileExistsError:
            return False
        except FileNotFoundError:
            pass  # without its folder no launcher can begin it
        return True

    def exit(self) -> Exit | None:
        """How it ended, or None: a status is complete with its line end, or it is not there."""
        for name in ("exit", "exit.new"):
            try:
                with (self.path / name).open("rb") as file:
                    line, at = file.read(), os.fstat(file.fileno()).st_mtime
            except OSError:
                continue
            if line.endswith(b"\n"):
                return Exit(int(line), at)
        return None

    def make_exit_durable(self) -> None:
        """What the launcher would do itself if there were no engine. Harmless when repeated."""
        written = self.path / "exit.new"
        try:
            file = os.open(written, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return
        try:
            os.fsync(file)
        finally:
            os.close(file)
        with suppress(FileNotFoundError):  # the launcher was faster
            written.rename(self.path / "exit")

    def last_output(self) -> float | None:
        """Unix time; None where nothing was ever written."""
        try:
            found = self.log.stat()
        except OSError:
            return None
        return found.st_mtime if found.st_size or self.older_log.exists() else None

    def last_screen(self) -> bytes:
        """The screen that was kept at the end, or the last part of the log."""
        try:
            return self.screen.read_bytes()
        except OSError:
            return self.read_log(-SHOWN_OF_LOG, SHOWN_OF_LOG)[0]

    def output_stamp(self) -> str:
        """Changes with every output, and once more when the last screen is kept."""
        try:
            found = self.log.stat()
        except OSError:
            return "nothing"
        return f"{found.st_mtime_ns}-{found.st_size}-{self.screen.exists()}"

    def read_log(self, offset: int, limit: int) -> tuple[bytes, int, int]:
        """A part of the log, its start, and the length of all that is kept: the older part and the current one."""
        parts = [part for part in (self.older_log, self.log) if part.exists()]
        sizes = [part.stat().st_size for part in parts]
        end = sum(sizes)
        start = max(end + offset, 0) if offset < 0 else min(offset, end)
        content, at = b"", 0
        for part, size in zip(parts, sizes, strict=True):
            if at <= start + len(content) < at + size and len(content) < limit:
                with part.open("rb") as file:
                    file.seek(start + len(content) - at)
                    content += file.read(limit - len(content))
            at += size
        return content, start, end

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, FILE_MODE)
    try:
        os.write(file, content)
    finally:
        os.close(file)


def _public(launch: Launch) -> dict[str, object]:
    """The launch without the values of its environment: they may be secrets, and the script has them."""
    return {**asdict(launch), "env": [name for name, _ in launch.env]}


def remove_all(attempts: Path, tasks: Iterable[int]) -> None:
    """Deletes the folders of all attempts of the tasks."""
    for task in tasks:
        for number in itertools.count(1):
            folder = attempts / str(AttemptId(task, number))
            if not folder.exists():
                break
            shutil.rmtree(folder, ignore_errors=True)
