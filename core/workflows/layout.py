"""Where the nodes of a graph and the lines between them are on a screen of cells, from above."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from core.workflows.layering import Bend, Layering, Vertex, layering
from core.workflows.routing import Channel, Side, Span, routed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from core.workflows.layering import Graph

_GAP = 2
"""Columns between two nodes."""
_SWEEPS = 8


class Placed(NamedTuple):
    """A node: its label begins at this cell."""

    name: str
    x: int
    y: int
    width: int


class Cell(NamedTuple):
    x: int
    y: int
    sides: Side
    """Where a line leaves it."""


class Edge(NamedTuple):
    source: str
    target: str
    cells: tuple[Cell, ...]
    """From the source to the cell above the target, without those of either label."""


class Layout(NamedTuple):
    placed: tuple[Placed, ...]
    edges: tuple[Edge, ...]
    width: int
    height: int
    final: int | None = None
    """The row above what is in [finally], where there is something."""


def layout(workflow: Graph, width_of: Callable[[str], int] = lambda name: len(name) + 2) -> Layout:
    """Cells from 0, 0 on; `width_of` has the columns of the label of a node."""
    found = layering(workflow)
    widths = {vertex: width_of(vertex) if isinstance(vertex, str) else 1 for row in found.rows for vertex in row}
    middles = _middles(found, widths)
    # A line past a row has a free column on either side.
    spans = {
        vertex: _span(middles[vertex], 3 if isinstance(vertex, Bend) else width) for vertex, width in widths.items()
    }
    channels = []
    for row, lower in pairwise(found.rows):
        places = {vertex: spans[vertex] for vertex in row}
        channels.append(routed(places, {vertex: spans[vertex] for vertex in lower}, found.below))
        spans.update({bend: Span(column, column, column) for bend, column in channels[-1].bends.items()})
    tops, final = _tops(workflow, found, channels)
    placed = tuple(
        Placed(vertex, middles[vertex] - widths[vertex] // 2, top, widths[vertex])
        for top, row in zip(tops, found.rows, strict=True)
        for vertex in row
        if isinstance(vertex, str)
    )
    edges = _edges(workflow, found, channels, tops)
    columns = [one.x + one.width for one in placed] + [cell.x + 1 for edge in edges for cell in edge.cells]
    return Layout(placed, edges, max(columns, default=0), tops[-1] + 1 if tops else 0, final)


def _span(middle: int, width: int) -> Span:
    first = middle - width // 2
    return Span(first, middle, first + width - 1)


def _tops(workflow: Graph, found: Layering, channels: Sequence[Channel]) -> tuple[list[int], int | None]:
    """The row of each layer, and that of the rule above what is in [finally]."""
    tops, final, y = [], None, 0
    for place, row in enumerate(found.rows):
        if final is None and any(isinstance(vertex, str) and workflow.nodes[vertex].final for vertex in row):
            final = y
            y += 1
        tops.append(y)
        y += 1 + (channels[place].height if place < len(channels) else 0)
    return tops, final


def _edges(
    workflow: Graph,
    found: Layering,
    channels: Sequence[Channel],
    tops: Sequence[int],
) -> tuple[Edge, ...]:
    layer = {vertex: place for place, row in enumerate(found.rows) for vertex in row}
    edges = []
    for node in workflow.nodes.values():
        for need in node.needs:
            cells: list[Cell] = []
            upper: Vertex = need
            for place in range(layer[need], layer[node.name]):
                lower: Vertex = node.name if place + 1 == layer[node.name] else Bend(need, place + 1)
                line = channels[place].lines[upper, lower]
                cells += [Cell(x, tops[place] + 1 + y, sides) for x, y, sides in line]
                if isinstance(lower, Bend):
                    cells.append(Cell(channels[place].bends[lower], tops[place + 1], Side.UP | Side.DOWN))
                upper = lower
            edges.append(Edge(need, node.name, tuple(cells)))
    return tuple(edges)


def _middles(found: Layering, widths: Mapping[Vertex, int]) -> dict[Vertex, int]:
    """The middle column of each: near those of its neighbours, in the order of its row."""
    above: dict[Vertex, list[Vertex]] = {vertex: [] for vertex in widths}
    for vertex, lower in found.below.items():
        for one in lower:
            above[one].append(vertex)
    middles: dict[Vertex, float] = {}
    for row in found.rows:
        middles.update(_spread(row, widths, dict.fromkeys(row, 0.0)))
    for sweep in range(_SWEEPS + 1):
        down = sweep % 2 == 0
        for row in found.rows if down else reversed(found.rows):
            neighbours = above if down else found.below
            wanted = {
                vertex: sum(middles[one] for one in neighbours[vertex]) / len(neighbours[vertex])
                if neighbours[vertex]
                else middles[vertex]
                for vertex in row
            }
            spread = _spread(row, widths, wanted)
            middles.update({vertex: float(round(x)) for vertex, x in spread.items()})
    left = min((middles[vertex] - widths[vertex] // 2 for vertex in middles), default=0)
    return {vertex: round(x - left) for vertex, x in middles.items()}


def _spread(row: Sequence[Vertex], widths: Mapping[Vertex, int], wanted: Mapping[Vertex, float]) -> dict[Vertex, float]:
    """As near as can be to where they want to be, with gaps between them: isotonic regression by pooling."""
    offsets, offset = [], 0.0
    for place, vertex in enumerate(row):
        if place:
            before = row[place - 1]
            offset += widths[before] - widths[before] // 2 + _GAP + widths[vertex] // 2
        offsets.append(offset)
    pools: list[tuple[float, int]] = []
    for vertex, offset in zip(row, offsets, strict=True):
        mean, count = wanted[vertex] - offset, 1
        while pools and pools[-1][0] >= mean:
            other, others = pools.pop()
            mean, count = (mean * count + other * others) / (count + others), count + others
        pools.append((mean, count))
    flat = [round(mean) for mean, count in pools for _ in range(count)]
    return {vertex: x + offset for vertex, x, offset in zip(row, flat, offsets, strict=True)}
