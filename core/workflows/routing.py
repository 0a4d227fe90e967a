"""Lines between two rows of a drawing: each source has one horizontal line, from which it goes down to its targets."""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING, NamedTuple

from core.workflows import order
from core.workflows.layering import Bend, Vertex

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_SHIFTS = 20
"""Lines that are put beside their place to be told from others."""


class Side(IntFlag):
    UP = 1
    DOWN = 2
    LEFT = 4
    RIGHT = 8


Line = tuple[tuple[int, int, Side], ...]
"""Column, row within the channel and sides of each cell."""


class Channel(NamedTuple):
    height: int
    """Rows between the two."""
    lines: dict[tuple[Vertex, Vertex], Line]
    bends: dict[Bend, int]
    """The columns in which the lines to further rows go on."""


Net = tuple[Vertex, ...]
"""The targets of lines that share one horizontal line: sources with the same targets do."""


class _Nets(NamedTuple):
    columns: dict[Vertex, int]
    """Of the sources."""
    targets: dict[Vertex, Net]
    """By source."""
    sources: dict[Net, list[Vertex]]


class Span(NamedTuple):
    """The columns of a vertex."""

    first: int
    middle: int
    last: int


Entries = dict[tuple[Net, Vertex], int]
"""By net and target, the column in which the lines of the net come to the target."""


def routed(
    upper: Mapping[Vertex, Span], lower: Mapping[Vertex, Span], below: Mapping[Vertex, Sequence[Vertex]]
) -> Channel:
    """Lines between two rows. Those of different nets never join, as far as the targets are wide enough for all."""
    targets = {source: tuple(one for one in lower if one in below[source]) for source in upper}
    sources: dict[Net, list[Vertex]] = {}
    for source, net in targets.items():
        if net:
            sources.setdefault(net, []).append(source)
    nets = _Nets({source: span.middle for source, span in upper.items()}, targets, sources)
    entries = _entries(lower, nets)
    tracks = _tracks(entries, nets)
    height = max(tracks.values(), default=-1) + 2 if sources else 0
    lines = {
        (source, target): _line(upper[source].middle, entries[net, target], tracks.get(net), height)
        for source, net in targets.items()
        for target in net
    }
    bends = {target: column for (_, target), column in entries.items() if isinstance(target, Bend)}
    return Channel(height, lines, bends)


def _line(start: int, end: int, track: int | None, height: int) -> Line:
    """Straight down, or down to the track, along it, and down."""
    if start == end or track is None:
        return tuple((start, y, Side.UP | Side.DOWN) for y in range(height))
    toward, back = (Side.RIGHT, Side.LEFT) if end > start else (Side.LEFT, Side.RIGHT)
    step = 1 if end > start else -1
    return (
        *((start, y, Side.UP | Side.DOWN) for y in range(track)),
        (start, track, Side.UP | toward),
        *((x, track, Side.LEFT | Side.RIGHT) for x in range(start + step, end, step)),
        (end, track, back | Side.DOWN),
        *((end, y, Side.UP | Side.DOWN) for y in range(track + 1, height)),
    )


def _entries(lower: Mapping[Vertex, Span], nets: _Nets) -> Entries:
    """Side by side in the order of the sources, the nearest one in the middle, all in one where there is no room.

    Lines that could be taken for others, as neither can turn off before the other, come in a column further.
    """
    entries: Entries = {}
    for target, span in lower.items():
        coming = sorted((net for net in nets.sources if target in net), key=lambda net: _center(net, nets))
        columns = _columns(span, [_center(net, nets) for net in coming])
        entries.update(((net, target), column) for net, column in zip(coming, columns, strict=True))
    for _ in range(_SHIFTS):
        cycles = order.cycles(_constraints(entries, nets))
        if not any(_shifted(entries, cycle, lower, nets) for cycle in cycles):
            break
    return entries


def _shifted(entries: Entries, cycle: Sequence[Net], lower: Mapping[Vertex, Span], nets: _Nets) -> bool:
    """Whether a line of a cycle could be put into a column of its own."""
    taken = set(nets.columns.values())
    above = {nets.columns[source] for net in cycle for source in nets.sources[net]}
    for net, target in [one for one in entries if one[0] in cycle and entries[one] in above]:
        span, column = lower[target], entries[net, target]
        used = taken | {x for (_, other), x in entries.items() if other == target}
        free = [x for x in range(span.first, span.last + 1) if x not in used]
        if free:
            entries[net, target] = min(free, key=lambda x: abs(x - column))
            return True
    return False


def _center(net: Net, nets: _Nets) -> float:
    columns = [nets.columns[source] for source in nets.sources[net]]
    return sum(columns) / len(columns)


def _columns(span: Span, centers: Sequence[float]) -> list[int]:
    count = len(centers)
    width = span.last - span.first + 1
    if count > width:
        return [span.middle] * count
    step = 2 if 2 * count - 1 <= width else 1
    nearest = min(range(count), key=lambda place: abs(centers[place] - span.middle), default=0)
    first = min(max(span.middle - nearest * step, span.first), span.last - (count - 1) * step)
    return [first + place * step for place in range(count)]


def _constraints(entries: Entries, nets: _Nets) -> dict[Net, list[Net]]:
    """By net, those whose tracks must be above its own.

    Where a line comes down from a source in the column in which another goes down to a target, the first turns off
    above the place where the other comes in.
    """
    owners = {x: nets.targets[source] for source, x in nets.columns.items()}
    found: dict[Net, list[Net]] = {}
    for net in nets.sources:
        others = (owners.get(entries[net, target]) for target in net)
        found[net] = [other for other in others if other and other != net]
    return found


def _tracks(entries: Entries, nets: _Nets) -> dict[Net, int]:
    """The row of the horizontal line of each net that has one: lines of one row do not touch."""
    constraints = _constraints(entries, nets)
    sequence = order.topological(constraints)
    sequence += [net for net in constraints if net not in sequence]
    rows: list[list[tuple[int, int]]] = []
    tracks: dict[Net, int] = {}
    for net in sequence:
        columns = [nets.columns[source] for source in nets.sources[net]] + [entries[net, target] for target in net]
        first, last = min(columns), max(columns)
        if first == last:
            continue
        row = max((tracks[one] + 1 for one in constraints[net] if one in tracks), default=0)
        while row < len(rows) and any(first <= end and start <= last for start, end in rows[row]):
            row += 1
        rows += [[] for _ in range(row + 1 - len(rows))]
        rows[row].append((first, last))
        tracks[net] = row
    return tracks
