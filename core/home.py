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

    @property
    def folders(self) -> tuple[Path, ...]:
        """All that `make` creates, the home itself first."""
        return (self.root, self.run, self.attempts, self.slots, self.inputs, self.worktrees, self.runs)

    def make(self) -> None:
        """Creates the folders, private to the person; HomeError if one cannot be used."""
        try:
            self.root.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unusable(self.root, error) from error
        for folder in self.folders:
            _private(folder)

    def _run_folder(self) -> Path:
        run = self.root / "run"
        if len(os.fsencode(run / "tmux-999.sock")) <= LONGEST_SOCKET:
            return run
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        return Path(f"/tmp/muxdeck-{os.getuid()}-{digest}")  # noqa: S108 - made private, or refused, by `make`


def find(chosen: str | None = None) -> Home:
    """The home that was chosen, that of MUXDECK_HOME, or the person's own, by its one real path: symbolic links and
    `..` never make two homes of one. HomeError for a path that cannot serve."""
    written = chosen or os.environ.get("MUXDECK_HOME")
    try:
        own = platformdirs.user_state_dir("muxdeck")
    except (RuntimeError, KeyError) as error:  # a user without an entry, and no HOME
        if not written:
            raise HomeError("you have no folder of your own here: set HOME, or MUXDECK_HOME") from error
        own = ""
    root = _resolved(written or own)
    if any(ord(sign) < 0x20 or ord(sign) == 0x7F for sign in str(root)):
        raise HomeError("the home folder has a control character in its path: choose another one by MUXDECK_HOME")
    is_own = own != "" and str(root) == os.path.realpath(own)
    return Home(root, Path(platformdirs.user_config_dir("muxdeck") if is_own else root) / "config.toml")


def _resolved(written: str) -> Path:
    path = os.path.expanduser(written)
    if path.startswith("~"):
        raise HomeError(f"nobody knows the folder {path.split('/')[0]}: give MUXDECK_HOME as a path from / on")
    if not os.path.isabs(path):
        try:
            path = os.path.join(os.getcwd(), path)
        except FileNotFoundError as error:
            raise HomeError(
                f"the current folder is gone, and {path} is below it: give MUXDECK_HOME as a path from / on"
            ) from error
    _check_links(Path(path))
    return Path(os.path.realpath(path))


def _check_links(path: Path) -> None:
    """A link that leads nowhere is a disk that is not there: a new home behind it would hide the real one."""
    for folder in (path, *path.parents):
        if os.path.islink(folder) and not os.path.exists(folder):
            raise HomeError(
                f"{folder} is a link to {os.path.realpath(folder)}, which is not there or cannot be reached: "
                "make that folder, or choose another home by MUXDECK_HOME"
            )


def _private(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise _unusable(folder, error) from error
    try:
        found = folder.lstat()
    except OSError as error:
        raise _unusable(folder, error) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise HomeError(f"{folder} is not a folder of yours: remove it, or choose another home by MUXDECK_HOME")
    if found.st_mode & 0o077:
        raise HomeError(f"{folder} is open to others: chmod 700 it, or choose another home by MUXDECK_HOME")
    if found.st_mode & 0o700 != 0o700:
        raise HomeError(f"{folder} is closed to you: chmod 700 it, or choose another home by MUXDECK_HOME")


def _unusable(folder: Path, error: OSError) -> HomeError:
    return HomeError(f"cannot make {folder}: {error.strerror}; choose another home by MUXDECK_HOME")
