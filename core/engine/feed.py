"""What watching clients are told: a picture in slices, then the rows that changed, at most one message a frame."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any, TypeVar

from core.engine.run_feed import RunFeed
from core.interactive.signals import ASKING, State
from core.rules.watching import words
from core.wire import AgentRow, ForeignRow, GroupRow, SessionRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from core.adapters.reading import Reader
    from core.interactive.ladder import Reading
    from core.model import AttemptId
    from core.rules.step import Step
    from core.rules.world import Agent, Attempt, World

K = TypeVar("K")

SLICE = 400
"""Rows of one message while the first picture is sent: a few milliseconds of the engine's time."""
AT_MOST = 1000
"""Changed rows of one message; what is more waits for the next frame."""
RUNS_AT_MOST = 50
"""The same for runs, whose rows are counted together from their nodes."""
SHOWN_QUEUED = 200_000
SHOWN_ENDED = 5_000


class Changes:
    """What one client has not been told yet. A noun that changes many times is told once."""

    def __init__(self, first: Iterator[int], runs: Iterable[int]) -> None:
        self.first: Iterator[int] | None = first
        """Tasks of the first picture that were not sent yet."""
        self.tasks: dict[int, None] = {}
        self.removed: list[int] = []
        self.sessions: dict[AttemptId, None] = {}
        self.runs: dict[int, None] = dict.fromkeys(runs)
        self.removed_runs: list[int] = []
        self.places = True
        """Agents and groups."""
        self.foreign = True

    @property
    def waiting(self) -> bool:
        rows = self.tasks or self.removed or self.sessions or self.runs or self.removed_runs
        return bool(self.first or rows or self.places or self.foreign)


class Feed:
    """Keeps the changes of every watching client, and writes them as messages."""

    def __init__(self, world: World, reader: Reader, head: Callable[[], dict[str, Any]]) -> None:
        self._world = world
        self._reader = reader
        self._head = head
        self.runs = RunFeed(world, reader.runs)
        self._clients: list[Changes] = []
        self._foreign: list[ForeignRow] = []

    @property
    def watched(self) -> bool:
        return bool(self._clients)

    def join(self) -> Changes:
        running = list(self._world.attempts)
        changes = Changes(itertools.chain(running, self._reader.beside(SHOWN_QUEUED, SHOWN_ENDED)), self.runs.first())
        changes.sessions = {attempt.id: None for attempt in self._world.attempts.values()}
        self._clients.append(changes)
        return changes

    def leave(self, changes: Changes) -> None:
        self._clients.remove(changes)

    def note(self, step: Step) -> None:
        """Remembers for every client what a step touched."""
        runs = self.runs.touched(step)
        for client in self._clients:
            client.tasks.update(dict.fromkeys(step.tasks))
            client.runs.update(dict.fromkeys(runs))
            client.removed_runs.extend(step.removed_runs)
            client.removed.extend(step.removed)
            client.tasks.update((attempt.task, None) for attempt in step.attempts)
            client.sessions.update(dict.fromkeys(step.attempts))
            client.sessions.update(dict.fromkeys(step.withdrawn))
            client.places = client.places or bool(step.tasks or step.groups or step.agents or step.paused_all)

    def note_looks(self, attempts: list[AttemptId]) -> None:
        for client in self._clients:
            client.sessions.update(dict.fromkeys(attempts))

    def note_foreign(self, sessions: list[ForeignRow]) -> None:
        if sessions != self._foreign:
            self._foreign = sessions
            for client in self._clients:
                client.foreign = True

    def message(self, changes: Changes) -> dict[str, Any]:
        """The next message for a client; `changes` no longer has what is in it."""
        tasks = _take(changes.tasks, AT_MOST)
        if changes.first is not None:
            slice_ = list(itertools.islice(changes.first, SLICE))
            tasks.extend(slice_)
            if len(slice_) < SLICE:
                changes.first = None
        removed, changes.removed = changes.removed, []
        sessions, gone = self._sessions(_take(changes.sessions, AT_MOST))
        message: dict[str, Any] = {
            "tasks": self._reader.rows(tasks) if tasks else [],
            "removed": removed,
            "sessions": sessions,
            "gone": gone,
            "head": self._head(),
            "complete": changes.first is None,
        }
        if changes.runs:
            message["runs"] = self.runs.rows(_take(changes.runs, RUNS_AT_MOST))
        if changes.removed_runs:
            message["removed_runs"], changes.removed_runs = changes.removed_runs, []
        if changes.places:
            changes.places = False
            message["agents"] = agent_rows(self._world)
            message["groups"] = group_rows(self._world)
        if changes.foreign:
            changes.foreign = False
            message["foreign"] = self._foreign
        return message

    def _sessions(self, attempts: list[AttemptId]) -> tuple[list[SessionRow], list[str]]:
        live, gone = [], []
        for attempt_id in attempts:
            attempt = self._world.attempt(attempt_id)
            if attempt is None:
                gone.append(str(attempt_id))
            else:
                live.append(attempt)
        names = {row.id: row.name for row in self._reader.rows([one.id.task for one in live])} if live else {}
        return [session_row(attempt, names.get(attempt.id.task, "")) for attempt in live], gone


