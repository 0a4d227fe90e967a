"""Input from outside, checked by pydantic: a value of the right shape, or every fault in it, in plain words."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from core import bounds
from core.faults import Problem, unknown_key
from core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")
MOST_PROBLEMS = 1000
"""Named at once: a request may have millions."""
MOST_HINTS = 50
"""Unknown keys for which a similar one is looked for: each takes a millisecond."""


class BadInputError(Exception):
    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = tuple(problems)


def read_json(shape: type[T], raw: bytes | str) -> T:
    """A value of a dataclass from JSON. BadInputError has all faults, not only the first."""
    try:
        value: T = adapter(shape).validate_json(raw)
    except UnicodeError:
        raise BadInputError([Problem((), "not valid JSON: not text that UTF-8 can hold")]) from None
    except ValidationError as error:
        raise BadInputError(_problems(shape, error, raw)) from None
    return value


def _problems(shape: type, error: ValidationError, raw: bytes | str) -> list[Problem]:
    faults: list[Any] = error.errors(include_url=False)[:MOST_PROBLEMS]
    if faults[0]["type"] in ("json_invalid", "string_unicode"):
        return [_not_json(faults[0], raw)]
    problems = [_problem(shape, fault, hint=count < MOST_HINTS) for count, fault in enumerate(faults)]
    bounded = {one.path for one, fault in zip(problems, faults, strict=True) if fault["type"] in _OF_VALUES}
    said = [
        one
        for one, fault in zip(problems, faults, strict=True)
        if fault["type"] in _OF_VALUES or one.path not in bounded
    ]
    return _outermost_cause(list(dict.fromkeys(said)))


def _not_json(fault: Any, raw: bytes | str) -> Problem:  # noqa: ANN401 - pydantic's own record
    """Some of what is no JSON by the letter can be read all the same: then its place is known."""
    try:
        found = bounds.excess(json.loads(raw))
    except (ValueError, RecursionError):
        found = None
    if found is not None:
        return Problem(found.path, found.text)
    return Problem((), f"not valid JSON: {fault.get('ctx', {}).get('error', 'not text that UTF-8 can hold')}")


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
    "finite_number": "a finite number",
    "string_pattern_mismatch": "text without a NUL character",
}
_BOUNDS = {
    "greater_than_equal": "at least {ge:.16g}",
    "less_than_equal": "at most {le:.16g}",
    "greater_than": "more than {gt:.16g}",
    "string_too_long": "at most {max_length:,} characters",
    "too_long": "at most {max_length:,}",
}

_OF_VALUES = frozenset({*_BOUNDS, "finite_number", "string_pattern_mismatch", "out_of_bounds", "value_error"})
"""The type is right: what the other types of a union say of the same value means nothing."""


def _problem(shape: type, fault: Any, *, hint: bool) -> Problem:  # noqa: ANN401 - pydantic's own record
    path = tuple(part for part in fault["loc"] if not _is_branch(part))
    kind, found = fault["type"], fault.get("input")
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        return Problem(path, unknown_key(str(path[-1]), keys_at(shape, path[:-1]) if hint else ()))
    if kind == "out_of_bounds":
        return Problem((*path, *fault["ctx"]["path"]), fault["ctx"]["text"])
    if kind in ("literal_error", "enum"):
        return Problem(path, f"expected {fault['ctx']['expected']}, found {_shown(found)}")
    if kind in _BOUNDS:
        return Problem(path, f"expected {_BOUNDS[kind].format(**fault['ctx'])}, found {_shown(found)}")
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


_BRANCHES = frozenset(
    {"int", "float", "str", "none", "Selector", "constrained-int", "constrained-float", "constrained-str"}
)


def _is_branch(part: str | int) -> bool:
    """pydantic names the branch of a union it tried; people do not write it."""
    return isinstance(part, str) and (("[" in part and part.endswith("]")) or part in _BRANCHES)


def _shown(value: object) -> str:
    """A value in a few words; long ones are not written out for it."""
    if isinstance(value, (str, bytes)):
        value = value[:100]
    elif isinstance(value, (list, tuple, dict)) and len(value) > 10:
        return f"a {'table' if isinstance(value, dict) else 'list'} of {len(value):,}"
    try:
        return one_line(repr(value), 60)
    except (ValueError, RecursionError):
        return "a very large number" if isinstance(value, int) else "a deep value"
