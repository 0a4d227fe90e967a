"""What tasks leave for others, read when they end: a value, or why it cannot be used."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.bounds import excess
from core.engine.background import Background
from core.faults import dotted
from core.messages import Exited
from core.model import Captured
from core.text import one_line, plain, size, without_escapes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.messages import Observation
    from core.model import AttemptId, Output
    from core.rules.world import World


class Outputs:
    """Stands between the hands and the engine: the end of a task comes with what it has left."""

    def __init__(self, world: World, post: Callable[[Observation], None]) -> None:
        self._world = world
        self._post = post
        self._collecting = Background()
        self.printed: Callable[[AttemptId, int], Awaitable[tuple[bytes, int]]]
        """The end of what an attempt has printed, at most so many bytes, and how much it is in all."""
        self.folder: Callable[[AttemptId], str | None]
        """The folder in which an attempt was started."""

    def post(self, fact: Observation) -> None:
        wanted = self._wanted(fact) if isinstance(fact, Exited) else None
        if wanted is None or not isinstance(fact, Exited):
            self._post(fact)
        else:
            self._collecting.start(self._collect(fact, wanted))

    def _wanted(self, fact: Exited) -> Output | None:
        attempt = self._world.attempt(fact.attempt)
        task = self._world.tasks.get(fact.attempt.task)
        if attempt is None or task is None or task.part is None or attempt.exit_code is not None:
            return None
        run = self._world.runs.get(task.part.run)
        return None if run is None else run.nodes[task.part.node].node.output

    async def _collect(self, fact: Exited, wanted: Output) -> None:
        self._post(replace(fact, output=await self._captured(fact, wanted)))

    async def _captured(self, fact: Exited, wanted: Output) -> Captured:
        try:
            if wanted.path == "-":
                return _value(wanted, await self._said(fact, wanted))
            folder = self.folder(fact.attempt) or "/"
            return await asyncio.to_thread(_from_file, wanted, Path(folder, wanted.path))
        except _UselessError as error:
            return Captured(problem=str(error))

    async def _said(self, fact: Exited, wanted: Output) -> bytes:
        """What it has printed; of a coding agent its last message."""
        attempt = self._world.attempt(fact.attempt)
        result = fact.result or (None if attempt is None else attempt.result)
        if result is not None:
            text = result.message.encode("utf-8", "replace")
            return _json_in(text) if wanted.kind == "json" else text
        content, length = await self.printed(fact.attempt, wanted.limit)
        if length > wanted.limit:
            raise _UselessError(f"it has printed {size(length)}, its output may have {size(wanted.limit)}")
        return content


class _UselessError(Exception):
    """The text says why what was left cannot be used."""


def _from_file(wanted: Output, path: Path) -> Captured:
    """Of a file only its path is handed on; it must be one, and there."""
    named = one_line(wanted.path, 120)
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise _UselessError(f"its output {named} cannot be read: {error.strerror}") from error
    with open(file, "rb") as opened:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise _UselessError(f"its output {named} is not a file")
        if wanted.kind == "file":
            return Captured(str(path))
        if found.st_size > wanted.limit:
            raise _UselessError(f"its output {named} has {size(found.st_size)}, at most {size(wanted.limit)} are taken")
        return _value(wanted, opened.read(wanted.limit + 1))


def _value(wanted: Output, raw: bytes) -> Captured:
    text = raw.decode("utf-8", "replace")
    if wanted.kind == "text":
        return Captured(plain(without_escapes(text)).strip("\n"))
    try:
        value = json.loads(without_escapes(text) if wanted.path == "-" else text, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise _UselessError(
            f"its output {one_line(wanted.path, 120)} is not JSON: {one_line(str(error), 120)}"
        ) from error
    if (found := excess(value, escapes=True)) is not None:
        where = f" at {dotted(found.path)}" if found.path else ""
        raise _UselessError(f"its output {one_line(wanted.path, 120)} cannot be used{where}: {found.text}")
    return Captured(value)


def _refused(name: str) -> Any:  # noqa: ANN401 - never returns
    raise ValueError(f"{name} is no JSON number")


def _json_in(text: bytes) -> bytes:
    """The JSON of a message that says something around it: of its last fenced block, where it has one."""
    _, fence, rest = text.rpartition(b"```json")
    if not fence:
        return text
    return rest.partition(b"```")[0]
