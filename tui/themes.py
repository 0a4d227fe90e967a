"""Themes: TOML files that colour surfaces and roles. A faulty file is a message, never a broken screen."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

import tomli
from textual.theme import Theme

from tui.wording import ROLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable
    from pathlib import Path

SURFACES = ("background", "surface", "raised", "selection", "foreground", "border")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
DEFAULT = "harbour"


class ThemeFault(NamedTuple):
    file: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.text}"


class Found(NamedTuple):
    themes: dict[str, Theme]
    faults: list[ThemeFault]


def load(own: Path) -> Found:
    """The themes that come with muxdeck, then the person's own, which may replace them by name."""
    themes: dict[str, Theme] = {}
    faults: list[ThemeFault] = []
    for file in _files(own):
        try:
            theme = parse(file.name.removesuffix(".toml"), file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, ValueError) as error:
            faults.append(ThemeFault(file.name, str(error)))
        else:
            themes[theme.name] = theme
    return Found(themes, faults)


def parse(name: str, text: str) -> Theme:
    """ValueError says what is wrong with the file."""
    written = tomli.loads(text)
    unknown = set(written) - {"dark", "surfaces", "roles"}
    if unknown:
        raise ValueError(f"unknown key {min(unknown)!r}: a theme has dark, [surfaces] and [roles]")
    surfaces = _colours(written, "surfaces", SURFACES)
    roles = _colours(written, "roles", ROLES)
    return Theme(
        name=name,
        dark=bool(written.get("dark", True)),
        primary=roles["accent"],
        secondary=roles["muted"],
        accent=roles["accent"],
        warning=roles["warn"],
        error=roles["bad"],
        success=roles["good"],
        foreground=surfaces["foreground"],
        background=surfaces["background"],
        surface=surfaces["surface"],
        panel=surfaces["raised"],
        variables=variables(surfaces, roles),
    )


def variables(surfaces: dict[str, str], roles: dict[str, str]) -> dict[str, str]:
    """The names that the stylesheet uses."""
    return {f"role-{role}": colour for role, colour in roles.items()} | {
        "selection": surfaces["selection"],
        "raised": surfaces["raised"],
        "line": surfaces["border"],
        "scrollbar": surfaces["border"],
        "scrollbar-hover": roles["muted"],
        "scrollbar-active": roles["accent"],
        "scrollbar-background": surfaces["surface"],
        "scrollbar-background-hover": surfaces["surface"],
        "scrollbar-background-active": surfaces["surface"],
        "scrollbar-corner-color": surfaces["surface"],
        "input-selection-background": surfaces["selection"],
        "block-cursor-foreground": surfaces["background"],
        "block-cursor-background": roles["accent"],
        "border": surfaces["border"],
        "border-blurred": surfaces["border"],
    }


def _colours(written: dict[str, object], table: str, names: tuple[str, ...]) -> dict[str, str]:
    given = written.get(table)
    if not isinstance(given, dict):
        raise ValueError(f"[{table}] is missing")
    unknown, missing = set(given) - set(names), set(names) - set(given)
    if unknown or missing:
        word, which = ("unknown", unknown) if unknown else ("missing", missing)
        raise ValueError(f"[{table}] {min(which)} is {word}")
    for name, colour in given.items():
        if not isinstance(colour, str) or not _COLOUR.fullmatch(colour):
            raise ValueError(f"[{table}] {name}: expected a colour as #1a2b3c")
    return dict(given)


def _files(own: Path) -> Iterator[Traversable]:
    shipped = [file for file in files("themes").iterdir() if file.name.endswith(".toml")]
    yield from sorted(shipped, key=lambda file: file.name)
    if own.is_dir():
        yield from sorted(own.glob("*.toml"))
