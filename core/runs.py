"""What is said of runs between the engine, its rules and its store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.model import PartId
    from core.workflows.model import Workflow


class Definition(NamedTuple):
    """A workflow as it stood when the run was asked for."""

    workflow: Workflow
    source: str
    """JSON from which it can be read again."""


class Surroundings(NamedTuple):
    """What the tasks of a run take over from where it was started."""

    cwd: str
    env: tuple[tuple[str, str], ...]
    umask: int
    folder: str
    """Under it each run has a folder of its own, named by its number."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that has happened, and who says so."""

    id: int
    at: float
    """Unix time."""
    topic: str
    data: Any
    """A JSON value."""
    source: str
    """In words."""
    key: str | None = None
    """What makes it one and the same however often it is told."""
    to: str | None = None
    """The one workflow that it may start."""
    hops: int = 0
    """How many events came before it, one by the other."""

    def scope(self) -> dict[str, Any]:
        """As expressions see it: its own names, and those of its data beside them."""
        own = {"id": self.id, "at": self.at, "topic": self.topic, "source": self.source, "data": self.data}
        return {**self.data, **own} if isinstance(self.data, dict) else own


class Armed(NamedTuple):
    """A workflow that begins by its triggers."""

    definition: Definition
    surroundings: Surroundings
    expected: Mapping[str, float]
    """Seconds that its nodes took in earlier runs."""

    @property
    def name(self) -> str:
        return self.definition.workflow.name


class StoredNode(NamedTuple):
    """A node of a run as the store knows it; its state is the word."""

    name: str
    state: str
    reason: str | None
    since: float
    approved: bool
    waited: bool
    after: int
    event: Any
    items: Any
    out: Any


class StoredPart(NamedTuple):
    """As its own row has it, or as its task tells."""

    node: str
    item: int
    state: str
    task: int | None
    reason: str | None
    wish: int
    agent: str | None
    held: bool
    kept: bool
    """It has a row of its own."""
    out: Any


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run without its workflow, which is read again from `source`."""

    id: int
    workflow: str
    source: str
    params: dict[str, Any]
    event: dict[str, Any] | None
    expected: dict[str, float]
    surroundings: Surroundings
    key: str | None
    group: str | None
    queued_at: float
    started_by: str
    parent: PartId | None
    hops: int
    state: str
    reason: str | None
    started_at: float | None
    ended_at: float | None
    stopping: tuple[str, ...] | None
    """Outcome and reason."""
    nodes: list[StoredNode]
    """Those that have ever changed."""
    parts: list[StoredPart]
