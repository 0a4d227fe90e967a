"""The configuration of our tmux servers: written whole or not at all, and written again if somebody removes it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from core.adapters.tmux.control import TmuxError, quoted
from core.plainfile import in_words
from core.settings import ConsoleSettings
from core.sockets import set_aside

if TYPE_CHECKING:
    from core.settings import Settings
    from core.troubles import Troubles

KEY = re.compile(r"(?:[CMS]-){0,3}(?:[!-~]|F(?:[1-9]|1[0-2])|[A-Z][A-Za-z]{1,9})", re.ASCII)
"""A key in tmux's notation. What is none is not bound: an attached person would have no way back."""
_TERMINFO = (
    "/etc/terminfo",
    "/lib/terminfo",
    "/usr/share/terminfo",
    "/usr/lib/terminfo",
    "/opt/homebrew/share/terminfo",
)


class Configuration:
    """The file at a path, as the latest settings want it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._wanted = b""
        self._written: os.stat_result | None = None

    def set(self, settings: Settings) -> None:
        """Written when a server is started, or by `mend`: a disk that refuses is no fault of the settings."""
        wanted = os.fsencode(configuration(settings))
        if wanted != self._wanted:
            self._wanted, self._written = wanted, None

    def write(self) -> None:
        """TmuxError if the disk refuses: a server without it would behave otherwise, and is not started."""
        if self._is_there():
            return
        new = self.path.with_name(f"{self.path.name}.new")
        try:
            new.write_bytes(self._wanted)
            set_aside(self.path)
            new.replace(self.path)
            self._written = self.path.stat()
        except OSError as error:
            raise TmuxError(f"cannot write {self.path}: {in_words(error)}") from error

    def mend(self, troubles: Troubles) -> None:
        """Writes it again if it is gone or was changed; costs a look if not."""
        try:
            self.write()
        except TmuxError as error:
            troubles.note("tmux.conf", f"{error}; no new tmux server is started until then")
        else:
            troubles.clear("tmux.conf")

    def _is_there(self) -> bool:
        try:
            found = self.path.stat()
        except OSError:
            return False
        before = self._written
        return before is not None and (before.st_ino, before.st_mtime_ns, before.st_size) == (
            found.st_ino,
            found.st_mtime_ns,
            found.st_size,
        )


def configuration(settings: Settings) -> str:
    """The whole configuration of our servers: the person's own is never read."""
    engine = settings.engine
    key = settings.console.detach_key
    if not KEY.fullmatch(key):
        key = ConsoleSettings().detach_key
    shown = key.replace("#", "##").replace("%", "%%")
    return "\n".join(
        (
            "set -s exit-empty off",
            "set -s escape-time 0",
            "set -s set-clipboard off",
            f"set -s default-terminal {_terminal()}",
            "set -g update-environment ''",
            f"set -g default-size {engine.width}x{engine.height}",
            f"set -g history-limit {engine.history_lines}",
            "set -g default-shell /bin/sh",
            "set -g status off",
            "set -g status-left ' #{session_name} '",
            quoted(["set", "-g", "status-right", f" {shown}: back "]),
            "set -g window-status-format ''",
            "set -g window-status-current-format ''",
            "set -g remain-on-exit off",
            "set -g set-titles off",
            "set -g mouse on",
            "set -g window-size latest",
            "set -gw automatic-rename off",
            "set -gw allow-rename off",
            "set -gq allow-passthrough off",
            quoted(["bind", "-n", key, "detach-client"]),
            "",
        )
    )


def _terminal() -> str:
    for folder in _TERMINFO:
        if Path(folder, "t", "tmux-256color").exists() or Path(folder, "74", "tmux-256color").exists():
            return "tmux-256color"
    return "screen-256color"
