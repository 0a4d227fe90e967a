"""The log of the engine: whatever is wrong with it, the engine goes on."""

from __future__ import annotations

import logging
import os
import sys
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING

from core.appending import opened_plain
from core.plainfile import in_words

if TYPE_CHECKING:
    from io import TextIOWrapper
    from pathlib import Path

    from core.troubles import Troubles

LARGEST = 1 << 20
log = logging.getLogger("muxdeck")


class EngineLog(RotatingFileHandler):
    """Made anew if it was removed, passed over while it cannot be written."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=LARGEST, backupCount=2, encoding="utf-8", errors="backslashreplace", delay=True)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        self.troubles: Troubles | None = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._follow()
        except OSError:
            self.handleError(record)
            return
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Never prints: standard error is the same file."""
        error = sys.exc_info()[1]
        if isinstance(error, OSError) and self.troubles is not None:
            self.troubles.note("log", f"cannot write {self.baseFilename}: {in_words(error)}")

    def look(self) -> None:
        """Whether it can be written again."""
        if self.troubles is not None and "log" in self.troubles:
            try:
                self._follow().flush()  # what a full disk has not taken yet
            except OSError:
                return
            self.troubles.clear("log")

    def _follow(self) -> TextIOWrapper:
        """What the path names now, opened."""
        if self.stream is not None and not self._is_named(self.stream):
            stream, self.stream = self.stream, None
            stream.close()
        if self.stream is None:
            self.stream = self._open()
        return self.stream

    def _is_named(self, stream: TextIOWrapper) -> bool:
        try:
            return os.path.samestat(os.stat(self.baseFilename), os.fstat(stream.fileno()))
        except OSError:
            return False

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding=self.encoding, errors=self.errors, opener=opened_plain)


def log_to(path: Path, *, foreground: bool) -> EngineLog:
    logging.raiseExceptions = False
    handler = EngineLog(path)
    log.addHandler(handler)
    if foreground:
        log.addHandler(logging.StreamHandler(sys.stderr))
    log.setLevel(logging.INFO)
    return handler
