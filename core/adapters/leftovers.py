"""Folders of attempts that the store does not know: it was restored from a copy, or salvaged, and they know better."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from core.model import AttemptId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

OLD = ".old-"
"""Begins the name of a folder that was moved aside: nothing runs it, reads it or writes over it again."""


def move_aside(attempts: Path, made: Callable[[Iterable[int]], Mapping[int, int]], next_task: int) -> list[str]:
    """Makes room for attempts that are still to come; returns the new names of the folders that stood in their way.

    `made` gives how many attempts each of the tasks that exist has had. A folder of a task that was forgotten stands
    in nobody's way: its number is not given again. Call it once nothing of these folders is looked at any more, and
    before anything starts.
    """
    found = [attempt for attempt in map(_attempt_of, os.listdir(attempts)) if attempt is not None]
    known = made({attempt.task for attempt in found})
    moved = []
    for attempt in sorted(found):
        if attempt.task < next_task and attempt.number <= known.get(attempt.task, attempt.number):
            continue
        name = f"{OLD}{attempt}-{time.time_ns()}"
        (attempts / str(attempt)).rename(attempts / name)
        moved.append(name)
    return moved


def _attempt_of(name: str) -> AttemptId | None:
    """None for whatever else is there."""
    try:
        attempt = AttemptId.parse(name)
    except ValueError:
        return None
    return attempt if str(attempt) == name else None
