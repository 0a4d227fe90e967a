"""The nouns of muxdeck: what a task, an attempt and an agent are, and the words for their states."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple

from core import bounds
from core.units import Attempts, Duration, ExitCode, Factor, Jitter, at_most, shape

LOCAL_AGENT = "local"
"""The agent that runs commands on this machine; it always exists."""

DEFAULT_GROUP = "default"


class TaskState(StrEnum):
    """Where a task stands. Why a queued task waits is derived, never stored (`rules.why`)."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    LOST = "lost"
    SKIPPED = "skipped"
    UPSTREAM_FAILED = "upstream_failed"

    @property
    def ended(self) -> bool:
        return self not in LIVE_STATES


LIVE_STATES = frozenset({TaskState.QUEUED, TaskState.RUNNING})
FAILED_STATES = frozenset({TaskState.FAILED, TaskState.TIMED_OUT, TaskState.LOST})
"""What `after-fail` waits for, and what "retry all failed" takes."""
STOPPED_BY_PARENT = frozenset({TaskState.SKIPPED, TaskState.UPSTREAM_FAILED})
"""Ended without a run, for a parent's sake: a retry of the parent revives them."""


class AttemptState(StrEnum):
    """Where one run of a task stands."""

    PLACED = "placed"
    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting"
    UNKNOWN = "unknown"
    EXITED = "exited"
    KILLED = "killed"
    LOST = "lost"

    @property
    def live(self) -> bool:
        return self not in (AttemptState.EXITED, AttemptState.KILLED, AttemptState.LOST)


class NeedKind(StrEnum):
    """How a parent must have ended for its child to be free."""

    OK = "after-ok"
    ANY = "after-any"
    FAIL = "after-fail"


class Need(NamedTuple):
    parent: int
    kind: NeedKind


class AttemptId(NamedTuple):
    """One time that a task runs. Its text names its folder, its session, its log: it cannot be started twice."""

    task: int
    number: int

    def __str__(self) -> str:
        return f"{self.task}-{self.number}"

    @classmethod
    def parse(cls, text: str) -> AttemptId:
        """The inverse of `str`; ValueError for anything else."""
        task, _, number = text.partition("-")
        return cls(int(task), int(number))


class RunId(NamedTuple):
    """A run of a workflow, where it speaks for itself."""

    number: int

    def __str__(self) -> str:
        return f"run-{self.number}"


class PartId(NamedTuple):
    """One of the times that a node of a run works."""

    run: int
    node: str
    item: int


@shape
class RetryPolicy:
    """When a failed attempt is followed by another. Times in seconds."""

    attempts: Attempts = 1
    first: Duration = 5.0
    factor: Factor = 2.0
    cap: Duration = 300.0
    jitter: Jitter = 0.1
    """Each delay is drawn from this share around its length, by a seed of task and attempt."""
    never_exit: Annotated[frozenset[ExitCode], at_most(bounds.MAX_ITEMS)] = frozenset()
    """Exit codes that are final at once."""
    on: frozenset[Literal["failed", "timed_out", "lost"]] = frozenset()
    """States after which it is tried again; none named is every one that the other fields allow."""
    lost: bool = False
    """Whether a lost attempt may run again unasked; by default a person decides."""
    elsewhere: bool = False
    """Another try goes to another agent, where one can do it."""


@shape
class Timeouts:
    """Limits in seconds; None is no limit."""

    queue: Duration | None = None
    """Longest wait for a first start."""
    run: Duration | None = None
    """Longest single attempt."""
    idle: Duration | None = None
    """Longest silence of a running attempt."""
    total: Duration | None = None
    """Longest time over all attempts, from the first start."""
    grace: Duration = 10.0
    """Between TERM and KILL."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What decides about an attempt's end: shared by all tasks that asked for the same."""

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    timeouts: Timeouts = field(default_factory=Timeouts)


