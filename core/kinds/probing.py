"""Whether an agent's program is there, runs, and is of a version that is known."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from core.text import one_line

if TYPE_CHECKING:
    from core.kinds.kind import Kind

DEADLINE = 10.0
"""Seconds that a program has to tell its version."""
_VERSION = re.compile(r"\d+\.\d+(?:\.\d+)*")


class Probe(NamedTuple):
    path: str | None
    """Where the program is."""
    version: str | None
    problem: str | None
    """A sentence: what is wrong and how to mend it."""
    usable: bool
    """False where a run would fail; a version that is not known is only a warning."""


def probe(kind: Kind, program: tuple[str, ...] = ()) -> Probe:
    """Asks the program for its version; `program` empty stands for the kind's own. Takes up to ten seconds."""
    argv = program or (kind.program,)
    path = shutil.which(argv[0]) if argv[0] else None
    if path is None:
        return Probe(None, None, _sentence(f"{kind.title}: there is no program {argv[0]!r}", kind.install), False)
    if not kind.version:
        return Probe(path, None, None, True)
    status, output = _asked((path, *argv[1:], *kind.version), {**os.environ, **kind.headless.env})
    if status != 0:
        how = "gives no answer" if status is None else f"does not run (exit {status})"
        said = f": {one_line(output.strip().splitlines()[-1])}" if output.strip() else ""
        return Probe(path, None, _sentence(f"{kind.title}: {path} {how}{said}", kind.install), False)
    found = _VERSION.search(output)
    version = found[0] if found is not None else None
    return Probe(path, version, _doubt(kind, version), True)


def _asked(argv: tuple[str, ...], env: dict[str, str]) -> tuple[int | None, str]:
    """Exit status and output; None where the time was up, and the program with its whole process group is ended."""
    with tempfile.TemporaryFile() as output:
        try:
            asked = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=env, start_new_session=True
            )
        except OSError as error:
            return 126, error.strerror or ""
        try:
            status: int | None = asked.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(asked.pid, signal.SIGKILL)
            asked.wait()
            status = None
        output.seek(0)
        return status, output.read(4096).decode("utf-8", "replace")


def _doubt(kind: Kind, version: str | None) -> str | None:
    if version is None:
        return f"{kind.title}: its version cannot be read; it is used as it is."
    if kind.tested and _minor(version) not in map(_minor, kind.tested):
        return f"{kind.title} {version} is not one that was tested ({', '.join(kind.tested)}); it is used as it is."
    return None


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]


def _sentence(wrong: str, mend: str) -> str:
    return f"{wrong}; to install it: {mend}." if mend else f"{wrong}; name one that can be run."
