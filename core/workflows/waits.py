"""What a node waits for, and what its success tells: from the keys of its task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.workflows import clashes
from core.workflows.collecting import TOPIC, TOPIC_WORDS, Place
from core.workflows.model import Emit, Gate, Send, Wait
from core.workflows.tasktable import numbered

if TYPE_CHECKING:
    from core.workflows.parts import Parts
    from core.workflows.tasktable import TaskTable


def gate(parts: Parts, task: TaskTable) -> Gate | None:
    table = task.gate
    if table is None:
        return None
    parts.tell(clashes.of_gate(table), "gate")
    ask = parts.template(table.ask, "gate", "ask", place=Place.NODE)
    return Gate(ask, table.within, table.on_timeout or "fail")


def wait(parts: Parts, task: TaskTable) -> Wait | None:
    table = task.wait
    if table is None:
        return None
    parts.tell(clashes.of_wait(table), "wait")
    if table.event is not None:
        _topic(parts, table.event, "wait", "event")
    where = None if table.where is None else parts.condition(table.where, "wait", "where", place=Place.WAIT)
    return Wait(table.event, where, table.time, table.within, table.on_timeout or "fail")


def emit(parts: Parts, task: TaskTable) -> tuple[Emit, ...]:
    found = []
    for within, table in numbered(task.emit, "emit"):
        _topic(parts, table.topic, *within, "topic")
        data = parts.structure(table.data, *within, "data", place=Place.AFTER)
        found.append(Emit(table.topic, None if table.data is None else data))
    return tuple(found)


def _topic(parts: Parts, name: str, *within: str | int) -> None:
    if not TOPIC.fullmatch(name):
        parts.wrong(f"expected {TOPIC_WORDS}", *within)


def send(parts: Parts, task: TaskTable) -> tuple[Send, ...]:
    found = []
    for within, table in numbered(task.send, "send"):
        for key in ("to", "text"):
            if not getattr(table, key).strip():
                parts.wrong("expected text", *within, key)
        to = parts.template(table.to, *within, "to", place=Place.AFTER)
        found.append(Send(to, parts.template(table.text, *within, "text", place=Place.AFTER)))
    return tuple(found)
