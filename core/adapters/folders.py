"""An attempt's own folder: what it runs, whether it began, how it ended, what it wrote."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from core import plainfile
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
LARGEST_SCREEN = 1 << 24
LARGEST_SPEC = 1 << 23
"""Bytes: a command may be long."""
HIGHEST_CODE = 255
MOST_DROPPED = 1 << 60
_READ_AGAIN = 3
"""Times that a log is read again if it was rotated meanwhile."""
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


class DamagedError(Exception):
    """A file of the attempt is there and cannot be what was written; the text says which, and how it is damaged."""


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
        """Writes the script, with the spec in its first line: all of it, or nothing. OSError if the disk refuses."""
        plainfile.make_folder(self.path)
        try:
            for name, content in launch.files:
                plainfile.write_new(f"{self.path}/{name}", content.encode("utf-8", "surrogateescape"))
            spec = {"attempt": str(self.attempt), "place": place, "token": launch.token, **script.public(launch)}
            plainfile.write_new(
                f"{self.path}/run",
                _SPEC + json.dumps(spec).encode() + b"\n" + script.run_script(self.attempt, launch, home),
            )
        except BaseException:
            self.remove()
            raise

    def exists(self) -> bool:
        return os.path.isdir(self.path)

    def why_unknown(self) -> str | None:
        """Why nothing tells how it ended, if more is to be said than that its launcher did not."""
        return None if self.exists() else "its folder was removed"

    def is_made(self) -> bool:
        return os.path.exists(f"{self.path}/run")

    def place(self) -> Place | None:
        """Where it was put, as `make` was told; None if nothing was written yet, or it is damaged."""
        spec = _read_spec(self.path) or {}
        try:
            server, slot, (pid, created, boot) = spec["place"]
        except (KeyError, TypeError, ValueError):
            return None
        if type(server) is not int or type(slot) is not int or type(pid) is not int or not isinstance(boot, str):
            return None
        created = results.number(created)
        return None if created is None else Place(server, slot, ProcessId(pid, created, boot))

    def started_in(self) -> str | None:
        """The working folder of its program; None if nothing was written yet, or it is damaged."""
        cwd = (_read_spec(self.path) or {}).get("cwd")
        return cwd if isinstance(cwd, str) else None

    def begun_at(self) -> float | None:
        """Unix time at which a launcher took the attempt; None if none did."""
        try:
            return _past(os.lstat(f"{self.path}/started").st_mtime)
        except OSError:
            return None

    def forestall(self) -> bool:
        """Makes sure that no launcher ever begins it; False if one already has. OSError if the disk refuses."""
        try:
            os.close(os.open(f"{self.path}/started", os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))
        except FileExistsError:
            return False
        except (FileNotFoundError, NotADirectoryError):
            pass  # without its folder no launcher can begin it
        return True

    def why_not_written(self) -> str | None:
        """Why no file can be made in it at the moment; None if one can."""
        probe = f"{self.path}/probe"
        try:
            plainfile.write_whole(probe, b"?")
            os.unlink(probe)
        except OSError as error:
            return plainfile.in_words(error)
        return None

    def exit(self) -> Exit | None:
        """How it ended, or None: a status is complete with its line end. DamagedError if a file holds none."""
        damage = None
        for name in ("exit.new", "exit"):
            try:
                line, at = self._exit_line(name)
            except FileNotFoundError:
                continue
            except OSError as error:
                damage = plainfile.in_words(error)
                continue
            code = plainfile.number_in(line[:-1], HIGHEST_CODE)
            if code is not None and line.endswith(b"\n"):
                return Exit(code, _past(at), self.result())
            damage = "it holds no exit status" if line else "it is empty"
        if damage is not None:
            raise DamagedError(f"its exit file is damaged: {damage}")
        return None

    def _exit_line(self, name: str) -> tuple[bytes, float]:
        number = plainfile.open_plain(f"{self.path}/{name}")
        try:
            return os.read(number, 32), os.fstat(number).st_mtime
        finally:
            os.close(number)

    def result(self) -> Result | None:
        """What a coding agent has told so far; None of a command."""
        path = f"{self.path}/result.json"
        return results.read(path) if os.path.lexists(path) else None

    def settle_exit(self) -> None:
        """The exit status is on the engine's disk: its file takes its last name. Harmless when repeated."""
        with suppress(OSError):
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
            return plainfile.read(self.screen, LARGEST_SCREEN)
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
        from the end. Nothing of a part that is no regular file any more.
        """
        for _ in range(_READ_AGAIN):
            rotation = self._rotation()
            found = self._read_log(offset, limit)
            if rotation is not None and rotation == self._rotation():
                break
        return found

    def _rotation(self) -> tuple[int, ...] | None:
        """Differs after each rotation of the log by its logger; None while one is under way."""
        if os.path.lexists(f"{self._dropped}.new"):
            return None
        try:
            found = os.lstat(self.older_log)
        except OSError:
            return ()
        return found.st_ino, found.st_mtime_ns

    def _read_log(self, offset: int, limit: int) -> tuple[bytes, int, int]:
        older, newer = plainfile.size(self.older_log), plainfile.size(self.log)
        written = older + newer - self._marked(older, newer)
        older = min(older, written)
        at = self.dropped()
        end = at + written
        start = max(end + offset if offset < 0 else min(offset, end), at)
        content = b""
        for part, size in ((self.older_log, older), (self.log, written - older)):
            if at <= start + len(content) < at + size and len(content) < limit:
                wanted = min(limit - len(content), at + size - start - len(content))
                content += _part(part, start + len(content) - at, wanted)
            at += size
        return content, start, end

    def _marked(self, older: int, newer: int) -> int:
        """Bytes at the end of a log that are, or may become, the marker: the attempt has not written them."""
        end = marker(self.attempt)
        tail = _part(self.log, max(newer - len(end), 0), len(end))
        if len(tail) < len(end):
            missing = len(end) - len(tail)
            tail = _part(self.older_log, max(older - missing, 0), missing) + tail
        return next((length for length in range(len(end), 0, -1) if tail.endswith(end[:length])), 0)

    def is_marked(self) -> bool:
        """Whether the whole marker stands at the end of the log: then everything before it does too."""
        return self._marked(plainfile.size(self.older_log), plainfile.size(self.log)) == len(marker(self.attempt))

    def cut_marker(self) -> None:
        """Takes the marker off the end of the log, which may reach back into its older part. OSError if it cannot."""
        older, newer = plainfile.size(self.older_log), plainfile.size(self.log)
        marked = self._marked(older, newer)
        if marked == len(marker(self.attempt)):
            os.truncate(self.log, max(newer - marked, 0))
            if marked > newer:
                os.truncate(self.older_log, older - (marked - newer))

    def dropped(self) -> int:
        """Bytes of output that the logger has let go."""
        try:
            return plainfile.number_in(plainfile.read(self._dropped, 32), MOST_DROPPED) or 0
        except OSError:
            return 0

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def token_of(attempts: Path, attempt: str) -> str | None:
    """What shows that somebody speaks from within the attempt; None if that cannot be read."""
    spec = _read_spec(f"{attempts}/{attempt}")
    return None if spec is None else str(spec.get("token", ""))


def _read_spec(path: str) -> dict[str, Any] | None:
    try:
        head = plainfile.read_part(f"{path}/run", 0, LARGEST_SPEC).partition(b"\n")[0]
        spec = json.loads(head.removeprefix(_SPEC))
    except (OSError, ValueError, RecursionError):
        return None
    return spec if isinstance(spec, dict) else None


def _part(path: str, offset: int, most: int) -> bytes:
    """Empty if it cannot be read."""
    try:
        return plainfile.read_part(path, offset, most)
    except OSError:
        return b""


def _past(at: float) -> float:
    """The time of a file: anybody can set it."""
    now = time.time()
    return at if 0 < at < now else now


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
