"""What an agent writes about itself: Claude's `sessions/PID.json`, found by the conversation that it names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import plainfile
from core.interactive.signals import ASKING, EVIDENCE, RESTING, Signal, Source, State
from core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_BYTES = 64 << 10
MOST_FILES = 500


def folder(kind: str, env: Mapping[str, str]) -> Path | None:
    """Where an agent of the kind with this environment keeps it; None where it keeps none."""
    if kind != "claude" or not (env.get("CLAUDE_CONFIG_DIR") or env.get("HOME")):
        return None
    home = env.get("CLAUDE_CONFIG_DIR")
    return (Path(home) if home else Path(env["HOME"]) / ".claude") / "sessions"


class Registry:
    """The entry of one conversation."""

    def __init__(self, place: Path, session: str) -> None:
        self._place = place
        self._session = session
        self._path: Path | None = None

    def signal(self, shown: State, at: float) -> Signal | None:
        """Its word beside what the screen shows. It knows of no dialog about trust and of no error: so it takes no
        dialog back, and that nothing is under way it says only where the screen says no other thing."""
        told = self._entry()
        status, waits_for = told.get("status"), str(told.get("waitingFor", ""))
        state = None
        if status == "busy" and shown not in ASKING:
            state = State.WORKING
        elif status == "waiting":
            state = shown if shown in ASKING else State.PERMISSION if "permission" in waits_for else State.QUESTION
        elif status == "idle" and shown in (*RESTING, State.UNKNOWN):
            state = State.READY if shown is State.UNKNOWN else shown
        words = one_line(f"status: {status} {waits_for}".strip(), EVIDENCE)
        return None if state is None else Signal(state, Source.REGISTRY, at, words)

    def _entry(self) -> dict[str, Any]:
        """Empty where there is none."""
        if self._path is not None and self._is_ours(told := _read(self._path)):
            return told
        for path in _files(self._place):
            if self._is_ours(told := _read(path)):
                self._path = path
                return told
        return {}

    def _is_ours(self, told: dict[str, Any]) -> bool:
        return told.get("sessionId") == self._session


def _files(place: Path) -> list[Path]:
    try:
        return sorted(place.glob("*.json"))[:MOST_FILES]
    except OSError:
        return []


def _read(path: Path) -> dict[str, Any]:
    """Never waits, and follows no link: the folder is the agent's, not ours."""
    try:
        told = json.loads(plainfile.read(path, MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
