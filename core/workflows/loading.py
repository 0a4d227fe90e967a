"""Workflow files on the disk, with those that they call."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from core.model import Policy
from core.plainfile import read_text
from core.tomlfile import Fault
from core.workflows.reading import read

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from core.workflows.model import Workflow

_DEFAULTS = Policy()


class Loaded(NamedTuple):
    workflow: Workflow | None
    """None where there are faults."""
    faults: tuple[Fault, ...]
    text: str = ""
    calls: Mapping[str, str] = {}
    """The texts of what it calls, however deep, by the names under which they are called."""


def load(path: Path, policy: Policy = _DEFAULTS) -> Loaded:
    """The workflow of a file, or every fault of it and of what it calls. `policy` as in `reading.read`."""
    try:
        text = read_text(path)
    except (OSError, UnicodeError) as error:
        return Loaded(None, (Fault(str(path), None, "", f"cannot be read: {error}"),))
    calls: dict[str, str] = {}

    def call(named: str) -> str | None:
        try:
            return calls.setdefault(named, read_text(path.parent / named))
        except (OSError, UnicodeError):
            return None

    return Loaded(*read(text, str(path), call, policy), text, calls)
