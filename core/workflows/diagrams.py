"""A graph of nodes as Mermaid and Graphviz read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.text import one_line
from core.workflows.model import Choose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.workflows.model import Node, Workflow


def mermaid(workflow: Workflow) -> str:
    ids = {name: f"n{place}" for place, name in enumerate(workflow.nodes)}
    lines = ["flowchart TD"]
    lines += [f"  {ids[node.name]}{_shape(node)}" for node in workflow.nodes.values() if not node.final]
    if any(node.final for node in workflow.nodes.values()):
        lines += ["  subgraph finally"]
        lines += [f"    {ids[node.name]}{_shape(node)}" for node in workflow.nodes.values() if node.final]
        lines += ["  end"]
    for source, target, case in _edges(workflow):
        label = f'|"{_for_mermaid(case)}"|' if case else ""
        lines.append(f"  {ids[source]} -->{label} {ids[target]}")
    return "\n".join(lines) + "\n"


def dot(workflow: Workflow) -> str:
    ids = {name: f"n{place}" for place, name in enumerate(workflow.nodes)}
    lines = [f"digraph {_for_dot(workflow.name)} {{", "  node [shape=box];"]
    for node in workflow.nodes.values():
        look = "diamond" if isinstance(node.work, Choose) else "box3d" if _has_parts(node) else "box"
        style = ", style=dashed" if node.final else ""
        lines.append(f"  {ids[node.name]} [label={_for_dot(node.name)}, shape={look}{style}];")
    for source, target, case in _edges(workflow):
        lines.append(f"  {ids[source]} -> {ids[target]}" + (f" [label={_for_dot(case)}];" if case else ";"))
    return "\n".join([*lines, "}"]) + "\n"


def _edges(workflow: Workflow) -> Iterator[tuple[str, str, str]]:
    """Source, target, and the cases of a branch that lead there."""
    for node in workflow.nodes.values():
        for need in node.needs:
            work = workflow.nodes[need].work
            cases = []
            if isinstance(work, Choose):
                cases = [value for value, names in work.cases if node.name in names]
                cases += ["else"] if node.name in work.otherwise else []
            yield need, node.name, " | ".join(cases)


def _has_parts(node: Node) -> bool:
    return node.fan is not None or node.scatter is not None


def _shape(node: Node) -> str:
    if isinstance(node.work, Choose):
        return f'{{"{node.name}"}}'
    return f'[["{node.name}"]]' if _has_parts(node) else f'["{node.name}"]'


def _for_mermaid(text: str) -> str:
    """What Mermaid would read as its own is written by its code."""
    return "".join(sign if sign.isalnum() or sign in " _-." else f"#{ord(sign)};" for sign in one_line(text, 60))


def _for_dot(text: str) -> str:
    return '"' + one_line(text, 60).replace("\\", "\\\\").replace('"', '\\"') + '"'
