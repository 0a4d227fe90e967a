"""Runs of one group: how many of them there may be at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
    """What goes on with an ended run: itself, and the ended ones that wait for it."""
    found: list[Run] = []
    going: Run | None = run
    while going is not None and going.state.ended:
        found.append(going)
        going = None if going.parent is None else world.runs.get(going.parent.run)
    return found


def no_room(world: World, run: Run, opened: set[int]) -> str | None:
    """Why an ended run cannot go on, once these others do: its group has as many as it may."""
    for going in opened_with(world, run):
        most = group_limit(going)
        others = [
            other.id
            for other in world.runs.values()
            if other.group == going.group and other.id != going.id and (other.state.live or other.id in opened)
        ]
        if going.group is not None and most is not None and len(others) - callers(world, going) >= most:
            return f"run {going.id}: run {others[0]} of its group {going.group} has to end first"
    return None
