"""What follows from the needs of nodes: their order, and how long it is from each to the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.workflows import order
from core.workflows.diagrams import dot, mermaid
from core.workflows.drawing import draw
from core.workflows.layering import layers
from core.workflows.model import Choose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.workflows.model import Node, Workflow

__all__ = ["dot", "draw", "layers", "mermaid", "ranks", "topological"]


def topological(workflow: Workflow) -> list[str]:
    """Each after all that it needs, what is in [finally] last, else in the order of the file."""
    return [
        name
        for final in (False, True)
        for name in order.topological({one.name: one.needs for one in workflow.nodes.values() if one.final is final})
    ]


def ranks(workflow: Workflow, expected: Mapping[str, float]) -> dict[str, float]:
    """Seconds on the longest way from the start of each node to the end of the run.

    A node takes what it says itself, else what is expected of it, else a second; without a program, an agent or
    another workflow it takes nothing.
    """
    children = order.dependents({name: node.needs for name, node in workflow.nodes.items()})
    found: dict[str, float] = {}
    finals = 0.0
    for name in reversed(topological(workflow)):
        node = workflow.nodes[name]
        after = max((found[child] for child in children[name]), default=0.0)
        found[name] = _takes(node, expected) + (after if node.final else max(after, finals))
        if node.final:
            finals = max(finals, found[name])
    return found


def _takes(node: Node, expected: Mapping[str, float]) -> float:
    if node.expect is not None:
        return node.expect
    return expected.get(node.name, 0.0 if node.work is None or isinstance(node.work, Choose) else 1.0)
