"""What a world knows that no store keeps: what the looks at processes, screens and programs have found."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from core.messages import Arm
from core.rules.decide import decide

if TYPE_CHECKING:
    from core.interactive.ladder import Reading
    from core.rules.world import Use, World
    from core.vitals import Health, Vital


class Look(NamedTuple):
    """What was seen of an attempt last."""

    vital: Vital | None
    health: Health | None
    reading: Reading | None
    resting: bool


class Program(NamedTuple):
    """What was found out about an agent."""

    unusable: str | None
    doubt: str | None
    use: Use


class Seen:
    """Taken from a world before it is read again, and given to the new one."""

    def __init__(self, world: World) -> None:
        self.barred = world.barred
        self._looks = {one.id: Look(one.vital, one.health, one.reading, one.resting) for one in world.attempts.values()}
        self._programs = {one.name: Program(one.unusable, one.doubt, one.use) for one in world.agents.values()}
        self._silent = dict(world.silent)
        self._misplaced, self._failovers = dict(world.misplaced), dict(world.failovers)
        self._arming, self._armed = world.arming, tuple(world.armed.values())

    def put_back(self, world: World, now: float) -> None:
        for attempt in world.attempts.values():
            look = self._looks.get(attempt.id)
            if look is not None:
                attempt.vital, attempt.health, attempt.reading, attempt.resting = look
        for agent in world.agents.values():
            program = self._programs.get(agent.name)
            if program is not None:
                agent.unusable, agent.doubt, agent.use = program
        world.silent = self._silent
        world.misplaced = {task: times for task, times in self._misplaced.items() if task in world.tasks}
        world.failovers = {task: times for task, times in self._failovers.items() if task in world.tasks}
        world.arming = self._arming
        if self._armed:
            decide(world, Arm(self._armed), now, starts=False)
