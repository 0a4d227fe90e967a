"""The texts for coding agents: each in a file of its own, that nobody else may read."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from core import plainfile
from core.boundary import BadInputError
from core.faults import Problem

if TYPE_CHECKING:
    from pathlib import Path

LONGEST = 10_000_000
"""Bytes; Claude Code takes no more."""


class PromptFiles:
    """Named by their content, so that the same text is kept once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, text: str, at: tuple[str | int, ...]) -> str:
        """The path of the file with the text. BadInputError where it is empty or too long, or the disk refuses."""
        content = checked(text, at)
        path = self._folder / f"prompt-{hashlib.sha256(content).hexdigest()[:32]}"
        with suppress(OSError):
            if path.stat().st_size == len(content):
                os.utime(path)
                return str(path)
        try:
            if not self._folder.exists():
                plainfile.make_folder(str(self._folder))
            plainfile.write_whole(path, content, sync=True)
        except OSError as error:
            text = f"cannot be kept in {self._folder}: {plainfile.in_words(error)}"
            raise BadInputError([Problem((*at, "prompt"), text)]) from error
        return str(path)

    def keep_all(self, texts: list[str]) -> None:
        """Those that can be kept; waits for the disk, and may run in another thread."""
        for text in texts:
            with suppress(BadInputError):
                self.keep(text, ())


class NoFiles:
    """Checks a prompt and keeps nothing."""

    def keep(self, text: str, at: tuple[str | int, ...]) -> str:
        checked(text, at)
        return ""


def checked(text: str, at: tuple[str | int, ...]) -> bytes:
    content = text.encode("utf-8", "surrogateescape")
    if not text.strip():
        raise BadInputError([Problem((*at, "prompt"), "expected a text that is not empty")])
    if len(content) > LONGEST:
        raise BadInputError([Problem((*at, "prompt"), f"{len(content):,} bytes are too many: at most {LONGEST:,}")])
    return content
