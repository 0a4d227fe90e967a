"""What follows from a workflow before anything runs: who waits for whom, what outlives its task, the longest way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.workflows.graph import ranks
from core.workflows.model import Call, Choose, Command, Over, Prompt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from core.workflows.expressions import Expression, Structure, Template
    from core.workflows.model import Node, Workflow

Reference = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Made once for a run, and again after a restart."""

    names: tuple[str, ...]
    """Of its nodes, as the file has them."""
    needs: Mapping[str, tuple[str, ...]]
    """Without the node that a node follows part by part."""
    dependents: Mapping[str, tuple[str, ...]]
    followers: Mapping[str, tuple[str, ...]]
    """Nodes that go through the parts of this one as they end."""
    references: Mapping[str, frozenset[str]]
    """Roots of the names that a node's templates and expressions use."""
    kept: frozenset[str]
    """Nodes whose outputs others name."""
    waits: Mapping[str, tuple[str, ...]]
    """Nodes that wait for an event, by its topic."""
    tolerated: Mapping[str, tuple[str, ...]]
    """Nodes that take in the parts of this one though some have failed."""
    ranks: Mapping[str, float]
    """Seconds on the longest way from the beginning of a node to the end of the run."""
    longest: float


def plan(workflow: Workflow, expected: Mapping[str, float]) -> Plan:
    """`expected` are seconds that nodes took in earlier runs."""
    needs: dict[str, tuple[str, ...]] = {}
    dependents: dict[str, list[str]] = {name: [] for name in workflow.nodes}
    followers: dict[str, list[str]] = {}
    tolerated: dict[str, list[str]] = {}
    waits: dict[str, list[str]] = {}
    references: dict[str, frozenset[str]] = {}
    for name, node in workflow.nodes.items():
        source = node.follows
        needs[name] = tuple(need for need in node.needs if need != source)
        for need in needs[name]:
            dependents[need].append(name)
        if source is not None:
            followers.setdefault(source, []).append(name)
        if node.reduce is not None and node.reduce.min_success < 1:
            tolerated.setdefault(node.reduce.source, []).append(name)
        if node.wait is not None and node.wait.topic is not None:
            waits.setdefault(node.wait.topic, []).append(name)
        references[name] = frozenset(reference[0] for reference in _references(node) if reference)
    found = ranks(workflow, expected)
    return Plan(
        names=tuple(workflow.nodes),
        needs=needs,
        dependents={name: tuple(names) for name, names in dependents.items()},
        followers={name: tuple(names) for name, names in followers.items()},
        references=references,
        waits={topic: tuple(names) for topic, names in waits.items()},
        kept=frozenset().union(*references.values(), followers) & frozenset(workflow.nodes),
        tolerated={name: tuple(names) for name, names in tolerated.items()},
        ranks=found,
        longest=max(found.values(), default=0.0) or 1.0,
    )


def _references(node: Node) -> Iterator[Reference]:
    for written in _written(node):
        if written is not None:
            yield from written.references


def _written(node: Node) -> Iterator[Template | Expression | Structure | None]:
    """Everything in a node that may name values."""
    work = node.work
    if isinstance(work, Command):
        yield from work.argv
    elif isinstance(work, Prompt):
        yield work.text
        yield from work.check
    elif isinstance(work, Call):
        yield from (template for _, template in work.given)
    elif isinstance(work, Choose):
        yield work.on
    if node.fan is not None and isinstance(node.fan.source, Over):
        yield node.fan.source.items
    if node.gate is not None:
        yield node.gate.ask
    if node.wait is not None:
        yield node.wait.where
    yield from (node.when, node.cwd, node.affinity)
    yield from (template for _, template in node.env)
    yield from (emit.data for emit in node.emit)
    for send in node.send:
        yield from (send.to, send.text)
