"""Calls for a person who looks elsewhere: whom they are about, and what the terminal is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

BETWEEN = 1.0
"""Seconds between two calls: what comes in between is one."""
LONGEST = 160
"""Characters of a call."""
BELL = "\a"
_BY_777 = ("foot", "rxvt")
"""Terminals, by the beginning of $TERM, that know OSC 777 and not OSC 9."""


class Calls:
    """An attempt is told of once for each time that it begins to need somebody; what the first look finds is old."""

    def __init__(self) -> None:
        self._needing: frozenset[str] | None = None
        self._lost = 0
        self._untold: dict[str, str] = {}
        self._told_at = float("-inf")

    def due(self, needing: Mapping[str, str], lost: int, now: float) -> list[str]:
        """Names to tell of now: `needing` are those of attempts that need somebody, `lost` counts lost tasks."""
        if self._needing is None:
            self._needing, self._lost = frozenset(needing), lost
        self._untold = {attempt: name for attempt, name in self._untold.items() if attempt in needing or not attempt}
        self._untold |= {attempt: name for attempt, name in needing.items() if attempt not in self._needing}
        if lost > self._lost:
            self._untold[""] = "a lost task"
        self._needing, self._lost = frozenset(needing), lost
        if not self._untold or now - self._told_at < BETWEEN:
            return []
        names = list(self._untold.values())
        self._untold, self._told_at = {}, now
        return names


def words(fleet: str, names: list[str]) -> str:
    """One line for a person, without anything that a terminal would act on."""
    who = f"{names[0]} needs you" if len(names) == 1 else f"{len(names)} need you: {', '.join(names)}"
    return one_line(f"muxdeck {fleet}: {who}", LONGEST).replace(";", ",")


def notification(text: str, env: Mapping[str, str], *, through_tmux: bool) -> str:
    """What makes the terminal show `text` on the desktop; the bell where the way there is closed.

    `through_tmux` says whether the tmux of $TMUX passes on what is wrapped for the terminal around it.
    """
    if env.get("STY") or (env.get("TMUX") and not through_tmux):
        return BELL
    by_777 = env.get("TERM", "").startswith(_BY_777) or "VTE_VERSION" in env
    told = f"\033]777;notify;muxdeck;{text}\a" if by_777 else f"\033]9;{text}\a"
    return "\033Ptmux;" + told.replace("\033", "\033\033") + "\033\\" if env.get("TMUX") else told
