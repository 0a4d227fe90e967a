"""How well the rules keep agents busy: mixes of work in virtual time, with stealing and without, beside the ideal.

The ideal scheduler knows everything beforehand: it is never faster than the work that arrives after any moment divided
by all slots, nor than the longest task. Utilisation is busy slot time over the slot time for which there was work.
"""

from __future__ import annotations

import random
from heapq import heappop, heappush
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from core import messages as m
from core.effects import ReleaseSession, Start
from core.engine.ring import Ring
from core.kinds.result import Result
from core.model import AttemptId, ProcessId, Wanted
from core.settings import AgentLimits, Limits
from tests.bench.figures import Figure
from tests.build import new
from tests.fakes import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AGENTS, SLOTS = 20, 2
GOAL = 97.0
"""Per cent of utilisation, where the ideal scheduler reaches 98."""


class Work(NamedTuple):
    arrives: float
    """Seconds after the start."""
    takes: float
    affinity: str | None = None


def uniform(chance: random.Random) -> list[Work]:
    return [Work(0.0, chance.uniform(10, 100)) for _ in range(2000)]


def heavy_tailed(chance: random.Random) -> list[Work]:
    """Pareto with shape 1.5: most are short, a few take as long as hundreds of them."""
    return [Work(0.0, min(10 * chance.paretovariate(1.5), 2000)) for _ in range(2000)]


def bursts(chance: random.Random) -> list[Work]:
    return [Work(600.0 * burst, chance.uniform(5, 60)) for burst in range(10) for _ in range(200)]


def skewed(chance: random.Random) -> list[Work]:
    """They come a few at a time, four of five of them in one of two repositories."""
    repositories = ["/hot/1", "/hot/2"] * 20 + [f"/cold/{number}" for number in range(10)]
    return [Work(65.0 * (at // 50), chance.uniform(10, 100), chance.choice(repositories)) for at in range(2000)]


def batch(chance: random.Random) -> list[Work]:
    return [Work(0.0, chance.expovariate(1 / 30) + 1) for _ in range(10_000)]


MIXES: dict[str, Callable[[random.Random], list[Work]]] = {
    "uniform": uniform,
    "heavy-tailed": heavy_tailed,
    "bursts": bursts,
    "skewed affinity": skewed,
    "batch of 10,000": batch,
}


def figures() -> Iterator[Figure]:
    for name, mix in MIXES.items():
        work = mix(random.Random(name))
        bound = least_makespan(work, AGENTS * SLOTS)
        for steal in (True, False):
            makespan, utilisation = Simulation(work, steal=steal).run()
            how = "stealing" if steal else "none"
            goal = GOAL if steal else None
            yield Figure(f"{name}: utilisation, {how}", 100 * utilisation, "%", goal, more_is_better=True)
            yield Figure(f"{name}: makespan, {how}", makespan, "s", None, bound, "bound of an ideal scheduler")


def least_makespan(work: list[Work], slots: int) -> float:
    """Seconds that no scheduler can stay below."""
    latest_first = sorted(work, reverse=True)
    after = accumulate(one.takes for one in latest_first)
    shared = max(one.arrives + total / slots for one, total in zip(latest_first, after, strict=True))
    return max(shared, *(one.arrives + one.takes for one in work))


class Simulation:
    """The real rules; only the outside and the clock are made up."""

    def __init__(self, work: list[Work], *, steal: bool) -> None:
        agents = [AgentLimits(f"agent-{number}", SLOTS, "claude") for number in range(AGENTS)]
        self._ring = Ring(MemoryStore(), Limits(slots=0, steal=steal, agents=tuple(agents)), 0.0)
        self._work = sorted(work, key=lambda one: one.arrives)
        self._due: list[tuple[float, int, m.Message]] = []
        self._order = 0
        self._now = 0.0
        self._busy = self._wanted = 0.0

    def run(self) -> tuple[float, float]:
        """Makespan and utilisation."""
        for arrives in sorted({one.arrives for one in self._work}):
            tasks = [
                new(wanted=Wanted(None, prompts=True), affinity=one.affinity)
                for one in self._work
                if one.arrives == arrives
            ]
            self._later(arrives, m.Add(tuple(tasks)))
        while self._due:
            at, _, message = heappop(self._due)
            self._pass(at)
            self._tell(message)
            self._wake()
        return self._now, self._busy / self._wanted

    def _tell(self, message: m.Message) -> None:
        step = self._ring.apply(message, self._now)
        for effect in step.effects:
            if isinstance(effect, Start):
                self._begin(effect.attempt)
            else:
                assert isinstance(effect, ReleaseSession)

    def _begin(self, attempt: AttemptId) -> None:
        ends = self._now + self._work[attempt.task - 1].takes
        self._later(self._now, m.Placed(attempt, 0, 0, ProcessId(1, 1.0, "")))
        self._later(self._now, m.Started(attempt, 1, self._now))
        self._later(ends, m.Exited(attempt, 0, ends, Result("ok")))

    def _later(self, at: float, message: m.Message) -> None:
        self._order += 1
        heappush(self._due, (at, self._order, message))

    def _pass(self, now: float) -> None:
        world = self._ring.world
        elapsed, self._now = now - self._now, now
        self._busy += elapsed * world.running
        self._wanted += elapsed * min(AGENTS * SLOTS, len(world.tasks))

    def _wake(self) -> None:
        due = self._ring.world.timers.next_at
        while due is not None and (not self._due or due < self._due[0][0]) and self._ring.world.tasks:
            self._pass(max(due, self._now))
            self._tell(m.Ticked())
            due = self._ring.world.timers.next_at
