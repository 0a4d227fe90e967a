"""Each noun as one line of its pane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.model import DEFAULT_GROUP
from core.text import duration, size
from tui.views.line import Line, Span, fit, right
from tui.views.spark import gauge
from tui.wording import (
    FAILED,
    HEALTH_SIGNS,
    LOST,
    NEEDS_YOU,
    PAUSED,
    RETRYING,
    RUNNING,
    STARTING,
    TASK_SIGNS,
    UNKNOWN,
    Sign,
    state_word,
)

if TYPE_CHECKING:
    from core.wire import AgentRow, ForeignRow, SessionRow, TaskRow
    from tui.situation import Situation


WIDE_NOTE = 20
"""Cells from which the note on an agent has room for its reason."""


def task_sign(row: TaskRow) -> Sign:
    if row.state == "running":
        if row.attempt_state == "waiting":
            return NEEDS_YOU
        if row.attempt_state == "unknown":
            return UNKNOWN
        return STARTING if row.started_at is None else RUNNING
    if row.state == "queued":
        if row.held:
            return PAUSED
        return RETRYING if row.tries else TASK_SIGNS["queued"]
    return TASK_SIGNS.get(row.state, UNKNOWN)


def task_line(row: TaskRow, width: int, at: Situation, *, marked: bool = False) -> Line:
    """Symbol, number, name, group, agent, what it does or waits for, age. Narrow panes drop group and agent."""
    sign = task_sign(row)
    agent = 11 if width >= 58 else 0
    group = 11 if width >= 84 else 0
    what = min(max(width * 2 // 7, 12), 28)
    name = max(width - 2 - at.digits - 2 - group - agent - 1 - what - 5 - 1, 4)
    ended = row.state in ("succeeded", "cancelled", "skipped", "upstream_failed")
    spans = [
        Span(" " if not marked else "▐", "mark"),
        Span(symbol(sign, at), sign.role),
        Span(right(str(row.id), at.digits + 1), "muted"),
        Span(" " + fit(row.name, name), "muted" if ended else ""),
    ]
    if group:
        spans.append(Span(" " + fit("" if row.group == DEFAULT_GROUP else row.group, group - 1), "muted"))
    if agent:
        spans.append(Span(" " + fit(row.agent, agent - 1), "muted"))
    spans.append(Span(" " + fit(task_words(row, at), what), sign.role if row.state != "queued" else "muted"))
    spans.append(Span(right(age(row, at), 5), "muted"))
    return (*spans, Span(" "))


def task_words(row: TaskRow, at: Situation) -> str:
    """What it does, or what it waits for: a short form of why."""
    if row.state == "running":
        if row.attempt_state in ("waiting", "unknown"):
            return row.attempt_state
        return "starting" if row.started_at is None else "running"
    if row.state == "queued":
        return _waits(row, at)
    if row.state == "failed":
        return row.reason or "failed"
    return state_word(row.state)


def _waits(row: TaskRow, at: Situation) -> str:
    if row.held:
        return "held"
    if row.needs:
        return f"after {row.needs.replace(',', ', ')}"
    if row.not_before is not None and row.not_before > at.now:
        wait = duration(row.not_before - at.now)
        return f"retry in {wait}" if row.tries else f"in {wait}"
    if at.paused:
        return "all paused"
    if f"group {row.group}" in at.closed:
        return f"group {row.group}"
    if f"agent {row.agent}" in at.closed:
        return f"agent {row.agent}"
    return f"priority {row.priority}" if row.priority else "queued"


def age(row: TaskRow, at: Situation) -> str:
    """How long it runs, ran, or waits."""
    if row.state == "queued":
        return duration(max(at.now - row.place - row.priority * at.age_step, 0.0))
    if row.started_at is None:
        return "" if row.ended_at is None else duration(at.now - row.ended_at)
    return duration((row.ended_at or at.now) - row.started_at)


def session_line(row: SessionRow, width: int, at: Situation, *, marked: bool = False) -> Line:
    """Symbol, task, name, then figures while it works, or the state and its age."""
    sign = HEALTH_SIGNS.get(row.health, UNKNOWN) if row.state != "unknown" else UNKNOWN
    figures = session_figures(row, at)
    tail = min(max(len(figures), 21), max(width - at.digits - 10, 0))
    name = max(width - 2 - at.digits - 2 - 1 - tail - 1, 4)
    calm = row.health in ("working", "quiet", "starting") and row.state != "unknown"
    return (
        Span(" " if not marked else "▐", "mark"),
        Span(symbol(sign, at), sign.role),
        Span(right(str(row.task), at.digits + 1), "muted"),
        Span(" " + fit(row.name, name)),
        Span(" " + right(figures, tail), "muted" if calm else sign.role),
        Span(" "),
    )


def session_figures(row: SessionRow, at: Situation) -> str:
    if row.state == "unknown":
        return f"unknown {duration(at.now - row.since)}"
    if row.health not in ("working", "quiet") or row.cpu is None or row.memory is None:
        return f"{row.health} {duration(at.now - row.since)}"
    running = duration(at.now - row.started_at) if row.started_at is not None else ""
    word = "quiet" if row.health == "quiet" else f"{row.cpu:.0f}%"
    return f"{word:>5} {size(row.memory):>5} {row.processes:>3}p {running:>4}"


def foreign_line(row: ForeignRow, width: int, at: Situation) -> Line:
    sign = HEALTH_SIGNS.get(row.health, UNKNOWN)
    figures = f"{row.cpu:.0f}% {size(row.memory):>5} {row.processes:>3}p {duration(at.now - row.since):>4}"
    name = max(width - 2 - at.digits - 2 - len(figures) - 2, 4)
    where = "attached" if row.attached else "yours"
    return (
        Span(" "),
        Span(symbol(sign, at), "muted"),
        Span(" " * (at.digits + 2)),
        Span(fit(f"{row.name} · {row.command} · {where}", name), "muted"),
        Span(" " + right(figures, len(figures)), "muted"),
        Span(" "),
    )


def agent_line(row: AgentRow, width: int, at: Situation) -> Line:
    """Symbol, name, load, and what stands against it."""
    sign, note = _agent_sign(row, at.now)
    load = f"{row.running}/{row.slots}" if row.slots else f"{row.running}"
    name = min(max(width - 15, 8), 16)
    room = max(width - 2 - 1 - name - 6 - 1, 0)
    more = row.problem or row.doubt
    if note and more and room > WIDE_NOTE:
        note = f"{note} · {more}"
    bar = note or gauge(row.running, row.slots, room, plain=at.plain)
    return (
        Span(" "),
        Span(symbol(sign, at), sign.role),
        Span(" " + fit(row.name, name)),
        Span(right(load, 6), "muted"),
        Span(" " + fit(bar, room), sign.role if not note else "muted"),
    )


def _agent_sign(row: AgentRow, now: float) -> tuple[Sign, str]:
    if not row.configured:
        return LOST, "not configured"
    if row.mode != "on":
        return PAUSED, row.mode
    if row.retry_at is not None:
        waits = row.retry_at > now
        return (FAILED, f"in {duration(row.retry_at - now)}") if waits else (STARTING, "probe")
    if row.problem is not None:
        return LOST, "broken"
    if row.running:
        return RUNNING, ""
    return TASK_SIGNS["queued"], "" if row.queued else "idle"


def symbol(sign: Sign, at: Situation) -> str:
    return sign.plain if at.plain else sign.symbol
