"""The chosen node of a run in a few lines: why first, then what it needs, asks, gives and costs."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from core.text import one_line
from tui.views.line import Line, Span
from tui.views.rows import symbol
from tui.views.run_rows import agents_of, node_sign, times, took
from tui.wording import state_word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.wire import RunRow
    from tui.situation import Situation

LABEL = 8
SHOWN_TASKS = 12


def node_lines(node: dict[str, Any], run: dict[str, Any], width: int, at: Situation) -> list[Line]:
    """In lines of at most `width` cells."""
    return _wrapped(_node_facts(node, run, at), width)


def run_lines(row: RunRow, run: dict[str, Any] | None, width: int) -> list[Line]:
    """Of the run as a whole, while none of its nodes is chosen."""
    return _wrapped(_run_facts(row, run), width)


def _wrapped(facts: Iterator[tuple[str, str, str]], width: int) -> list[Line]:
    lines: list[Line] = []
    for label, text, role in facts:
        parts = textwrap.wrap(one_line(text, 600), max(width - LABEL - 2, 12)) or [""]
        for place, part in enumerate(parts[:4]):
            lines.append((Span(f" {label if place == 0 else '':{LABEL}}", "muted"), Span(part, role)))
    return lines


def _node_facts(node: dict[str, Any], run: dict[str, Any], at: Situation) -> Iterator[tuple[str, str, str]]:
    sign, time = node_sign(node["state"]), took(node, at.now)
    words = [state_word(node["state"]), times(node), time, "on the critical path" if node["critical"] else ""]
    yield "state", f"{symbol(sign, at)} {', '.join(filter(None, words))}", sign.role
    if node["asks"]:
        yield "asks", node["asks"], "strong"
    for place, reason in enumerate(node["why"]):
        yield "why" if place == 0 else "", reason, "strong" if not node["asks"] else ""
    if node["needs"]:
        states = {one["name"]: one["state"] for one in run["nodes"]}
        needs = ", ".join(f"{need} {symbol(node_sign(states.get(need, '')), at)}" for need in node["needs"])
        yield "needs", needs + ("" if node["start"] == "all_success" else f" ({node['start']})"), ""
    then = [one["name"] for one in run["nodes"] if node["name"] in one["needs"]]
    if then:
        yield "then", ", ".join(then), ""
    if node["out"]:
        yield "output", node["out"], ""
    yield from _tasks(node, at)


def _tasks(node: dict[str, Any], at: Situation) -> Iterator[tuple[str, str, str]]:
    tasks = [part for part in node["parts"] if part["task"] is not None]
    word = "runs" if node["does"] == "call" else "tasks"
    if tasks:
        shown = ", ".join(f"{part['task']} {symbol(node_sign(part['state']), at)}" for part in tasks[:SHOWN_TASKS])
        more = f" and {len(tasks) - SHOWN_TASKS} more" if len(tasks) > SHOWN_TASKS else ""
        yield word, shown + more, "muted"
    if agents_of(node):
        yield "agent", agents_of(node), "muted"
    if node["cost"] is not None:
        tokens = f", {node['tokens']:,} tokens" if node["tokens"] else ""
        yield "cost", f"{node['cost']:.4f} USD{tokens}", "muted"


def _run_facts(row: RunRow, run: dict[str, Any] | None) -> Iterator[tuple[str, str, str]]:
    yield "state", state_word(row.state) + (f": {row.reason}" if row.reason else ""), "strong"
    if row.asking:
        yield "asks", f"{row.asking.replace(',', ', ')}: y approves, N rejects", "strong"
    yield "by", row.started_by, ""
    if run is not None and run["about"]:
        yield "about", run["about"], ""
    if run is not None and run["params"]:
        yield "params", ", ".join(f"{name}={value}" for name, value in run["params"].items()), "muted"
