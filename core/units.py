"""The types of numbers and texts that a file or a request may hold, each within the bounds of `core.bounds`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, dataclass_transform

from annotated_types import Ge, Le, MinLen

from core import bounds
from core.text import parse_duration, parse_size

if TYPE_CHECKING:
    from collections.abc import Callable

STRICT: dict[str, Any] = {"extra": "forbid", "strict": True, "allow_inf_nan": False}
"""pydantic's configuration for what crosses a boundary: nothing unknown, nothing converted, no number without end."""

C = TypeVar("C", bound=type)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def shape(cls: C) -> C:
    """A frozen dataclass that crosses a boundary: a file or the socket may hold it, and pydantic checks it there."""
    made: Any = dataclass(frozen=True, slots=True)(cls)
    made.__pydantic_config__ = STRICT
    return made  # type: ignore[no-any-return]


class Written:
    """Marks a number that may be written as text; pydantic, where it is loaded, asks for the rest."""

    def __init__(self, parse: Callable[[str], float]) -> None:
        self._parse = parse

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:  # noqa: ANN401 - pydantic's own types
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:  # noqa: ANN401 - pydantic's own types
        return {"anyOf": [handler(schema), {"type": "string"}]}

    def _read(self, value: object) -> object:
        return self._parse(value) if isinstance(value, str) else value


_NO_NUL = r"^[^\x00]*$"
"""No program, file system or terminal takes a NUL character."""


_TOLD_AS = {
    "ge": ("minimum",),
    "le": ("maximum",),
    "max_length": ("maxLength", "maxItems", "maxProperties"),
    "pattern": ("pattern",),
}
"""Names of JSON Schema."""


class Limit:
    """Marks a number, a text or a list with a bound that is beyond all sensible use: JSON Schema does not tell it.

    The names are those of pydantic's core schemas: `le`, `max_length`, `pattern`.
    """

    def __init__(self, **limits: float | str) -> None:
        self._limits = limits

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:  # noqa: ANN401 - pydantic's own types
        return {**handler(source), **self._limits}

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:  # noqa: ANN401 - pydantic's own types
        told = handler(schema)
        hidden = {key for name in self._limits for key in _TOLD_AS[name]}
        return {key: value for key, value in told.items() if key not in hidden}


def at_most(items: int) -> Limit:
    """Of the elements of a list or a table."""
    return Limit(max_length=items)


class Within:
    """Marks free data: any JSON value whose numbers, texts and nesting are within bounds."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:  # noqa: ANN401 - pydantic's own types
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def _checked(self, value: object) -> object:
        from pydantic_core import PydanticCustomError

        if (found := bounds.excess(value)) is not None:
            raise PydanticCustomError("out_of_bounds", "{text}", {"text": found.text, "path": found.path})
        return value


Duration = Annotated[float, Ge(0), Limit(le=bounds.MAX_DURATION), Written(parse_duration)]
"""Seconds, or text as 90s, 15m, 2h30m."""
Size = Annotated[int, Ge(1), Limit(le=bounds.MAX_SIZE), Written(parse_size)]
"""Bytes, or text as 64K, 16M, 2G."""
Count = Annotated[int, Ge(0), Limit(le=bounds.MAX_WHOLE)]
Positive = Annotated[int, Ge(1), Limit(le=bounds.MAX_WHOLE)]
Attempts = Annotated[int, Ge(1), Limit(le=bounds.MAX_ATTEMPTS)]
Factor = Annotated[float, Ge(1), Limit(le=bounds.MAX_FACTOR)]
Jitter = Annotated[float, Ge(0), Limit(le=bounds.MAX_JITTER)]
"""A share: a jitter of 1 spreads a delay between nothing and twice its length."""
Cost = Annotated[float, Ge(0), Limit(le=bounds.MAX_COST)]
Moment = Annotated[float, Ge(0), Limit(le=bounds.MAX_MOMENT)]
"""Unix time."""
Rank = Annotated[int, Ge(-bounds.MAX_PRIORITY), Le(bounds.MAX_PRIORITY)]
"""A priority."""
ExitCode = Annotated[int, Limit(ge=0, le=bounds.MAX_EXIT_CODE)]

Word = Annotated[str, Limit(max_length=bounds.MAX_WORD, pattern=_NO_NUL)]
"""The name of anything, or a path."""
Named = Annotated[str, MinLen(1), Limit(max_length=bounds.MAX_WORD, pattern=_NO_NUL)]
"""The same, if it must not be empty."""


class WithoutNul:
    """Marks a text that SQLite looks up: its functions end a text at a NUL."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:  # noqa: ANN401 - pydantic's own types
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def _check(self, text: str) -> str:
        if "\0" in text:
            raise ValueError("expected a text without a NUL byte")
        return text


Key = Annotated[str, Limit(max_length=bounds.MAX_KEY), WithoutNul()]
Argument = Annotated[str, Limit(max_length=bounds.MAX_ARGUMENT, pattern=_NO_NUL)]
Text = Annotated[str, Limit(max_length=bounds.MAX_TEXT)]
Data = Annotated[Any, Within()]
Arguments = Annotated[tuple[Argument, ...], at_most(bounds.MAX_ARGUMENTS)]
Words = Annotated[tuple[Word, ...], at_most(bounds.MAX_ITEMS)]
Environment = Annotated[dict[Word, Argument], at_most(bounds.MAX_ITEMS)]
