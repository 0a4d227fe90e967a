"""Why an action on a run cannot work just now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.actions import Action, On, Tier

if TYPE_CHECKING:
    from core.wire import RunRow


def run_why_not(action: Action, row: RunRow | None, node: dict[str, Any] | None, *, read_only: bool) -> str | None:
    """None where the action can work on this run and this node of it."""
    if read_only and action.tier is not Tier.LOOKS:
        return "this console is read-only"
    if action.on is On.NOTHING:
        return None
    if row is None:
        return "no run is chosen"
    return _of_run(action.on, row) or _of_node(action.on, node)


def _of_run(on: On, row: RunRow) -> str | None:
    if on is On.LIVE_RUN and row.ended_at is not None:
        return f"run {row.id} has ended: {row.state.replace('_', ' ')}"
    if on is On.FAILED_RUN and not row.failed:
        return f"nothing in run {row.id} has failed"
    if on is On.GATE and not row.asking:
        return f"no gate of run {row.id} waits for anybody"
    return None


def _of_node(on: On, node: dict[str, Any] | None) -> str | None:
    if on not in (On.NODE, On.WORKED):
        return None
    if node is None:
        return "no node is chosen: ↵ goes into the run"
    if on is On.WORKED and not any(part["task"] is not None for part in node["parts"]):
        return f"{node['name']} has no task" + ("" if node["started_at"] else " yet")
    return None
