"""What of a workflow file has the right shape, so that its other faults are found as well."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from core import tomlfile
from core.boundary import BadInputError, read_json
from core.workflows.file import WorkflowFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.faults import Problem

_KEPT = {"task": 3, "finally": 3, "params": 2}
"""By section, how long the path of the smallest thing is that is left out. Other sections are left out whole."""


class Shaped(NamedTuple):
    file: WorkflowFile | None
    """Without what is faulty; None where nothing is left."""
    problems: tuple[Problem, ...]


def shaped(written: dict[str, Any]) -> Shaped:
    try:
        text = tomlfile.as_json(written)
        return Shaped(read_json(WorkflowFile, text), ())
    except BadInputError as error:
        problems = error.problems
    if any(not problem.path for problem in problems):
        return Shaped(None, problems)
    rest: dict[str, Any] = json.loads(text)
    for problem in problems:
        _cut(rest, problem.path[: _KEPT.get(str(problem.path[0]), 1)])
    try:
        return Shaped(read_json(WorkflowFile, json.dumps(rest)), problems)
    except BadInputError:
        return Shaped(None, problems)


def _cut(rest: dict[str, Any], path: tuple[str | int, ...]) -> None:
    if path == ("schema",):
        rest["schema"] = 1
        return
    table: Any = rest
    for part in path[:-1]:
        table = table.get(part) if isinstance(table, dict) else None
    if isinstance(table, dict):
        table.pop(path[-1], None)


def names(problems: Iterable[Problem], *sections: str, keys: frozenset[str] | None = None) -> frozenset[str]:
    """Names in these sections that have a problem; with `keys`, only one of these keys or of the whole."""
    return frozenset(
        str(path[1])
        for path, _ in problems
        if len(path) > 1 and path[0] in sections and (keys is None or len(path) == 2 or path[2] in keys)
    )
