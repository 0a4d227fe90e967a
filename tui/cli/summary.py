"""What came of a run: for the terminal, and as a page in Markdown."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from core.text import duration, inert, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

NODE_COLUMNS = ("", "node", "state", "parts", "time", "tries", "cost", "agent", "why")
NODE_NUMBERS = frozenset({3, 4, 5, 6})
LONGEST_OUT = 2000


def facts(run: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What is to be said of the whole run, by name."""
    took = _seconds(run)
    said = {
        "run": f"{run['id']} of {run['workflow']}",
        "state": run["state"].replace("_", " ") + (f": {run['reason']}" if run["reason"] else ""),
        "started by": run["started_by"],
        "time": None if took is None else duration(took),
        "cost": None if run["cost"] is None else f"{run['cost']:.4f} USD",
        "params": ", ".join(f"{name}={json.dumps(value)}" for name, value in run["params"].items()),
        "critical path": " → ".join(run["critical_path"]),
    }
    for name, value in said.items():
        if value:
            yield name, one_line(value, 1000)


def node_rows(run: dict[str, Any]) -> list[tuple[object, ...]]:
    return [_node_row(node) for node in run["nodes"]]


def _node_row(node: dict[str, Any]) -> tuple[object, ...]:
    took, counts = _seconds(node), node["counts"]
    agents = dict.fromkeys(part["agent"] for part in node["parts"] if part["agent"])
    tries = sum(part["attempts"] or 0 for part in node["parts"])
    return (
        "*" if node["critical"] else "",
        node["name"],
        node["state"],
        f"{counts['ended']}/{counts['all']}" if node["many"] else "",
        "" if took is None else duration(took),
        tries or "",
        "" if node["cost"] is None else f"{node['cost']:.4f}",
        ", ".join(list(agents)[:3]) + (" …" if len(agents) > 3 else ""),
        "" if node["state"] == "succeeded" else node["asks"] or (node["why"] or [""])[0],
    )


def _seconds(one: dict[str, Any]) -> float | None:
    """From its beginning to its end, or until now."""
    if one["started_at"] is None:
        return None
    ended = one["ended_at"] if one["ended_at"] is not None else time.time()
    return float(max(ended - one["started_at"], 0.0))


def markdown(run: dict[str, Any]) -> str:
    """The whole run as a page."""
    lines = [f"# {_cell(run['workflow'])}, run {run['id']}: {run['state'].replace('_', ' ')}", ""]
    lines += [f"- {name}: {_cell(value)}" for name, value in facts(run) if name not in ("run", "state")]
    if run["reason"]:
        lines.append(f"- reason: {_cell(run['reason'])}")
    columns = [column or "critical" for column in NODE_COLUMNS]
    lines += ["", f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    lines += [f"| {' | '.join(_cell(str(cell)) for cell in row)} |" for row in node_rows(run)]
    for node in run["nodes"]:
        if node["out"] is not None:
            lines += ["", f"## {_cell(node['name'])}", "", *_fenced(node["out"])]
    return "\n".join(lines)


def _cell(text: str) -> str:
    """A text that is one cell of a table and no markup: what could be either is escaped."""
    escaped = one_line(text, 400)
    for sign in "\\`*_[]<>|#":
        escaped = escaped.replace(sign, f"\\{sign}")
    return escaped


def _fenced(out: str) -> list[str]:
    """An output between fences that nothing in it can close."""
    try:
        value = json.loads(out)
        text = value if isinstance(value, str) else json.dumps(value, indent=2)
    except ValueError:
        text = f"{out}…"
    fence = "```"
    while fence in text:
        fence += "`"
    return [fence, *inert(text[:LONGEST_OUT]).splitlines(), fence]
