"""Files of workflows on this host: found by path or by name, read with everything that they call."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from core.adapters.script import inherited
from core.messages import RefusedError
from core.model import Policy
from core.runs import Definition, Surroundings
from core.text import one_line
from core.workflows import loading
from core.workflows.source import pack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.home import Home
    from core.settings import Settings
    from core.tomlfile import Fault


def find(home: Home, written: str) -> Path:
    """The file that is meant. RefusedError where a name is none."""
    if "/" in written:
        return Path(written)
    path = home.workflows / f"{written.removesuffix('.toml')}.toml"
    if not _is_file(path):
        have = ", ".join(sorted(one.stem for one in home.workflows.glob("*.toml"))) or "none yet"
        named = one_line(written, 80)
        raise RefusedError(
            "not-found", f"no workflow {named} in {home.workflows} (there: {have}); write ./{named} for a file here"
        )
    return path


def _is_file(path: Path) -> bool:
    """No also for a name that is too long for a file, or that cannot be reached."""
    try:
        return path.is_file()
    except OSError:
        return False


def load(path: Path, settings: Settings) -> tuple[Definition | None, tuple[Fault, ...]]:
    """The workflow in a file, or all its faults."""
    policy = Policy(settings.task.retry, settings.task.timeout)
    found = loading.load(path, policy)
    if found.workflow is None:
        return None, found.faults
    return Definition(found.workflow, pack(found.text, str(path), found.calls, policy)), ()


def surroundings(home: Home, cwd: str, env: Mapping[str, str], umask: int) -> Surroundings:
    return Surroundings(cwd, inherited(dict(env)), umask, str(home.runs))


def own_surroundings(home: Home, path: Path) -> Surroundings:
    """Of a run that nobody starts by hand: the engine's environment, the folder of the file."""
    return surroundings(home, str(path.parent), os.environ, 0o077)
