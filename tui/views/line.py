"""A line of the screen before it has colours: pieces of inert text, each with a role of the theme."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from core.text import one_line


class Span(NamedTuple):
    """Text that fills as many cells as it says, and the role that colours it; an empty role is plain text."""

    text: str
    role: str = ""


Line = tuple[Span, ...]


@lru_cache(maxsize=8192)
def fit(text: str, width: int) -> str:
    """Text from outside, inert, in exactly `width` cells: cut with an ellipsis or filled up."""
    shown = one_line(text, max(width, 1) + 1)
    if shown.isascii():
        return shown.ljust(width) if len(shown) <= width else shown[: width - 1] + "…" if width > 0 else ""
    if cell_len(shown) > width:
        return set_cell_size(set_cell_size(shown, max(width - 1, 0)).rstrip() + "…", width)
    return set_cell_size(shown, width)


def right(text: str, width: int) -> str:
    """Our own figures, at the right edge of `width` cells."""
    return text.rjust(width)[:width]


def width_of(line: Line) -> int:
    return sum(cell_len(span.text) for span in line)
