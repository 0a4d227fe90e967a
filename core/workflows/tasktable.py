"""The keys that a task of a workflow file may have: shapes that pydantic checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, dataclass_transform

from annotated_types import Ge, Le
from pydantic import Discriminator, Tag

from core import bounds
from core.units import (
    STRICT,
    Argument,
    Arguments,
    Attempts,
    Data,
    Duration,
    Environment,
    ExitCode,
    Factor,
    Jitter,
    Positive,
    Rank,
    Size,
    Text,
    Word,
    at_most,
)
from core.workflows.model import StartRule

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")
C = TypeVar("C", bound=type)
Share = Annotated[float, Ge(0), Le(1)]


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def table(cls: C) -> C:
    """A frozen dataclass whose keys are those of a table. Where Python has a key for itself, the field ends in _."""
    made: Any = dataclass(frozen=True, slots=True, kw_only=True)(cls)
    made.__pydantic_config__ = STRICT | {"alias_generator": key_of}
    return made  # type: ignore[no-any-return]


def key_of(name: str) -> str:
    return name.rstrip("_")


def _kind(value: object) -> str:
    kinds: dict[type, str] = {str: "[text]", list: "[list]", tuple: "[list]", dict: "[one]"}
    return kinds.get(type(value), "[other]")


def either(expected: str) -> Discriminator:
    return Discriminator(_kind, custom_error_type="either", custom_error_message=f"expected {expected}")


Texts = Annotated[
    Annotated[Argument, Tag("[text]")] | Annotated[Arguments, Tag("[list]")], either("text or a list of texts")
]
"""One text, or any number of them."""
Many = Annotated[
    Annotated[T, Tag("[one]")] | Annotated[tuple[T, ...], Tag("[list]")], either("a table or a list of tables")
]
"""One table, or any number of them."""


def many(written: T | tuple[T, ...]) -> tuple[T, ...]:
    """What may be written as one or as a list."""
    return written if isinstance(written, tuple) else (written,)


def numbered(written: T | tuple[T, ...], *key: str | int) -> Iterator[tuple[tuple[str | int, ...], T]]:
    """The same, with the key of each."""
    if isinstance(written, tuple):
        yield from (((*key, place), one) for place, one in enumerate(written))
    else:
        yield key, written


@table
class TimeoutTable:
    queue: Duration | None = None
    """Longest wait for a first start."""
    run: Duration | None = None
    """Longest single attempt."""
    idle: Duration | None = None
    """Longest silence of an attempt."""
    total: Duration | None = None
    """Longest time over all attempts."""
    grace: Duration | None = None
    """Between TERM and KILL."""


@table
class RetryTable:
    attempts: Attempts | None = None
    first: Duration | None = None
    """Before the second attempt."""
    factor: Factor | None = None
    """Each delay is so many times the one before."""
    max: Duration | None = None
    """No delay is longer."""
    jitter: Jitter | None = None
    """Each delay is drawn from this share around its length."""
    on: tuple[Literal["failed", "timed_out", "lost"], ...] | None = None
    """Ends after which it is tried again; all of them by default, lost only with lost = "retry"."""
    never_exit: Annotated[tuple[ExitCode, ...], at_most(bounds.MAX_ITEMS)] | None = None
    """Exit codes that are final at once."""
    move: Literal["other_agent"] | None = None
    """Where another try goes."""


NO_TIMEOUT, NO_RETRY = TimeoutTable(), RetryTable()


@table
class AgentTable:
    """Who may run it: the one of this name, or any that can do what is needed."""

    name: str | None = None
    needs: Texts = ()
    prefer: str | None = None
    """Where this one can do it now, it goes there first."""
    spread: bool = False
    """The parts go to the agents in turn."""


AgentOrName = Annotated[
    Annotated[str, Tag("[text]")] | Annotated[AgentTable, Tag("[one]")], either("the name of an agent, or a table")
]


@table
class FallbackTable:
    agent: str | None = None
    needs: Texts = ()


@table
class CallTable:
    file: str
    """The path of a workflow file, from the folder of this one."""
    with_: dict[Word, Data] = field(default_factory=dict)
    """Its parameters."""
    if_parent_stops: Literal["cancel", "leave"] = "cancel"


@table
class ChooseTable:
    """A branch: the tasks of the case that matches go on, those of the others are skipped."""

    on: str
    cases: dict[str, Texts]
    else_: Texts = ()


@table
class MapTable:
    over: str | None = None
    """One ${…} that refers to a list."""
    each: str | None = None
    """A task: once for each part of it, as soon as that part has ended."""
    as_: str = "item"
    """What an element is called."""
    parallel: Positive | None = None
    """Parts at once."""
    batch: Positive | None = None
    """Elements that one part takes."""
    fail_fast: bool = False
    """The first failure cancels the other parts."""
    max_items: Annotated[int, Ge(1), Le(100_000)] | None = None
    """More elements than that are a failure (10000)."""


@table
class ReduceTable:
    """The outputs of all parts of another task, in the file that ${inputs_file} names."""

    from_: str
    order: Literal["index", "done"] = "index"
    min_success: Share = 1.0
    """The share of parts that must have succeeded."""


@table
class ScatterTable:
    """The same work to several agents."""

    agents: Annotated[int, Ge(1), Le(100)]
    needs: Texts = ()
    until: Literal["all", "first", "quorum"] = "all"
    """What is enough; the rest is cancelled then."""
    quorum: Positive | None = None
    within: Duration | None = None
    """After that, what is not done is given up."""


@table
class GateTable:
    """A person's yes."""

    ask: str
    within: Duration | None = None
    on_timeout: Literal["fail", "skip", "approve"] | None = None


