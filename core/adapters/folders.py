"""An attempt's own folder: what it runs, whether it began, how it ended, what it wrote."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from core.adapters import script
from core.kinds import result as results
from core.model import AttemptId, ProcessId

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from core.kinds.result import Result
    from core.model import Launch

FILE_MODE = 0o600
SHOWN_OF_LOG = 1 << 14
"""Bytes of a log that stand for the last screen where none was kept."""
_SPEC = b"# "
"""Begins the line of the script that tells what it is of."""


class Place(NamedTuple):
    """Where an attempt was put."""

    server: int
    slot: int
    launcher: ProcessId


class Exit(NamedTuple):
    code: int
    at: float
    """Unix time."""
    result: Result | None
    """What a coding agent told."""


def marker(attempt: AttemptId) -> bytes:
    """What the launcher writes to the terminal when the attempt is over: an escape sequence that tmux passes over.

    Once it stands in the log, everything before it does too.
    """
    return f"\033]7717;{attempt}\033\\".encode()


class Folder:
    """Paths and files of one attempt. The name is the attempt's: making it twice fails.

    Paths are text: this is the hot path of every start and every end.
    """

    def __init__(self, attempts: str, attempt: AttemptId) -> None:
        self.path = f"{attempts}/{attempt}"
        self.attempt = attempt
        self.log = f"{self.path}/log"
        self.older_log = f"{self.path}/log.1"
        self.screen = f"{self.path}/screen"
        self._dropped = f"{self.path}/log.dropped"

    def make(self, launch: Launch, home: str, place: Place) -> None:
        """Writes the script, with the spec in its first line. OSError where the disk refuses."""
        os.mkdir(self.path, 0o700)
        for name, content in launch.files:
            write_new(f"{self.path}/{name}", content.encode("utf-8", "surrogateescape"))
        spec = {"attempt": str(self.attempt), "place": place, "token": launch.token, **script.public(launch)}
        write_new(
            f"{self.path}/run",
            _SPEC + json.dumps(spec).encode() + b"\n" + script.run_script(self.attempt, launch, home),
        )

    def is_made(self) -> bool:
        return os.path.exists(f"{self.path}/run")

    def place(self) -> Place | None:
        """Where it was put, as `make` was told; None where nothing was written yet."""
        spec = _read_spec(self.path)
        if spec is None:
            return None
        server, slot, launcher = spec["place"]
        return Place(server, slot, ProcessId(*launcher))

    def started_in(self) -> str | None:
        """The working folder of its program; None where nothing was written yet."""
        spec = _read_spec(self.path)
        return None if spec is None else str(spec["cwd"])

    def begun_at(self) -> float | None:
        """Unix time at which a launcher took the attempt; None where none did."""
        try:
            return os.stat(f"{self.path}/started").st_mtime
        except OSError:
            return None

    def forestall(self) -> bool:
        """Makes sure that no launcher ever begins it; False where one already has."""
        try:
            os.close(os.open(f"{self.path}/started", os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))
        except FileExistsError:
            return False
        except FileNotFoundError:
            pass  # without its folder no launcher can begin it
        return True

    def exit(self) -> Exit | None:
        """How it ended, or None: a status is complete with its line end, or it is not there."""
        for name in ("exit.new", "exit"):
            try:
                file = os.open(f"{self.path}/{name}", os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                continue
            try:
                line, at = os.read(file, 32), os.fstat(file).st_mtime
            finally:
                os.close(file)
            if line.endswith(b"\n"):
                return Exit(int(line), at, self.result())
        return None

    def result(self) -> Result | None:
        """What a coding agent has told so far; None of a command."""
        path = f"{self.path}/result.json"
        return results.read(path) if os.path.exists(path) else None

    def settle_exit(self) -> None:
        """The exit status is on the engine's disk: its file takes its last name. Harmless when repeated."""
        with suppress(FileNotFoundError):
            os.rename(f"{self.path}/exit.new", f"{self.path}/exit")

    def last_output(self) -> float | None:
        """Unix time; None where nothing was ever written."""
        try:
            found = os.stat(self.log)
        except OSError:
            return None
        return found.st_mtime if found.st_size or os.path.exists(self.older_log) else None

    def last_screen(self) -> bytes:
        """The screen that was kept at the end, or the last part of the log."""
        try:
            with open(self.screen, "rb") as file:
                return file.read()
        except OSError:
            return self.read_log(-SHOWN_OF_LOG, SHOWN_OF_LOG)[0]

    def output_stamp(self) -> str:
        """Changes with every output, and once more when the last screen is kept."""
        try:
            found = os.stat(self.log)
        except OSError:
            return "nothing"
        return f"{found.st_mtime_ns}-{found.st_size}-{os.path.exists(self.screen)}"

    def read_log(self, offset: int, limit: int) -> tuple[bytes, int, int]:
        """Bytes of the output, where they start, and how many were written in all.

        Offsets count from the first byte that was ever written, though the oldest may be gone; a negative one counts
        from the end.
        """
        parts = [(part, os.stat(part).st_size) for part in (self.older_log, self.log) if os.path.exists(part)]
        if parts:
            parts[-1] = (parts[-1][0], parts[-1][1] - self._marked(*parts[-1]))
        at = self.dropped()
        end = at + sum(size for _, size in parts)
        start = max(end + offset if offset < 0 else min(offset, end), at)
        content = b""
        for part, size in parts:
            if at <= start + len(content) < at + size and len(content) < limit:
                with open(part, "rb") as file:
                    file.seek(start + len(content) - at)
                    content += file.read(min(limit - len(content), at + size - start - len(content)))
            at += size
        return content, start, end

    def _marked(self, path: str, size: int) -> int:
        """Bytes at the end of a log that are, or may become, the marker: the attempt has not written them."""
        end = marker(self.attempt)
        with open(path, "rb") as file:
            file.seek(max(size - len(end), 0))
            tail = file.read(min(len(end), size))
        return next((length for length in range(len(end), 0, -1) if tail.endswith(end[:length])), 0)

    def dropped(self) -> int:
        """Bytes of output that rotation has let go."""
        try:
            with open(self._dropped, "rb") as file:
                return int(file.read() or 0)
        except OSError:
            return 0

    def drop_older_log(self) -> None:
        """Makes room for the next part."""
        with suppress(FileNotFoundError):
            count = self.dropped() + os.stat(self.older_log).st_size
            with open(os.open(self._dropped, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, FILE_MODE), "wb") as file:
                file.write(str(count).encode("ascii"))

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def token_of(attempts: Path, attempt: str) -> str | None:
    """What shows that somebody speaks from within the attempt; None where that cannot be read."""
    spec = _read_spec(f"{attempts}/{attempt}")
    return None if spec is None else str(spec.get("token", ""))


def _read_spec(path: str) -> dict[str, Any] | None:
    try:
        with open(f"{path}/run", "rb") as file:
            spec: dict[str, Any] = json.loads(file.readline().removeprefix(_SPEC))
    except (OSError, ValueError):
        return None
    return spec


def write_new(path: str, content: bytes) -> None:
    """A file of its own that was not there before; OSError where it was."""
    file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, FILE_MODE)
    try:
        os.write(file, content)
    finally:
        os.close(file)


def remove_runs(folder: Path, runs: Iterable[int]) -> None:
    """Deletes the folders of runs."""
    for run in runs:
        shutil.rmtree(folder / str(run), ignore_errors=True)


def remove_all(attempts: Path, tasks: Iterable[int]) -> None:
    """Deletes the folders of all attempts of the tasks."""
    for task in tasks:
        for number in itertools.count(1):
            folder = attempts / str(AttemptId(task, number))
            if not folder.exists():
                break
            shutil.rmtree(folder, ignore_errors=True)
