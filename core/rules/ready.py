"""The tasks that could start, in the order in which they will.

A task's order is its time of queueing less its priority times the age step: both sides of every comparison age at the
same rate, so an order never changes by waiting, and nothing is ever sorted again. A task is one entry in the heap of
its lane (agent, group, and what is wanted of the agent); lanes whose group is closed are set aside until it opens. One
pick costs O(log tasks + agents), whatever waits elsewhere. A lane whose tasks any fitting agent may run has a second
heap, from which idle agents take what would go last.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from core.model import Wanted

Key = tuple[str, str, "Wanted"]
"""Agent, group, and what is wanted."""
STALE_AT_MOST = 64
"""Entries of a tail beyond those of its lane, before it is made anew."""


class Lane:
    """Ready tasks of one agent and one group that want the same."""

    __slots__ = ("heap", "key", "listed", "tail")

    def __init__(self, key: Key) -> None:
        self.key = key
        self.heap: list[tuple[float, int]] = []
        self.tail: list[tuple[float, int]] = []
        """The same with orders turned round, where any agent may take the tasks; it may have stale entries."""
        self.listed: float | None = None
        """The order under which the lane is offered; None while it is set aside."""

    @property
    def agent(self) -> str:
        return self.key[0]

    @property
    def group(self) -> str:
        return self.key[1]

    @property
    def wanted(self) -> Wanted:
        return self.key[2]


class Ready:
    """Ready tasks by lane. `current` tells a task's order in a lane, None once it is no longer ready there."""

    def __init__(self, current: Callable[[int, Lane], float | None]) -> None:
        self._current = current
        self._lanes: dict[Key, Lane] = {}
        self._by_group: dict[str, dict[Key, Lane]] = {}
        self._offers: dict[str, list[tuple[float, int, Lane]]] = {}
        self._offers_made = 0
        self.shared: dict[Key, Lane] = {}
        """Lanes with tasks that other agents may take."""

    def push_all(self, orders: list[tuple[float, int]], agent: str, group: str, wanted: Wanted) -> None:
        """Tasks of one lane, each with its order before its number."""
        lane = self._lane((agent, group, wanted))
        for entry in orders:
            heappush(lane.heap, entry)
        if wanted.agent is None:
            for order, task in orders:
                self._push_tail(lane, order, task)
        if lane.listed is None or lane.heap[0][0] < lane.listed:
            self._offer(lane)

    def _lane(self, key: Key) -> Lane:
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(key)
            self._by_group.setdefault(lane.group, {})[key] = lane
        return lane

    def push(self, task: int, order: float, agent: str, group: str, wanted: Wanted) -> None:
        lane = self._lane((agent, group, wanted))
        heappush(lane.heap, (order, task))
        if wanted.agent is None:
            self._push_tail(lane, order, task)
        if lane.listed is None or order < lane.listed:
            self._offer(lane)

    def _push_tail(self, lane: Lane, order: float, task: int) -> None:
        heappush(lane.tail, (-order, task))
        self.shared[lane.key] = lane
        if len(lane.tail) > 2 * len(lane.heap) + STALE_AT_MOST:
            lane.tail = [(-order, task) for order, task in lane.heap]
            heapify(lane.tail)

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

    def from_tail(self, lane: Lane) -> Iterator[int]:
        """Tasks of a lane, those first that would go last. One that stays where it is must be given to `put_back`."""
        while lane.tail:
            order, task = heappop(lane.tail)
            if self._current(task, lane) == -order:
                yield task
        self.shared.pop(lane.key, None)

    def put_back(self, lane: Lane, tasks: Iterable[int]) -> None:
        for task in tasks:
            order = self._current(task, lane)
            if order is not None:
                heappush(lane.tail, (-order, task))
                self.shared[lane.key] = lane

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
        del self._lanes[lane.key]
        self.shared.pop(lane.key, None)
        of_group = self._by_group[lane.group]
        del of_group[lane.key]
        if not of_group:
            del self._by_group[lane.group]
