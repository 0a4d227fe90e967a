"""The tasks that could start, in the order in which they will.

A task's order is its time of queueing less its priority times the age step: both sides of every comparison age at the
same rate, so an order never changes by waiting, and nothing is ever sorted again. A task is one entry in the heap of
its lane (agent and group); lanes whose group is closed are set aside until it opens. One pick costs
O(log tasks + agents), whatever waits elsewhere.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Lane:
    """Ready tasks of one agent and one group."""

    __slots__ = ("agent", "group", "heap", "listed")

    def __init__(self, agent: str, group: str) -> None:
        self.agent = agent
        self.group = group
        self.heap: list[tuple[float, int]] = []
        self.listed: float | None = None
        """The order under which the lane is offered; None while it is set aside."""


class Ready:
    """Ready tasks by lane. `current` tells a task's order in a lane, None once it is no longer ready there."""

    def __init__(self, current: Callable[[int, Lane], float | None]) -> None:
        self._current = current
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._by_group: dict[str, dict[str, Lane]] = {}
        self._offers: dict[str, list[tuple[float, int, Lane]]] = {}
        self._offers_made = 0

    def push(self, task: int, order: float, agent: str, group: str) -> None:
        lane = self._lanes.get((agent, group))
        if lane is None:
            lane = self._lanes[agent, group] = Lane(agent, group)
            self._by_group.setdefault(group, {})[agent] = lane
        heappush(lane.heap, (order, task))
        if lane.listed is None or order < lane.listed:
            self._offer(lane)

    def reopen(self, group: str) -> None:
        """The group may start tasks again."""
        for lane in self._by_group.get(group, {}).values():
            if lane.listed is None:
                self._offer(lane)

    def pick(self, agents: Iterable[str], open_group: Callable[[str], bool]) -> int | None:
        """Takes out the task that goes first among those of `agents` and of open groups."""
        best: Lane | None = None
        for agent in agents:
            lane = self._best_lane(agent, open_group)
            if lane is not None and (best is None or lane.heap[0] < best.heap[0]):
                best = lane
        return None if best is None else heappop(best.heap)[1]

    def _best_lane(self, agent: str, open_group: Callable[[str], bool]) -> Lane | None:
        offers = self._offers.get(agent)
        while offers:
            order, _, lane = offers[0]
            if order == lane.listed:
                self._drop_stale(lane)
                if lane.heap and lane.heap[0][0] == order and open_group(lane.group):
                    return lane
            heappop(offers)
            if order == lane.listed:
                lane.listed = None
                if not lane.heap:
                    self._forget(lane)
                elif open_group(lane.group):
                    self._offer(lane)
        return None

    def _drop_stale(self, lane: Lane) -> None:
        heap = lane.heap
        while heap and self._current(heap[0][1], lane) != heap[0][0]:
            heappop(heap)

    def _offer(self, lane: Lane) -> None:
        lane.listed = lane.heap[0][0]
        self._offers_made += 1
        heappush(self._offers.setdefault(lane.agent, []), (lane.listed, self._offers_made, lane))

    def _forget(self, lane: Lane) -> None:
        del self._lanes[lane.agent, lane.group]
        of_group = self._by_group[lane.group]
        del of_group[lane.agent]
        if not of_group:
            del self._by_group[lane.group]
