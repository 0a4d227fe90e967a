"""What the command line prints: data on standard output, everything else on standard error, nothing that acts."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

from core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_STYLES = {
    "running": "32",
    "working": "32",
    "succeeded": "2",
    "failed": "31",
    "timed_out": "31",
    "lost": "1;31",
    "waiting": "1;33",
    "stuck": "1;33",
    "unknown": "35",
    "cancelled": "2",
    "skipped": "2",
    "upstream_failed": "2",
    "ok": "32",
    "warning": "33",
    "error": "31",
}
"""SGR codes by state, in the terminal's own sixteen colours."""


def say(text: str) -> None:
    """To the person, not to the program that reads standard output."""
    print(f"muxdeck: {text}", file=sys.stderr)


def document(value: Any) -> None:  # noqa: ANN401 - JSON
    """One JSON document. Its text is escaped: a control character reaches no terminal."""
    print(json.dumps(value, indent=2))


def line(text: str) -> None:
    print(one_line(text, 4096))


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], *, right: frozenset[int] = frozenset()) -> None:
    """Columns as wide as their widest cell; the last one gets what is left of the terminal. `right` are numbers."""
    cells = [[one_line(_text(cell), 200) for cell in row] for row in rows]
    widths = [max([len(head), *(len(row[at]) for row in cells)]) for at, head in enumerate(headers)]
    widths[-1] = min(widths[-1], max(room() - sum(widths[:-1]) - 2 * (len(widths) - 1), 12))
    print(painted(_row(list(headers), widths, right).rstrip(), "2"))
    for row in cells:
        print(_row(row, widths, right, paint=True).rstrip())


def _row(cells: list[str], widths: list[int], right: frozenset[int], *, paint: bool = False) -> str:
    parts = []
    for at, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        fitted = cell if len(cell) <= width else cell[: width - 1] + "…"
        aligned = fitted.rjust(width) if at in right else fitted.ljust(width)
        parts.append(painted(aligned, _STYLES.get(cell, "")) if paint else aligned)
    return "  ".join(parts)


def painted(text: str, style: str) -> str:
    return f"\033[{style}m{text}\033[0m" if style and colours() else text


def colours() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def room() -> int:
    """Columns of the terminal; wide where the output is no terminal."""
    return shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else 160


def _text(cell: object) -> str:
    return "–" if cell is None else str(cell)
