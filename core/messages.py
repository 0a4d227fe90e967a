"""Everything that can happen: a Command is a wish and may be refused, an Observation is a fact and may not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.due import Timer
    from core.interactive.ladder import Reading
    from core.kinds.result import Result
    from core.model import AgentMode, AttemptId, Captured, Need, PartId, ProcessId, RunId, TaskSpec
    from core.runs import Armed, Definition, Event, Surroundings
    from core.settings import Limits
    from core.speech import Address, ReportKind
    from core.vitals import Health, Vital


class RefusedError(Exception):
    """A wish that cannot be granted; `code` is for programs, the text is fit for the screen."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


# Wishes


@dataclass(frozen=True, slots=True)
class NewTask:
    spec: TaskSpec
    needs: tuple[Need, ...] = ()
    """A negative parent is a place in the same Add: -1 is its first task."""


@dataclass(frozen=True, slots=True)
class Add:
    """Accepts all of the tasks or none. Reply: their ids, in order; a known key gives the id it had."""

    tasks: tuple[NewTask, ...]


@dataclass(frozen=True, slots=True)
class Retry:
    """Queues ended tasks again and revives what their end had stopped. Reply: ids of all that are queued again."""

    tasks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    """Cancels queued tasks; ends running ones by TERM, grace and KILL, or by KILL at once (`now`)."""

    tasks: tuple[int, ...]
    now: bool = False


@dataclass(frozen=True, slots=True)
class SendSignal:
    """Sends one signal to every process of running tasks; what follows from it is up to them."""

    tasks: tuple[int, ...]
    signal: int


@dataclass(frozen=True, slots=True)
class Hold:
    tasks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Release:
    tasks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Edit:
    """Changes a queued task: `spec` replaces everything but its needs, its key and its place in time."""

    task: int
    spec: TaskSpec


@dataclass(frozen=True, slots=True)
class SetPriority:
    tasks: tuple[int, ...]
    priority: int


@dataclass(frozen=True, slots=True)
class Swap:
    """Exchanges the places of two queued tasks."""

    task: int
    other: int


@dataclass(frozen=True, slots=True)
class StartNow:
    """Starts queued tasks whatever limit, delay, hold or need stands against it."""

    tasks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SetGroup:
    """Pauses or resumes a group, or changes how many of it may run at once; None leaves a value as it is."""

    group: str
    paused: bool | None = None
    limit: int | None = None
    """0 is no limit."""


@dataclass(frozen=True, slots=True)
class SetAgentMode:
    agent: str
    mode: AgentMode


@dataclass(frozen=True, slots=True)
class PauseAll:
    paused: bool


@dataclass(frozen=True, slots=True)
class NoteDeed:
    """What an operator has done to a session by its keys: it stands in the history."""

    task: int
    deed: str


@dataclass(frozen=True, slots=True)
class Clean:
    """Forgets ended tasks with their folders. A task that an unfinished or stopped one needs is kept."""

    tasks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Configure:
    limits: Limits


@dataclass(frozen=True, slots=True)
class Report:
    """An attempt tells how it stands."""

    attempt: AttemptId
    kind: ReportKind
    text: str


@dataclass(frozen=True, slots=True)
class Send:
    """Mail for somebody. Reply: its number."""

    sender: AttemptId | RunId | None
    """None is the operator, here and below."""
    to: Address
    text: str
    ttl: float | None = None
    """Seconds after which nobody gets it any more."""


@dataclass(frozen=True, slots=True)
class Collect:
    """Takes the mail that waits for the reader. Reply: the mail, the oldest first.

    It comes again only to the task's next attempt, where this one fails and nobody has acknowledged it.
    """

    reader: AttemptId | None


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """The reader has understood mail that it had taken. Reply: its numbers."""

    reader: AttemptId | None
    mail: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ForgetMail:
    """Forgets those of the mail that nobody will be given any more."""

    mail: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Spawn:
    """An attempt adds tasks, as Add does, within what its agent's tasks may do."""

    parent: AttemptId
    tasks: tuple[NewTask, ...]


@dataclass(frozen=True, slots=True)
class StartRun:
    """Begins a run, or lets it wait for others of its group. Reply: its number; a known key gives the one it had."""

    definition: Definition
    params: Mapping[str, Any]
    """All of them, checked."""
    surroundings: Surroundings
    expected: Mapping[str, float]
    """Seconds that its nodes took in earlier runs."""
    started_by: str
    event: Event | None = None
    group: str | None = None
    """Instead of the one that the workflow names."""
    parent: PartId | None = None
    """The part of another run that waits for this one."""
    hops: int = 0
    """Events that followed one from the other until it began."""


@dataclass(frozen=True, slots=True)
class CancelRuns:
    """Ends what runs of them and what waits; what comes last still runs, unless this is the second time."""

    runs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PauseRuns:
    runs: tuple[int, ...]
    paused: bool


@dataclass(frozen=True, slots=True)
class RetryRun:
    """Runs again what has failed, or a node and everything after it. Reply: the run's number."""

    run: int
    node: str | None = None


@dataclass(frozen=True, slots=True)
class AnswerGate:
    run: int
    node: str
    approved: bool
    text: str = ""


@dataclass(frozen=True, slots=True)
class Emit:
    """Something has happened. Reply: the event's number; a known key gives the one it had."""

    topic: str
    data: Any
    source: str
    """In words."""
    key: str | None = None
    to: str | None = None
    """The one workflow that it may start, by its name; None is whoever waits for its topic."""


