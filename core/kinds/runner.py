"""Runs an agent once, in the session's terminal:  python -I -S runner.py SPEC"""

from __future__ import annotations

import json
import os
import sys

if __name__ == "__main__":
    # Behind the standard library: what lies beside the package must not stand for a module of Python.
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

import time
from typing import TYPE_CHECKING, NamedTuple

from core import plainfile
from core.kinds import result as results
from core.kinds.child import Cancel, Ended, NotStartedError, run, run_check
from core.kinds.readers import reader
from core.kinds.readers.base import Account
from core.kinds.terminal import Terminal
from core.text import one_line

if TYPE_CHECKING:
    from core.kinds.readers.base import Reader
    from core.kinds.result import Result

DENIED, LIMIT, AUTH = 70, 71, 72
"""Exit statuses of the outcomes that somebody has to do something about: permissions, time or money, a login.

0 is ok. An error has the agent's own status, or 1 where that is 0 or one of these; 128 + the signal means cancelled,
126 and 127 that the program cannot be run, as in a shell.
"""
UNRECORDED = 74
"""All went well, but the result could not be written."""
LARGEST_SPEC = 1 << 24
UNUSABLE = 64
"""The specification cannot be read."""
_EXITS = {"ok": 0, "denied": DENIED, "limit": LIMIT, "auth": AUTH}


class Spec(NamedTuple):
    """What the file holds: a JSON object with these keys."""

    argv: list[str]
    prompt: str
    stdin: str
    """`prompt` or `null`."""
    reader: str
    result: str
    stream: str
    session: str | None = None
    cost_before: float = 0.0
    tokens_before: list[int | None] | None = None
    cumulative: bool = False
    cost_basis: str = "none"
    check: list[str] | dict[str, str] | None = None


def main(path: str) -> int:
    """The exit status."""
    terminal = Terminal()
    try:
        spec = _read(path)
        told = reader(spec.reader, spec.session, _account(spec))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        terminal.say(f"✗ {path} is no specification of a run: {one_line(str(error))}")
        return UNUSABLE
    return _Run(spec, told, terminal).go()


def _read(path: str) -> Spec:
    written = json.loads(plainfile.read(path, LARGEST_SPEC))
    if not isinstance(written, dict):
        raise ValueError("it has to be an object")
    spec = Spec(**written)
    if not isinstance(spec.argv, list) or not spec.argv or not all(isinstance(one, str) for one in spec.argv):
        raise ValueError("argv has to be a list of texts")
    if spec.stdin not in ("prompt", "null"):
        raise ValueError("stdin has to be prompt or null")
    if results.number(spec.cost_before) is None:
        raise ValueError("cost_before has to be a number")
    return spec


def _account(spec: Spec) -> Account:
    return Account(spec.cost_basis, spec.cost_before, spec.cumulative, results.tokens(spec.tokens_before))


class _Run:
    """One run, from the spec to the exit status."""

    def __init__(self, spec: Spec, told: Reader, terminal: Terminal) -> None:
        self._spec = spec
        self._reader = told
        self._terminal = terminal
        self._cancel = Cancel()
        self._recorded: str | None = None
        """The session that the result on the disk has."""
        self._began = time.monotonic()

    def go(self) -> int:
        exit_code = 0
        try:
            ended = run(self._spec.argv, self._stdin(), self._spec.stream, self._terminal, self._cancel, self._line)
        except NotStartedError as error:
            result = self._reader.so_far()._replace(outcome="error", reason=one_line(str(error)))
            exit_code = error.status
        else:
            exit_code, result = ended.status, self._concluded(ended)
        if result.outcome == "ok" and self._spec.check:
            result = self._checked(result)
        return self._finish(result, exit_code)

    def _stdin(self) -> str:
        return self._spec.prompt if self._spec.stdin == "prompt" else os.devnull

    def _line(self, line: bytes) -> None:
        """The next line of the agent's output. A session that is new is on the disk before the next one is read."""
        shown = self._reader.feed(line)
        if self._reader.session != self._recorded:
            self._record(self._reader.so_far())
        for text in shown:
            self._terminal.say(text)

    def _concluded(self, ended: Ended) -> Result:
        result = self._reader.conclude(ended.status, ended.stderr, time.time())
        return result if self._cancel.signal is None else self._cancelled(result)

    def _cancelled(self, result: Result) -> Result:
        return result._replace(outcome="cancelled", reason=f"cancelled by signal {self._cancel.signal}", retry_at=None)

    def _checked(self, result: Result) -> Result:
        """The result after the check has had its say."""
        check = self._spec.check
        argv = [os.environ.get("SHELL", "/bin/sh"), "-c", check["shell"]] if isinstance(check, dict) else check or []
        self._record(result._replace(outcome=None))
        self._terminal.say(f"› check  {one_line(' '.join(argv), 120)}")
        try:
            status = run_check(argv, self._cancel)
        except NotStartedError as error:
            return result._replace(outcome="error", reason=one_line(f"the check cannot be run: {error}"))
        if self._cancel.signal is not None:
            return self._cancelled(result)
        if status == 0:
            return result._replace(check=0)
        return result._replace(outcome="error", reason=f"the check failed: exit {status}", check=status)

    def _finish(self, result: Result, exit_code: int) -> int:
        self._terminal.say(_last_words(result, time.monotonic() - self._began))
        status = _exit_status(result, exit_code, self._cancel.signal)
        return status if self._record(result) or status else UNRECORDED

    def _record(self, result: Result) -> bool:
        """Whether the result is on the disk; where not, the terminal says why."""
        try:
            results.write(self._spec.result, result)
        except OSError as error:
            self._terminal.say(f"! the result cannot be written: {error.strerror}")
            return False
        finally:
            self._recorded = result.session
        return True


def _exit_status(result: Result, exit_code: int, signal: int | None) -> int:
    if signal is not None and result.outcome == "cancelled":
        return 128 + signal
    if result.outcome in _EXITS:
        return _EXITS[result.outcome]
    if exit_code < 0:
        return 128 - exit_code
    return 1 if exit_code in (0, *_EXITS.values()) else exit_code


def _last_words(result: Result, seconds: float) -> str:
    """ "ok  $0.0027  240 in  60 out  2 turns", and the reason where there is one."""
    parts = [result.outcome or "", "" if result.cost is None else f"${result.cost:.4f}"]
    counts = (result.tokens_in, "in"), (result.tokens_out, "out"), (result.turns, "turns")
    parts += [f"{count:,} {word}" for count, word in counts if count is not None]
    line = "  ".join(part for part in [*parts, f"{seconds:.0f} s"] if part)
    return f"{'✓' if result.outcome == 'ok' else '✗'} {line}" + (f"\n  {result.reason}" if result.reason else "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else UNUSABLE)
