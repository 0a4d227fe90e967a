"""The configuration as the engine has it: read again when its files have changed."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from core.config.reading import ConfigError, around, read

if TYPE_CHECKING:
    from pathlib import Path

    from core.engine.engine import Engine

log = logging.getLogger("muxdeck")
Stamp = tuple[tuple[str, int, int, int], ...]


class Configuration:
    """The file itself, and the kinds of agents and rules for screens beside it."""

    def __init__(self, path: Path, engine: Engine) -> None:
        self._path = path
        self._engine = engine
        self._stamp = self._look()
        self._note([])

    async def refresh(self) -> None:
        """Costs a look at the files where nothing has changed. A faulty file changes nothing, and its faults are shown
        until it is mended."""
        stamp = self._look()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            settings = read(self._path)
        except ConfigError as error:
            self._note([str(fault) for fault in error.faults])
            log.warning("the configuration is not used: %s", error)
        else:
            self._note([])
            await self._engine.configure(settings)
            log.info("configuration read")

    def _note(self, faults: list[str]) -> None:
        self._engine.problems = (*faults, *map(str, around(self._path)))

    def _look(self) -> Stamp:
        folder = self._path.parent
        return (*_stamp(self._path), *_stamps(folder / "kinds"), *_stamps(folder / "screens"))


def _stamp(path: Path | os.DirEntry[str]) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return ()
    return ((os.fspath(path), found.st_mtime_ns, found.st_size, found.st_ino),)


def _stamps(folder: Path) -> Stamp:
    try:
        with os.scandir(folder) as entries:
            return tuple(sorted(stamp for entry in entries for stamp in _stamp(entry)))
    except OSError:
        return ()
