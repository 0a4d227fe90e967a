"""What goes over the socket between engine and clients: one JSON document a line, rows as arrays in a fixed order."""

from __future__ import annotations

from typing import NamedTuple

SCHEMA = 1
"""Of every document; a client that expects another one says so instead of guessing."""
LONGEST_LINE = 64 << 20
"""Bytes of one document."""
LONGEST_ROW_NAME = 120
"""Characters of a task's name in a row; the whole one is in its document."""


class TaskRow(NamedTuple):
    """A task in a list. Times are Unix seconds."""

    id: int
    state: str
    name: str
    agent: str
    group: str
    priority: int
    place: float
    """Queued tasks go in this order; with the priority taken out it is the time of queueing."""
    held: int
    not_before: float | None
    attempts: int
    tries: int
    max_tries: int
    started_at: float | None
    ended_at: float | None
    exit_code: int | None
    attempt_state: str | None
    needs: str | None
    """Unmet ones: numbers of parents, with commas between them."""
    reason: str | None


class SessionRow(NamedTuple):
    """The session of a live attempt. What is not known is None."""

    attempt: str
    task: int
    name: str
    state: str
    reason: str | None
    server: int | None
    pid: int | None
    started_at: float | None
    health: str
    health_reason: str
    since: float
    cpu: float | None
    memory: int | None
    processes: int | None
    threads: int | None
    io: int | None
    last_output: float | None
    dialog: str | None = None
    """What an interactive agent asks, as JSON: since, detail, and choices as pairs of key and label."""


class ForeignRow(NamedTuple):
    """A session that muxdeck did not make: looked at, never touched unasked."""

    socket: str
    id: str
    name: str
    windows: int
    attached: int
    command: str
    """Of the active pane."""
    health: str
    health_reason: str
    since: float
    cpu: float
    memory: int
    processes: int


class AgentRow(NamedTuple):
    name: str
    kind: str
    slots: int
    """0 is no limit."""
    running: int
    queued: int
    mode: str
    """on, paused or draining."""
    configured: bool
    capabilities: str
    """With commas between them."""
    problem: str | None
    """Why it starts nothing, where that is not anybody's wish."""
    retry_at: float | None
    """Unix time at which it is tried again."""
    utilisation: float | None
    """Busy share of the slot time for which it had work, over the last minutes."""
    doubt: str | None = None
    """What is not known about its program, which is used all the same."""


class GroupRow(NamedTuple):
    name: str
    limit: int
    """0 is no limit."""
    running: int
    queued: int
    paused: bool
    configured: bool


class RunRow(NamedTuple):
    """A run of a workflow in a list. Times are Unix seconds."""

    id: int
    workflow: str
    state: str
    reason: str | None
    started_by: str
    queued_at: float
    started_at: float | None
    ended_at: float | None
    nodes: int
    ended: int
    """Of the nodes; so are the failed."""
    failed: int
    active: int
    """Tasks and called runs that have not ended."""
    asking: str
    """Nodes whose gates wait for a person, with commas between them."""
    done: float
    """Share of the run that is over, each node counting as much as any other."""
    parts: int | None
    """Times that its nodes work, as far as that is known; None of a run that has ended."""
    parts_ended: int | None
