"""The layers of a graph of nodes: each node below all that it needs, in an order with few crossings."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, Protocol

from core.workflows import order

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SWEEPS = 12
_ORDERED_AT_MOST = 400
"""Vertices whose order is looked for; more are in the order of the file."""


class Needing(Protocol):
    """What the layers ask of a node."""

    @property
    def name(self) -> str: ...

    @property
    def needs(self) -> Sequence[str]: ...

    @property
    def final(self) -> bool: ...


class Graph(Protocol):
    """A workflow, or whatever else has nodes with needs."""

    @property
    def nodes(self) -> Mapping[str, Needing]: ...


class Bend(NamedTuple):
    """Where the lines from a node to those far below it pass a layer."""

    source: str
    layer: int


Vertex = str | Bend


class Layering(NamedTuple):
    rows: list[list[Vertex]]
    """From above; each from the left."""
    below: dict[Vertex, list[Vertex]]
    """By vertex, those of the next row to which a line goes."""


def layers(workflow: Graph) -> list[list[str]]:
    """Names by layer: first what needs nothing; what is in [finally] is below everything else."""
    found = layering(workflow)
    return [[vertex for vertex in row if isinstance(vertex, str)] for row in found.rows]


def layering(workflow: Graph) -> Layering:
    depth = _depths(workflow)
    rows: list[list[Vertex]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    below: dict[Vertex, list[Vertex]] = {name: [] for name in workflow.nodes}
    for name in workflow.nodes:
        rows[depth[name]].append(name)
    if len(workflow.nodes) > _ORDERED_AT_MOST:
        return Layering(rows, below)
    for node in workflow.nodes.values():
        for need in node.needs:
            _connect(need, node.name, depth, rows, below)
    return Layering(_ordered(rows, below) if sum(map(len, rows)) <= _ORDERED_AT_MOST else rows, below)


def _depths(workflow: Graph) -> dict[str, int]:
    depth: dict[str, int] = {}
    for final in (False, True):
        least = max(depth.values(), default=-1) + 1 if final else 0
        needs = {name: node.needs for name, node in workflow.nodes.items() if node.final is final}
        for name in order.topological(needs):
            depth[name] = max((depth[need] + 1 for need in needs[name] if need in depth), default=least)
    return depth


def _connect(
    need: str, name: str, depth: Mapping[str, int], rows: list[list[Vertex]], below: dict[Vertex, list[Vertex]]
) -> None:
    upper: Vertex = need
    for layer in range(depth[need] + 1, depth[name]):
        bend = Bend(need, layer)
        if bend not in below:
            below[bend] = []
            rows[layer].append(bend)
            below[upper].append(bend)
        upper = bend
    below[upper].append(name)


def _ordered(rows: list[list[Vertex]], below: Mapping[Vertex, Sequence[Vertex]]) -> list[list[Vertex]]:
    """Each vertex near the middle of its neighbours, by sweeps down and up; the best of them counts."""
    above: dict[Vertex, list[Vertex]] = {vertex: [] for row in rows for vertex in row}
    for vertex, lower in below.items():
        for one in lower:
            above[one].append(vertex)
    best, fewest = rows, crossings(rows, below)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        rows = _swept(rows if down else rows[::-1], above if down else below)
        rows = rows if down else rows[::-1]
        if (count := crossings(rows, below)) < fewest:
            best, fewest = rows, count
    return best


def _swept(rows: list[list[Vertex]], neighbours: Mapping[Vertex, Sequence[Vertex]]) -> list[list[Vertex]]:
    found = [rows[0]] if rows else []
    for row in rows[1:]:
        places = {vertex: place for place, vertex in enumerate(found[-1])}
        middle = {
            vertex: sum(places[one] for one in neighbours[vertex]) / len(neighbours[vertex])
            if neighbours[vertex]
            else float(place)
            for place, vertex in enumerate(row)
        }
        found.append(sorted(row, key=middle.__getitem__))
    return found


def crossings(rows: Sequence[Sequence[Vertex]], below: Mapping[Vertex, Sequence[Vertex]]) -> int:
    """How often two lines between neighbouring rows cross."""
    count = 0
    for row, following in pairwise(rows):
        places = {vertex: place for place, vertex in enumerate(following)}
        ends: list[int] = []
        for vertex in row:
            own = [places[one] for one in below[vertex]]
            count += sum(end > place for place in own for end in ends)
            ends += own
    return count
