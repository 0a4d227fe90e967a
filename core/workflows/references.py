"""What expressions refer to: whether it is there, and whether it is known by then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from core.faults import unknown_key
from core.model import Output
from core.workflows import order
from core.workflows.collecting import Place
from core.workflows.linking import key_of
from core.workflows.model import Call, Choose, Each, Matrix, Over, Prompt
from core.workflows.terms import written

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from core.workflows.collecting import Collector, Key, Use
    from core.workflows.model import Node, Param, Triggers

RUN = ("id", "key", "folder", "name", "started_at")
"""What there is to know of a run."""
OF_NODE = ("out", "state", "error")
OF_PART = ("index", "value", "out", "state")
"""Of a part of another node, where the element of a map is one."""


_ROOTS = {Place.START: ("params", "event"), Place.TRIGGER: ("event",), Place.WAIT: ("event", "params")}
"""What is known where little is."""


class Known(NamedTuple):
    """What the rest of the file says. None is that nothing is known, as it has faults."""

    params: Mapping[str, Param] | None
    triggers: Triggers | None
    faulty: frozenset[str]
    """Tasks with faults."""


class References:
    """Checks the uses that were collected from one file."""

    def __init__(self, nodes: Mapping[str, Node], known: Known, collector: Collector) -> None:
        self._nodes = nodes
        self._known = known
        self._collector = collector
        self._deep: dict[str, bool] = {}
        """By node whose output is used: whether anything inside of it is."""

    def check(self) -> dict[str, Node]:
        """The nodes: a prompt whose output is used without having one leaves its last message."""
        self._check_order(
            [
                (use, reference[0])
                for use in self._collector.uses
                for reference in sorted(use.references)
                if self._is_distant(use, reference)
            ]
        )
        for node in self._nodes.values():
            self._check_types(node)
            if node.reduce is not None and node.reduce.source in self._nodes:
                self._use(node.reduce.source, (*key_of(node), "reduce", "from"), deep=False)
        return {name: self._with_output(node) for name, node in self._nodes.items()}

    def _is_distant(self, use: Use, reference: tuple[str, ...]) -> bool:
        """Whether it is to a node that is none of the needs; tells what is wrong with all others."""
        root = reference[0]
        node = self._nodes.get(use.node)
        name = node.fan.name if node is not None and node.fan is not None and use.place is Place.PART else None
        if root == "params":
            self._check_param(use, reference)
        elif root == name and node is not None:
            self._check_element(use, node, reference)
        elif root == "index" and name is not None:
            pass
        elif root == "event":
            self._check_event(use)
        elif root == "run" and node is not None and use.place is not Place.WAIT:
            self._check_step(use, reference, RUN)
        elif root == "inputs_file" and node is not None and use.place is not Place.WAIT:
            if node.reduce is None and node.name not in self._known.faulty:
                self._wrong(use.key, 'inputs_file is only there with reduce = { from = "TASK" }')
        elif root in self._nodes and node is not None and use.place is not Place.WAIT:
            return self._check_node(use, node, reference)
        elif root not in self._known.faulty:
            self._tell_unknown(use, node, name, reference)
        return False

    def _check_types(self, node: Node) -> None:
        """Where the type of what is referred to is known and is none that can be there."""
        params = self._known.params or {}
        if node.when is not None:
            param = params.get(node.when.text.removeprefix("params."))
            if param is not None and node.when.text.startswith("params.") and param.type not in ("bool", "json"):
                self._wrong((*key_of(node), "when"), f"params.{param.name} is of type {param.type}, not true or false")
        if node.fan is None or not isinstance(node.fan.source, Over):
            return
        key = (*key_of(node), "map", "over")
        for root, *steps in node.fan.source.items.references:
            if node.fan.source.items.text != f"${{{'.'.join([root, *steps])}}}" or len(steps) != 1:
                continue
            param = params.get(steps[0]) if root == "params" else None
            if param is not None and param.type not in ("list", "json"):
                self._wrong(key, f"params.{param.name} is of type {param.type}, not a list")
            other = self._nodes.get(root)
            if other is not None and steps == ["out"] and not _has_parts(other) and _kind(other) in ("text", "file"):
                self._wrong(key, f"the output of {root} is {_kind(other)}, not a list")

    def _tell_unknown(self, use: Use, node: Node | None, name: str | None, reference: tuple[str, ...]) -> None:
        root = reference[0]
        roots = _ROOTS.get(use.place)
        if roots is not None and root in self._nodes:
            self._wrong(use.key, f"{root} is not known here: only {' and '.join(roots)} are")
        elif roots is None and root in ("item", "index", "matrix") and use.place is not Place.PART:
            self._wrong(use.key, f"{root} is not known here: this is asked once, not for each part")
        elif roots is None and len(reference) > 1 and reference[1] in OF_NODE:
            self._collector.unknown(use.key, root, self._nodes, "name")
        else:
            known = roots or self._roots(node, name)
            plain = "" if use.key[-1] == "when" or roots is not None else "; a plain ${ is written $${"
            self._wrong(use.key, unknown_key(root, known, "name") + plain)

    def _roots(self, node: Node | None, name: str | None) -> list[str]:
        needs = [need for need in (node.needs if node is not None else ()) if need in self._nodes]
        return ["params", "run", *(["event"] if self._has_event() else ()), *([name, "index"] if name else ()), *needs]

    def _check_param(self, use: Use, reference: tuple[str, ...]) -> None:
        params = self._known.params
        if use.place is Place.TRIGGER:
            self._wrong(use.key, "params are not known here: only event is")
        if params is None or len(reference) == 1:
            return
        param = params.get(reference[1])
        if param is None:
            self._collector.unknown(use.key, reference[1], list(params), "parameter")
        elif len(reference) > 2 and param.type not in ("list", "json"):
            self._wrong(use.key, f"params.{param.name} is of type {param.type}: there is nothing inside of it")

    def _check_event(self, use: Use) -> None:
        if use.place not in (Place.TRIGGER, Place.WAIT) and not self._has_event():
            self._wrong(use.key, "event is only there where [on] has an event, a file or a schedule")

    def _has_event(self) -> bool:
        on = self._known.triggers
        return on is None or bool(on.events or on.files or on.schedules)

    def _check_element(self, use: Use, node: Node, reference: tuple[str, ...]) -> None:
        assert node.fan is not None
        source = node.fan.source
        if len(reference) == 1:
            return
        if isinstance(source, Matrix):
            axes = list(dict.fromkeys(axis for row in source.rows for axis in row))
            if reference[1] not in axes:
                self._wrong(use.key, unknown_key(reference[1], axes, "axis"))
        elif isinstance(source, Each):
            known = self._check_step(use, reference, OF_PART) and source.node in self._nodes
            if known and reference[1] == "out":
                self._use(source.node, use.key, deep=len(reference) > 2)

    def _check_node(self, use: Use, node: Node, reference: tuple[str, ...]) -> bool:
        other = self._nodes[reference[0]]
        if not self._check_step(use, reference, OF_NODE):
            return False
        if reference[1] == "out":
            self._use(other.name, use.key, deep=len(reference) > 2)
        if other.name == node.name:
            if use.place is not Place.AFTER:
                self._wrong(use.key, f"{node.name} is this task itself: nothing is known of it before it has ended")
            return False
        if other.final and not node.final:
            self._wrong(use.key, f"{other.name} is in [finally] and runs after all tasks")
            return False
        return other.name not in node.needs and not (node.final and not other.final)

    def _check_step(self, use: Use, reference: tuple[str, ...], steps: tuple[str, ...]) -> bool:
        if len(reference) == 1:
            self._wrong(use.key, f"expected {' or '.join(f'{reference[0]}.{step}' for step in steps)}")
        elif reference[1] not in steps:
            self._wrong(use.key, f"{written(reference[:2])}: {unknown_key(reference[1], steps, 'name')}")
        return len(reference) > 1 and reference[1] in steps

    def _use(self, name: str, key: Key, *, deep: bool) -> None:
        """Notes that the output of a node is used, and tells where it has none."""
        node = self._nodes[name]
        if name in self._known.faulty:
            return
        if node.output is not None:
            if deep and not _has_parts(node) and node.output.kind != "json":
                self._wrong(key, f"the output of {name} is {node.output.kind}: there is nothing inside of it")
        elif isinstance(node.work, Prompt):
            self._deep[name] = deep or self._deep.get(name, False)
        elif not isinstance(node.work, (Call, Choose)) and not _is_event(node):
            self._wrong(key, f'{name} has no output: add one to it, as in output = {{ json = "PATH" }}')

    def _with_output(self, node: Node) -> Node:
        if node.name not in self._deep:
            return node
        return replace(node, output=Output("json" if self._deep[node.name] else "text", "-"))

    def _check_order(self, distant: Iterable[tuple[Use, str]]) -> None:
        """Each of these nodes must have ended when the node of the use begins."""
        uses = list(dict.fromkeys((use.node, use.key, name) for use, name in distant))
        if not uses:
            return
        needs = {node.name: node.needs for node in self._nodes.values()}
        sequence = order.topological(needs)
        wanted = list(dict.fromkeys([*(name for _, _, name in uses), *(node for node, _, _ in uses)]))
        bits = {name: 1 << place for place, name in enumerate(wanted)}
        before = order.ancestors(needs, sequence, wanted)
        for node, key, name in uses:
            if node not in before or name not in before or before[node] & bits[name]:
                continue
            if node in self._known.faulty:
                continue
            if before[name] & bits[node]:
                self._wrong(key, f"{name} comes after {node}: nothing is known of it yet")
            else:
                self._wrong(key, f'{name} may not have ended by then: add "{name}" to the needs of {node}')

    def _wrong(self, key: Key, text: str) -> None:
        self._collector.wrong(key, text)


def _has_parts(node: Node) -> bool:
    return node.fan is not None or node.scatter is not None


def _kind(node: Node) -> str | None:
    return None if node.output is None else node.output.kind


def _is_event(node: Node) -> bool:
    """Its output is the event that it has waited for."""
    return node.work is None and node.wait is not None and node.wait.topic is not None
