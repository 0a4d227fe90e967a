"""What is said in a fleet: reports of a task about itself, and mail between tasks, agents and the operator."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

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


@dataclass(frozen=True, slots=True)
class Mail:
    """Text for somebody. Times are Unix seconds."""

    id: int
    at: float
    sender: AttemptId | None
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
