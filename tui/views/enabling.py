"""Why an action cannot work just now: a key that does nothing says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.actions import Action, On, Tier

if TYPE_CHECKING:
    from collections.abc import Container

    from core.wire import TaskRow

_STATE = {
    On.QUEUED: "queued",
    On.RUNNING: "running",
}


def why_not(
    action: Action,
    rows: list[TaskRow],
    *,
    read_only: bool,
    other: bool = False,
    silent: Container[str] = (),
) -> str | None:
    """None where the action can work on these tasks. `other` is a chosen agent or session that is no task, `silent`
    are agents that run commands: nobody can talk to those.
    """
    if read_only and action.tier is not Tier.LOOKS:
        return "this console is read-only"
    if action.on is On.NOTHING or (other and action.id in _ALSO_FOR_OTHERS):
        return None
    if not rows:
        return "no task is chosen"
    if not any(_fits(action.on, row) for row in rows):
        return _reason(action.on, rows)
    if action.on is On.TALKED and all(row.agent in silent for row in rows):
        return f"{rows[0].id} was a command: there is no conversation to go on with"
    return None


_ALSO_FOR_OTHERS = frozenset({"attach", "open", "pause", "kill"})


def _fits(on: On, row: TaskRow) -> bool:
    match on:
        case On.QUEUED | On.RUNNING:
            return row.state == _STATE[on]
        case On.LIVE:
            return row.state in ("queued", "running")
        case On.ENDED | On.TALKED:
            return row.state not in ("queued", "running")
        case On.STARTED:
            return row.attempts > 0
        case _:
            return True


def _reason(on: On, rows: list[TaskRow]) -> str:
    if len(rows) > 1:
        return f"none of the {len(rows)} marked is {_words(on)}"
    row = rows[0]
    if on is On.STARTED:
        return f"{row.id} has not run yet"
    return f"{row.id} is {row.state.replace('_', ' ')}, not {_words(on)}"


def _words(on: On) -> str:
    words = {On.QUEUED: "queued", On.RUNNING: "running", On.LIVE: "queued or running", On.ENDED: "ended"}
    return (words | {On.TALKED: "ended"}).get(on, "run yet")
