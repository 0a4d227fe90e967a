"""The terminal of a session, as the runner writes to it: whole lines, all of them inert."""

from __future__ import annotations

import os
import re

from core.text import inert

_COLOURS = re.compile(r"\x1b\[[0-9;:]*m")


class Terminal:
    """A terminal that is gone is no reason to stop: what cannot be shown is left out."""

    def say(self, text: str) -> None:
        """Lines of our own, or inert ones."""
        self._put(inert(text) + "\n")

    def pass_on(self, raw: bytes) -> None:
        """A line that the agent has written for people: its colours are left out."""
        self.say(_COLOURS.sub("", raw.decode("utf-8", "replace").rstrip("\r\n")))

    def _put(self, text: str) -> None:
        left = text.encode()
        try:
            while left:
                left = left[os.write(1, left) :]
        except OSError:
            return
