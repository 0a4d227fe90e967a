"""What a client may ask, as it comes over the socket: one shape a verb."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, MaxLen, MinLen
from typing_extensions import TypedDict

from core import bounds
from core.units import (
    STRICT,
    Argument,
    Arguments,
    Attempts,
    Count,
    Data,
    Duration,
    Environment,
    ExitCode,
    Factor,
    Jitter,
    Key,
    Limit,
    Moment,
    Named,
    Positive,
    Rank,
    Text,
    Word,
    Words,
    at_most,
    shape,
)


class RetryChanges(TypedDict, total=False):
    """What a task says otherwise than the settings."""

    attempts: Attempts
    first: Duration
    factor: Factor
    cap: Duration
    jitter: Jitter
    never_exit: Annotated[frozenset[ExitCode], at_most(bounds.MAX_ITEMS)]
    lost: bool
    elsewhere: bool


class TimeoutChanges(TypedDict, total=False):
    queue: Duration | None
    run: Duration | None
    idle: Duration | None
    total: Duration | None
    grace: Duration


for changes in (RetryChanges, TimeoutChanges):
    changes.__pydantic_config__ = STRICT  # type: ignore[union-attr]

Reference = Positive | Key
"""A task: its number, or its idempotency key."""
References = Annotated[tuple[Reference, ...], at_most(bounds.MAX_ITEMS)]
Numbers = Annotated[tuple[Positive, ...], at_most(bounds.MAX_ITEMS)]
"""Of tasks, runs or messages."""


@shape
class TaskRequest:
    """A task as a person writes it: also one line of a batch file."""

    command: Annotated[Arguments, MinLen(1)] | None = None
    """argv, never re-parsed."""
    shell: Argument | None = None
    """A text for the person's shell, instead of `command`."""
    prompt: Text | None = None
    """A text for a coding agent, instead of `command`."""
    resume: Reference | None = None
    """The prompt goes on with the conversation of this task, with the same agent."""
    check: Annotated[Arguments, MinLen(1)] | None = None
    """argv of what decides whether the prompt's work is done: it is, where that ends with 0."""
    name: Text | None = None
    cwd: Word | None = None
    env: Environment = field(default_factory=dict)
    """Put over the environment it is submitted in."""
    stdin: Word | None = None
    """A file to read from, as /dev/null; without it, the session's terminal."""
    priority: Rank = 0
    after_ok: References = ()
    after_any: References = ()
    after_fail: References = ()
    group: Word | None = None
    agent: Word | None = None
    """This agent and no other."""
    capabilities: Words = ()
    """Any agent that has all of these."""
    batch: Word | None = None
    """Tasks with the same word are looked at together."""
    hold: bool = False
    delay: Duration = 0.0
    not_before: Moment | Word | None = None
    """Unix time, or a date and time as 2030-01-31T08:00."""
    retry: RetryChanges = field(default_factory=RetryChanges)
    timeout: TimeoutChanges = field(default_factory=TimeoutChanges)
    key: Key | None = None


Requests = Annotated[tuple[TaskRequest, ...], MinLen(1), at_most(bounds.MAX_ITEMS)]


@shape
class Context:
    """Where a wish comes from: what its tasks inherit."""

    cwd: Word
    env: Environment
    umask: Annotated[int, Ge(0), Le(0o777)] = 0o022


@shape
class Add:
    tasks: Requests
    context: Context


@shape
class Check:
    """Answers like Add, and adds nothing."""

    tasks: Requests
    context: Context
    earlier: Annotated[tuple[Key, ...], at_most(10 * bounds.MAX_ITEMS)] = ()
    """Keys of tasks that will have been added before these."""


@shape
class Selector:
    """Tasks by what they are, where they are not named one by one."""

    states: Words = ()
    group: Word | None = None
    older_than: Duration | None = None
    """Only those that ended at least this long ago."""


Chosen = Numbers | Selector


@shape
class Tasks:
    """For the verbs retry, hold, release, start-now, suspend, continue, clean."""

    tasks: Chosen


@shape
class Stop:
    tasks: Chosen
    now: bool = False


@shape
class Signal:
    tasks: Chosen
    signal: Annotated[int, Ge(1), Le(64)]


@shape
class Priority:
    tasks: Chosen
    priority: Rank


@shape
class Swap:
    task: Positive
    other: Positive


@shape
class Edit:
    """The whole of what the task is to be from now on, but for its needs and its key."""

    task: Positive
    changes: dict[Word, Data]
    """Keys of TaskRequest; those left out stay as they are."""


@shape
class Group:
    group: Word
    paused: bool | None = None
    limit: Count | None = None


@shape
class Agent:
    agent: Word
    mode: Literal["on", "paused", "draining"]


@shape
class Everything:
    paused: bool


