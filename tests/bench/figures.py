"""A measured figure, its goal and its floor, and the table of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

Number = float | None


class Figure(NamedTuple):
    """`floor` is the same work with nothing of muxdeck around it, where there is such a thing."""

    name: str
    value: Number
    """None where it could not be measured here."""
    unit: str
    goal: Number = None
    floor: Number = None
    floor_is: str = ""
    more_is_better: bool = False

    @property
    def reached(self) -> bool | None:
        """None where there is no goal, or nothing was measured."""
        if self.goal is None or self.value is None:
            return None
        return self.value >= self.goal if self.more_is_better else self.value <= self.goal

    def line(self) -> str:
        goal = "" if self.goal is None else f"{'≥' if self.more_is_better else '≤'} {_short(self.goal)}"
        verdict = {None: " ", True: "✓", False: "✗"}[self.reached]
        floor = "" if self.floor is None else f"{_short(self.floor)}  {self.floor_is}"
        return f"{verdict} {self.name:<58}{_short(self.value):>9} {self.unit:<6}{goal:>9}   {floor}".rstrip()


HEADER = f"  {'figure':<58}{'measured':>9} {'':<6}{'goal':>9}   floor in the same run"


def p50_p99(samples: Sequence[float]) -> tuple[Number, Number]:
    """None twice without samples."""
    if not samples:
        return None, None
    ordered = sorted(samples)
    return ordered[len(ordered) // 2], ordered[min(math.ceil(len(ordered) * 0.99), len(ordered)) - 1]


def latencies(
    name: str,
    seconds: Sequence[float],
    *,
    goals: tuple[Number, Number] = (None, None),
    floor: Sequence[float] = (),
    floor_is: str = "",
) -> list[Figure]:
    """Two figures, in milliseconds."""
    return [
        Figure(
            f"{name}, {label}",
            None if value is None else value * 1e3,
            "ms",
            goal,
            None if least is None else least * 1e3,
            floor_is,
        )
        for label, value, goal, least in zip(("p50", "p99"), p50_p99(seconds), goals, p50_p99(floor), strict=True)
    ]


def _short(value: Number) -> str:
    if value is None:
        return "–"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:,.0f}"
