"""What comes before what: order, cycles and ancestors of things that need each other."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
Needs = Mapping[K, Sequence[K]]
"""By name, what it needs. Names that are no key are passed over."""


def topological(needs: Needs[K]) -> list[K]:
    """Each after all that it needs, else in their own order. What is on a cycle, or after one, is left out."""
    open_needs = {name: sum(parent in needs for parent in parents) for name, parents in needs.items()}
    children = dependents(needs)
    ready = deque(name for name, count in open_needs.items() if count == 0)
    found = []
    while ready:
        name = ready.popleft()
        found.append(name)
        for child in children[name]:
            open_needs[child] -= 1
            if open_needs[child] == 0:
                ready.append(child)
    return found


def dependents(needs: Needs[K]) -> dict[K, list[K]]:
    """By name, what needs it."""
    children: dict[K, list[K]] = {name: [] for name in needs}
    for name, parents in needs.items():
        for parent in parents:
            if parent in children:
                children[parent].append(name)
    return children


def cycles(needs: Needs[K]) -> list[list[K]]:
    """A short cycle of each knot of things that need each other: the names along it, each needing the next."""
    sorted_out = set(topological(needs))
    left = {
        name: [one for one in parents if one in needs and one not in sorted_out]
        for name, parents in needs.items()
        if name not in sorted_out
    }
    found = []
    for knot in _knots(left):
        first = next((name for name in knot if name in left[name]), None)
        if first is not None:
            found.append([first])
        elif len(knot) > 1:
            found.append(_cycle(left, knot))
    return found


def _knots(needs: Needs[K]) -> list[dict[K, None]]:
    """What needs each other, directly or not (Kosaraju's algorithm, without recursion)."""
    children = dependents(needs)
    places = {name: place for place, name in enumerate(needs)}
    knots: list[dict[K, None]] = []
    taken: set[K] = set()
    for name in reversed(_finished(needs)):
        if name in taken:
            continue
        members = {name}
        waiting = [name]
        while waiting:
            for child in children[waiting.pop()]:
                if child not in taken and child not in members:
                    members.add(child)
                    waiting.append(child)
        taken |= members
        knots.append(dict.fromkeys(sorted(members, key=places.__getitem__)))
    return sorted(knots, key=lambda knot: places[next(iter(knot))])


def _finished(needs: Needs[K]) -> list[K]:
    """In the order in which a walk along the needs is done with each."""
    found: list[K] = []
    begun: set[K] = set()
    for name in needs:
        walk = [] if name in begun else [(name, iter(needs[name]))]
        begun.add(name)
        while walk:
            current, parents = walk[-1]
            fresh = next((one for one in parents if one not in begun), None)
            if fresh is None:
                found.append(current)
                walk.pop()
            else:
                begun.add(fresh)
                walk.append((fresh, iter(needs[fresh])))
    return found


def _cycle(needs: Needs[K], knot: Mapping[K, None]) -> list[K]:
    """A shortest cycle through the first of a knot."""
    start = next(iter(knot))
    came: dict[K, K] = {}
    waiting = deque([start])
    while True:
        current = waiting.popleft()
        for parent in needs[current]:
            if parent == start:
                path = [current]
                while path[-1] != start:
                    path.append(came[path[-1]])
                return path[::-1]
            if parent in knot and parent not in came:
                came[parent] = current
                waiting.append(parent)


def ancestors(needs: Needs[K], order: Sequence[K], wanted: Iterable[K]) -> dict[K, int]:
    """By name, in this topological order, which of the wanted names it needs, directly or not.

    A set of bits each: the first is that of the first wanted name.
    """
    bits = {name: 1 << place for place, name in enumerate(wanted)}
    found: dict[K, int] = {}
    for name in order:
        seen = 0
        for parent in needs[name]:
            seen |= found.get(parent, 0) | bits.get(parent, 0)
        found[name] = seen
    return found
