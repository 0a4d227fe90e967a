"""The health of a session: what a look at its processes found, and the word for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.model import ProcessId


class HealthState(StrEnum):
    """Finer than alive or dead."""

    STARTING = "starting"
    WORKING = "working"
    QUIET = "quiet"
    WAITING = "waiting"
    STUCK = "stuck"
    STOPPED = "stopped"
    ZOMBIE = "zombie"
    ORPHANED = "orphaned"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Health:
    state: HealthState
    reason: str
    since: float
    """Unix time of the first look that found this state."""


@dataclass(frozen=True, slots=True)
class Vital:
    """One look at the processes of one session. What a platform does not tell is None, never 0."""

    at: float
    """Unix time of the look."""
    cpu: float
    """Per cent of one core since the look before; 0 at the first."""
    cpu_seconds: float
    """Of the processes that live now."""
    memory: int
    """Resident bytes, shared pages counted in each process."""
    processes: int
    threads: int
    stopped: int
    zombies: int
    root: ProcessId | None
    """The program itself; None before it started and after it ended."""
    launcher_alive: bool
    last_output: float | None
    """Unix time; None where nothing was ever written."""
    reads_terminal: bool
    """A foreground process sleeps in a read of the terminal."""
    io_bytes: int | None
    """Read and written by the processes that live now."""

    @property
    def living(self) -> int:
        """Processes that have not ended."""
        return self.processes - self.zombies
