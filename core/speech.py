"""What is said in a fleet: reports of a task about itself, and mail between tasks, agents and the operator."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from core.model import RunId
from core.text import one_line

if TYPE_CHECKING:
    from core.model import AttemptId

OPERATOR = "operator"
"""Who speaks or takes mail where no task does."""


class ReportKind(StrEnum):
    PROGRESS = "progress"
    DONE = "done"
    FAIL = "fail"
    ASK = "ask"
    """It waits for a person."""


class Told(NamedTuple):
    """The latest report of an attempt."""

    kind: ReportKind
    text: str
    """One inert line."""
    at: float
    answered: bool = False
    """Of a question: somebody has said something since."""

    @property
    def asks(self) -> bool:
        return self.kind is ReportKind.ASK and not self.answered

    @property
    def words(self) -> str:
        return f"{'asks' if self.kind is ReportKind.ASK else 'reports'}: {self.text}"


class Recipient(StrEnum):
    """Whom mail may be for. What is for an agent or a group goes to the first of its tasks that looks."""

    TASK = "task"
    AGENT = "agent"
    GROUP = "group"
    OPERATOR = "operator"


class Address(NamedTuple):
    kind: Recipient
    name: str = ""
    """The number of a task, the name of an agent or a group; empty for the operator."""

    def __str__(self) -> str:
        return OPERATOR if self.kind is Recipient.OPERATOR else f"{self.kind}:{self.name}"


LONGEST_NUMBER = 18
"""Digits of a task's number."""


def parse_address(text: str) -> Address:
    """The inverse of `str`; a number alone is a task. ValueError says what an address is."""
    if text == OPERATOR:
        return Address(Recipient.OPERATOR)
    kind, colon, name = text.partition(":")
    number = text if not colon else name if kind == Recipient.TASK else ""
    if number.isascii() and number.isdecimal() and len(number) <= LONGEST_NUMBER:
        return Address(Recipient.TASK, str(int(number)))
    if kind in (Recipient.AGENT, Recipient.GROUP) and name:
        return Address(Recipient(kind), name)
    words = "write a task's number, agent:NAME, group:NAME or operator"
    raise ValueError(f"{one_line(text, 60)!r} is nobody to write to: {words}")


def sender_name(sender: AttemptId | RunId | None) -> str:
    """For people: the operator, a task, a run."""
    if sender is None:
        return f"the {OPERATOR}"
    return f"run {sender.number}" if isinstance(sender, RunId) else f"task {sender.task}"


@dataclass(frozen=True, slots=True)
class Mail:
    """Text for somebody. Times are Unix seconds."""

    id: int
    at: float
    sender: AttemptId | RunId | None
    """None is the operator."""
    to: Address
    text: str
    """Of its controls only tabs and line ends are left."""
    expires_at: float | None = None
    taken_at: float | None = None
    taken_by: str | None = None
    """An attempt's id, or OPERATOR."""
    acked_at: float | None = None

    def state(self, now: float) -> str:
        """waiting, taken, acknowledged or expired."""
        if self.acked_at is not None:
            return "acknowledged"
        if self.taken_at is not None:
            return "taken"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "waiting"
