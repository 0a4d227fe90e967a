"""What comes before what: order, cycles and ancestors of named things that need each other."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Needs = Mapping[str, Sequence[str]]
    """By name, what it needs. Names that are no key are passed over."""


def topological(needs: Needs) -> list[str]:
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


def dependents(needs: Needs) -> dict[str, list[str]]:
    """By name, what needs it."""
    children: dict[str, list[str]] = {name: [] for name in needs}
    for name, parents in needs.items():
        for parent in parents:
            if parent in children:
                children[parent].append(name)
    return children


def cycles(needs: Needs) -> list[list[str]]:
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


def _knots(needs: Needs) -> list[dict[str, None]]:
    """What needs each other, directly or not (Kosaraju's algorithm, without recursion)."""
    children = dependents(needs)
    places = {name: place for place, name in enumerate(needs)}
    knots: list[dict[str, None]] = []
    taken: set[str] = set()
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


def _finished(needs: Needs) -> list[str]:
    """In the order in which a walk along the needs is done with each."""
    found: list[str] = []
    begun: set[str] = set()
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


def _cycle(needs: Mapping[str, Sequence[str]], knot: Mapping[str, None]) -> list[str]:
    """A shortest cycle through the first of a knot."""
    start = next(iter(knot))
    came: dict[str, str] = {}
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


def ancestors(needs: Needs, order: Sequence[str], wanted: Iterable[str]) -> dict[str, int]:
    """By name, in this topological order, which of the wanted names it needs, directly or not.

    A set of bits each: the first is that of the first wanted name.
    """
    bits = {name: 1 << place for place, name in enumerate(wanted)}
    found: dict[str, int] = {}
    for name in order:
        seen = 0
        for parent in needs[name]:
            seen |= found.get(parent, 0) | bits.get(parent, 0)
        found[name] = seen
    return found
