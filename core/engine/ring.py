"""Take, decide, keep: one message becomes one step that is in the store before anybody acts on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import messages as m
from core.ports import Recalled
from core.rules.decide import decide
from core.rules.recovery import restore
from core.rules.world import World

if TYPE_CHECKING:
    from core.ports import Store
    from core.rules.step import Step
    from core.settings import Limits

ENGINE = "engine"
"""Who asked, where nobody did."""


class Ring:
    """A world and the store behind it. Ended tasks live in the store only; a message that names one brings it back."""

    def __init__(self, store: Store, limits: Limits, now: float) -> None:
        self.store = store
        self.world = World(limits=limits)
        loaded = store.load()
        for group in loaded.groups:
            self.world.groups[group.name] = group
        for agent in loaded.agents:
            self.world.agents[agent.name] = agent
        self.world.counts.update(loaded.counts)
        self.world.next_task = loaded.next_task
        self.world.last_queued_at = loaded.last_queued_at
        self.world.paused = loaded.paused
        self.world.configure(limits)
        restore(self.world, loaded.tasks, loaded.attempts, now)

    def apply(self, message: m.Message, now: float, *, who: str = ENGINE, cause_at: float | None = None) -> Step:
        """RefusedError leaves world and store as they were. `store.commit` ends the turn."""
        recalled = self._recalled(message)
        self.world.recall(recalled.tasks, recalled.ended, recalled.keys)
        try:
            step = decide(self.world, message, now, cause_at)
        except m.RefusedError:
            self.world.forget_ended(())
            raise
        self.store.keep(step, who)
        self.world.forget_ended(step.tasks)
        return step

    def _recalled(self, message: m.Message) -> Recalled:
        match message:
            case m.Add(tasks):
                parents = {need.parent for new in tasks for need in new.needs if need.parent > 0}
                ended = self._not_live(parents)
                keys = [new.spec.key for new in tasks if new.spec.key is not None]
                return Recalled(
                    ended=self.store.states(ended) if ended else {}, keys=self.store.by_key(keys) if keys else {}
                )
            case m.Clean(tasks):
                return Recalled(ended=self.store.states(tasks))
            case m.Retry(tasks):
                return self._recall(tasks, stopped=True)
            case m.Stop(tasks) | m.SendSignal(tasks) | m.Hold(tasks) | m.Release(tasks):
                return self._recall(tasks)
            case m.SetPriority(tasks) | m.StartNow(tasks):
                return self._recall(tasks)
            case m.Edit(task):
                return self._recall((task,))
            case m.Swap(task, other):
                return self._recall((task, other))
            case _:
                return Recalled()

    def _recall(self, tasks: tuple[int, ...], *, stopped: bool = False) -> Recalled:
        ended = self._not_live(tasks)
        return self.store.recall(ended, stopped=stopped) if ended else Recalled()

    def _not_live(self, tasks: tuple[int, ...] | set[int]) -> list[int]:
        return [task for task in tasks if task not in self.world.tasks]
