"""Who ran when, on which agent: a bar a part over the time of the run, and one for all parts where they are many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from core.text import duration
from tui.views.line import Line, Span, fit, right
from tui.views.rows import symbol
from tui.views.run_rows import agents_of, node_sign, times, took
from tui.views.spark import sparkline
from tui.wording import state_word

if TYPE_CHECKING:
    from tui.situation import Situation

FOLDED_FROM = 9
"""Parts of a node from which on they share one line."""
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
LEAST_BETWEEN = 8
"""Cells between two marks of the scale."""


class Row(NamedTuple):
    """A line of the timeline: a part, or a node as a whole."""

    node: dict[str, Any]
    part: dict[str, Any] | None


class Scale(NamedTuple):
    """Times, in Unix seconds, over cells."""

    begin: float
    end: float
    width: int

    def cell(self, time: float) -> int:
        share = (time - self.begin) / max(self.end - self.begin, 0.001)
        return max(min(int(share * self.width), self.width - 1), 0)


def rows(run: dict[str, Any]) -> list[Row]:
    """In the order in which they began; what has not begun comes last, in the order of the file."""
    found: list[Row] = []
    for node in sorted(run["nodes"], key=lambda node: _begin(node) or float("inf")):
        parts = node["parts"]
        if node["counts"]["all"] > 1 and len(parts) < FOLDED_FROM:
            found += [Row(node, part) for part in parts]
        else:
            found.append(Row(node, parts[0] if len(parts) == 1 and not node["many"] else None))
    return found


def _begin(node: dict[str, Any]) -> float | None:
    """A gate and a wait have begun when somebody began to wait."""
    began: float | None = node["started_at"]
    if began is None and node["state"] not in ("pending", "skipped", "upstream_failed"):
        began = node["since"]
    return began


def columns(width: int) -> tuple[int, int, int]:
    """Cells of the name, of the bars, and of what stands behind them."""
    name = min(max(width // 4, 14), 30)
    behind = 26 if width >= 96 else 16 if width >= 64 else 8
    return name, max(width - name - behind - 4, 10), behind


def scale_of(run: dict[str, Any], width: int, at: Situation) -> Scale:
    begin = run["started_at"] or run["queued_at"]
    end = run["ended_at"] or at.now
    return Scale(begin, max(end, begin + 1.0), columns(width)[1])


def ruler(run: dict[str, Any], width: int, at: Situation) -> Line:
    """Marks at round times since the run began."""
    scale, name = scale_of(run, width, at), columns(width)[0]
    span = scale.end - scale.begin
    most = max(scale.width // LEAST_BETWEEN, 1)
    step = next((step for step in _STEPS if span / step <= most), 86400 * (int(span / 86400 / most) + 1))
    text = ""
    for mark in range(0, int(span) + 1, step):
        at_cell = scale.cell(scale.begin + mark)
        word = ("|" if at.plain else "╷") + _clock(mark)
        if at_cell + len(word) <= scale.width:
            text = text.ljust(at_cell) + word
    return (Span(" " * (name + 3)), Span(text, "faint"))


def _clock(seconds: int) -> str:
    """0, 30s, 1m, 1m30, 2h, 2h30, 3d."""
    for unit, length, below in (("d", 86400, 3600), ("h", 3600, 60), ("m", 60, 1)):
        if seconds >= length:
            rest = seconds % length // below
            return f"{seconds // length}{unit}" + (f"{rest:02}" if rest else "")
    return f"{seconds}s" if seconds else "0"


def timeline_line(row: Row, run: dict[str, Any], width: int, at: Situation) -> Line:
    node, part = row
    one = part if part is not None else node
    sign, scale = node_sign(one["state"]), scale_of(run, width, at)
    name, _, behind = columns(width)
    title = f"{node['name']}.{part['item']}" if part is not None and node["many"] else node["name"]
    count = times(node) if part is None else ""
    shown = fit(title, max(name - len(count) - 1, 6)) + " " + count if count else fit(title, name)
    who = part["agent"] or "" if part is not None else agents_of(node)
    tries = f" ×{part['attempts']}" if part is not None and (part["attempts"] or 0) > 1 else ""
    time = took(one, at.now) or (duration(at.now - node["since"]) if node["state"] == "asking" else "")
    return (
        Span(" "),
        Span(symbol(sign, at), sign.role),
        Span(" " + fit(shown, name), "strong" if node["critical"] else ""),
        *_bar(row, scale, at),
        Span(right(time, 6), "muted"),
        Span(fit(f"  {who}{tries}", behind - 6), "muted"),
    )


def _bar(row: Row, scale: Scale, at: Situation) -> Line:
    node, part = row
    one = part if part is not None else node
    began = one["started_at"] if part is not None else _begin(node)
    if began is None:
        return (Span(fit(_waits(row), scale.width), "faint"),)
    ended = one["ended_at"] if one["ended_at"] is not None else at.now
    first, last = scale.cell(began), scale.cell(ended)
    queued = min(scale.cell(part["queued_at"]), first) if part is not None and part["queued_at"] else first
    length = last - first + 1
    return (
        Span(" " * queued),
        Span(("." if at.plain else "·") * (first - queued), "faint"),
        Span(_filling(row, scale, first, length, at), node_sign(one["state"]).role),
        Span(" " * (scale.width - last - 1)),
    )


def _filling(row: Row, scale: Scale, first: int, length: int, at: Situation) -> str:
    """Solid while a part runs; of many parts, how many ran at once; thin while somebody is waited for."""
    node, part = row
    if part is None and node["parts"]:
        loads = _loads(node["parts"], scale, at.now)[first : first + length]
        if length > 1 and not loads[-1]:
            loads[-1] = loads[-2]  # the last of them ended within this cell
        return sparkline(loads, length, max(*loads, 1) + 0.01, plain=at.plain)
    if part is None:
        return ("-" if at.plain else "╌") * length
    return ("#" if at.plain else "▇") * length


def _loads(parts: list[dict[str, Any]], scale: Scale, now: float) -> list[int]:
    """Parts that ran, by cell; in the cell in which one ends and another begins there was one of them."""
    changes = [0] * (scale.width + 1)
    for part in parts:
        if part["started_at"] is not None:
            first, last = scale.cell(part["started_at"]), scale.cell(part["ended_at"] or now)
            changes[first] += 1
            changes[scale.width if part["ended_at"] is None else max(last, first + 1)] -= 1
    loads, load = [], 0
    for change in changes:
        load += change
        loads.append(load)
    return loads


def _waits(row: Row) -> str:
    one = row.part if row.part is not None else row.node
    if row.part is None and row.node["why"]:
        return str(row.node["why"][0])
    return str(one["reason"] or state_word(one["state"]))