def _take(changes: dict[K, None], most: int) -> list[K]:
    taken = list(itertools.islice(changes, most))
    for key in taken:
        del changes[key]
    return taken


def session_row(attempt: Attempt, name: str) -> SessionRow:
    vital, (state, why, since) = attempt.vital, _health(attempt)
    return SessionRow(
        attempt=str(attempt.id),
        task=attempt.id.task,
        name=name,
        state=attempt.state,
        reason=attempt.reason,
        dialog=None if attempt.reading is None else _dialog(attempt.reading),
        server=attempt.server,
        pid=vital.root.pid if vital is not None and vital.root is not None else attempt.pid,
        started_at=attempt.started_at,
        health=state,
        health_reason=why,
        since=since,
        cpu=None if vital is None else round(vital.cpu, 1),
        memory=None if vital is None else vital.memory,
        processes=None if vital is None else vital.processes,
        threads=None if vital is None else vital.threads,
        io=None if vital is None else vital.io_bytes,
        last_output=None if vital is None else vital.last_output,
    )


def _health(attempt: Attempt) -> tuple[str, str, float]:
    """The word, the reason and the time of it: an agent's own word goes before what its processes look like."""
    reading, health = attempt.reading, attempt.health
    if reading is not None and reading.state is not State.UNKNOWN:
        return _HEALTH.get(reading.state, "waiting"), words(reading), reading.since
    if health is not None:
        return health.state, health.reason, health.since
    began = attempt.started_at or attempt.placed_at
    return "starting" if attempt.started_at is None else "working", "not looked at yet", began


_HEALTH = {
    State.STARTING: "starting",
    State.WORKING: "working",
    State.READY: "quiet",
    State.FINISHED: "quiet",
    State.EXITED: "gone",
}


def _dialog(reading: Reading) -> str | None:
    if reading.state not in ASKING:
        return None
    return json.dumps({"since": reading.since, "detail": reading.detail, "choices": reading.choices})


def agent_row(agent: Agent) -> AgentRow:
    breaker, use = agent.breaker, agent.utilisation
    return AgentRow(
        name=agent.name,
        kind=agent.limits.kind,
        slots=agent.slots,
        running=agent.running,
        queued=agent.queued,
        mode=agent.mode,
        configured=agent.configured,
        capabilities=",".join(sorted(agent.limits.capabilities)),
        problem=agent.unusable or (breaker.reason if breaker.until is not None else None),
        retry_at=breaker.until,
        utilisation=None if use is None else round(use, 4),
        doubt=agent.doubt,
    )


def agent_rows(world: World) -> list[AgentRow]:
    return [agent_row(agent) for agent in world.agents.values() if agent.configured or agent.running or agent.queued]


def group_rows(world: World) -> list[GroupRow]:
    return [
        GroupRow(group.name, group.limit, group.running, group.queued, group.paused, group.configured)
        for group in world.groups.values()
    ]
