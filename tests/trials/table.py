"""What a trial found out, as a table: each line holds, does not hold, or only says something."""

from __future__ import annotations

from typing import NamedTuple


class Line(NamedTuple):
    what: str
    holds: bool | None
    """None: a figure, or a part that was skipped."""
    found: str = ""

    def __str__(self) -> str:
        word = {True: "PASS", False: "FAIL", None: "    "}[self.holds]
        return f"{word}  {self.what:<58}  {printable(self.found)}".rstrip()


def printable(text: str) -> str:
    """Inert, on one line."""
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in text)


class Table:
    """Prints each line as soon as it is known."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def add(self, what: str, holds: bool | None, found: object = "") -> None:
        self.lines.append(Line(what, holds, str(found)))
        print(self.lines[-1], flush=True)

    def exit_code(self) -> int:
        """1 if something did not hold."""
        failed = sum(line.holds is False for line in self.lines)
        passed = sum(line.holds is True for line in self.lines)
        print(f"\n{passed} hold, {failed} do not", flush=True)
        return 1 if failed else 0


def some(values: list[object] | list[str] | list[int], most: int = 8) -> str:
    """The first of them, and how many more."""
    shown = ", ".join(map(str, values[:most]))
    return shown + (f" … {len(values) - most} more" if len(values) > most else "")
