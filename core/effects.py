"""What the rules want done outside; the engine hands each to an adapter once the step is on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.kinds.result import Result
    from core.model import AttemptId
    from core.runs import Event
    from core.speech import Mail


@dataclass(frozen=True, slots=True)
class Start:
    """Give the attempt a session and run it. Answered by Placed or NotPlaced, then Started and Exited."""

    attempt: AttemptId


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take the attempt back if its program has not begun. Answered by NotPlaced where it had not."""

    attempt: AttemptId


@dataclass(frozen=True, slots=True)
class SignalTree:
    """One signal to every process of the attempt but its launcher. Not answered."""

    attempt: AttemptId
    signal: int


@dataclass(frozen=True, slots=True)
class EndTree:
    """Kill every process of the attempt until a look finds none. Answered by TreeEnded."""

    attempt: AttemptId


@dataclass(frozen=True, slots=True)
class CheckOutput:
    """Answered by OutputSeen."""

    attempt: AttemptId


@dataclass(frozen=True, slots=True)
class ReleaseSession:
    """The end of the attempt is on disk: complete its log and give its session back. Not answered."""

    attempt: AttemptId
    failed: bool
    """Keep the last screen beside the log."""


@dataclass(frozen=True, slots=True)
class RemoveFolders:
    """Delete the folders of tasks that are forgotten. Not answered."""

    tasks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HandMail:
    """Tell the attempt's interactive agent of mail that it has taken, once its composer is free. Not answered."""

    attempt: AttemptId
    mail: tuple[Mail, ...]


@dataclass(frozen=True, slots=True)
class CheckWork:
    """Run the check of a task whose interactive agent has ended its turn, by itself with this result. Answered by
    TurnEnded."""

    attempt: AttemptId
    result: Result


@dataclass(frozen=True, slots=True)
class RemoveRunFolders:
    """Delete the folders of runs that are forgotten. Not answered."""

    runs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MatchEvent:
    """The event is on disk. Answered by Match."""

    event: Event


Outside = (
    Start
    | Withdraw
    | SignalTree
    | EndTree
    | CheckOutput
    | ReleaseSession
    | RemoveFolders
    | RemoveRunFolders
    | HandMail
    | CheckWork
)
"""Those for the hands."""
Effect = Outside | MatchEvent
