"""Input from outside, checked by pydantic: a value of the right shape, or every fault in it, in plain words."""

from __future__ import annotations

import difflib
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


class Problem(NamedTuple):
    """A fault in some input: where it stands, and what is expected there."""

    path: tuple[str | int, ...]
    text: str

    def __str__(self) -> str:
        return f"{dotted(self.path)}: {self.text}" if self.path else self.text


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
    return [one for one in problems if not any(_is_inside(other.path, one.path) for other in problems)]


def _is_inside(path: tuple[str | int, ...], outer: tuple[str | int, ...]) -> bool:
    return len(path) > len(outer) and path[: len(outer)] == outer


_ADAPTERS: dict[type, TypeAdapter[Any]] = {}


def adapter(shape: type[T]) -> TypeAdapter[T]:
    """Made once for each shape: that costs milliseconds."""
    if shape not in _ADAPTERS:
        _ADAPTERS[shape] = TypeAdapter(shape)
    return _ADAPTERS[shape]


def dotted(path: Sequence[str | int]) -> str:
    """`agent.lead.slots`, `tasks[3].priority`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


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
    if kind == "literal_error":
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


def unknown_key(key: str, known: Sequence[str], what: str = "key") -> str:
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}" if known else ""
    return f"unknown {what} {one_line(key, 60)!r}: {hint}".rstrip(": ")


def keys_at(shape: Any, path: Sequence[str | int]) -> list[str]:  # noqa: ANN401 - walks over types
    """The keys that the table at this path may have."""
    for part in path:
        shape = _step_into(shape, part)
    if is_dataclass(shape):
        return [field.name for field in fields(shape)]
    return list(getattr(shape, "__annotations__", ()))


def _step_into(shape: Any, part: str | int) -> Any:  # noqa: ANN401 - walks over types
    if isinstance(shape, type) and (is_dataclass(shape) or hasattr(shape, "__required_keys__")):
        shape = get_type_hints(shape).get(str(part))
    else:
        inside = [option for option in get_args(shape) if option is not ...]
        shape = inside[-1] if inside else None
    return _inner(shape)


def _inner(shape: Any) -> Any:  # noqa: ANN401 - walks over types
    """The table type in `X | None`, the shape itself otherwise."""
    options = [option for option in get_args(shape) if option is not type(None)]
    return options[0] if type(None) in get_args(shape) and options else shape


_BRANCHES = frozenset({"int", "float", "str", "none", "Selector"})


def _is_branch(part: str | int) -> bool:
    """pydantic names the branch of a union it tried; people do not write it."""
    return isinstance(part, str) and ("[" in part or part in _BRANCHES)


def _shown(value: object) -> str:
    return one_line(repr(value), 60)
