"""The order and the longest way through a workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.workflows.model import Workflow


def topological(workflow: Workflow) -> list[str]:
    """Every node after those that it needs."""
    unmet = {name: len(node.needs) for name, node in workflow.nodes.items()}
    below: dict[str, list[str]] = {name: [] for name in workflow.nodes}
    for name, node in workflow.nodes.items():
        for need in node.needs:
            below[need].append(name)
    order = [name for name, count in unmet.items() if not count]
    for name in order:
        for child in below[name]:
            unmet[child] -= 1
            if not unmet[child]:
                order.append(child)
    return order


def ranks(workflow: Workflow, expected: Mapping[str, float]) -> dict[str, float]:
    below = dict.fromkeys(workflow.nodes, 0.0)
    found: dict[str, float] = {}
    for name in reversed(topological(workflow)):
        node = workflow.nodes[name]
        found[name] = below[name] + (node.expect or expected.get(name, 1.0))
        for need in node.needs:
            below[need] = max(below[need], found[name])
    return found
