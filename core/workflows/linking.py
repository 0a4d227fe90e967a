"""What the tasks of a file say of each other: needs, branches, sources of parts, the tasks that run at the end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.workflows import order
from core.workflows.model import Choose
from core.workflows.tasktable import numbered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from core.workflows.collecting import Collector, Key
    from core.workflows.model import Node
    from core.workflows.tasktable import TaskTable

_SHOWN = 12
"""Names of a cycle that are said."""


def key_of(node: Node) -> Key:
    return ("finally" if node.final else "task", node.name)


class Linker:
    """Checks the nodes of one file against each other."""

    def __init__(self, nodes: Mapping[str, Node], faulty: frozenset[str], collector: Collector) -> None:
        """`faulty` are names of tasks of which nothing else is known."""
        self._nodes = dict(nodes)
        self._faulty = faulty
        self._collector = collector
        self._finals = any(node.final for node in nodes.values())

    def link(self, tables: Mapping[str, TaskTable]) -> dict[str, Node]:
        """The nodes, with the needs that their other keys imply."""
        for node in list(self._nodes.values()):
            if not self._nodes.keys() >= set(node.needs) or self._finals:
                self._check_needs(node, tables[node.name])
            implied = [name for name, key in self._sources(node) if self._known(key, name)]
            if new := [name for name in implied if name not in node.needs]:
                self._nodes[node.name] = replace(node, needs=(*node.needs, *new))
            if isinstance(node.work, Choose):
                self._check_branch(node, node.work)
        for node in self._nodes.values():
            self._check_sources(node)
        self._check_cycles()
        return self._nodes

    def _known(self, key: Key, name: str) -> bool:
        if name not in self._nodes and name not in self._faulty:
            self._collector.unknown(key, name, self._nodes, "task")
        return name in self._nodes

    def _check_needs(self, node: Node, table: TaskTable) -> None:
        for key, need in numbered(table.needs, *key_of(node), "needs"):
            if self._known(key, need):
                self._check_need(key, node, self._nodes[need])

    def _check_need(self, key: Key, node: Node, need: Node) -> None:
        if node.final and not need.final:
            self._collector.wrong(key, "what is in [finally] runs after all tasks: it needs only others of [finally]")
        if need.final and not node.final:
            self._collector.wrong(key, f"{need.name} is in [finally] and runs after all tasks")

    def _sources(self, node: Node) -> Iterator[tuple[str, Key]]:
        """Tasks that a node needs without saying so, and where it names them."""
        if node.follows is not None:
            yield node.follows, (*key_of(node), "map", "each")
        if node.reduce is not None:
            yield node.reduce.source, (*key_of(node), "reduce", "from")

    def _check_sources(self, node: Node) -> None:
        if node.fan is not None and node.fan.name in self._nodes:
            self._collector.wrong((*key_of(node), "map", "as"), f"{node.fan.name} is a task: expected another name")
        for name, key in self._sources(node):
            source = self._nodes.get(name)
            if source is None:
                continue
            self._check_need(key, node, source)
            if source.fan is None and (source.scatter is None or key[-1] == "each"):
                kinds = "a map or a matrix" if key[-1] == "each" else "a map, a matrix or a scatter"
                self._collector.wrong(key, f"{name} has no parts: expected a task with {kinds}")

    def _check_branch(self, node: Node, choose: Choose) -> None:
        cases = [(("cases", value), names) for value, names in choose.cases]
        for within, names in (*cases, (("else",), choose.otherwise)):
            for name in names:
                key = (*key_of(node), "choose", *within)
                if self._known(key, name) and node.name not in self._nodes[name].needs:
                    self._collector.wrong(key, f'{name} does not wait for the choice: add "{node.name}" to its needs')

    def _check_cycles(self) -> None:
        for cycle in order.cycles({node.name: node.needs for node in self._nodes.values()}):
            shown = cycle if len(cycle) <= _SHOWN else [*cycle[:_SHOWN], f"… {len(cycle) - _SHOWN} more"]
            text = " → ".join([*shown, cycle[0]])
            self._collector.wrong((*key_of(self._nodes[cycle[0]]), "needs"), f"it would wait for itself: {text}")
