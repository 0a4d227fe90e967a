"""The console's own copy of what the engine knows: one picture, then changes. Drawing never asks the engine."""

from __future__ import annotations

from sys import intern
from typing import Any

from core.wire import AgentRow, ForeignRow, GroupRow, RunRow, SessionRow, TaskRow
from tui.ordering import Ordered
from tui.situation import Situation


class Replica:
    """`tasks` and `sessions` by their names; `order` is the queue as the person wants to see it."""

    def __init__(self) -> None:
        self.tasks: dict[int, TaskRow] = {}
        self.sessions: dict[int, SessionRow] = {}
        """Live ones, by task."""
        self.runs: dict[int, RunRow] = {}
        self.told: dict[int, int] = {}
        """How often each run was told of: what it has is another than before."""
        self.agents: list[AgentRow] = []
        self.groups: list[GroupRow] = []
        self.foreign: list[ForeignRow] = []
        self.head: dict[str, Any] = {}
        self.complete = False
        """The first picture is here as a whole."""
        self.connected = False
        self.order = Ordered(self.tasks)
        self._queued = 0
        self._largest = 0

    def begin(self) -> None:
        """A new picture follows: the old one is forgotten."""
        self.tasks.clear()
        self.sessions.clear()
        self.runs.clear()
        self.order = Ordered(self.tasks)
        self.complete = False
        self._queued = 0

    def apply(self, message: dict[str, Any]) -> None:
        for values in message["tasks"]:
            self._put(_task(values))
        for number in message["removed"]:
            row = self.tasks.get(number)
            if row is not None:
                self.order.remove(row)
                self._queued -= row.state == "queued"
                del self.tasks[number]
        for values in message["sessions"]:
            session = SessionRow._make(values)
            self.sessions[session.task] = session
        for attempt in message["gone"]:
            number = int(attempt.partition("-")[0])
            if number in self.sessions and self.sessions[number].attempt == attempt:
                del self.sessions[number]
        for values in message.get("runs", ()):
            run = RunRow._make(values)
            self.runs[run.id] = run
            self.told[run.id] = self.told.get(run.id, 0) + 1
        for number in message.get("removed_runs", ()):
            self.runs.pop(number, None)
            self.told.pop(number, None)
        if "agents" in message:
            self.agents = [AgentRow._make(values) for values in message["agents"]]
            self.groups = [GroupRow._make(values) for values in message["groups"]]
        if "foreign" in message:
            self.foreign = [ForeignRow._make(values) for values in message["foreign"]]
        self.head = message["head"]
        self.complete = message["complete"]

    def _put(self, row: TaskRow) -> None:
        old = self.tasks.get(row.id)
        if old is not None:
            self.order.remove(old)
            self._queued -= old.state == "queued"
        self._queued += row.state == "queued"
        self._largest = max(self._largest, row.id)
        self.tasks[row.id] = row
        self.order.add(row)

    def situation(self, now: float, *, plain: bool) -> Situation:
        closed = [f"group {row.name}" for row in self.groups if row.paused or 0 < row.limit <= row.running]
        closed += [f"agent {row.name}" for row in self.agents if row.mode != "on" or not row.configured]
        return Situation(
            now=now,
            plain=plain,
            age_step=self.head.get("age_step", 0.0),
            paused=self.head.get("paused", False),
            closed=frozenset(closed),
            digits=max(3, len(str(max(self._largest, 1)))),
        )

    def gates(self) -> list[tuple[int, str]]:
        """Runs and nodes that ask, the one that began first on top."""
        return [(run.id, name) for run in sorted(self.runs.values()) if run.asking for name in run.asking.split(",")]

    def count(self, *states: str) -> int:
        counts = self.head.get("counts", {})
        return sum(counts.get(state, 0) for state in states)

    @property
    def not_shown(self) -> int:
        """Queued tasks that the engine has and this copy has not: a console holds only so many."""
        return max(self.count("queued") - self._queued, 0) if self.complete else 0


def _task(values: list[Any]) -> TaskRow:
    """Words that many rows share are kept once."""
    for at in _SHARED:
        values[at] = intern(values[at])
    return TaskRow._make(values)


_SHARED = tuple(TaskRow._fields.index(name) for name in ("state", "name", "agent", "group"))
