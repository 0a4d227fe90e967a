"""git, called with a deadline and without what a repository could have run by it.

Everything here blocks. Of the programs that a repository can name, only filters and merge drivers run: without them a
file is not what it is (Git LFS, git-crypt).
"""

from __future__ import annotations

import itertools
import os
import select
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from itertools import takewhile
from typing import IO, TYPE_CHECKING, NamedTuple

from core.text import one_line

if TYPE_CHECKING:
    from pathlib import Path

DEADLINE = 30.0
"""Seconds that one call of git has."""
GRACE = 2.0
"""Seconds in which a git that is stopped takes its locks away."""
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.splitIndex=false",
    "maintenance.auto=false",
    "gc.auto=0",
)
_COMMAND = ("git", "--no-pager", *itertools.chain.from_iterable(("-c", setting) for setting in _SETTINGS))
_KEPT = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_AUTHOR_", "GIT_COMMITTER_",
         "GIT_EXEC_PATH", "GIT_SSH", "GIT_SSL_")  # fmt: skip
"""Beginnings of the GIT_ variables that do not say which repository is meant."""
_MENDING = {
    "not a git repository": "is in no git repository: run git init there and commit, or go without a worktree",
    "dubious ownership": "is in a repository of another user: trust it with git config --global --add safe.directory",
    "cannot change to": "is not there, or not open to you: choose another folder",
    "No space left on device": "cannot be written, the disk is full: make room and try again",
    "Disk quota exceeded": "cannot be written, your quota is used up: make room and try again",
    ".lock': File exists": "is in the hands of another git: try again when that has ended",
    "tell me who you are": "has no author for a commit: set user.name and user.email with git config",
}
"""What git complains of, and what the folder's name and these words say of it."""


class GitError(Exception):
    """A sentence for the screen: what failed, where, and how to mend it."""


class Told(NamedTuple):
    """What a call came to."""

    code: int
    output: bytes
    complaint: str


def git(where: Path, *words: str) -> str:
    """The one line, or the text, that git answers."""
    return os.fsdecode(output(where, *words)).removesuffix("\n")


def answer(where: Path, *words: str) -> str | None:
    """As `_git`; None where git says no."""
    told = run(where, *words)
    return None if told.code else os.fsdecode(told.output).removesuffix("\n")


def output(where: Path, *words: str, index: str | None = None, limit: int | None = None) -> bytes:
    told = run(where, *words, index=index, limit=limit)
    if told.code:
        raise failure(where, words, told)
    return told.output


def run(where: Path, *words: str, index: str | None = None, limit: int | None = None) -> Told:
    """Calls git in a session of its own: nothing can ask at a terminal, and at the deadline all it has started ends.

    At most `limit` bytes of the output are read; a git that would tell more is stopped, and has succeeded.
    """
    until = time.monotonic() + DEADLINE
    with tempfile.TemporaryFile() as complaint:
        process = _start([*_COMMAND, "-C", os.fspath(where), *words], _environment(index), complaint)
        try:
            output = _read(process, limit, until)
            if len(output) == limit:
                return Told(0, output, "")
            code = process.wait(max(until - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            raise GitError(
                f"git {words[0]} did not end within {DEADLINE:g} s in {shown(where)}: see why, then try again"
            ) from None
        finally:
            _stop(process)
        complaint.seek(0)
        return Told(code, output, complaint.read(1 << 16).decode("utf-8", "replace"))


def _start(argv: list[str], environment: dict[str, str], complaint: IO[bytes]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv,
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaint,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise GitError("git is not there: install it, or put it in the PATH of the engine") from None


def _environment(index: str | None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name.startswith(_KEPT)}
    ours = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    return kept | ours | ({} if index is None else {"GIT_INDEX_FILE": index})


def _read(process: subprocess.Popen[bytes], limit: int | None, until: float) -> bytes:
    """Up to `limit` bytes, or all; TimeoutExpired where it does not come to its end."""
    assert process.stdout is not None
    output, poll = bytearray(), select.poll()
    poll.register(process.stdout, select.POLLIN)
    while limit is None or len(output) < limit:
        if not poll.poll(max(until - time.monotonic(), 0.0) * 1000):
            raise subprocess.TimeoutExpired(process.args, DEADLINE)
        part = os.read(process.stdout.fileno(), 1 << 16 if limit is None else min(limit - len(output), 1 << 16))
        if not part:
            break
        output += part
    return bytes(output)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ends what has not ended; asked first, git takes its locks and what it has half written away."""
    assert process.stdout is not None
    process.stdout.close()
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(GRACE)


def failure(where: Path, words: tuple[str, ...], told: Told) -> GitError:
    for complaint, mending in _MENDING.items():
        if complaint in told.complaint:
            return GitError(f"{shown(where)} {mending}")
    lines = told.complaint.strip().splitlines() or [f"exit {told.code}"]
    at = next((at for at, line in enumerate(lines) if line.startswith(("fatal: ", "error: "))), len(lines) - 1)
    listed = takewhile(lambda line: line.startswith("\t"), lines[at + 1 :])
    said = " ".join([lines[at], ", ".join(line.strip() for line in listed)]).strip()
    return GitError(f"git {words[0]} failed in {shown(where)}: {one_line(said)}")


def shown(name: Path | str) -> str:
    return one_line(os.fspath(name))
