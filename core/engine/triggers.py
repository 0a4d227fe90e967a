"""Workflows that begin by themselves: those in the folder of workflows, and the files for which some of them wait."""

from __future__ import annotations

import asyncio
import fnmatch
import logging
import os
import stat
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core.engine import workflow_files
from core.engine.aside import pause_after
from core.engine.background import Background
from core.files import changes
from core.messages import Arm, Emit, RefusedError
from core.runs import Armed
from core.text import one_line, storable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.adapters.run_reading import RunReader
    from core.engine.engine import Engine
    from core.home import Home
    from core.troubles import Troubles
    from core.workflows.model import OnFile

LOOK_AGAIN = 60.0
"""Seconds after which files are looked for in any case: a change may have gone unnoticed."""
log = logging.getLogger("muxdeck")


class Triggers:
    def __init__(self, home: Home, engine: Engine, runs: RunReader) -> None:
        self._home = home
        self._engine = engine
        self._runs = runs
        self._reading = Background()
        self._watching = Background()
        self._faults: tuple[str, ...] = ()
        """Of the files of workflows."""
        self._unread: dict[tuple[str, str], str] = {}
        """By workflow and folder, why files there cannot be seen."""
        engine.hold_events()

    def open(self) -> None:
        self._reading.keep(self._read_again_and_again)

    def close(self) -> None:
        self._reading.cancel()
        self._watching.cancel()

    async def _read_again_and_again(self) -> None:
        folder = self._home.workflows
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            await self._read()
        finally:
            self._engine.match_events()
        async for _ in changes(folder, troubles=self._engine.troubles):
            await self._read()

    async def _read(self) -> None:
        """A faulty file arms nothing, and its faults are shown until it is mended."""
        armed: list[tuple[Path, Armed]] = []
        problems: list[str] = []
        for path in sorted(self._home.workflows.glob("*.toml")):
            definition, faults = await asyncio.to_thread(workflow_files.load, path, self._engine.settings)
            problems.extend(map(str, faults))
            if definition is not None and definition.workflow.name in {one.name for _, one in armed}:
                problems.append(f"{path}: another file has a workflow of the name {definition.workflow.name}")
            elif definition is not None:
                name = definition.workflow.name
                where = workflow_files.own_surroundings(self._home, path)
                armed.append((path, Armed(definition, where, self._runs.expected(name))))
        self._faults = tuple(problems)
        self._show({})
        await self._engine.wish(Arm(tuple(one for _, one in armed)), "engine")
        self._watch(
            [FileTrigger(one.name, path.parent, on) for path, one in armed for on in one.definition.workflow.on.files]
        )

    def _watch(self, triggers: list[FileTrigger]) -> None:
        self._watching.cancel()
        for trigger in triggers:
            self._watching.keep(partial(self._follow, trigger))

    async def _follow(self, trigger: FileTrigger) -> None:
        """Each file once, once it has not changed for a while; known ones by the keys of their events."""
        seen: dict[str, tuple[Seen, float]] = {}
        told: set[Seen] = set()
        refused: dict[Seen, Refusal] = {}
        changed = asyncio.Event()
        notice = asyncio.ensure_future(_notice(trigger.folder, changed, self._engine.troubles))
        try:
            while True:
                now = time.monotonic()
                changed.clear()  # before the look: what changes while it is under way is looked at again
                found = await self._files(trigger)
                seen = {one.path: seen[one.path] if _same(seen, one) else (one, now) for one in found}
                waiting = [(one, since) for one, since in seen.values() if one not in told]
                for one, since in waiting:
                    if now - since < trigger.on.settle or now < refused.get(one, NEVER).again_at:
                        continue
                    if await self._tell(trigger, one):
                        told.add(one)
                        refused.pop(one, None)
                    else:
                        tries = refused.get(one, NEVER).tries + 1
                        refused[one] = Refusal(tries, now + pause_after(tries))
                left = [
                    max(trigger.on.settle - (now - since), refused.get(one, NEVER).again_at - now)
                    for one, since in waiting
                    if one not in told
                ]
                try:
                    async with asyncio.timeout(max(min(left, default=LOOK_AGAIN), 0.05)):
                        await changed.wait()
                except TimeoutError:
                    pass
        finally:
            notice.cancel()

    async def _files(self, trigger: FileTrigger) -> list[Seen]:
        """No file if its folder cannot be read, which is shown until it can."""
        where = (trigger.workflow, str(trigger.folder))
        try:
            found = await asyncio.to_thread(lambda: list(trigger.files()))
        except FileNotFoundError:
            return []
        except OSError as error:
            words = (
                f"{trigger.workflow}: {one_line(where[1])} cannot be read: {error.strerror}: no file there starts it"
            )
            self._show({**self._unread, where: words})
            return []
        if where in self._unread:
            self._show({key: text for key, text in self._unread.items() if key != where})
        return found

    def _show(self, unread: dict[tuple[str, str], str]) -> None:
        self._unread = unread
        self._engine.workflow_problems = (*self._faults, *unread.values())

    async def _tell(self, trigger: FileTrigger, one: Seen) -> bool:
        """False if a bug or the machine is in the way, which is shown until the file has been taken in."""
        data = {"path": one.path, "name": os.path.basename(one.path), "size": one.size, "modified": one.modified / 1e9}
        key = storable(f"file {trigger.workflow} {one.path} {one.modified} {one.size}")
        try:
            await self._engine.wish(Emit("file", data, f"file {one.path}", key, trigger.workflow), "engine")
        except RefusedError as refused:
            log.warning("%s: %s", one_line(one.path), refused)
            if refused.code in ("bug", "failed"):
                words = f"the file {one_line(one.path)} could not start {trigger.workflow} yet: {refused}"
                self._engine.troubles.note(f"file {one.path}", words)
                return False
        self._engine.troubles.clear(f"file {one.path}")
        return True


class Refusal(NamedTuple):
    """How often a file could not be taken in, and when it is tried again (monotonic seconds)."""

    tries: int
    again_at: float


NEVER = Refusal(0, 0.0)


class Seen(NamedTuple):
    """A file as it stood when it was looked at."""

    path: str
    modified: int
    """Nanoseconds since 1970."""
    size: int


class FileTrigger(NamedTuple):
    workflow: str
    base: Path
    on: OnFile

    @property
    def folder(self) -> Path:
        """The folder in which its files stand."""
        return (self.base / self.on.pattern).parent

    def files(self) -> Iterator[Seen]:
        """The files that are there now; those that vanish meanwhile are passed over. OSError if it cannot be read."""
        pattern = Path(self.on.pattern).name
        with os.scandir(self.folder) as entries:
            names = sorted(entry.name for entry in entries if fnmatch.fnmatchcase(entry.name, pattern))
        for name in names:
            path = self.folder / name
            try:
                found = path.stat()
            except OSError:
                continue
            if stat.S_ISREG(found.st_mode):
                yield Seen(str(path), found.st_mtime_ns, found.st_size)


def _same(seen: dict[str, tuple[Seen, float]], one: Seen) -> bool:
    return one.path in seen and seen[one.path][0] == one


async def _notice(folder: Path, changed: asyncio.Event, troubles: Troubles) -> None:
    """Sets the event whenever something in the folder changes, which is made if it is not there.

    A folder that cannot be made or watched is tried again: it is looked at now and then in any case.
    """
    while True:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            async for _ in changes(folder, troubles=troubles, on_begun=changed.set):
                changed.set()
        except OSError as error:
            log.warning("%s is not watched: %s", one_line(str(folder)), error)
        await asyncio.sleep(LOOK_AGAIN)
