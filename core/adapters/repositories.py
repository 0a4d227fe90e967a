"""Which git repository a folder is in, read from git's own files: no process is started."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

LONGEST = 1 << 16
"""Bytes of a file that names a folder."""


def repository_of(cwd: str | Path) -> Path | None:
    """The top of the main worktree, the same for all worktrees of a repository; None where there is no repository.

    Of a repository whose git folder is not in its main worktree (a bare one, a submodule), the git folder. What cannot
    be read is passed over.
    """
    folder = os.path.realpath(cwd)
    while True:
        common = _common(folder)
        if common is not None:
            return Path(os.path.dirname(common) if os.path.basename(common) == ".git" else common)
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def _common(folder: str) -> str | None:
    """The git folder that all worktrees share, where `folder` is the top of one of them, or is it itself."""
    link = os.path.join(folder, ".git")
    if _is_git_folder(link):
        return os.path.realpath(link)
    named = _content(link)
    if named is not None and named.startswith("gitdir: "):
        own = os.path.join(folder, named.removeprefix("gitdir: "))
        return os.path.realpath(os.path.join(own, _content(os.path.join(own, "commondir")) or ""))
    return folder if _is_git_folder(folder) else None


def _is_git_folder(folder: str) -> bool:
    return os.path.lexists(os.path.join(folder, "HEAD")) and os.path.isdir(os.path.join(folder, "objects"))


def _content(path: str) -> str | None:
    """Of a plain file: another kind might never end."""
    with suppress(OSError):
        if stat.S_ISREG(os.stat(path).st_mode):
            with open(path, "rb") as file:
                return os.fsdecode(file.read(LONGEST)).removesuffix("\n")
    return None
