"""The line on top: the figures that matter, most important first; what does not fit is left out from the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.text import plural
from tui.views.line import Line, Span, fit, width_of
from tui.views.rows import symbol
from tui.views.spark import sparkline
from tui.wording import BUDGETS, ENGINE_BUDGET, FAILED, NEEDS_YOU, PAUSED, QUEUED, RUNNING, Sign

if TYPE_CHECKING:
    from tui.replica import Replica
    from tui.situation import Situation

SPARK = 8
"""Cells of a sparkline."""


def header_line(replica: Replica, name: str, needing: int, at: Situation, width: int) -> Line:
    left = [*_title(name), *_counts(replica, needing, at)]
    right = _figures(replica, at)
    while right and width_of(tuple(left)) + sum(map(width_of, right)) + 1 > width:
        right.pop()
    while len(left) > 2 and width_of(tuple(left)) > width:
        left.pop()
    gap = max(width - width_of(tuple(left)) - sum(map(width_of, right)), 0)
    return (*left, Span(" " * gap), *(span for figure in right for span in figure))


def _title(name: str) -> list[Span]:
    return [Span(" muxdeck", "accent"), Span(f" · {fit(name, min(len(name), 24)).rstrip()} ", "muted")]


def _counts(replica: Replica, needing: int, at: Situation) -> list[Span]:
    if not replica.connected:
        return [Span("   no engine: what is shown is old", "bad")]
    spans = [
        _count(NEEDS_YOU, needing, "need you" if needing != 1 else "needs you", at),
        _count(FAILED, replica.count("failed", "timed_out"), "failed", at),
        _count(RUNNING, replica.count("running"), "running", at),
        _count(QUEUED, replica.count("queued"), "queued", at),
    ]
    if messages := replica.head.get("messages"):
        spans.insert(1, Span(f"   m {plural(messages, 'message')}", NEEDS_YOU.role))
    if at.paused:
        spans.insert(0, Span(f"   {symbol(PAUSED, at)} everything is paused", PAUSED.role))
    if not replica.complete:
        spans.append(Span(f"   loading, {len(replica.tasks):,} tasks so far", "muted"))
    if replica.head.get("problems"):
        spans.insert(0, Span("   configuration is faulty: the last good one is in force", "bad"))
    return spans


def _count(sign: Sign, count: int, word: str, at: Situation) -> Span:
    return Span(f"   {symbol(sign, at)} {count:,} {word}", sign.role if count else "faint")


def _figures(replica: Replica, at: Situation) -> list[Line]:
    """Each with a space around it, the first the most important."""
    head = replica.head
    if not head:
        return []
    figures: list[Line] = []
    use = head.get("utilisation")
    if use is not None:
        figures.append((Span("  util ", "muted"), Span(f"{use:.0%}", "good" if use > 0.8 else "warn")))
    figures.extend(_latency(word, key, head, at) for word, key in (("start", "start"), ("create", "creation")))
    cpu = head.get("engine_cpu", 0.0)
    figures.append((Span("  engine ", "muted"), Span(f"{cpu:.1f}% ", "good" if cpu < ENGINE_BUDGET else "warn")))
    return [figure for figure in figures if figure]


def _latency(word: str, key: str, head: dict[str, Any], at: Situation) -> Line:
    """ "start 2.1/7.9ms ▁▂▁": p50 and p99 of the latest, and each of the last few against its budget."""
    latency, budget = head.get(key, {}), BUDGETS[key]
    if not latency.get("count"):
        return ()
    good = latency["p99"] <= budget
    spark = sparkline(latency["latest"], SPARK, budget, plain=at.plain)
    figures = f"{_short(latency['p50'])}/{_short(latency['p99'])}ms "
    return (Span(f"  {word} ", "muted"), Span(figures, "good" if good else "warn"), Span(spark, "muted"))


def _short(milliseconds: float) -> str:
    return f"{milliseconds:.1f}" if milliseconds < 10 else f"{milliseconds:.0f}"
