"""A matrix of values: its rows, by the rules of GitHub Actions."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

from core.faults import unknown_key
from core.workflows.collecting import NAME, NAME_WORDS
from core.workflows.terms import same

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_ROWS = 1024
_MAX_PRODUCT = 1 << 16

Row = dict[str, Any]


def faults(written: Mapping[str, tuple[Any, ...]]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What is wrong with a matrix, by the key within it."""
    axes = _axes(written)
    for axis, values in axes.items():
        if not NAME.fullmatch(axis):
            yield (axis,), f"expected an axis of {NAME_WORDS}"
        if not values:
            yield (axis,), "expected at least one value"
    for key in ("include", "exclude"):
        for place, entry in enumerate(written.get(key, ())):
            if not isinstance(entry, dict) or not entry:
                yield (key, place), "expected a table of axis and value"
            elif key == "exclude":
                unknown = [axis for axis in entry if axis not in axes]
                yield from (((key, place, axis), unknown_key(axis, list(axes), "axis")) for axis in unknown)
            else:
                odd = [axis for axis in entry if not NAME.fullmatch(axis)]
                yield from (((key, place, axis), f"expected an axis of {NAME_WORDS}") for axis in odd)
    for key, values in written.items():
        if any(_refers(value) for value in values):
            yield (key,), "values of a matrix are constant: a list that only a run knows goes into map"
    if not axes and not written.get("include"):
        yield (), 'expected at least one axis, as in os = ["linux", "mac"]'


def rows(written: Mapping[str, tuple[Any, ...]]) -> tuple[Row, ...]:
    """The rows of a matrix without faults. ValueError where there are none, or more than MAX_ROWS."""
    axes = _axes(written)
    if math.prod(len(values) for values in axes.values()) > _MAX_PRODUCT:
        raise ValueError(f"more than {MAX_ROWS} combinations")
    product = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())] if axes else []
    base = [row for row in product if not any(_matches(row, entry) for entry in written.get("exclude", ()))]
    found = [dict(row) for row in base]
    added: list[Row] = []
    for entry in written.get("include", ()):
        fitting = [row for row, plain in zip(found, base, strict=True) if _extends(plain, entry)]
        for row in fitting:
            row.update(entry)
        if not fitting:
            added.append(dict(entry))
    found += added
    if not found:
        raise ValueError("exclude leaves nothing of it")
    if len(found) > MAX_ROWS:
        raise ValueError(f"{len(found)} combinations: at most {MAX_ROWS} are possible")
    return tuple(found)


def _axes(written: Mapping[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    return {axis: values for axis, values in written.items() if axis not in ("include", "exclude")}


def _matches(row: Row, entry: Row) -> bool:
    return all(key in row and same(row[key], value) for key, value in entry.items())


def _extends(row: Row, entry: Row) -> bool:
    """An entry is added to every combination of which it changes no value."""
    return all(key not in row or same(row[key], value) for key, value in entry.items())


def _refers(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_refers, value.values()))
    return any(map(_refers, value)) if isinstance(value, list) else isinstance(value, str) and "${" in value
