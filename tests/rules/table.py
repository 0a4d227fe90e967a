"""The rules over a store in memory, for tests that read as a table of what happens."""

from __future__ import annotations

from typing import Any

from core import messages as m
from core.effects import Start
from core.engine.ring import Ring
from core.kinds.result import Result
from core.model import AttemptId, ProcessId, TaskState
from core.rules.why import why
from core.settings import Limits
from tests.build import add
from tests.fakes import MemoryStore


class Table:
    """A ring with a clock, and short words for what happens."""

    def __init__(self, store: MemoryStore | None = None, **limits: Any) -> None:
        self.store = store or MemoryStore()
        self.limits = Limits(**({"slots": 2} | limits))
        self.ring = Ring(self.store, self.limits, 0.0)
        self.now = 1000.0
        self.effects: list[Any] = []

    def tell(self, message: m.Message) -> Any:
        step = self.ring.apply(message, self.now)
        self.effects = step.effects
        return step.reply

    def add(self, *tasks: m.NewTask) -> list[int]:
        return self.tell(add(*tasks))

    def later(self, seconds: float) -> None:
        self.now += seconds
        self.tell(m.Ticked())

    def attempt(self, task: int) -> AttemptId:
        return self.ring.world.attempts[task].id

    def start(self, task: int) -> None:
        self.tell(m.Placed(self.attempt(task), 0, 1, ProcessId(5, 1.0, "b")))
        self.tell(m.Started(self.attempt(task), 6, self.now))

    def exit(self, task: int, code: int = 0, result: Result | None = None) -> None:
        """An agent that was given a prompt tells how it went, unless `result` says otherwise."""
        told = Result("ok") if code == 0 and self.ring.world.tasks[task].wanted.prompts else None
        self.tell(m.Exited(self.attempt(task), code, self.now, result or told))

    def restart(self) -> None:
        self.ring = Ring(self.store, self.limits, self.now)
        self.tell(m.Ticked())

    def state(self, task: int) -> TaskState:
        return self.store.tasks[task].state

    def started(self) -> list[int]:
        return [effect.attempt.task for effect in self.effects if isinstance(effect, Start)]

    def why(self, task: int) -> str:
        world = self.ring.world
        return "; ".join(why(world, world.tasks[task], self.now))
