"""Number types that a file or a request may write as text ("10m", "16M"), with their bounds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, dataclass_transform

from annotated_types import Ge

from core.text import parse_duration, parse_size

if TYPE_CHECKING:
    from collections.abc import Callable

STRICT: dict[str, Any] = {"extra": "forbid", "strict": True}
"""pydantic's configuration for what crosses a boundary: nothing unknown, nothing converted."""

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


Duration = Annotated[float, Ge(0), Written(parse_duration)]
"""Seconds, or text as 90s, 15m, 2h30m."""
Size = Annotated[int, Ge(1), Written(parse_size)]
"""Bytes, or text as 64K, 16M, 2G."""
Count = Annotated[int, Ge(0)]
Positive = Annotated[int, Ge(1)]
