"""Figures as small pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"
_PLAIN = "_.-=+*#@"


def sparkline(values: Sequence[float], width: int, top: float, *, plain: bool = False) -> str:
    """The latest `width` values as bars; `top` fills a whole cell, and what exceeds it is cut."""
    bars = _PLAIN if plain else _BARS
    return "".join(bars[min(int(value / top * len(bars)), len(bars) - 1)] for value in values[-width:])


def gauge(used: int, slots: int, width: int, *, plain: bool = False) -> str:
    """Slots in use out of all, in `width` cells; without a limit, one cell a running task."""
    full, empty = ("#", ".") if plain else ("▇", "░")
    shown = min(slots or used, width)
    filled = min(used, shown) if slots <= width else round(used / slots * width)
    return full * filled + empty * (shown - filled)