@dataclass(frozen=True, slots=True)
class Launch:
    """What an attempt runs. Only adapters read it; the rules pass it through."""

    argv: tuple[str, ...]
    """Never re-parsed. Bytes that are not UTF-8 are kept as surrogate escapes."""
    shell: bool = False
    """argv is one text for the person's shell (`--shell`)."""
    cwd: str = "/"
    env: tuple[tuple[str, str], ...] = ()
    """The whole environment, sorted by name; TERM and the names of tmux are added by the session."""
    stdin: str | None = None
    """A file to read from; None is the session's terminal."""
    umask: int = 0o022
    wrapper: tuple[str, ...] = ()
    """Put before the command by the agent that runs it; the store does not know it."""
    prompt: str | None = None
    """The file with the text for a coding agent; then argv is empty until the agent is known."""
    resume: int | None = None
    """The task whose conversation the prompt goes on with."""
    check: tuple[str, ...] = ()
    """argv of what decides whether a coding agent has done its work."""
    own_env: tuple[tuple[str, str], ...] = ()
    """Added to the environment, for this task alone."""
    prompt_text: str = ""
    """The text for a coding agent where no file has it."""
    leaves: Output | None = None
    """What others want of it once it has succeeded."""
    files: tuple[tuple[str, str], ...] = ()
    """Name and content of what its agent puts beside the script; the store does not know it."""
    part: PartId | None = None
    """What of which run its task is; the store knows it of the task."""
    token: str = ""
    """Shows that whoever speaks is this attempt; the store does not know it."""
    worktree: str | None = None
    """The folder in which its agent wants a git worktree of `cwd` for the task; the store does not know it."""

    @property
    def prompts(self) -> bool:
        """It is a text for a coding agent."""
        return self.prompt is not None or bool(self.prompt_text)


class Output(NamedTuple):
    """What a task leaves for others. It fails where it leaves nothing of that kind."""

    kind: Literal["json", "text", "file"]
    path: str
    """Within its working folder; "-" is what it prints, or the last message of a coding agent."""
    limit: int = 1 << 20
    """Bytes: more is a failure. Of a file only its path is kept, whatever its size."""


class Captured(NamedTuple):
    """What a task has left, or why that cannot be used."""

    value: Any = None
    problem: str | None = None


class Wanted(NamedTuple):
    """What a task asks of the agent that runs it."""

    agent: str | None = LOCAL_AGENT
    """This one and no other; None is any that fits."""
    capabilities: frozenset[str] = frozenset()
    prompts: bool = False
    """It is a prompt, not a command."""


class Outcome(StrEnum):
    """How a coding agent's run ended, from its exit status, its last word and its denials together."""

    OK = "ok"
    DENIED = "denied"
    """Something that it wanted to do was not permitted."""
    ERROR = "error"
    LIMIT = "limit"
    """The account has used up what it may."""
    AUTH = "auth"
    """It is not logged in, or its key is refused."""
    CANCELLED = "cancelled"


class AgentMode(StrEnum):
    """What an agent may do by its operator's wish."""

    ON = "on"
    PAUSED = "paused"
    """Starts nothing; what waits for it, waits."""
    DRAINING = "draining"
    """Starts nothing; what waits for it goes to others that can do it."""


class Origin(NamedTuple):
    """Where a task comes from that another one has added."""

    by: AttemptId
    root: int
    """The task at the head of the family: nobody's child."""
    depth: int
    """1 where the root itself has added it."""


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """What a person asked for."""

    launch: Launch
    name: str
    group: str = DEFAULT_GROUP
    wanted: Wanted = field(default_factory=Wanted)
    affinity: str | None = None
    """Tasks of the same one are best run by the same agent: the repository they work in."""
    batch: str | None = None
    """Tasks that were added together and are looked at together."""
    priority: int = 0
    held: bool = False
    not_before: float = 0.0
    """Unix time; 0 is at once."""
    policy: Policy = field(default_factory=Policy)
    key: str | None = None
    """Idempotency key: a second add with the same key returns the first task."""
    part: PartId | None = None
    """Of a run; None where it is a task of its own."""
    ahead: float = 0.0
    """Seconds by which its place in the queue is before its time."""


class ProcessId(NamedTuple):
    """A process, told apart from a later one with the same number."""

    pid: int
    created: float
    """Seconds since boot at which it was created."""
    boot: str
    """Names the boot of the host."""
