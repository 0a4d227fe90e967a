"""The engine's own figures: latencies against their budgets, utilisation, overhead."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.rules.world import World

KEPT = 512
"""Latest samples of a latency from which its percentiles are taken."""


@dataclass(slots=True)
class Latency:
    """Seconds, the latest of them."""

    samples: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))
    count: int = 0

    def add(self, seconds: float) -> None:
        self.samples.append(seconds)
        self.count += 1

    def percentile(self, share: float) -> float | None:
        """None before the first sample."""
        if not self.samples:
            return None
        ordered = sorted(self.samples)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


class Metrics:
    def __init__(self) -> None:
        self.start = Latency()
        """From the message that made a start possible to the program."""
        self.creation = Latency()
        """Of a session, from the command to tmux's answer."""
        self.commit = Latency()
        """From the end of a program to its result on disk."""
        self.began_at = time.time()
        self._busy = 0.0
        self._available = 0.0
        self._counted_to = time.time()
        self._cpu_before = (time.monotonic(), time.process_time())
        self.cpu = 0.0
        """Per cent of one core that the engine took lately."""

    def count_use(self, world: World, now: float) -> None:
        """Adds the time since the last call, before the world changes: called at every turn.

        A slot counts as available while a task waits for one or runs in one.
        """
        elapsed, self._counted_to = now - self._counted_to, now
        usable = sum(agent.usable for agent in world.agents.values())
        most = world.limits.slots or usable
        self._busy += elapsed * min(sum(agent.busy for agent in world.agents.values()), most)
        self._available += elapsed * min(usable, most)

    @property
    def utilisation(self) -> float | None:
        """Busy share of the slot time for which there was work; None where there was none."""
        return self._busy / self._available if self._available else None

    def count_cpu(self) -> None:
        """Every few seconds: what the engine took since the last call."""
        before, spent_before = self._cpu_before
        now, spent = time.monotonic(), time.process_time()
        if now - before >= 1:
            self.cpu = 100 * (spent - spent_before) / (now - before)
            self._cpu_before = (now, spent)
