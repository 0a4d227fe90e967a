"""A graph of nodes as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.workflows.layering import layers
from core.workflows.layout import Layout, layout
from core.workflows.routing import Side

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.workflows.model import Workflow

DRAWN_AT_MOST = 48
"""Nodes; more of them are listed."""
WIDEST = 240
"""Columns; what is wider is listed."""

_SIGNS = {
    Side.UP | Side.DOWN: "│",
    Side.LEFT | Side.RIGHT: "─",
    Side.UP | Side.RIGHT: "└",
    Side.UP | Side.LEFT: "┘",
    Side.DOWN | Side.RIGHT: "┌",
    Side.DOWN | Side.LEFT: "┐",
    Side.UP | Side.DOWN | Side.RIGHT: "├",
    Side.UP | Side.DOWN | Side.LEFT: "┤",
    Side.UP | Side.LEFT | Side.RIGHT: "┴",
    Side.DOWN | Side.LEFT | Side.RIGHT: "┬",
    Side.UP | Side.DOWN | Side.LEFT | Side.RIGHT: "┼",
}
_ACROSS, _ALONG = Side.LEFT | Side.RIGHT, Side.UP | Side.DOWN


def bracketed(name: str) -> str:
    return f"[{name}]"


def draw(workflow: Workflow, mark: Callable[[str], str] = bracketed) -> list[str]:
    """Lines of text from above: a drawing, or a list by layer where there is too much to draw.

    `mark` has the label of a node, without line ends.
    """
    if len(workflow.nodes) <= DRAWN_AT_MOST:
        found = layout(workflow, lambda name: len(mark(name)))
        if found.width <= WIDEST:
            return paint(found, mark)
    return listed(workflow, mark)


def paint(found: Layout, mark: Callable[[str], str] = bracketed) -> list[str]:
    cells = [[" "] * found.width for _ in range(found.height)]
    for (x, y), sign in signs(found).items():
        cells[y][x] = sign
    for placed in found.placed:
        cells[placed.y][placed.x : placed.x + placed.width] = mark(placed.name).ljust(placed.width)[: placed.width]
    lines = ["".join(row).rstrip() for row in cells]
    if found.final is not None:
        lines[found.final] = "finally".center(max(found.width, 17), "╌")
    return lines


def signs(found: Layout) -> dict[tuple[int, int], str]:
    """The sign of each cell with a line. Where two lines cross without meeting, the upright one is seen."""
    nets: dict[tuple[int, int], dict[str, Side]] = {}
    heads = set()
    for edge in found.edges:
        for cell in edge.cells:
            sides = nets.setdefault((cell.x, cell.y), {})
            sides[edge.source] = sides.get(edge.source, Side(0)) | cell.sides
        heads.add((edge.cells[-1].x, edge.cells[-1].y))
    return {place: "▼" if place in heads else _sign(list(sides.values())) for place, sides in nets.items()}


def _sign(nets: list[Side]) -> str:
    if set(nets) == {_ACROSS, _ALONG}:
        return "│"
    together = Side(0)
    for sides in nets:
        together |= sides
    return _SIGNS[together]


def listed(workflow: Workflow, mark: Callable[[str], str] = bracketed) -> list[str]:
    """A node a line, further in by its layer, with what it needs."""
    lines = []
    for depth, names in enumerate(layers(workflow)):
        for name in names:
            needs = workflow.nodes[name].needs
            shown = ", ".join(needs[:8]) + (f", … {len(needs) - 8} more" if len(needs) > 8 else "")
            lines.append("  " * min(depth, 20) + mark(name) + (f" ← {shown}" if needs else ""))
    return lines
