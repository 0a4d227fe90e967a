"""Workflows that a workflow calls: each read once, none calling itself, given what it asks for."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING

from core.faults import Problem, unknown_key
from core.workflows.binding import fitting
from core.workflows.linking import key_of
from core.workflows.model import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.workflows.collecting import Key
    from core.workflows.model import Workflow

    Reading = Callable[[str, str, tuple[str, ...]], Workflow | None]
    """Text, path and trail of a file, to its workflow where it has no faults."""

MAX_LEVELS = 8
"""Calls from the first workflow to the innermost one."""


class Caller:
    """Finds and reads what is called. Paths are those from the folder of the first file."""

    def __init__(self, text_of: Callable[[str], str | None]) -> None:
        self._text_of = text_of
        self._read: dict[str, Workflow | None] = {}
        self._levels: dict[str, int] = {}
        """By path, the calls from it to the innermost one."""

    def called(
        self, workflow: Workflow, path: str, trail: tuple[str, ...], read: Reading
    ) -> tuple[Workflow, list[Problem]]:
        """The workflow with those that it calls, and what is wrong with the calls themselves."""
        trail = (*trail, path)
        problems: list[Problem] = []
        calls = {}
        self._levels[path] = 0
        for node in workflow.nodes.values():
            if not isinstance(node.work, Call) or not is_path(node.work.file):
                continue
            key = (*key_of(node), "call")
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), node.work.file))
            if (wrong := self._refusal(target, trail)) is not None:
                problems.append(Problem((*key, "file"), wrong))
                continue
            found = self._workflow(target, trail, read)
            self._levels[path] = max(self._levels[path], 1 + self._levels.get(target, 0))
            if len(trail) + self._levels.get(target, 0) > MAX_LEVELS:
                problems.append(Problem((*key, "file"), f"more than {MAX_LEVELS} levels of workflows that call others"))
            elif found is not None:
                calls[node.work.file] = found
                problems += _mismatches(found, node.work, (*key, "with"))
        return replace(workflow, calls=calls), problems

    def _refusal(self, target: str, trail: tuple[str, ...]) -> str | None:
        if target in trail:
            return f"it would call itself: {' → '.join([*trail[trail.index(target) :], target])}"
        if len(trail) > MAX_LEVELS:
            return f"more than {MAX_LEVELS} levels of workflows that call others"
        if target not in self._read and self._text_of(target) is None:
            return f"there is no file {target} that could be read"
        return None

    def _workflow(self, target: str, trail: tuple[str, ...], read: Reading) -> Workflow | None:
        if target not in self._read:
            text = self._text_of(target)
            self._read[target] = None if text is None else read(text, target, trail)
        return self._read[target]


def is_path(file: str) -> bool:
    """Whether it may be the path of a file, from the folder of the one that calls it."""
    return file != "" and not file.startswith("/") and "\0" not in file


def _mismatches(called: Workflow, call: Call, key: Key) -> Iterator[Problem]:
    """What a call gives that the other does not take, and what it does not give."""
    given = dict(call.given)
    for name, structure in given.items():
        param = called.params.get(name)
        if param is None:
            yield Problem((*key, name), unknown_key(name, list(called.params), "parameter"))
        elif structure.constant:
            try:
                fitting(param, structure.value({}))
            except ValueError as error:
                yield Problem((*key, name), str(error))
    missing = [name for name, param in called.params.items() if param.required and name not in given]
    if missing:
        yield Problem(key[:-1], f"expected with = {{ {', '.join(f'{name} = …' for name in missing)} }}")
