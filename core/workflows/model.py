"""What a workflow is once its file has been read: nodes, what lets each of them begin, and what it does then."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from core.model import Output, Policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.workflows.expressions import Expression, Structure, Template


class StartRule(StrEnum):
    """How the needs of a node must have ended for it to begin."""

    ALL_SUCCESS = "all_success"
    NONE_FAILED = "none_failed"
    """All have ended, and none has failed: those that were skipped do not matter. The merge after a branch."""
    ALL_DONE = "all_done"
    ANY_SUCCESS = "any_success"
    """As soon as one has succeeded."""
    ANY_FAILED = "any_failed"
    """As soon as one has failed; skipped where none does."""
    ALWAYS = "always"
    """All have ended, also where the run is being cancelled."""


class NodeState(StrEnum):
    """Where a node of a run stands. Why a pending one waits is derived, never stored."""

    PENDING = "pending"
    ASKING = "asking"
    """Waits for a person at its gate."""
    WAITING = "waiting"
    """Waits for an event or a time."""
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
        return self not in (NodeState.PENDING, NodeState.ASKING, NodeState.WAITING, NodeState.RUNNING)

    @property
    def failed(self) -> bool:
        return self in FAILED_NODES


FAILED_NODES = frozenset(
    {NodeState.FAILED, NodeState.CANCELLED, NodeState.TIMED_OUT, NodeState.LOST, NodeState.UPSTREAM_FAILED}
)
"""What a start rule takes for a failure."""


class RunState(StrEnum):
    PENDING = "pending"
    """Other runs of its group go first."""
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"

    @property
    def ended(self) -> bool:
        return self is not RunState.PENDING and not self.live

    @property
    def live(self) -> bool:
        """It has begun and not ended."""
        return self in (RunState.RUNNING, RunState.PAUSED, RunState.CANCELLING)


@dataclass(frozen=True, slots=True)
class Param:
    """A value that whoever starts a run gives, or its default."""

    name: str
    type: Literal["string", "int", "float", "bool", "list", "json"] = "string"
    required: bool = False
    default: Any = None
    min: float | None = None
    max: float | None = None
    choices: tuple[Any, ...] = ()
    pattern: str | None = None
    """A regular expression that the whole of a string must match."""
    about: str = ""


# What a node does


@dataclass(frozen=True, slots=True)
class Command:
    """A program with its words: an element that is one reference to a list stands for as many words as the list has."""

    argv: tuple[Template, ...]


@dataclass(frozen=True, slots=True)
class Shell:
    """A text for `sh -c`. It holds no references: values reach it as environment variables."""

    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text for a coding agent."""

    text: Template
    check: tuple[Template, ...] = ()
    """argv of what decides whether the agent has done its work."""


@dataclass(frozen=True, slots=True)
class Call:
    """Another workflow, as a run of its own."""

    file: str
    """As written; a key of `Workflow.calls`."""
    given: tuple[tuple[str, Structure], ...] = ()
    """Its parameters."""
    if_parent_stops: Literal["cancel", "leave"] = "cancel"


@dataclass(frozen=True, slots=True)
class Choose:
    """A branch: of the nodes that are named in cases, those of the matching case begin and the others are skipped."""

    on: Template
    cases: tuple[tuple[str, tuple[str, ...]], ...]
    """The text of a value, and the nodes that go on then."""
    otherwise: tuple[str, ...] = ()

    @property
    def targets(self) -> frozenset[str]:
        return frozenset(self.otherwise).union(*(names for _, names in self.cases))


Work = Command | Shell | Prompt | Call | Choose


# How often


@dataclass(frozen=True, slots=True)
class Matrix:
    """Once for each of these values, which the file itself lists: tables of axis and value."""

    rows: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Over:
    """Once for each element of a list that an earlier node or the starter gives."""

    items: Template
    """One reference, to a list."""


@dataclass(frozen=True, slots=True)
class Each:
    """Once for each part of another node, as soon as that part has ended."""

    node: str


@dataclass(frozen=True, slots=True)
class Fan:
    """A node that runs many times."""

    source: Matrix | Over | Each
    name: str = "item"
    """What an element is called in the node's templates: `matrix` of a matrix, the `as` of a map."""
    parallel: int | None = None
    """Parts at once; None is no limit of the node's own."""
    batch: int = 1
    """Elements that one part takes; above 1 its value is the list of them."""
    fail_fast: bool = False
    """The first failure cancels the other parts."""
    max_items: int = 10_000
    """More elements than that are a failure of the node."""


@dataclass(frozen=True, slots=True)
class Scatter:
    """The same work to several agents."""

    agents: int
    until: Literal["all", "first", "quorum"] = "all"
    """What is enough; the rest is cancelled then."""
    quorum: int = 1
    """Successes that are enough: 1 of first, all of all."""
    within: float | None = None
    """Seconds after which what is not done is given up."""


