"""Runs of one group: how many of them there may be at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.workflows.model import NodeState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.rules.runs.state import Run
    from core.rules.world import World

QUEUED = "schedule: "
"""Begins the group of runs that a schedule starts one after the other; no file can write such a name."""


def group_limit(run: Run) -> int | None:
    if run.group is not None and run.group.startswith(QUEUED):
        return 1
    return run.workflow.run.group_max


def callers(world: World, run: Run) -> int:
    """Runs of its group that wait for it: it does not wait for them."""
    count, parent = 0, run.parent
    while parent is not None and (caller := world.runs.get(parent.run)) is not None:
        count += caller.group == run.group and not caller.state.ended
        parent = caller.parent
    return count


def opened_with(world: World, run: Run) -> list[Run]:
    """The runs that go on once this ended one does: itself, the one that had called it, and so on."""
    found: list[Run] = []
    going: Run | None = run
    while going is not None and going.state.ended:
        found.append(going)
        going = waiting_again(world, going)
    return found


def waiting_again(world: World, run: Run) -> Run | None:
    """The run that has called this ended one, and waits for it again once it goes on."""
    caller = None if run.parent is None else world.runs.get(run.parent.run)
    if run.parent is None or caller is None:
        return None
    progress = caller.nodes[run.parent.node]
    part = progress.parts.get(run.parent.item)
    if part is None or part.task != run.id or not part.state.ended:
        return None
    return None if progress.node.is_left and part.state is NodeState.CANCELLED else caller


def no_room(world: World, ended: Iterable[Run], opened: set[int]) -> str | None:
    """Why ended runs cannot go on, once these others do: the group of one has as many as it may."""
    for going in ended:
        most = group_limit(going)
        others = [
            other.id
            for other in world.runs.values()
            if other.group == going.group and other.id != going.id and (other.state.live or other.id in opened)
        ]
        if going.group is not None and most is not None and len(others) - callers(world, going) >= most:
            return f"run {going.id}: run {others[0]} of its group {going.group} has to end first"
    return None
