"""What is wrong at the moment with the machine or with muxdeck itself. Each trouble is gone once its cause is."""

from __future__ import annotations

import logging
import time
from typing import NamedTuple

log = logging.getLogger("muxdeck")


class Trouble(NamedTuple):
    text: str
    """One inert line: what is wrong, where, and how to mend it."""
    since: float
    """Unix time."""


class Troubles:
    """By what each is about: "disk", "inotify", "socket". Whoever notices a trouble also notices its end."""

    def __init__(self) -> None:
        self._all: dict[str, Trouble] = {}

    def note(self, subject: str, text: str) -> None:
        """Repeating it costs nothing; a new text replaces the old one and keeps its time."""
        before = self._all.get(subject)
        if before is not None and before.text == text:
            return
        self._all[subject] = Trouble(text, time.time() if before is None else before.since)
        log.warning("trouble with %s: %s", subject, text)

    def clear(self, subject: str) -> None:
        """Does nothing if there is no such trouble."""
        if self._all.pop(subject, None) is not None:
            log.info("no more trouble with %s", subject)

    def __contains__(self, subject: str) -> bool:
        return subject in self._all

    def __bool__(self) -> bool:
        return bool(self._all)

    @property
    def texts(self) -> tuple[str, ...]:
        """The oldest first."""
        return tuple(trouble.text for trouble in self._all.values())