@dataclass(frozen=True, slots=True)
class Reduce:
    """The outputs of all parts of another node, in one file."""

    source: str
    order: Literal["index", "done"] = "index"
    min_success: float = 1.0
    """The share of parts that must have succeeded; failures within it are no failure of the run."""


# What a node waits for beside its needs


@dataclass(frozen=True, slots=True)
class Gate:
    """A person's yes."""

    ask: Template
    within: float | None = None
    on_timeout: Literal["fail", "skip", "approve"] = "fail"


@dataclass(frozen=True, slots=True)
class Wait:
    """An event since the run began, or a time. The event becomes the output of a node that does nothing else."""

    topic: str | None = None
    where: Expression | None = None
    """Over `event` and `params`."""
    seconds: float | None = None
    """Without a topic: how long."""
    within: float | None = None
    on_timeout: Literal["fail", "skip"] = "fail"


@dataclass(frozen=True, slots=True)
class Emit:
    """An event that the success of a node is."""

    topic: str
    data: Structure | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """A message that the success of a node sends."""

    to: Template
    text: Template


@dataclass(frozen=True, slots=True)
class AgentWish:
    """Who may run the tasks of a node."""

    agent: str | None = None
    needs: frozenset[str] = frozenset()
    prefer: str | None = None
    """Where this agent can do it now, it goes there first."""
    spread: bool = False
    """The parts of the node go to the agents in turn."""


@dataclass(frozen=True, slots=True)
class Node:
    """One part of a workflow. It begins as its needs and `start` say, asks `when`, its gate and its wait, and works."""

    name: str
    work: Work | None = None
    """None only waits, asks, emits or sends."""
    needs: tuple[str, ...] = ()
    start: StartRule = StartRule.ALL_SUCCESS
    when: Expression | None = None
    fan: Fan | None = None
    scatter: Scatter | None = None
    reduce: Reduce | None = None
    gate: Gate | None = None
    wait: Wait | None = None
    emit: tuple[Emit, ...] = ()
    send: tuple[Send, ...] = ()
    cwd: Template | None = None
    env: tuple[tuple[str, Template], ...] = ()
    agent: AgentWish = field(default_factory=AgentWish)
    fallback: tuple[AgentWish, ...] = ()
    """Who tries next, one after the other, once all attempts have failed."""
    affinity: Template | None = None
    pool: str | None = None
    """The group of the queue whose limit counts."""
    priority: int = 0
    policy: Policy = field(default_factory=Policy)
    lost: Literal["hold", "retry", "fail"] = "hold"
    """What follows where nobody can tell how it ended: by default a person decides."""
    output: Output | None = None
    expect: float | None = None
    """Seconds that it is expected to take."""
    final: bool = False
    """Runs once after everything else, whatever happened."""

    @property
    def is_left(self) -> bool:
        """The runs that it calls go on without it."""
        return isinstance(self.work, Call) and self.work.if_parent_stops == "leave"

    @property
    def follows(self) -> str | None:
        """The node whose parts it goes through, each as it ends."""
        return self.fan.source.node if self.fan is not None and isinstance(self.fan.source, Each) else None


@dataclass(frozen=True, slots=True)
class Schedule:
    cron: str
    tz: str = "UTC"
    overlap: Literal["skip", "queue", "allow"] = "skip"
    """What happens where the run before has not ended."""
    catchup: float = 0.0
    """Seconds for which a start that was missed is made up for, the latest of them."""


@dataclass(frozen=True, slots=True)
class OnEvent:
    topic: str
    where: Expression | None = None
    """Over `event`."""


@dataclass(frozen=True, slots=True)
class OnFile:
    pattern: str
    """A path below the workflow's folder; its last part may have * ? and []."""
    settle: float = 1.0
    """Seconds for which it must not have changed."""


@dataclass(frozen=True, slots=True)
class Triggers:
    manual: bool = True
    schedules: tuple[Schedule, ...] = ()
    events: tuple[OnEvent, ...] = ()
    files: tuple[OnFile, ...] = ()


@dataclass(frozen=True, slots=True)
class RunSettings:
    key: Template | None = None
    """A second start with the same one gives the run that there is."""
    group: Template | None = None
    group_max: int | None = None
    """Runs of the group at once; the others are pending."""
    max_active: int | None = None
    """Tasks of the run at once."""
    deadline: float | None = None
    """Seconds from its start."""
    on_failure: Literal["finish", "cancel"] = "finish"
    """Whether what does not depend on a failed node goes on."""
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Workflow:
    name: str
    nodes: Mapping[str, Node]
    """In the order of the file; a node's needs may stand after it. Acyclic; every name in it is defined."""
    params: Mapping[str, Param] = field(default_factory=dict)
    on: Triggers = field(default_factory=Triggers)
    run: RunSettings = field(default_factory=RunSettings)
    calls: Mapping[str, Workflow] = field(default_factory=dict)
    """Workflows that its nodes call, by the file as written there."""
    about: str = ""
