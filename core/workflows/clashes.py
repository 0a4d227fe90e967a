"""Keys of one task that do not go together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.workflows.model import StartRule
from core.workflows.tasktable import NO_RETRY, NO_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.workflows.tasktable import (
        AgentTable,
        FallbackTable,
        GateTable,
        MapTable,
        OutputTable,
        ScatterTable,
        TaskTable,
        WaitTable,
    )

Clash = tuple[tuple[str | int, ...], str]
"""The key within the task, and what is wrong."""

_OF_ONE = (StartRule.ANY_SUCCESS, StartRule.ANY_FAILED)
WORKS = ("run", "prompt", "call", "choose")
_FANS = ("matrix", "map", "scatter")
_OF_PROGRAMS = ("cwd", "env", "agent", "fallback", "affinity", "pool", "lost", "output", "scatter")
"""Keys of what runs a program or an agent."""


def clashes(task: TaskTable) -> Iterator[Clash]:
    works = [key for key in WORKS if getattr(task, key) is not None]
    fans = [key for key in _FANS if getattr(task, key) is not None]
    if len(works) > 1:
        yield (works[1],), f"a task does one thing: keep {' or '.join(works)}"
    yield from _of_parts(task, fans)
    if task.start in _OF_ONE and not (task.needs or task.reduce or (task.map and task.map.each)):
        yield ("start",), "it goes with needs: there is nothing whose end it could wait for"
    if task.check and "prompt" not in works:
        yield ("check",), "it is for a coding agent: it goes with prompt"
    if works and works[0] in ("run", "prompt"):
        return
    for key in _OF_PROGRAMS:
        if getattr(task, key) not in (None, (), {}):
            yield (key,), "it goes with run or prompt: nothing else runs a program or an agent"
    for key in ("retry", "timeout"):
        if getattr(task, key) not in (NO_RETRY, NO_TIMEOUT):
            yield (key,), "it goes with run or prompt: nothing else has attempts"
    if not works and not _asked(task):
        yield (), "it does nothing: expected run, prompt, call, choose, gate, wait, emit, send or needs"


def _of_parts(task: TaskTable, fans: list[str]) -> Iterator[Clash]:
    if len(fans) > 1:
        yield (fans[1],), f"a task is spread in one way: keep {' or '.join(fans)}"
    if task.reduce is not None and fans:
        yield ("reduce",), f"what gathers runs once: leave out {fans[0]}, or gather in another task"
    if task.choose is not None and (fans or task.reduce is not None):
        yield ("choose",), f"a branch is taken once: leave out {[*fans, 'reduce'][0]}"


def _asked(task: TaskTable) -> bool:
    return bool(task.needs or task.gate or task.wait or task.emit or task.send or task.map or task.reduce)


def of_map(table: MapTable) -> Iterator[Clash]:
    if (table.over is None) is (table.each is None):
        yield (), 'expected either over = "${TASK.out…}" or each = "TASK"'
    if table.each is not None:
        for key in ("batch", "max_items"):
            if getattr(table, key) is not None:
                yield (key,), "it goes with over: with each there is one part for each part of the other task"


def of_scatter(table: ScatterTable) -> Iterator[Clash]:
    if table.until == "quorum" and table.quorum is None:
        yield ("until",), f"expected quorum = N as well, of 1 to {table.agents}"
    if table.until != "quorum" and table.quorum is not None:
        yield ("quorum",), 'it goes with until = "quorum"'
    if table.quorum is not None and table.quorum > table.agents:
        yield ("quorum",), f"expected at most {table.agents}, as many as there are agents"


def of_gate(table: GateTable) -> Iterator[Clash]:
    if table.on_timeout is not None and table.within is None:
        yield ("on_timeout",), 'it goes with within, as in within = "24h"'
    if not table.ask.strip():
        yield ("ask",), "expected a question"


def of_wait(table: WaitTable) -> Iterator[Clash]:
    if (table.event is None) is (table.time is None):
        yield (), 'expected either event = "TOPIC" or time = "10m"'
    if table.event is None:
        for key in ("where", "within", "on_timeout"):
            if getattr(table, key) is not None:
                yield (key,), "it goes with event"
    elif table.on_timeout is not None and table.within is None:
        yield ("on_timeout",), 'it goes with within, as in within = "24h"'


def of_output(table: OutputTable) -> Iterator[Clash]:
    kinds = [kind for kind in ("json", "text", "file") if getattr(table, kind) is not None]
    if len(kinds) != 1:
        yield (), 'expected one of json = "PATH", text = "PATH" and file = "PATH"'
    if table.file is not None and table.max is not None:
        yield ("max",), "it goes with json or text: of a file only the path is kept"
    for kind in kinds:
        path = getattr(table, kind)
        if path == "-" and kind != "file":
            continue
        if path in ("", "-", ".") or path.startswith("/") or ".." in path.split("/") or "\0" in path:
            yield (kind,), "expected a path within the working folder" + (' or "-"' if kind != "file" else "")


def of_agent(table: AgentTable) -> Iterator[Clash]:
    if table.name is not None:
        for key in ("needs", "prefer", "spread"):
            if getattr(table, key):
                yield (key,), "it goes without name, which is that agent and no other"


def of_fallback(table: FallbackTable) -> Iterator[Clash]:
    if (table.agent is None) is (not table.needs):
        yield (), 'expected either agent = "NAME" or needs = ["WORD"]'
