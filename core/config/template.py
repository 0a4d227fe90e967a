"""The file that `config init` writes: every setting with its default, as a comment, and what it means."""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

import tomli_w

from core.settings import AgentSettings, GroupSettings, Settings


def template() -> str:
    """TOML whose settings are all commented out: as it is, it changes nothing."""
    sections = [
        "# Settings of muxdeck. Everything here is a default: take the # away from what you change.",
        "# The engine reads the file again as soon as it is saved; `muxdeck config check` lists what is wrong with it.",
    ]
    for field in fields(Settings):
        if field.name in ("agent", "group"):
            continue
        sections.extend(_table(field.name, _default(field)))
    sections.extend(
        _example(
            "agent.ada",
            AgentSettings(kind="claude", slots=2),
            "Agents run the tasks that want them, by name or capability.",
        )
    )
    sections.extend(_example("group.downloads", GroupSettings(limit=4), "Groups limit what runs side by side."))
    return "\n".join(sections) + "\n"


def _table(name: str, value: Any) -> list[str]:  # noqa: ANN401 - any of the settings' classes
    lines = ["", f"[{name}]"]
    inner = []
    notes = _notes(type(value))
    for field in fields(value):
        current = getattr(value, field.name)
        if is_dataclass(current):
            inner.extend(_table(f"{name}.{field.name}", current))
            continue
        lines.extend(f"# {line}" for line in notes.get(field.name, ()))
        lines.append(f"# {_entry(field, current)}")
    return [*lines, *inner]


def _example(name: str, value: Any, note: str) -> list[str]:  # noqa: ANN401 - any of the settings' classes
    """A table that is commented out as a whole."""
    table = [line if line.startswith("#") else f"# {line}" for line in _table(name, value)[1:]]
    return ["", f"# {note}", *table]


def _entry(field: Field[Any], value: Any) -> str:  # noqa: ANN401 - any type a setting has
    kind = str(field.type)
    if value is None:
        shown = next((text for name, text in _SHOWN_FOR_NONE.items() if kind.startswith(name)), '"…"')
        return f"{field.name} = {shown}   # not set by default"
    if isinstance(value, dict):
        return f"{field.name} = {{}}"
    if kind.startswith("Duration") and value >= 60:
        value = f"{value / 60:g}m"
    elif kind.startswith("Size"):
        value = f"{value >> 20}M"
    elif isinstance(value, frozenset):
        value = sorted(value)
    return tomli_w.dumps({field.name: value}).strip()


_SHOWN_FOR_NONE = {"Count": "8", "Duration": '"1h"', "Size": '"2G"', "Cost": "2.5"}


def _notes(cls: type) -> dict[str, list[str]]:
    """The text under each field of a class, from its source."""
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    assert isinstance(body, ast.ClassDef)
    notes = {}
    for entry, following in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(entry, ast.AnnAssign)
            and isinstance(entry.target, ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
        ):
            notes[entry.target.id] = textwrap.wrap(str(following.value.value).replace("\n", " "), 110)
    return notes


def _default(field: Field[Any]) -> Any:  # noqa: ANN401 - any of the settings' classes
    assert field.default_factory is not MISSING
    return field.default_factory()
