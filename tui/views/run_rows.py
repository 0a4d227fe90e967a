"""Runs and their nodes as lines of lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.text import duration
from tui.views.line import Line, Span, fit, right
from tui.views.rows import symbol
from tui.views.spark import gauge
from tui.wording import NEEDS_YOU, NODE_SIGNS, RUN_SIGNS, UNKNOWN, Sign, state_word

if TYPE_CHECKING:
    from core.wire import RunRow
    from tui.situation import Situation

BAR = 8
"""Cells of a progress bar; a wide list has longer ones."""


def run_sign(row: RunRow) -> Sign:
    return NEEDS_YOU if row.asking else RUN_SIGNS.get(row.state, UNKNOWN)


def node_sign(state: str) -> Sign:
    return NODE_SIGNS.get(state, UNKNOWN)


def run_line(row: RunRow, width: int, at: Situation, digits: int) -> Line:
    """Symbol, number, name, progress, nodes, time; a wide list has who started it."""
    sign = run_sign(row)
    who = min(max(width - 62, 0), 24)
    bar = BAR if width < 60 else BAR + 4
    name = max(width - 3 - digits - 1 - bar - 1 - 8 - 6 - who - 1, 4)
    began = row.started_at or row.queued_at
    spans = [
        Span(" "),
        Span(symbol(sign, at), sign.role),
        Span(right(str(row.id), digits + 1), "muted"),
        Span(" " + fit(row.workflow, name), "muted" if row.ended_at is not None else ""),
        Span(" " + gauge(round(row.done * 100), 100, bar, plain=at.plain), sign.role),
        Span(right(f"{row.ended}/{row.nodes}", 8), "muted"),
        Span(right(duration(max((row.ended_at or at.now) - began, 0.0)), 6), "muted"),
    ]
    if who:
        spans.append(Span("  " + fit(row.started_by, who - 2), "muted"))
    return (*spans, Span(" "))


def seconds(one: dict[str, Any], now: float) -> float | None:
    """From the beginning of a run, a node or a part to its end, or until now."""
    if one["started_at"] is None:
        return None
    ended = one["ended_at"] if one["ended_at"] is not None else now
    return max(float(ended) - float(one["started_at"]), 0.0)


def took(one: dict[str, Any], now: float) -> str:
    found = seconds(one, now)
    return "" if found is None else duration(found)


def times(node: dict[str, Any]) -> str:
    """How many of its parts have ended; nothing of a node that works once."""
    counts = node["counts"]
    if not node["many"]:
        return ""
    return f"{counts['ended']}/{counts['all']}" if counts["all"] else "×"


def agents_of(node: dict[str, Any]) -> str:
    names = list(dict.fromkeys(part["agent"] for part in node["parts"] if part["agent"]))
    return ", ".join(names[:2]) + (f" +{len(names) - 2}" if len(names) > 2 else "")


def why_of(node: dict[str, Any]) -> str:
    """What matters most of why it stands as it does; nothing of what went as it should."""
    if node["state"] == "succeeded":
        return node["reason"] or ""
    return str(node["asks"] or (node["why"] or [""])[0])


def node_columns(width: int) -> dict[str, int]:
    """Cells of each column. Narrow lists have no agent, no cost, no tries."""
    wide = width >= 96
    fixed = {"state": 18, "parts": 9, "time": 6} | ({"tries": 6, "cost": 8, "agent": 18} if wide else {})
    rest = max(width - 4 - sum(fixed.values()), 12)
    name = min(max(rest // 3, 10), 28)
    return {"node": name, **fixed, "why": rest - name}


def node_head(width: int) -> Line:
    cells = node_columns(width)
    shown = [right(name, size) if name in _NUMBERS else " " + fit(name, size - 1) for name, size in cells.items()]
    return (Span("   "), *(Span(text, "faint") for text in shown))


def node_line(node: dict[str, Any], width: int, at: Situation) -> Line:
    sign = node_sign(node["state"])
    tries = sum(part["attempts"] or 0 for part in node["parts"])
    texts = {
        "node": node["name"],
        "state": state_word(node["state"]),
        "parts": times(node),
        "time": took(node, at.now),
        "tries": str(tries) if tries else "",
        "cost": "" if node["cost"] is None else f"${node['cost']:.3f}",
        "agent": agents_of(node),
        "why": why_of(node),
    }
    spans = [Span(" "), Span(symbol(sign, at), sign.role), Span("*" if node["critical"] else " ", "accent")]
    for name, size in node_columns(width).items():
        role = sign.role if name == "state" else "" if name == "node" else "muted"
        text = texts[name]
        spans.append(Span(right(text, size) if name in _NUMBERS else " " + fit(text, size - 1), role))
    return tuple(spans)


_NUMBERS = frozenset({"parts", "time", "tries", "cost"})
