"""Everything of muxdeck dies at one instant, and programs that do not care live on."""

from __future__ import annotations

import shlex
import signal
import time
from typing import TYPE_CHECKING

from tests.trials import system

if TYPE_CHECKING:
    from tests.trials.deck import Deck

LIFE = 8
"""Seconds that the first copy of each program lives; a later copy ends at once."""


def stubborn(deck: Deck, word: str) -> str:
    """Notes its number and lives on when its terminal goes."""
    note = f"echo {word} $$ >>{shlex.quote(str(deck.out / 'copies'))}"
    first = shlex.quote(str(deck.out / f"{word}.first"))
    wait = f"i=0; while [ $i -lt {LIFE * 10} ]; do sleep 0.1; i=$((i+1)); done"
    return f"trap '' HUP; {note}; if test -e {first}; then exit 0; fi; : >{first}; {wait}; exit 0"


def copies(deck: Deck, word: str) -> list[int]:
    """The pids that a program has had, in order."""
    return [int(line.split()[1]) for line in deck.lines("copies") if line.split()[:1] == [word]]


def kill_everything_but(deck: Deck, words: list[str]) -> None:
    """SIGSTOP first, so that nobody sees another one die."""
    system.until(lambda: all(copies(deck, word) for word in words), 20)
    programs = {pid for word in words for pid in copies(deck, word)}
    spared = programs | {child for child in system.of_folder(deck.folder) if _is_sleep(child)}
    victims = [pid for pid in system.of_folder(deck.folder) if pid not in spared]
    system.send(victims, signal.SIGSTOP)
    system.send(victims, signal.SIGKILL)


def _is_sleep(pid: int) -> bool:
    return system.command_line(pid)[:1] == ["sleep"]


def overlaps(deck: Deck, words: list[str]) -> list[str]:
    """Programs that got a second copy while the first one lived; watches until all first copies have ended."""
    found: set[str] = set()
    end = time.monotonic() + LIFE + 5
    while time.monotonic() < end:
        for word in words:
            seen = copies(deck, word)
            if len(seen) > 1 and system.lives(seen[0]):
                found.add(word)
        if not any(system.lives(copies(deck, word)[0]) for word in words):
            break
        time.sleep(0.02)
    return sorted(found)
