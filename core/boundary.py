"""Input from outside, checked by pydantic: a value of the right shape, or every fault in it, in plain words."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from core.faults import Problem, unknown_key
from core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


class BadInputError(Exception):
    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = tuple(problems)


def read_json(shape: type[T], raw: bytes | str) -> T:
    """A value of a dataclass from JSON. BadInputError has all faults, not only the first."""
    try:
        value: T = adapter(shape).validate_json(raw)
    except ValidationError as error:
        raise BadInputError(_outermost_cause([_problem(shape, fault) for fault in error.errors()])) from None
    return value


def _outermost_cause(problems: list[Problem]) -> list[Problem]:
    """Without those that only say that something inside them is wrong."""
    outer = {one.path[:length] for one in problems for length in range(len(one.path))}
    return [one for one in problems if one.path not in outer]


_ADAPTERS: dict[type, TypeAdapter[Any]] = {}


def adapter(shape: type[T]) -> TypeAdapter[T]:
    """Made once for each shape: that costs milliseconds."""
    if shape not in _ADAPTERS:
        _ADAPTERS[shape] = TypeAdapter(shape)
    return _ADAPTERS[shape]


_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a table",
    "dataclass_type": "a table",
    "missing": "this key to be there",
    "too_short": "at least one",
}


def _problem(shape: type, fault: Any) -> Problem:  # noqa: ANN401 - pydantic's own record
    path = tuple(part for part in fault["loc"] if not _is_branch(part))
    kind, found = fault["type"], fault.get("input")
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        return Problem(path, unknown_key(str(path[-1]), keys_at(shape, path[:-1])))
    if kind == "json_invalid":
        return Problem((), f"not valid JSON: {fault['ctx']['error']}")
    if kind in ("literal_error", "enum"):
        return Problem(path, f"expected {fault['ctx']['expected']}, found {_shown(found)}")
    if kind in ("greater_than_equal", "less_than_equal"):
        bound, side = next(iter(fault["ctx"].values())), "least" if kind == "greater_than_equal" else "most"
        return Problem(path, f"expected at {side} {bound:g}, found {_shown(found)}")
    if kind == "value_error":
        return Problem(path, str(fault["ctx"]["error"]))
    expected = _EXPECTED.get(kind)
    if expected is None:
        return Problem(path, f"{fault['msg']}, found {_shown(found)}")
    return Problem(path, f"expected {expected}" + ("" if kind == "missing" else f", found {_shown(found)}"))


def keys_at(shape: Any, path: Sequence[str | int]) -> list[str]:  # noqa: ANN401 - walks over types
    """The keys that the table at this path may have."""
    for part in path:
        shape = _step_into(shape, part)
    tables = [option for option in _options(shape) if is_dataclass(option)]
    if tables:
        return [_written(field.name) for field in fields(tables[0])]
    return list(getattr(shape, "__annotations__", ()))


def _step_into(shape: Any, part: str | int) -> Any:  # noqa: ANN401 - walks over types
    """The type of what stands there: inside a list for a number, inside a table for a name."""
    for option in _options(shape):
        if isinstance(part, str) and (is_dataclass(option) or hasattr(option, "__required_keys__")):
            hints = get_type_hints(option)
            return next((hint for name, hint in hints.items() if _written(name) == part), None)
        inside = [inner for inner in get_args(option) if inner is not ...]
        if inside and isinstance(part, str) is (get_origin(option) is dict):
            return inside[-1]
    return None


def _options(shape: Any) -> list[Any]:  # noqa: ANN401 - walks over types
    """The types in a union, the shape itself otherwise."""
    return [*get_args(shape)] if get_origin(shape) in (Union, UnionType) else [shape]


def _written(field: str) -> str:
    """A key that Python has for itself stands for a field with _ after it."""
    return field.rstrip("_")


_BRANCHES = frozenset({"int", "float", "str", "none", "Selector"})


def _is_branch(part: str | int) -> bool:
    """pydantic names the branch of a union it tried; people do not write it."""
    return isinstance(part, str) and (("[" in part and part.endswith("]")) or part in _BRANCHES)


def _shown(value: object) -> str:
    return one_line(repr(value), 60)
