"""The recorded screens of real agents."""

from __future__ import annotations

import json
from pathlib import Path

from core.interactive.screens import Screen, screen

FOLDER = Path(__file__).with_name("screens")
AGENTS = tuple(sorted(place.name for place in FOLDER.iterdir() if place.is_dir()))
RECORDED = [(path.parent.name, path.stem) for path in sorted(FOLDER.glob("*/*.txt"))]
"""Agent, and STATE-more-WIDTH."""


def recorded(agent: str, name: str) -> Screen:
    pane = json.loads((FOLDER / agent / "panes.json").read_text())[name]
    column, row = pane["cursor"]
    return screen((FOLDER / agent / f"{name}.txt").read_text(), (column, row), pane["title"])