@table
class WaitTable:
    event: str | None = None
    """The topic of an event since the run began."""
    where: str | None = None
    """An expression over `event` and `params`."""
    time: Duration | None = None
    within: Duration | None = None
    on_timeout: Literal["fail", "skip"] | None = None


@table
class EmitTable:
    topic: str
    data: Data = None
    """Text, or a table or list, with ${…} in its texts."""


@table
class SendTable:
    to: str
    """A task's number, agent:NAME, group:NAME or operator."""
    text: str


@table
class OutputTable:
    """What it leaves for others; "-" is what it prints, or the last message of a coding agent."""

    json: str | None = None
    text: str | None = None
    file: str | None = None
    max: Size | None = None
    """More is a failure (1MiB)."""


@table
class TaskTable:
    run: Texts | None = None
    """A list is a program with its words; a text is for the shell."""
    prompt: Text | None = None
    check: Arguments = ()
    """A program that decides whether the agent has done its work."""
    call: CallTable | None = None
    choose: ChooseTable | None = None
    needs: Texts = ()
    start: StartRule = StartRule.ALL_SUCCESS
    """How the needs must have ended."""
    when: str | None = None
    """An expression; where it is false, the task is skipped."""
    matrix: dict[Word, tuple[Data, ...]] | None = None
    """Lists of values by axis, with include and exclude: once for each combination."""
    map: MapTable | None = None
    reduce: ReduceTable | None = None
    scatter: ScatterTable | None = None
    gate: GateTable | None = None
    wait: WaitTable | None = None
    emit: Many[EmitTable] = ()
    send: Many[SendTable] = ()
    cwd: str | None = None
    env: Environment = field(default_factory=dict)
    agent: AgentOrName | None = None
    fallback: tuple[FallbackTable, ...] = ()
    """Who tries next, once all attempts have failed."""
    affinity: str | None = None
    pool: str | None = None
    """The group whose limit counts."""
    priority: Rank = 0
    retry: RetryTable = NO_RETRY
    lost: Literal["hold", "retry", "fail"] | None = None
    """What follows where nobody can tell how it ended (hold)."""
    timeout: TimeoutTable = NO_TIMEOUT
    output: OutputTable | None = None
    expect: Duration | None = None
    """How long it is expected to take."""
