"""What programs write, as lines with colours: only SGR is understood, everything else is made inert or left out."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_LINE = 4096
"""Characters of a line that are looked at."""


class Pen(NamedTuple):
    """The graphic state of a terminal."""

    color: Color | None = None
    background: Color | None = None
    attributes: frozenset[str] = frozenset()


_FRESH = Pen()
_SEQUENCE = re.compile(
    r"\x1b\[([0-9;:]*)m"  # SGR
    r"|\x1b\[[0-?]*[ -/]*[@-~]"  # any other CSI
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"  # OSC and the other strings
    r"|\x1b[ -/]*[0-~]"  # two-character sequences
)
_ON = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "reverse", 9: "strike"}
_OFF = {22: {"bold", "dim"}, 23: {"italic"}, 24: {"underline"}, 27: {"reverse"}, 29: {"strike"}}


def screen(text: str) -> list[tuple[Segment, ...]]:
    """The lines of a screen as tmux tells it; colours go on from line to line."""
    lines, pen = [], _FRESH
    for raw in text.split("\n"):
        segments, pen = _line(raw[:LONGEST_LINE], pen)
        lines.append(segments)
    return lines


def log_lines(content: bytes) -> list[str]:
    """The lines of raw output as they were left standing: what a carriage return wrote over is gone."""
    text = content.decode("utf-8", "replace").replace("\r\n", "\n")
    return [_last_state(line) for line in text.split("\n")]


def _last_state(line: str) -> str:
    """The part after the last carriage return, with backspaces carried out."""
    *before, last = line.rstrip("\r").split("\r")
    shown = last or (before[-1] if before else "")
    while "\b" in shown:
        shorter = re.sub("[^\x08]\x08", "", shown, count=1)
        shown = shorter if shorter != shown else shown.replace("\b", "")
    return shown


def log_line(raw: str) -> tuple[Segment, ...]:
    return _line(raw[:LONGEST_LINE], _FRESH)[0]


def plain(raw: str) -> str:
    """A line without any colours, for searching."""
    return _SEQUENCE.sub("", raw)


@lru_cache(maxsize=4096)
def _line(raw: str, pen: Pen) -> tuple[tuple[Segment, ...], Pen]:
    segments = []
    for text, following in _pieces(raw.expandtabs(8), pen):
        if text:
            segments.append(Segment(one_line(text, LONGEST_LINE), _style(pen)))
        pen = following
    return tuple(segments), pen


def _pieces(raw: str, pen: Pen) -> Iterator[tuple[str, Pen]]:
    """Text between sequences, each piece with the pen that holds after it."""
    at = 0
    for match in _SEQUENCE.finditer(raw):
        following = pen if match[1] is None else _moved(pen, match[1])
        yield raw[at : match.start()], following
        at, pen = match.end(), following
    yield raw[at:], pen


@lru_cache(maxsize=1024)
def _style(pen: Pen) -> Style:
    return Style(color=pen.color, bgcolor=pen.background, **dict.fromkeys(pen.attributes, True))  # type: ignore[arg-type]


@lru_cache(maxsize=1024)
def _moved(pen: Pen, parameters: str) -> Pen:
    """The pen after an SGR sequence."""
    codes = [int(code) if code.isdecimal() else 0 for code in parameters.replace(":", ";").split(";")]
    at = 0
    while at < len(codes):
        code = codes[at]
        if code in (38, 48):
            color, used = _color(codes[at + 1 :])
            at += used
            if color is not None:
                pen = pen._replace(color=color) if code == 38 else pen._replace(background=color)
        else:
            pen = _simple(pen, code)
        at += 1
    return pen


def _simple(pen: Pen, code: int) -> Pen:
    if code == 0:
        return _FRESH
    if code in _ON:
        return pen._replace(attributes=pen.attributes | {_ON[code]})
    if code in _OFF:
        return pen._replace(attributes=pen.attributes - _OFF[code])
    tens, digit = divmod(code, 10)
    if tens in (3, 9) and (digit < 8 or code == 39):
        return pen._replace(color=None if code == 39 else Color.from_ansi(digit + 8 * (tens == 9)))
    if tens in (4, 10) and (digit < 8 or code == 49):
        return pen._replace(background=None if code == 49 else Color.from_ansi(digit + 8 * (tens == 10)))
    return pen


def _color(rest: list[int]) -> tuple[Color | None, int]:
    """An extended colour, and how many codes it took."""
    if rest[:1] == [5] and len(rest) > 1 and rest[1] < 256:
        return Color.from_ansi(rest[1]), 2
    if rest[:1] == [2] and len(rest) > 3 and max(rest[1:4]) < 256:
        return Color.from_rgb(*rest[1:4]), 4
    return None, len(rest)
