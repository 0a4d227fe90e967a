"""Where everything lives: one private folder per engine, moved as a whole by MUXDECK_HOME."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import platformdirs

LONGEST_SOCKET = 100
"""Bytes of a socket's path that every system takes."""


class HomeError(Exception):
    """The folder cannot be used; the text says why and what to do."""


class Home:
    """Paths only; `make` creates what is missing."""

    def __init__(self, root: Path, config: Path) -> None:
        self.root = root
        self.config = config
        self.store = root / "muxdeck.db"
        self.log = root / "engine.log"
        self.secret = root / "home.secret"
        self.lock = root / "engine.lock"
        self.attempts = root / "attempts"
        self.slots = root / "slots"
        self.inputs = root / "inputs"
        self.worktrees = root / "worktrees"
        self.runs = root / "runs"
        self.reports = root / "reports"
        self.workflows = config.parent / "workflows"
        self.themes = config.parent / "themes"
        self.run = self._run_folder()
        self.socket = self.run / "engine.sock"
        self.bell = self.run / "bell"

    def tmux_socket(self, server: int) -> Path:
        return self.run / f"tmux-{server}.sock"

    def make(self) -> None:
        """Creates the folders, private to the person; HomeError where one is not."""
        self.root.parent.mkdir(parents=True, exist_ok=True)
        for folder in (self.root, self.run, self.attempts, self.slots, self.inputs, self.worktrees, self.runs):
            _private(folder)

    def _run_folder(self) -> Path:
        run = self.root / "run"
        if len(os.fsencode(run / "tmux-999.sock")) <= LONGEST_SOCKET:
            return run
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        return Path(f"/tmp/muxdeck-{os.getuid()}-{digest}")  # noqa: S108 - made private, or refused, by `make`


def find(chosen: str | None = None) -> Home:
    """The home that was chosen, that of MUXDECK_HOME, or the person's own. HomeError for a path that cannot serve."""
    own = Path(platformdirs.user_state_dir("muxdeck"))
    written = chosen or os.environ.get("MUXDECK_HOME")
    root = Path(written).expanduser().absolute() if written else own
    if any(ord(sign) < 0x20 for sign in str(root)):
        raise HomeError("the home folder has a control character in its path: choose another one by MUXDECK_HOME")
    folder = Path(platformdirs.user_config_dir("muxdeck")) if root == own else root
    return Home(root, folder / "config.toml")


def _private(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise HomeError(f"cannot make {folder}: {error.strerror}") from error
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise HomeError(f"{folder} is not a folder of yours: remove it, or choose another home by MUXDECK_HOME")
    if found.st_mode & 0o077:
        raise HomeError(f"{folder} is open to others: chmod 700 it, or choose another home by MUXDECK_HOME")
