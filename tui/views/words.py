"""Sentences of the screen: what an empty list teaches, what is beside the tasks, what a small terminal is told."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from core.text import duration, one_line, plural, size
from core.wire import ForeignRow
from tui.views.line import Line, Span

if TYPE_CHECKING:
    from core.wire import AgentRow, SessionRow
    from tui.replica import Replica
    from tui.situation import Situation

LEAST_WIDTH, LEAST_HEIGHT = 60, 15
LABEL = 8


def empty_queue(replica: Replica, filter_: str, *, only_problems: bool) -> list[Line]:
    """What the queue says while it has no line."""
    if not replica.connected:
        return [(Span(" looking for the engine …", "muted"),)]
    if not replica.complete:
        return [(Span(" loading …", "muted"),)]
    if replica.tasks and (filter_ or only_problems):
        hidden = f" {plural(len(replica.tasks), 'task')} hidden: "
        what = "none is a problem" if only_problems and not filter_ else f"nothing passes {filter_!r}"
        return [(Span(hidden, "muted"), Span(what)), (Span(" Esc shows everything again", "muted"),)]
    return [
        (Span(" Nothing is queued yet. To put work in:", "strong"),),
        (),
        (Span("   n                              ", "accent"), Span("here, by a form", "muted")),
        (Span("   muxdeck add -- make test       ", "accent"), Span("from any shell", "muted")),
        (Span("   muxdeck batch jobs.txt         ", "accent"), Span("a task a line", "muted")),
    ]


def too_small(width: int, height: int) -> list[Line]:
    return [
        (Span(" muxdeck", "accent"), Span(f" needs {LEAST_WIDTH}x{LEAST_HEIGHT}", "strong")),
        (Span(f" this terminal is {width}x{height}", "muted"),),
    ]


def summary_line(pane: str, replica: Replica, needing: int, width: int) -> Line:
    """The panes that a narrow screen does not show, each in a few words."""
    busy = sum(row.running for row in replica.agents)
    parts = {
        "agents": ("1 agents", f"{len(replica.agents)}, {busy} busy"),
        "queue": ("2 queue", f"{replica.count('queued'):,} queued, {replica.count('failed', 'timed_out'):,} failed"),
        "sessions": ("3 sessions", f"{len(replica.sessions):,}" + (f", {needing} waiting" if needing else "")),
    }
    spans: list[Span] = []
    for name, (title, text) in parts.items():
        if name != pane:
            spans += [Span(f"  {title} ", "accent"), Span(f"{text} ", "muted")]
    return tuple(spans)


def _agent_facts(agent: AgentRow, now: float) -> list[tuple[str, str]]:
    slots = (
        f"{agent.running} of {agent.slots} slots" if agent.slots else f"{agent.running} running, no limit of its own"
    )
    use = "" if agent.utilisation is None else f", {agent.utilisation:.0%} used while it had work"
    doubt = [] if agent.doubt is None else [("note", agent.doubt)]
    return [
        ("agent", f"{agent.name}, of kind {agent.kind}"),
        ("load", f"{slots}, {agent.queued:,} queued{use}"),
        ("can", agent.capabilities.replace(",", ", ")),
        ("state", _agent_state(agent, now)),
        *doubt,
    ]


def _agent_state(agent: AgentRow, now: float) -> str:
    if not agent.configured:
        return "the configuration does not have it any more"
    if agent.mode == "draining":
        return "being drained, its queue goes to others: p resumes it"
    if agent.mode == "paused":
        return "paused: p resumes it"
    if agent.problem is None:
        return "starts what is queued: p pauses it"
    if agent.retry_at is None:
        return f"cannot run: {agent.problem}"
    return f"starts nothing for {duration(max(agent.retry_at - now, 0.0))}: {agent.problem}"


def beside(agent: AgentRow | None, session: SessionRow | ForeignRow | None, at: Situation, width: int) -> list[Line]:
    """What is chosen where no task is."""
    if agent is not None:
        return facts(_agent_facts(agent, at.now), width)
    if isinstance(session, ForeignRow):
        load = f"{session.cpu:.0f}% {size(session.memory)}, {plural(session.processes, 'process')}"
        health = f"{session.health} for {duration(at.now - session.since)}: {session.health_reason}"
        owner = "you: muxdeck only looks at it; a goes into it"
        pairs = [("session", session.name), ("owner", owner), ("runs", session.command), ("load", load)]
        return facts([*pairs, ("health", health), ("socket", session.socket)], width)
    return []


def facts(pairs: list[tuple[str, str]], width: int) -> list[Line]:
    """Labels and texts, wrapped."""
    lines: list[Line] = []
    for label, text in pairs:
        for place, part in enumerate(textwrap.wrap(one_line(text, 2000), max(width - LABEL - 2, 12)) or [""]):
            lines.append((Span(f" {label if place == 0 else '':{LABEL}}", "muted"), Span(part)))
    return lines
