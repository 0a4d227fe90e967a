"""The line on which each key of a TOML text stands: tomllib does not tell."""

from __future__ import annotations

import re
import tomllib
from typing import Any

Key = tuple[str, ...]

_KEY = r"(?:[A-Za-z0-9_-]+|\"(?:[^\"\\]|\\.)*\"|'[^']*')"
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_TABLE = re.compile(rf"\s*\[\[?\s*({_DOTTED})\s*\]\]?")
_ENTRY = re.compile(rf"\s*({_DOTTED})\s*=")


def lines_of(text: str) -> dict[Key, int]:
    """Line numbers, from 1, of tables and keys. What stands inside an inline table is on the line of its key."""
    found: dict[Key, int] = {}
    table: Key = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if (header := _TABLE.match(line)) is not None:
            table = _parts(header[1])
            found.setdefault(table, number)
        elif (entry := _ENTRY.match(line)) is not None:
            found.setdefault((*table, *_parts(entry[1])), number)
    return found


def line_of(lines: dict[Key, int], path: tuple[str | int, ...]) -> int | None:
    """The line of a key, or of the nearest thing around it; None where there is nothing."""
    key = tuple(str(part) for part in path)
    while key and key not in lines:
        key = key[:-1]
    return lines.get(key)


def _parts(dotted: str) -> Key:
    """The names in a dotted key, as TOML itself reads them."""
    nested: Any = tomllib.loads(f"{dotted} = 0")
    parts: list[str] = []
    while isinstance(nested, dict):
        name, nested = next(iter(nested.items()))
        parts.append(name)
    return tuple(parts)
