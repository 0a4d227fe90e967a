"""What all readers share: counting, and the rules of the outcome."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from core.kinds.result import MESSAGE_SIZE, Result, number
from core.text import inert, one_line, plural

KEPT_DENIALS = 50
SHOWN_LINES = 200
"""Lines of one message that the terminal gets."""
_ARGUMENTS = ("command", "cmd", "file_path", "filePath", "path", "pattern", "query", "url", "prompt", "description")
"""What tells most about a call of a tool, first the best."""

_SESSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}", re.ASCII)

Table = dict[str, Any]
Tokens = tuple[int | None, int | None, int | None]
"""In, out, cached."""
NO_TOKENS: Tokens = (None, None, None)


class Account(NamedTuple):
    """What the session has used before this run, and how the agent reports what a run costs."""

    basis: str = "none"
    cost_before: float = 0.0
    """USD."""
    cumulative: bool = False
    """The agent reports the cost of the session, not of the run."""
    tokens_before: Tokens | None = None
    """What the last run of the session had as `tokens_total`."""


class Reader:
    """One run. `feed` is given its lines as they come, `conclude` is asked once, when it is over.

    A kind of agent says in `_event` what its events mean, by the attributes and `_failed`. Nothing raises, whatever
    the lines are.
    """

    def __init__(self, session: str | None, account: Account) -> None:
        self.session = session
        self._account = account
        self._good_end = False
        """The agent itself has said that it is done."""
        self._faulty: tuple[str, float | None] | None = None
        self._message = ""
        self._denials: list[str] = []
        self._cost: float | None = None
        self._tokens: Tokens = NO_TOKENS
        self._tokens_total: Tokens | None = None
        self._turns: int | None = None
        self._retry_at: float | None = None

    def feed(self, line: bytes) -> list[str]:
        """Takes the next line of the stream, and gives inert lines for people."""
        return [inert(one) for one in self._read(line.decode("utf-8", "replace").rstrip("\r\n"))]

    def conclude(self, exit_code: int, stderr: str, now: float) -> Result:
        """What became of the run. `exit_code` is negative for a signal; `stderr` is its last part, `now` Unix time."""
        outcome, reason, retry_at = self._verdict(exit_code, stderr, now)
        return self.so_far()._replace(
            outcome=outcome,
            reason=one_line(reason),
            retry_at=(self._retry_at or retry_at) if outcome == "limit" else None,
        )

    def so_far(self) -> Result:
        """What is known while the run goes on."""
        cost, total = self._costs()
        tokens_in, tokens_out, tokens_cached = self._tokens
        return Result(
            session=self.session,
            cost=cost,
            cost_total=total,
            cost_basis=self._account.basis,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            tokens_cached=tokens_cached,
            tokens_total=self._tokens_total,
            turns=self._turns,
            message=self._message.encode("utf-8", "replace")[-MESSAGE_SIZE:].decode("utf-8", "ignore"),
            denials=tuple(self._denials),
        )

    def _costs(self) -> tuple[float | None, float | None]:
        """Of this run, and of the session. A sum that is less than it was is none: the agent has begun afresh."""
        before = self._account.cost_before
        if self._cost is None:
            return None, None
        if self._account.cumulative and self._cost >= before:
            return self._cost - before, self._cost
        return self._cost, before + self._cost

    def _verdict(self, exit_code: int, stderr: str, now: float) -> tuple[str, str, float | None]:
        from core.kinds.readers.errors import fault

        said = _last_line(stderr)
        if self._faulty is not None:
            return fault(*self._faulty, now)
        if exit_code < 0:
            return "error", f"ended by signal {-exit_code}", None
        if exit_code > 0:
            outcome, _, retry_at = fault(stderr, None, now)
            return outcome, f"exit {exit_code}" + (f": {said}" if said else ""), retry_at
        if self._denials:
            return "denied", f"{plural(len(self._denials), 'call')} denied: {'; '.join(self._denials)}", None
        if not self._good_end:
            return "error", "its output ended before it said that it was done" + (f": {said}" if said else ""), None
        return "ok", "", None

    def _read(self, text: str) -> list[str]:
        """One line, for people. What is no event is shown: some agents print warnings among them."""
        try:
            event = json.loads(text)
        except (ValueError, RecursionError):
            return [one_line(text)] if text.strip() else []
        return self._event(event) if isinstance(event, dict) else []

    def _event(self, event: Table) -> list[str]:
        """One event, for people."""
        raise NotImplementedError

    def _said(self, text: str) -> list[str]:
        """A message of the agent: the last one is kept."""
        if not text.strip():
            return []
        self._message = text
        lines = text.strip("\n").splitlines()
        left = len(lines) - SHOWN_LINES
        return lines[:SHOWN_LINES] + ([f"… {plural(left, 'line')} more"] if left > 0 else [])

    def _names(self, session: str) -> None:
        """The agent tells its session. What could be taken for an option of a command is no id."""
        if _SESSION.fullmatch(session):
            self.session = session

    def _failed(self, text: str, status: float | None = None) -> list[str]:
        """The agent says that the run has failed; a good end after it takes that back."""
        self._good_end = False
        self._faulty = (text or "the agent gives no reason", status)
        return [f"✗ {one_line(self._faulty[0])}"]

    def _done(self) -> None:
        self._good_end, self._faulty = True, None

    def _denied(self, text: str) -> list[str]:
        if len(self._denials) < KEPT_DENIALS:
            self._denials.append(one_line(text, 120))
        return [f"✗ denied: {one_line(text, 120)}"]

    def _count(self, tokens_in: float | None, tokens_out: float | None, tokens_cached: float | None) -> None:
        """Adds to the tokens of the run what is known."""
        found = (tokens_in, tokens_out, tokens_cached)
        self._tokens = tuple(  # type: ignore[assignment]
            before if more is None else (before or 0) + int(more)
            for before, more in zip(self._tokens, found, strict=True)
        )


def called(name: str, arguments: object) -> str:
    """A call of a tool in one line: "Bash  make test"."""
    if isinstance(arguments, dict):
        first = next((str(arguments[key]) for key in _ARGUMENTS if arguments.get(key)), "")
    else:
        first = arguments if isinstance(arguments, str) else ""
    return f"› {one_line(name, 60)}  {one_line(first.strip(), 120)}".rstrip()


def table(event: object, *path: str) -> Table:
    """The table at a path of keys; an empty one where there is none."""
    found = _at(event, path)
    return found if isinstance(found, dict) else {}


def rows(event: object, *path: str) -> list[Table]:
    """The tables in a list at a path of keys."""
    found = _at(event, path)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def word(event: object, *path: str) -> str:
    """The text at a path of keys; "" where there is none."""
    found = _at(event, path)
    return found if isinstance(found, str) else ""


def amount(event: object, *path: str) -> float | None:
    """The number at a path of keys."""
    return number(_at(event, path))


def _at(event: object, path: tuple[str, ...]) -> object:
    for key in path:
        if not isinstance(event, dict):
            return None
        event = event.get(key)
    return event


def total(*amounts: float | None) -> float | None:
    """The sum of those that are known; None where none is."""
    known = [one for one in amounts if one is not None]
    return sum(known) if known else None


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
