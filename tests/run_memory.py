"""Runs of workflows in memory, as `tests.fakes.MemoryStore` keeps them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from core.runs import StoredNode, StoredPart, StoredRun

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.model import PartId
    from core.rules.runs.state import Run
    from core.rules.step import Step
    from core.runs import Event


class RunMemory:
    def __init__(self) -> None:
        self.runs: dict[int, StoredRun] = {}
        self.nodes: dict[tuple[int, str], StoredNode] = {}
        self.parts: dict[PartId, StoredPart] = {}
        self.outs: dict[PartId, Any] = {}
        self.events: dict[int, Event] = {}
        self.matched: set[int] = set()
        self.next_run = self.next_event = 1
        self.fired: dict[tuple[str, str], float] = {}

    def keep(self, step: Step) -> None:
        for run in (*step.new_runs, *step.runs.values()):
            self.runs[run.id] = _stored(run)
        for number, name in step.cleared:
            gone = {of for of in self.parts if (of.run, of.node) == (number, name)}
            self.parts = {of: part for of, part in self.parts.items() if of not in gone}
            self.outs = {of: out for of, out in self.outs.items() if of not in gone}
        for (number, name), one in step.nodes.items():
            values = map(_copy, (one.event, one.items, one.out))
            words = one.state.value, one.reason, one.since, one.approved, one.waited, one.after
            self.nodes[number, name] = StoredNode(name, *words, *values)
        for of, part in step.parts.items():
            words = part.state.value, part.task, part.reason, part.wish, part.agent, part.held, True
            self.parts[of] = StoredPart(of.node, of.item, *words, None)
        self.outs |= {of: _copy(out) for of, out in step.outputs.items()}
        self.events |= {event.id: event for event in step.events}
        self.matched |= set(step.matched)
        self.fired |= step.fired
        for number in step.removed_runs:
            self.runs.pop(number, None)
        self.next_run, self.next_event = step.world.next_run, step.world.next_event

    def live(self) -> list[StoredRun]:
        return self.some(number for number, run in self.runs.items() if run.ended_at is None)

    def recall(self, numbers: Iterable[int]) -> list[StoredRun]:
        found: set[int] = set()
        waiting = [number for number in numbers if number in self.runs]
        while waiting:
            run = self.runs[waiting.pop()]
            found.add(run.id)
            if run.parent is not None and run.parent.run in self.runs:
                waiting.append(run.parent.run)
        return self.some(found)

    def some(self, numbers: Iterable[int]) -> list[StoredRun]:
        return [
            replace(
                self.runs[number],
                nodes=[node for (run, _), node in self.nodes.items() if run == number],
                parts=[
                    part._replace(out=self.outs.get(of)) for of, part in sorted(self.parts.items()) if of.run == number
                ],
            )
            for number in sorted(numbers)
        ]

    def unmatched(self) -> list[Event]:
        return [event for number, event in sorted(self.events.items()) if number not in self.matched]


def _copy(value: object) -> Any:
    return json.loads(json.dumps(value))


def _stored(run: Run) -> StoredRun:
    return StoredRun(
        id=run.id,
        workflow=run.workflow.name,
        source=run.definition.source,
        params=_copy(run.params),
        event=_copy(run.event),
        expected=dict(run.expected),
        surroundings=run.surroundings,
        key=run.key,
        group=run.group,
        queued_at=run.queued_at,
        started_by=run.started_by,
        parent=run.parent,
        hops=run.hops,
        state=run.state.value,
        reason=run.reason,
        started_at=run.started_at,
        ended_at=run.ended_at,
        stopping=None if run.stopping is None else tuple(run.stopping),
        nodes=[],
        parts=[],
    )
