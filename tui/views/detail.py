"""The chosen task in a few lines: why first, then what it is and how it went."""

from __future__ import annotations

import textwrap
import time
from typing import TYPE_CHECKING, Any

from core.text import duration, one_line, size
from tui.views.line import Line, Span
from tui.views.rows import symbol
from tui.wording import NEEDS_YOU, TASK_SIGNS, UNKNOWN, Sign, command_of, state_word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui.situation import Situation

LABEL = 8


def detail_lines(task: dict[str, Any], width: int, at: Situation) -> list[Line]:
    """The document of `show`, in lines of at most `width` cells."""
    lines: list[Line] = []
    for label, text, role in _facts(task, at):
        wrapped = textwrap.wrap(one_line(text, 2000), max(width - LABEL - 2, 12)) or [""]
        for place, part in enumerate(wrapped[:12]):
            lines.append((Span(f" {label if place == 0 else '':{LABEL}}", "muted"), Span(part, role)))
    return lines


def _facts(task: dict[str, Any], at: Situation) -> Iterator[tuple[str, str, str]]:
    sign, word = _state(task)
    yield "state", f"{symbol(sign, at)} {word}", sign.role
    for place, reason in enumerate(task["why"]):
        yield "why" if place == 0 else "", reason, "strong"
    if task["needs"]:
        needs = ", ".join(f"{need['task']} {symbol(_sign(need['state']), at)}" for need in task["needs"])
        yield "needs", needs, ""
    if task["dependents"]:
        then = ", ".join(f"{one['task']} {symbol(_sign(one['state']), at)}" for one in task["dependents"][:20])
        yield "then", then, ""
    yield *command_of(task), ""
    yield "folder", task["cwd"], "muted"
    if task["worktree"] is not None:
        yield "tree", "{path}, branch {branch}".format(**task["worktree"]), "muted"
    priority = f", priority {task['priority']}" if task["priority"] else ""
    yield "place", f"agent {task['agent']}, group {task['group']}{priority}", "muted"
    for attempt in task["attempts"][-4:]:
        yield f"try {attempt['number']}", _attempt(attempt), "muted"
    said = next((one["result"]["message"] for one in task["attempts"][::-1] if one["result"]), "")
    if said:
        yield "said", " ".join(said.split()), ""
    yield "queued", f"{duration(time.time() - task['queued_at'])} ago", "muted"


def _state(task: dict[str, Any]) -> tuple[Sign, str]:
    """Of a running task, that of its attempt: it may wait for somebody."""
    latest = task["attempts"][-1]["state"] if task["attempts"] and task["state"] == "running" else ""
    if latest in ("waiting", "unknown"):
        return (NEEDS_YOU if latest == "waiting" else UNKNOWN), latest
    return TASK_SIGNS.get(task["state"], UNKNOWN), state_word(task["state"])


def _sign(state: str) -> Sign:
    return TASK_SIGNS.get(state, UNKNOWN)


def _attempt(attempt: dict[str, Any]) -> str:
    ended = attempt["ended_at"] is not None
    code = f"exit {attempt['exit_code']}" if attempt["exit_code"] is not None else attempt["state"]
    parts = [(attempt["reason"] if ended else None) or code]
    if attempt["started_at"] is not None and ended:
        parts.append(f"ran {duration(attempt['ended_at'] - attempt['started_at'])}")
    elif attempt["started_at"] is not None:
        parts.append(f"runs for {duration(time.time() - attempt['started_at'])}")
    if attempt["result"] and attempt["result"]["cost"] is not None:
        parts.append(f"{attempt['result']['cost']:.4f} USD")
    if attempt["pid"]:
        parts.append(f"process {attempt['pid']}")
    if attempt["max_memory"]:
        parts.append(f"memory {size(attempt['max_memory'])}")
    if attempt["left"]:
        parts.append(f"left alive: {', '.join(attempt['left'])}")
    return ", ".join(parts)
