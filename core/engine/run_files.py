"""Files of a run that its tasks find: a folder of its own, and what a reducing node gathers."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from core import plainfile
from core.ports import OutsideError
from core.rules.runs.scope import inputs_file, item_of

if TYPE_CHECKING:
    from core.adapters.run_reading import RunReader
    from core.rules.runs.state import Run
    from core.rules.world import World
    from core.workflows.model import Reduce


def prepare(world: World, reader: RunReader, task_id: int) -> None:
    """Before a task of a run begins. OutsideError where the disk refuses; repeated, it writes the same again."""
    part = world.tasks[task_id].part
    run = None if part is None else world.runs.get(part.run)
    if part is None or run is None:
        return
    progress = run.nodes[part.node]
    path, reduce = inputs_file(run, progress), progress.node.reduce
    try:
        if not os.path.isdir(run.folder):
            os.makedirs(run.folder, mode=0o700, exist_ok=True)
        if path is not None and reduce is not None:
            # As a whole: an attempt before this one may still read it.
            plainfile.write_whole(path, json.dumps(_gathered(reader, run, reduce)).encode())
    except OSError as error:
        raise OutsideError(f"cannot write {error.filename or run.folder}: {plainfile.in_words(error)}") from error


def _gathered(reader: RunReader, run: Run, reduce: Reduce) -> list[dict[str, Any]]:
    """Of every part: its index, what it ran for, its state and its output."""
    source = run.nodes[reduce.source]
    return [
        {
            "index": index,
            "item": None if source.node.fan is None else item_of(run, source, index),
            "state": state,
            "out": out,
        }
        for index, state, out in reader.outputs(run.id, reduce.source, by_end=reduce.order == "done")
    ]
