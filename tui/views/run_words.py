"""Sentences of the screen of runs: what an empty list teaches, what is said in place of a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.text import plural
from tui.views.line import Line, Span

if TYPE_CHECKING:
    from tui.replica import Replica


def empty_runs(replica: Replica, filter_: str) -> list[Line]:
    """What the list says while it has no line."""
    if not replica.connected:
        return [(Span(" looking for the engine …", "muted"),)]
    if not replica.complete:
        return [(Span(" loading …", "muted"),)]
    if replica.runs and filter_:
        hidden = f" {plural(len(replica.runs), 'run')} hidden"
        return [(Span(hidden, "muted"),), (Span(" Esc shows everything again", "muted"),)]
    return [
        (Span(" No workflow has run yet.", "strong"),),
        (),
        (Span("   muxdeck run FILE      ", "accent"), Span("starts a run", "muted")),
        (Span("   muxdeck run NAME      ", "accent"), Span("of workflows/NAME.toml", "muted")),
        (),
        (Span(" Put files into the folder workflows", "muted"),),
        (Span(" beside the configuration: schedules,", "muted"),),
        (Span(" events and files start those.", "muted"),),
    ]


def too_many(count: int) -> list[Line]:
    return [
        (Span(f" {plural(count, 'node')} are too many to draw", "muted"),),
        (Span(" 3", "accent"), Span(" lists them", "muted")),
    ]
