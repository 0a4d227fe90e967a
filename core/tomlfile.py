"""TOML that people write, checked: a value of the right shape, or every fault in it with its line."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import tomli

from core.boundary import BadInputError, read_json
from core.faults import Problem, dotted
from core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")
_LONGEST = 1000
"""Characters of what is said of a fault."""
Key = tuple[str, ...]

_KEY = r"(?:[A-Za-z0-9_-]+|\"(?:[^\"\\]|\\.)*\"|'[^']*')"
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_TABLE = re.compile(rf"\s*\[(\[?)\s*({_DOTTED})\s*\]\]?")
_STRING = re.compile(
    r"""(\"{3}(?:[^\\]|\\.)*?\"{3,5}|'{3}.*?'{3,5})|\#[^\n]*|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""", re.DOTALL
)
_ENTRY = re.compile(rf"\s*({_DOTTED})\s*=")


class Fault(NamedTuple):
    """One fault of a file."""

    file: str
    line: int | None
    key: str
    text: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.key}: {self.text}" if self.key else f"{place}: {self.text}"


def read(
    shape: type[T], text: str, file: str, senseless: Callable[[T], Iterable[Problem]] = lambda _: ()
) -> tuple[T | None, tuple[Fault, ...]]:
    """The value that a text holds, or None and all faults in it, by their lines.

    `senseless` names what each value alone does not show.
    """
    written, faults = parse(text, file)
    if written is None:
        return None, faults
    try:
        value = read_json(shape, as_json(written))
        problems = tuple(senseless(value))
    except BadInputError as error:
        problems = error.problems
    return (None, located(problems, text, file)) if problems else (value, ())


def parse(text: str, file: str) -> tuple[dict[str, Any] | None, tuple[Fault, ...]]:
    """What a text says, or None and its fault."""
    try:
        return tomli.loads(text), ()
    except tomli.TOMLDecodeError as error:
        return None, (Fault(file, error.lineno, "", f"not valid TOML: {error.msg}"),)
    except RecursionError:
        return None, (Fault(file, None, "", "not valid TOML: it is nested too deeply"),)
    except ValueError as error:
        return None, (Fault(file, None, "", f"not valid TOML: {one_line(str(error), _LONGEST)}"),)


def as_json(written: dict[str, Any]) -> str:
    """For `read_json`: dates and times, which no file here has, become texts that are not what is expected.

    BadInputError if it is nested too deeply: dotted keys may be, though tomli itself has read them.
    """
    try:
        return json.dumps(written, default=str)
    except RecursionError:
        raise BadInputError([Problem((), "it is nested too deeply")]) from None


def located(problems: Iterable[Problem], text: str, file: str) -> tuple[Fault, ...]:
    """Problems by the lines of the text in which they are, in words that no terminal acts on."""
    lines = lines_of(text)
    faults = [Fault(file, line_of(lines, one.path), dotted(one.path), one_line(one.text, _LONGEST)) for one in problems]
    return tuple(sorted(faults, key=lambda fault: fault.line or 0))


def lines_of(text: str) -> dict[Key, int]:
    """Line numbers, from 1, of tables and keys. What stands inside an inline table is on the line of its key.

    The tables of a list are told apart by their numbers, from 0, as in ("rule", "0", "name").
    """
    found: dict[Key, int] = {}
    counts: dict[Key, int] = {}
    table: Key = ()
    for number, line in enumerate(_STRING.sub(_without_lines, text).split("\n"), start=1):
        if (header := _TABLE.match(line)) is not None:
            table = _parts(header[2])
            found.setdefault(table, number)
            if header[1]:
                counts[table] = counts.get(table, -1) + 1
                table = (*table, str(counts[table]))
                found[table] = number
        elif (entry := _ENTRY.match(line)) is not None:
            found.setdefault((*table, *_parts(entry[1])), number)
    return found


def _without_lines(string: re.Match[str]) -> str:
    """A text of several lines as one that only keeps their number; others as they are."""
    return string[0] if string[1] is None else '""' + "\n" * string[0].count("\n")


def line_of(lines: dict[Key, int], path: tuple[str | int, ...]) -> int | None:
    """The line of a key, or of the nearest thing around it; None where there is nothing."""
    key = tuple(str(part) for part in path)
    while key and key not in lines:
        key = key[:-1]
    return lines.get(key)


def _parts(dotted: str) -> Key:
    """The names in a dotted key, as TOML itself reads them."""
    if dotted.replace("_", "").replace("-", "").isalnum():
        return (dotted,)
    nested: Any = tomli.loads(f"{dotted} = 0")
    parts: list[str] = []
    while isinstance(nested, dict):
        name, nested = next(iter(nested.items()))
        parts.append(name)
    return tuple(parts)
