"""What is wrong with something that somebody has written: where, and what is expected there."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, NamedTuple

from core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN_AT_MOST = 40


class Problem(NamedTuple):
    """A fault in some input: where it stands, and what is expected there."""

    path: tuple[str | int, ...]
    text: str

    def __str__(self) -> str:
        return f"{dotted(self.path)}: {self.text}" if self.path else self.text


def dotted(path: Sequence[str | int]) -> str:
    """`agent.lead.slots`, `tasks[3].priority`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return one_line(text)


def unknown_key(key: str, known: Sequence[str], what: str = "key") -> str:
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {close[0]}?" if close else ""
    if known and not close:
        hint = f"known here: {', '.join(known[:_SHOWN_AT_MOST])}{', …' if len(known) > _SHOWN_AT_MOST else ''}"
    return f"unknown {what} {one_line(key, 60)!r}: {hint}".rstrip(": ")
