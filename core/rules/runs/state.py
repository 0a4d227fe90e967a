"""Where a run stands: its nodes, and the parts of those that run many times."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from core.workflows.model import Call, NodeState, RunState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.model import PartId
    from core.rules.runs.plan import Plan
    from core.runs import Definition, Surroundings
    from core.workflows.model import Node, Workflow


@dataclass(slots=True)
class Part:
    """One of the times that a node runs; a node that runs once has one part."""

    state: NodeState = NodeState.PENDING
    task: int | None = None
    """The latest task that was made for it; of a call the run."""
    reason: str | None = None
    wish: int = 0
    """Which agents it goes to: 0 is the node's own wish, then its fallbacks."""
    out: Any = None
    """Its output, where another node names it."""
    agent: str | None = None
    """Who must do it, of several that do the same."""
    held: bool = False
    """Lost, and a person decides what follows."""
    kept: bool = False
    """The store has a row of it."""

    def wants_row(self, node: Node) -> bool:
        """Whether its task does not tell all of it, so that it is to be kept beside."""
        if self.wish or self.held or self.agent is not None or node.output is not None or isinstance(node.work, Call):
            return True
        return self.state is not NodeState.RUNNING and (self.task is None or not self.state.ended)


@dataclass(slots=True)
class Progress:
    """Where a node stands."""

    node: Node
    index: int
    """Its place in the file."""
    state: NodeState = NodeState.PENDING
    reason: str | None = None
    since: float = 0.0
    approved: bool = False
    """Its gate is open."""
    waited: bool = False
    """Its wait is over."""
    event: Any = None
    """What it waited for, or what came while it could not wait yet."""
    items: list[Any] | None = None
    """What it runs over; None before that is known."""
    after: int = 0
    """Its tasks with lower numbers are from before it began afresh."""
    parts: dict[int, Part] = field(default_factory=dict)
    """Those that have been looked at, by index."""
    out: Any = None
    """Of a node without tasks."""
    # Derived, for quick answers
    needs_ended: int = 0
    needs_succeeded: int = 0
    needs_failed: int = 0
    needs_skipped: int = 0
    active: int = 0
    """Parts with a live task or run."""
    ended: int = 0
    succeeded: int = 0
    failed: int = 0
    due: deque[int] = field(default_factory=deque)
    """Parts that could begin if nothing stood against their number; one may stand there twice."""
    listed: bool = False
    """In the run's heap of nodes with parts that are due."""

    def is_pending(self, index: int) -> bool:
        """That part of it has neither begun nor ended."""
        part = self.parts.get(index)
        return part is None or part.state is NodeState.PENDING

    def part(self, index: int) -> Part:
        found = self.parts.get(index)
        if found is None:
            found = self.parts[index] = Part()
        return found


class Stopping(NamedTuple):
    """The run is to end before its time."""

    outcome: RunState
    reason: str


@dataclass(slots=True)
class Run:
    id: int
    definition: Definition
    plan: Plan
    expected: Mapping[str, float]
    surroundings: Surroundings
    params: Mapping[str, Any]
    event: Mapping[str, Any] | None
    key: str | None
    group: str | None
    queued_at: float
    started_by: str
    """In words: the operator, a schedule, an event, a file, another run."""
    parent: PartId | None
    """The part of another run that waits for this one."""
    hops: int
    """Events that followed one from the other until it began."""
    nodes: dict[str, Progress]
    state: RunState = RunState.PENDING
    reason: str | None = None
    started_at: float | None = None
    ended_at: float | None = None
    stopping: Stopping | None = None
    # Derived
    open: int = 0
    """Nodes that have not ended, final ones left out."""
    open_final: int = 0
    active: int = 0
    agenda: deque[str] = field(default_factory=deque)
    """Nodes to look at: something that they wait for has changed."""
    ready: list[tuple[float, int, str]] = field(default_factory=list)
    """Heap of nodes with parts that are due, the longest way first."""

    @property
    def workflow(self) -> Workflow:
        return self.definition.workflow

    def keeps(self, node: str) -> bool:
        """Whether the outputs of its parts are wanted once they have ended: by others, or by who called the run."""
        return node in self.plan.kept or self.parent is not None

    def source(self, progress: Progress) -> Progress | None:
        """The node whose parts this one goes through, each as it ends."""
        return None if progress.node.follows is None else self.nodes[progress.node.follows]

    @property
    def folder(self) -> str:
        return f"{self.surroundings.folder}/{self.id}"
