"""What must have become of a run, told naively from the outcomes of its tasks: a second opinion on the rules."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from core.model import PartId
from core.workflows.model import Call, Choose, Each, Matrix, NodeState, Over, StartRule

if TYPE_CHECKING:
    from core.workflows.model import Node, Workflow
    from tests.fakes import MemoryStore

FAILED = {"failed", "cancelled", "timed_out", "lost", "upstream_failed"}


class RunModel:
    """Of a run that nobody has interfered with."""

    def __init__(self, store: MemoryStore, workflow: Workflow, run: int, said: dict[Any, Any]) -> None:
        """`said` has what each task left, by its number, and the answer of each gate, by run and node."""
        self._store = store
        self._nodes = workflow.nodes
        self._run = run
        self._said = said
        self.state = cache(self._state)

    def outcome(self) -> str:
        bad = [name for name in self._nodes if self.state(name) in FAILED and not self._tolerated(name)]
        return "failed" if bad else "succeeded"

    def tasks(self, name: str, item: int) -> list[int]:
        part = PartId(self._run, name, item)
        return sorted(id_ for id_, spec in self._store.specs.items() if spec.part == part)

    def _state(self, name: str) -> str:
        node = self._nodes[name]
        source = self._source(node)
        needs = [need for need in node.needs if need != source]
        verdict = "go" if source and not needs else self._verdict(node, [self._seen(node, need) for need in needs])
        if verdict != "go":
            return verdict
        if source is not None and self._count(source) is None:
            return "skipped" if self.state(source) == "skipped" else "upstream_failed"
        if node.when is not None:
            return "skipped"
        if node.gate is not None and not self._said[self._run, name]:
            return "failed"
        if isinstance(node.work, Choose):
            return "succeeded"
        count = self._count(name)
        if count is None:
            return "failed"
        return self._together(node, [self.part(name, item) for item in range(count)])

    def _verdict(self, node: Node, ways: list[str]) -> str:
        bad = any(way in FAILED for way in ways)
        begins = {
            StartRule.ALL_SUCCESS: all(way == "succeeded" for way in ways),
            StartRule.NONE_FAILED: not bad,
            StartRule.ALL_DONE: True,
            StartRule.ALWAYS: True,
            StartRule.ANY_SUCCESS: "succeeded" in ways,
            StartRule.ANY_FAILED: bad,
        }[node.start]
        return "go" if begins else "upstream_failed" if bad else "skipped"

    def _seen(self, node: Node, need: str) -> str:
        other, state = self._nodes[need], self.state(need)
        if isinstance(other.work, Choose) and state == "succeeded" and node.name in other.work.targets:
            cases = dict(other.work.cases)
            return "succeeded" if node.name in cases.get(self._text(other.work), ()) else "skipped"
        if node.reduce is not None and node.reduce.source == need and state in FAILED:
            count = self._count(need) or 0
            good = [item for item in range(count) if self.part(need, item) == "succeeded"]
            return "succeeded" if count and len(good) / count >= node.reduce.min_success else state
        return state

    def part(self, name: str, item: int) -> str:
        node = self._nodes[name]
        source = self._source(node)
        if source is not None:
            verdict = self._verdict(node, [self.part(source, item)])
            if verdict != "go":
                return verdict
        if isinstance(node.work, Call):
            part = PartId(self._run, name, item)
            (child,) = [run for run in self._store.runs.runs.values() if run.parent == part]
            return child.state
        tasks = self.tasks(name, item)
        assert tasks or node.scatter is not None
        return self._store.tasks[tasks[-1]].state.value if tasks else "cancelled"

    def _together(self, node: Node, states: list[str]) -> str:
        if node.fan is None and node.scatter is None:
            return states[0]
        if node.scatter is not None:
            enough = {"all": 3, "first": 1, "quorum": node.scatter.quorum}[node.scatter.until]
            return "succeeded" if states.count("succeeded") >= enough else "failed"
        for state in ("failed", "timed_out", "lost"):
            if state in states:
                return "failed"
        return next(
            (one for one in ("upstream_failed", "cancelled", "succeeded", "skipped") if one in states), "succeeded"
        )

    def _count(self, name: str) -> int | None:
        """Parts of a node; None where it never had any."""
        node = self._nodes[name]
        if node.scatter is not None:
            return node.scatter.agents if self._began(name) else None
        if node.fan is None:
            return 1
        if not self._began(name):
            return None
        source = self._source(node)
        if source is not None:
            return self._count(source)
        if isinstance(node.fan.source, Matrix):
            return len(node.fan.source.rows)
        assert isinstance(node.fan.source, Over)
        (reference,) = node.fan.source.items.references
        found = self._out(reference[0])
        return -(-len(found) // node.fan.batch) if isinstance(found, list) else None

    def _began(self, name: str) -> bool:
        node = self._nodes[name]
        source = self._source(node)
        needs = [need for need in node.needs if need != source]
        if node.when is not None or (source is not None and self._count(source) is None):
            return False
        return bool(source and not needs) or self._verdict(node, [self._seen(node, need) for need in needs]) == "go"

    def _out(self, name: str) -> Any:
        if self.state(name) != "succeeded":
            return None
        return self._said.get(self.tasks(name, 0)[-1])

    def _text(self, work: Choose) -> str:
        (reference,) = work.on.references
        found = self._out(reference[0])
        return "null" if found is None else str(found)

    def _source(self, node: Node) -> str | None:
        return node.fan.source.node if node.fan is not None and isinstance(node.fan.source, Each) else None

    def _tolerated(self, name: str) -> bool:
        """A reducing node took it, or one along its pipeline, though some of its parts have failed."""
        up: list[str] = [name]
        while self.state(up[-1]) == "upstream_failed" and (source := self._source(self._nodes[up[-1]])) is not None:
            up.append(source)
        down, found = [name], [name]
        while down:
            here = down.pop()
            below = [one for one, node in self._nodes.items() if self._source(node) == here]
            down += [one for one in below if self.state(one) in FAILED]
            found += [one for one in below if self.state(one) in FAILED]
        return any(
            node.reduce is not None
            and node.reduce.source in {*up, *found}
            and self.state(node.reduce.source) in FAILED
            and self._seen(node, node.reduce.source) == "succeeded"
            for node in self._nodes.values()
        )


def ended(state: str) -> bool:
    return NodeState(state).ended
