"""The words and symbols of the screen: one state, one word, one symbol, one role that a theme colours."""

from __future__ import annotations

import shlex
from typing import Any, NamedTuple

from core.text import duration, plural


class Sign(NamedTuple):
    """How a state looks."""

    symbol: str
    plain: str
    """For terminals without the symbols (`--ascii`)."""
    role: str
    """A role of the theme."""


QUEUED = Sign("○", "o", "queued")
STARTING = Sign("◐", "~", "starting")
RUNNING = Sign("●", "*", "running")
NEEDS_YOU = Sign("◆", "!", "needs-you")
PAUSED = Sign("‖", "=", "paused")
RETRYING = Sign("↺", "r", "retrying")
SUCCEEDED = Sign("✓", "+", "succeeded")
FAILED = Sign("✗", "x", "failed")
CANCELLED = Sign("⊘", "-", "cancelled")
UNKNOWN = Sign("?", "?", "unknown")
LOST = Sign("!", "L", "lost")

TASK_SIGNS = {
    "queued": QUEUED,
    "running": RUNNING,
    "succeeded": SUCCEEDED,
    "failed": FAILED,
    "timed_out": FAILED,
    "lost": LOST,
    "cancelled": CANCELLED,
    "skipped": CANCELLED,
    "upstream_failed": CANCELLED,
}
RUN_SIGNS = {
    "pending": QUEUED,
    "running": RUNNING,
    "paused": PAUSED,
    "cancelling": CANCELLED,
    "succeeded": SUCCEEDED,
    "failed": FAILED,
    "timed_out": FAILED,
    "cancelled": CANCELLED,
}
NODE_SIGNS = TASK_SIGNS | {"pending": QUEUED, "asking": NEEDS_YOU, "waiting": STARTING}
"""Of the nodes of a run, and of the parts of those."""
HEALTH_SIGNS = {
    "starting": STARTING,
    "working": RUNNING,
    "quiet": RUNNING,
    "waiting": NEEDS_YOU,
    "stuck": NEEDS_YOU,
    "stopped": PAUSED,
    "zombie": UNKNOWN,
    "orphaned": UNKNOWN,
    "gone": LOST,
    "unknown": UNKNOWN,
}
STATE_WORDS = {"timed_out": "timed out", "upstream_failed": "stopped by parent"}

BUDGETS = {"start": 8.0, "creation": 10.0}
"""Milliseconds that the slowest hundredth of a latency may take before its figure is coloured."""
ENGINE_BUDGET = 2.0
"""Per cent of a core."""

ROLES = (
    "muted",
    "faint",
    "strong",
    "accent",
    "good",
    "warn",
    "bad",
    "mark",
    *dict.fromkeys(sign.role for sign in (*TASK_SIGNS.values(), *HEALTH_SIGNS.values(), RETRYING)),
)
"""Everything that a theme may colour beside the surfaces."""


def state_word(state: str) -> str:
    return STATE_WORDS.get(state, state)


def command_of(task: dict[str, Any]) -> tuple[str, str]:
    """What a task's document says it runs: the word for that, and the text."""
    if task["prompt"] is not None:
        return "prompt", task["prompt"]
    return ("shell", task["shell"]) if task["shell"] is not None else ("command", shlex.join(task["command"]))


def agent_word(agent: dict[str, Any], now: float) -> str:
    """How an agent's document says that it stands."""
    if not agent["configured"]:
        return "not configured"
    if agent["mode"] != "on":
        return str(agent["mode"])
    if agent["retry_at"] is not None:
        left = agent["retry_at"] - now
        return f"breaker {duration(left)}" if left > 0 else "to be tried"
    return "cannot run" if agent["problem"] else "running" if agent["running"] else "idle"


def agent_facts(told: dict[str, Any], now: float) -> list[tuple[str, str]]:
    """The document of `agents explain`, a fact each."""
    agent = told["agent"]
    slots = plural(agent["slots"], "slot") if agent["slots"] else "any number of slots"
    found = {
        "state": agent_word(agent, now),
        "why": agent["problem"],
        "note": agent["doubt"],
        "kind": agent["kind"],
        "program": shlex.join(told["program"] or ()),
        "load": f"{agent['running']} running on {slots}, {agent['queued']} queued",
        "used": "" if agent["utilisation"] is None else f"{agent['utilisation']:.0%} while it had work",
        "can": ", ".join(agent["capabilities"]),
        "warm for": ", ".join(told["warm"]),
        "cost": "" if told["cost"] is None else f"{told['cost']:.4f} USD in {told['attempts']} attempts",
    }
    return [(name, str(value)) for name, value in found.items() if value]