@dataclass(frozen=True, slots=True)
class Arm:
    """From now on these workflows begin by their triggers, and no others."""

    workflows: tuple[Armed, ...]


@dataclass(frozen=True, slots=True)
class CleanRuns:
    """Forgets ended runs; their tasks are tasks like others."""

    runs: tuple[int, ...]


Command = (
    Add
    | Retry
    | Stop
    | SendSignal
    | Hold
    | Release
    | Edit
    | SetPriority
    | Swap
    | StartNow
    | SetGroup
    | SetAgentMode
    | PauseAll
    | NoteDeed
    | Clean
    | Configure
    | Report
    | Send
    | Collect
    | Acknowledge
    | ForgetMail
    | Spawn
    | StartRun
    | CancelRuns
    | PauseRuns
    | RetryRun
    | AnswerGate
    | Emit
    | Arm
    | CleanRuns
)

# Facts


@dataclass(frozen=True, slots=True)
class Ticked:
    """Time has passed; what was due by then happens."""

    timer: Timer | None = None
    """Only this one; None for all that is due."""


@dataclass(frozen=True, slots=True)
class Placed:
    """The attempt's session exists and its launcher has been told to run it."""

    attempt: AttemptId
    server: int
    slot: int
    launcher: ProcessId


@dataclass(frozen=True, slots=True)
class NotPlaced:
    """No session could be made, or it was gone before the program began: nothing ran, nothing will."""

    attempt: AttemptId
    reason: str
    hopeless: bool = False
    """It would be no different another time."""
    cause: Literal["machine", "task", "turn"] = "machine"
    """Whose doing it is: the machine's; that of the task's folder, repository or agent, which a person has to mend; or
    its turn has not come: something else is in its way for now."""


@dataclass(frozen=True, slots=True)
class Started:
    """The launcher has become, or is about to become, the task's program."""

    attempt: AttemptId
    pid: int | None
    """None where that was not heard, after a restart of the engine."""
    at: float


@dataclass(frozen=True, slots=True)
class Exited:
    """The program has ended with `code`, 128 + n where signal n ended it."""

    attempt: AttemptId
    code: int
    at: float
    result: Result | None = None
    """What a coding agent told of the run."""
    output: Captured | None = None
    """What it left for others; None where nobody asked for anything."""


@dataclass(frozen=True, slots=True)
class LauncherGone:
    """Nobody is left to tell the exit status. `orphans` are processes of the attempt that live on."""

    attempt: AttemptId
    orphans: tuple[ProcessId, ...]
    at: float
    result: Result | None = None
    """What a coding agent had told until then."""
    why: str | None = None
    """Why the status is not known, if more is to be said: its file is damaged, its folder was removed."""


@dataclass(frozen=True, slots=True)
class TreeEnded:
    """A kill is over; `left` are the processes that could not be ended, with a word about each."""

    attempt: AttemptId
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """The program has ended by itself and `processes` others of its attempt live on."""

    attempt: AttemptId
    processes: int


@dataclass(frozen=True, slots=True)
class Sampled:
    """A pass over the process table: what it found of live attempts, and the word for it."""

    looks: Mapping[AttemptId, tuple[Vital, Health]]


@dataclass(frozen=True, slots=True)
class OutputSeen:
    """The last time the attempt wrote anything."""

    attempt: AttemptId
    at: float


@dataclass(frozen=True, slots=True)
class ServerSilent:
    """A tmux server does not answer: nothing is known of its sessions' screens, their processes are still watched."""

    server: int
    since: float


@dataclass(frozen=True, slots=True)
class ServerBack:
    server: int


@dataclass(frozen=True, slots=True)
class AgentSeen:
    """What an interactive agent does, as far as its hooks and its screen tell."""

    attempt: AttemptId
    reading: Reading


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """An interactive agent has come to the end of what it was asked."""

    attempt: AttemptId
    result: Result
    unchecked: bool = False
    """Whether the work is done is for the task's check to say."""


@dataclass(frozen=True, slots=True)
class Probed:
    """Whether an agent's program can be run at all, and what is doubtful about one that can."""

    agent: str
    problem: str | None
    doubt: str | None = None


@dataclass(frozen=True, slots=True)
class Typed:
    """Somebody has typed text into the attempt's session."""

    attempt: AttemptId


@dataclass(frozen=True, slots=True)
class Forged:
    """Somebody said to be an attempt and could not show it."""

    attempt: str
    """As it was said."""
    verb: str


@dataclass(frozen=True, slots=True)
class Barred:
    """A bug kept the task from being started. The rules may try it again."""

    task: int


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What the store had of the latest attempt of a running task cannot be read: nothing of it can be followed."""

    task: int
    text: str


@dataclass(frozen=True, slots=True)
class Match:
    """An event is on disk and has not been matched yet."""

    event: Event


Observation = (
    Ticked
    | Placed
    | NotPlaced
    | Started
    | Exited
    | LauncherGone
    | TreeEnded
    | LeftBehind
    | Sampled
    | OutputSeen
    | ServerSilent
    | ServerBack
    | Probed
    | AgentSeen
    | TurnEnded
    | Typed
    | Forged
    | Barred
    | Unreadable
    | Match
)

Message = Command | Observation
