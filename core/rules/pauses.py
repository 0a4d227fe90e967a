"""Pauses that grow from try to try."""

from __future__ import annotations


def capped_growth(first: float, factor: float, times: int, cap: float) -> float:
    """`first * factor ** times`, at most `cap`, for any number of times: the power itself may be beyond any float."""
    try:
        return min(first * float(factor) ** times, cap)
    except OverflowError:
        return cap if first else 0.0
