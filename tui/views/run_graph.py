"""The graph of a run: its nodes coloured by state, the lines between them, heavy ones along the critical path."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.cells import cell_len

from core.text import one_line
from core.workflows.drawing import signs
from core.workflows.layout import Layout, Placed, layout
from tui.views.line import Line, Span
from tui.views.rows import symbol
from tui.views.run_rows import node_sign, times

if TYPE_CHECKING:
    from tui.situation import Situation

DRAWN_AT_MOST = 120
"""Nodes; more of them are not taken in at a glance."""
LONGEST_NAME = 24
_HEAVY: dict[int, Any] = str.maketrans("│─└┘┌┐├┤┴┬┼▼", "┃━┗┛┏┓┣┫┻┳╋▼")
_PLAIN: dict[int, Any] = {
    **str.maketrans("│─▼╌┃━", "|-v-#="),
    **dict.fromkeys(map(ord, "└┘┌┐├┤┴┬┼"), "+"),
    **dict.fromkeys(map(ord, "┗┛┏┓┣┫┻┳╋"), "#"),
}


class Vertex(NamedTuple):
    """A node of a document, as a layout asks for it."""

    name: str
    needs: tuple[str, ...]
    final: bool
    width: int


class Shape(NamedTuple):
    """What decides where everything stands: as long as it is equal, so is the layout."""

    vertices: tuple[Vertex, ...]

    @property
    def nodes(self) -> dict[str, Vertex]:
        return {vertex.name: vertex for vertex in self.vertices}


class Picture(NamedTuple):
    """A graph as a whole, with the cells of the node under the cursor: row, first and last column."""

    lines: list[Line]
    width: int
    cursor: tuple[int, int, int] | None
    placed: tuple[Placed, ...]


def picture(run: dict[str, Any], chosen: str | None, at: Situation) -> Picture | None:
    """None where there are too many nodes to draw."""
    nodes = {node["name"]: node for node in run["nodes"]}
    if len(nodes) > DRAWN_AT_MOST:
        return None
    found = placed(Shape(tuple(map(_vertex, run["nodes"]))))
    cells = _cells(found, set(pairwise(run["critical_path"])), at)
    for one in found.placed:
        _write_node(cells[one.y], one, nodes[one.name], at)
    cursor = next(((one.y, one.x, one.x + one.width) for one in found.placed if one.name == chosen), None)
    return Picture([_joined(row) for row in cells], found.width, cursor, found.placed)


@lru_cache(maxsize=16)
def placed(shape: Shape) -> Layout:
    widths = {vertex.name: vertex.width for vertex in shape.vertices}
    return layout(shape, widths.__getitem__)


def _vertex(node: dict[str, Any]) -> Vertex:
    """As wide as it will be with all of its parts ended: a graph that works does not jump."""
    count = node["counts"]["all"]
    parts = f" {count}/{count}" if count and node["many"] else " ×" if node["many"] else ""
    width = 4 + cell_len(_name(node)) + len(parts)
    return Vertex(node["name"], tuple(node["needs"]), node["final"], width)


def _name(node: dict[str, Any]) -> str:
    return one_line(node["name"], LONGEST_NAME)


Cells = list[list[tuple[str, str]]]
"""A sign and its role, by row and column."""


def _cells(found: Layout, critical: set[tuple[str, str]], at: Situation) -> Cells:
    cells: Cells = [[(" ", "")] * found.width for _ in range(found.height)]
    if found.final is not None:
        for x, sign in enumerate("finally".center(max(found.width, 17), "╌")[: found.width]):
            cells[found.final][x] = (_plain(sign, at), "faint")
    heavy = {(cell.x, cell.y) for edge in found.edges if (edge.source, edge.target) in critical for cell in edge.cells}
    for (x, y), sign in signs(found).items():
        marked = (x, y) in heavy
        cells[y][x] = (_plain(sign.translate(_HEAVY) if marked else sign, at), "accent" if marked else "muted")
    return cells


def _plain(sign: str, at: Situation) -> str:
    return sign.translate(_PLAIN) if at.plain else sign


def _write_node(row: list[tuple[str, str]], one: Placed, node: dict[str, Any], at: Situation) -> None:
    sign = node_sign(node["state"])
    quiet = node["state"] in ("pending", "skipped", "upstream_failed", "cancelled")
    pieces = [
        ("*" if node["critical"] else " ", "accent"),
        (symbol(sign, at), sign.role),
        (" " + _name(node), "muted" if quiet else "strong" if node["critical"] else ""),
        (f" {times(node)}" if times(node) else "", sign.role),
    ]
    at_x = one.x
    for text, role in pieces:
        for letter in text:
            if at_x < one.x + one.width:
                row[at_x] = (letter, role)
                at_x += 1
    for x in range(at_x, one.x + one.width):
        row[x] = (" ", "")


def _joined(row: list[tuple[str, str]]) -> Line:
    """Neighbours of one role are one piece."""
    spans: list[Span] = []
    for sign, role in row:
        if spans and spans[-1].role == role:
            spans[-1] = Span(spans[-1].text + sign, role)
        else:
            spans.append(Span(sign, role))
    return tuple(spans)


def step(run: dict[str, Any], chosen: str | None, move: str) -> str | None:
    """The node that is reached by a move: up, down, left, right, to the top or the bottom; else the same one."""
    places = placed(Shape(tuple(map(_vertex, run["nodes"])))).placed
    here = next((one for one in places if one.name == chosen), None)
    if here is None or move in ("top", "bottom"):
        ends = sorted(places, key=lambda one: (one.y, one.x))
        return ends[-1 if move == "bottom" else 0].name if ends else None
    return _neighbour(places, here, move) if move in ("up", "down", "left", "right") else here.name


def _neighbour(places: tuple[Placed, ...], here: Placed, direction: str) -> str:
    if direction in ("left", "right"):
        row = sorted(places, key=lambda one: (one.y, one.x))
        at = row.index(here) + (1 if direction == "right" else -1)
        return row[max(min(at, len(row) - 1), 0)].name
    below = direction == "down"
    others = [one for one in places if (one.y > here.y if below else one.y < here.y)]
    if not others:
        return here.name
    y = min(one.y for one in others) if below else max(one.y for one in others)
    middle = here.x + here.width / 2
    return min((one for one in others if one.y == y), key=lambda one: abs(one.x + one.width / 2 - middle)).name
