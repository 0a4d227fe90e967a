"""What will be due, and when. A timer is never taken back: its handler looks whether it still means anything."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

from core.due import Timer

if TYPE_CHECKING:
    from core.due import Due


class Timers:
    def __init__(self) -> None:
        self._heap: list[Timer] = []

    def set(self, at: float, due: Due, task: int, attempt: int = 0) -> None:
        heappush(self._heap, Timer(at, due, task, attempt))

    @property
    def next_at(self) -> float | None:
        return self._heap[0].at if self._heap else None

    def take_due(self, now: float) -> Timer | None:
        """The next timer that is due, taken out; None when there is none by `now`."""
        return heappop(self._heap) if self._heap and self._heap[0].at <= now else None
