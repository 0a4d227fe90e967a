"""Rows of the store that cannot be read: each is told by its table and its number, so that it alone is set aside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from core.boundary import BadInputError
from core.bounds import is_finite
from core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_OF_DAMAGE = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError, BadInputError)
"""What the reading of a row raises if a column has something else than was written."""


class DamagedRowError(ValueError):
    """A row of the store cannot be read."""

    def __init__(self, table: str, row: object, problem: str) -> None:
        super().__init__(f"{table} {one_line(str(row), 60)} of the database cannot be read: {problem}")
        self.table = table
        self.row = row
        self.problem = problem


def read(table: str, row: object, make: Callable[..., T], *args: Any) -> T:  # noqa: ANN401 - passed on
    """What `make` makes of the arguments. DamagedRowError if it cannot, with the number or the name of the row."""
    try:
        return make(*args)
    except _OF_DAMAGE as error:
        raise DamagedRowError(table, row, one_line(f"{type(error).__name__}: {error}", 200)) from error


def whole(**columns: object) -> None:
    """ValueError unless each is a whole number."""
    for name, value in columns.items():
        if type(value) is not int:
            raise ValueError(f"{name} is {one_line(repr(value), 60)}, not a whole number")


def numbers(**columns: object) -> None:
    """ValueError unless each is a finite number."""
    for name, value in columns.items():
        if not isinstance(value, (int, float)) or not is_finite(value):
            raise ValueError(f"{name} is {one_line(repr(value), 60)}, not a finite number")


def optional_numbers(**columns: object) -> None:
    """ValueError unless each is a finite number or None."""
    numbers(**{name: value for name, value in columns.items() if value is not None})


def texts(**columns: object) -> None:
    """ValueError unless each is a text."""
    for name, value in columns.items():
        if not isinstance(value, str):
            raise ValueError(f"{name} is {one_line(repr(value), 60)}, not a text")


def parsed(text: object, otherwise: Any = None) -> Any:  # noqa: ANN401 - a JSON value
    """JSON for people to look at; `otherwise` if there is none or it cannot be read."""
    try:
        return json.loads(text) if isinstance(text, str) and text else otherwise
    except (ValueError, RecursionError):
        return otherwise


def json_at(column: str, path: str) -> str:
    """SQL: what stands at a path in a column of JSON, NULL if the column has none. Bare, one bad row ends a query."""
    return f"CASE WHEN json_valid({column}) THEN json_extract({column}, '{path}') END"
