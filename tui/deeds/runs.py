"""Actions on runs of workflows: their gates, their tasks, their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from core.text import plural
from tui.screens.dialogs import Option, Question

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.wire import RunRow
    from tui.deeds.desk import Desk


class Chosen(NamedTuple):
    """What the cursors of the screen of runs stand on."""

    row: RunRow
    run: dict[str, Any] | None
    """Its document, where it is here."""
    node: dict[str, Any] | None
    part: dict[str, Any] | None = None
    """In the timeline: one of the times that the node worked."""


async def approve(desk: Desk, chosen: Chosen) -> None:
    gate = await _gate(desk, chosen, "approve")
    if gate is not None:
        await desk.ask("gate", run=chosen.row.id, node=gate, approved=True)
        desk.say(f"run {chosen.row.id}: {gate} approved")


async def reject(desk: Desk, chosen: Chosen) -> None:
    """The reason is asked for: it stands in the history, and the question is the way out."""
    gate = await _gate(desk, chosen, "reject")
    if gate is None:
        return
    note = "why? it stands in the history, and what needs the gate does not run"
    text = await desk.prompt(f"reject {gate} of run {chosen.row.id} {chosen.row.workflow}", note=note)
    if text is not None:
        await desk.ask("gate", run=chosen.row.id, node=gate, approved=False, text=text)
        desk.say(f"run {chosen.row.id}: {gate} rejected")


async def _gate(desk: Desk, chosen: Chosen, verb: str) -> str | None:
    """The one under the cursor, or the only one that asks, or the one that the person names."""
    asking = chosen.row.asking.split(",")
    if chosen.node is not None and chosen.node["name"] in asking:
        return str(chosen.node["name"])
    if len(asking) == 1:
        return asking[0]
    asks = {} if chosen.run is None else {node["name"]: node["asks"] or "" for node in chosen.run["nodes"]}
    return await desk.choose(f"{verb} which gate?", [Option(name, name, asks.get(name, "")) for name in asking])


async def retry_failed(desk: Desk, chosen: Chosen) -> None:
    row = chosen.row
    if row.failed > 1:
        failed = _nodes(chosen, "failed", "timed_out", "lost", "cancelled", "upstream_failed")
        question = Question(f"retry {plural(row.failed, 'node')} of run {row.id}?", _listed(failed), verb="retry them")
        if not await desk.confirm(question):
            return
    await desk.ask("run-retry", run=row.id)
    desk.say(f"run {row.id}: what has failed runs again")


async def retry_from(desk: Desk, chosen: Chosen) -> None:
    assert chosen.node is not None
    assert chosen.run is not None
    name, run = chosen.node["name"], chosen.row.id
    again = below(chosen.run, name)
    title = f"run {name} of run {run} again, and all that follows it?"
    if await desk.confirm(Question(title, (f"{plural(len(again), 'node')}:", *_listed(again)), verb="run them again")):
        await desk.ask("run-retry", run=run, node=name)
        desk.say(f"run {run}: again from {name}")


def below(run: dict[str, Any], name: str) -> list[str]:
    """The node and every other one that needs it, directly or not, in the order of the file."""
    found = {name}
    while True:
        more = {node["name"] for node in run["nodes"] if found.intersection(node["needs"])} - found
        if not more:
            return [node["name"] for node in run["nodes"] if node["name"] in found]
        found |= more


async def pause(desk: Desk, chosen: Chosen) -> None:
    row = chosen.row
    paused = row.state == "paused"
    await desk.ask("run-resume" if paused else "run-pause", runs=[row.id])
    desk.say(f"run {row.id} {'goes on' if paused else 'is paused: what runs ends, nothing more starts'}")


async def cancel(desk: Desk, chosen: Chosen) -> None:
    row = chosen.row
    running = _nodes(chosen, "running")
    ends = "end" if row.active > 1 else "ends"
    facts = [f"{plural(row.active, 'task')} {ends}: {', '.join(running[:8])}"] if row.active else []
    open_nodes = row.nodes - row.ended
    facts.append(f"{plural(open_nodes, 'node')} of {row.nodes} will not come to an end of their own")
    if row.state == "cancelling":
        facts.append("it is being cancelled: this time also what comes last")
    word = str(row.active) if row.active > 1 else "y"
    if await desk.confirm(Question(f"cancel run {row.id} {row.workflow}?", tuple(facts), word, "cancel it")):
        await desk.ask("run-cancel", runs=[row.id])
        desk.say(f"run {row.id} is being cancelled")


def task_of(chosen: Chosen) -> int | None:
    """The task to look at: that of the chosen part, or of the part that needs a look most."""
    return None if calls(chosen) else _latest(chosen)


def run_of(chosen: Chosen) -> int | None:
    """The run that the chosen node has called; where there are several, the one that needs a look most."""
    return _latest(chosen) if calls(chosen) else None


def calls(chosen: Chosen) -> bool:
    return chosen.node is not None and chosen.node["does"] == "call"


def _latest(chosen: Chosen) -> int | None:
    if chosen.part is not None:
        number: int | None = chosen.part["task"]
        return number
    parts = [] if chosen.node is None else [part for part in chosen.node["parts"] if part["task"] is not None]
    order = ("lost", "failed", "timed_out", "running", "cancelled", "succeeded")
    most = min(parts, key=lambda part: order.index(part["state"]) if part["state"] in order else 9, default=None)
    return None if most is None else int(most["task"])


def _nodes(chosen: Chosen, *states: str) -> list[str]:
    return [] if chosen.run is None else [node["name"] for node in chosen.run["nodes"] if node["state"] in states]


def _listed(names: list[str]) -> tuple[str, ...]:
    return (*names[:8], f"and {len(names) - 8} more") if len(names) > 8 else tuple(names)


RUN_DEEDS: dict[str, Callable[[Desk, Chosen], Awaitable[None]]] = {
    "approve": approve,
    "reject": reject,
    "retry-failed": retry_failed,
    "retry-from": retry_from,
    "pause": pause,
    "cancel": cancel,
}