@shape
class Nothing:
    """For verbs that take no parameters."""


@shape
class One:
    """For the verbs show, why, attach, spec."""

    task: Reference


@shape
class List:
    states: Words = ()
    group: Word | None = None
    text: Word | None = None
    """Found in the name or the command."""
    limit: Positive = 100
    after: Count = 0
    """Only tasks with a higher number."""


@shape
class Log:
    """A part of an attempt's output: raw bytes, counted from the start of what is kept."""

    task: Reference
    attempt: Positive | None = None
    offset: Annotated[int, Ge(-bounds.MAX_WHOLE), Le(bounds.MAX_WHOLE)] = 0
    """Negative counts from the end."""
    limit: Annotated[int, Ge(1), Le(1 << 20)] = 1 << 16


@shape
class Screen:
    """What a task's terminal shows; of an ended task the last screen that was kept, or the end of its output."""

    task: Positive
    lines_above: Annotated[int, Ge(0), Le(10_000)] = 0
    seen: Word | None = None
    """The stamp of the answer before: where nothing was written since, the content is left out."""


@shape
class Type:
    task: Positive
    text: Text
    enter: bool = True


@shape
class Answer:
    """A key that answers the dialog of an interactive agent."""

    task: Positive
    key: Named
    """One of its choices, or Escape."""
    since: Moment
    """Of the dialog that was looked at: another one is not answered."""


@shape
class Wait:
    """Answered when all of the tasks have ended; refused when that takes longer than the timeout."""

    tasks: Numbers
    timeout: Duration | None = None


@shape
class Sessions:
    foreign: bool = False
    """Also those of the person's own tmux servers."""


@shape
class KillForeign:
    """Ends a session that muxdeck did not make."""

    socket: Word
    session: Word
    """Its id, as $3."""
    confirmed: Literal["kill a session that is not muxdeck's"]


@shape
class Merge:
    task: Reference
    message: Argument | None = None
    """Of the commit that is made first of what is not committed; None makes none."""


@shape
class RemoveWorktree:
    task: Reference
    force: bool = False
    """Also where something in it is nowhere else."""


@shape
class ExplainAgent:
    agent: Word


@shape
class Results:
    batch: Word | None = None
    """None lists the batches that there are."""


@shape
class Notes:
    task: Positive | None = None
    limit: Annotated[int, Ge(1), Le(10_000)] = 200


@shape
class Speaker:
    """The attempt from within which somebody asks; without one it is the operator."""

    attempt: Word
    token: Word
    """Stands in the attempt's script."""


@shape
class Report:
    speaker: Speaker | None
    kind: Literal["progress", "done", "fail", "ask"]
    text: Text


@shape
class Message:
    speaker: Speaker | None
    to: Word
    """A task's number, agent:NAME, group:NAME or operator."""
    text: Text
    ttl: Annotated[float, Gt(0), Limit(le=bounds.MAX_DURATION)] | None = None
    """Seconds after which nobody gets it any more."""


@shape
class Inbox:
    """Takes what waits for whoever asks, or acknowledges what was taken."""

    speaker: Speaker | None
    ack: Numbers = ()


@shape
class Mail:
    limit: Annotated[int, Ge(1), Le(10_000)] = 200


@shape
class Spawn:
    speaker: Speaker | None
    tasks: Requests
    context: Context


@shape
class StartRun:
    """A workflow's file, or the name of one in the folder of workflows."""

    file: Named
    """An absolute path, or a name without a slash."""
    context: Context
    params: dict[Word, Data] = field(default_factory=dict)
    """By name; a text is read as the parameter's type wants it."""
    dry_run: bool = False
    """Answers with what would run, and starts nothing."""


@shape
class OneRun:
    run: Positive


@shape
class Runs:
    state: Word | None = None
    workflow: Word | None = None
    limit: Positive = 50


@shape
class SomeRuns:
    runs: Annotated[Numbers, MinLen(1)]


@shape
class WaitRun:
    """Answered when the run has ended; refused when that takes longer than the timeout."""

    run: Positive
    timeout: Duration | None = None


@shape
class RetryRun:
    run: Positive
    node: Word | None = None
    """From this one on; without it what has failed."""


@shape
class Gate:
    run: Positive
    node: Word
    approved: bool
    text: Text = ""


@shape
class Emit:
    topic: Annotated[Named, MaxLen(bounds.MAX_KEY)]
    speaker: Speaker | None = None
    data: Data = None
    key: Key | None = None
    """A second event with the same key is none."""


@shape
class Events:
    limit: Annotated[int, Ge(1), Le(10_000)] = 100


@shape
class Hello:
    """Names the client: "cli", "console". Its wishes are noted under this name."""

    client: Literal["cli", "console"]
    version: Word
