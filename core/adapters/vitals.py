"""Looks at the processes of the fleet as often as the budget allows, and ends those that are to end."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING

from core.adapters import processes
from core.adapters.members import SLICE, Members, Tenant
from core.vitals import Vital

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from core.adapters.processes import Process
    from core.model import AttemptId

KILL_DEADLINE = 5.0
"""Seconds within which KILL must have worked, or the survivors are told."""
SILENT_FOR_QUESTION = 2.0
SEARCHES = 3
SEARCH_PAUSE = 0.02
"""Seconds between two looks for what may be left: a process is not seen while it becomes another program."""
LOOKS_APART = 10
"""Looks for leftovers come this many times their own cost apart: they may take a tenth of a core at most."""


class Watch:
    """The processes of all attempts. One pass at a time; whoever needs a look joins the next one."""

    def __init__(self, home: Path) -> None:
        self.members = Members(home)
        self._before: dict[int, Process] = {}
        self._looked_at = 0.0
        self._passing = asyncio.Lock()
        self._next: asyncio.Task[None] | None = None
        self._last_cost = 0.0
        self.cost = 0.0
        """Seconds of processor time that the latest sample took."""

    def add(self, attempt: AttemptId, tenant: Tenant) -> None:
        self.members.add(attempt, tenant)

    def drop(self, attempt: AttemptId) -> None:
        self.members.drop(attempt)

    def knows(self, attempt: AttemptId) -> bool:
        return attempt in self.members.tenants

    async def sample(self) -> AsyncIterator[dict[AttemptId, Vital]]:
        """A look at every attempt, some at a time. `cost` tells afterwards what it took."""
        spent = self.members.spent
        if self.members.tenants:
            await self._refresh()
        spent = self.members.spent - spent
        now = time.time()
        elapsed = now - self._looked_at
        before, self._before, self._looked_at = self._before, {}, now
        attempts = list(self.members.of.items())
        for start in range(0, len(attempts), SLICE):
            began = time.thread_time()
            yield {
                attempt: self._vital(tenant, of_attempt, before, now, elapsed)
                for attempt, of_attempt in attempts[start : start + SLICE]
                if (tenant := self.members.tenants.get(attempt)) is not None
            }
            await asyncio.sleep(0)  # what is made of them is part of the cost
            spent += time.thread_time() - began
        self.cost = spent

    def _vital(
        self,
        tenant: Tenant,
        found: dict[int, Process],
        before: dict[int, Process],
        now: float,
        elapsed: float,
    ) -> Vital:
        self._before.update(found)
        worked = cpu_seconds = 0.0
        memory = threads = stopped = 0
        living = []
        for pid, process in found.items():
            earlier = before.get(pid, process)
            if earlier is not process and earlier.created == process.created:
                worked += process.cpu - earlier.cpu
            cpu_seconds += process.cpu + process.reaped_cpu
            memory += process.memory
            if not process.dead:
                living.append(process)
                threads += process.threads
                stopped += process.state == "T"
        last_output = _last_output(tenant.log)
        silent = last_output is None or now - last_output >= SILENT_FOR_QUESTION
        root = _root(tenant, found)
        return Vital(
            at=now,
            cpu=100 * worked / elapsed if elapsed > 0 else 0.0,
            cpu_seconds=cpu_seconds,
            memory=memory,
            processes=len(found),
            threads=threads,
            stopped=stopped,
            zombies=len(found) - len(living),
            root=None if root is None else root.identity,
            launcher_alive=self.members.launcher_alive(tenant),
            last_output=last_output,
            reads_terminal=silent and worked == 0 and _asks(living),
            io_bytes=sum(processes.io_bytes(process.pid) for process in living) if worked else None,
        )

    async def leftovers(self, attempt: AttemptId) -> int:
        """How many processes of an attempt live on; where that takes a pass, questions of one moment share one."""
        if self.members.survivors(attempt) is False:
            return 0
        await self._refresh(wait=min(max(LOOKS_APART * self._last_cost, 0.005), 1.0))
        return len(self._living(attempt))

    async def living(self, attempt: AttemptId) -> list[Process]:
        await self._refresh()
        return self._living(attempt)

    async def search(self, attempt: AttemptId) -> list[Process]:
        """Its living processes. None is found only if several looks in turn, which take no process for a stranger
        because it was one before, find none: one look misses what is forked while it is under way."""
        for _ in range(SEARCHES):
            self.members.forget_strangers()
            living = await self.living(attempt)
            if living:
                return living
            await asyncio.sleep(SEARCH_PAUSE)
        return []

    async def signal_tree(self, attempt: AttemptId, number: int) -> None:
        """Every process of the attempt but its launcher; a stopped one is woken, so that it can act on TERM."""
        await self._refresh()
        for process in self._living(attempt):
            processes.send(process, number)
            if number == signal.SIGTERM:
                processes.send(process, signal.SIGCONT)

    async def end_tree(self, attempt: AttemptId) -> tuple[str, ...]:
        """KILL until a look finds nothing; the survivors, with a word about each, after the deadline."""
        deadline = time.monotonic() + KILL_DEADLINE
        pause = 0.005
        while True:
            await self._refresh()
            living = self._living(attempt)
            refused = [process for process in living if not processes.send(process, signal.SIGKILL)]
            if not living:
                return ()
            if time.monotonic() > deadline or (refused and len(refused) == len(living)):
                return tuple(f"process {process.pid} ({_word(process, refused)})" for process in living)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.25)

    def _living(self, attempt: AttemptId) -> list[Process]:
        return [process for process in self.members.of.get(attempt, {}).values() if not process.dead]

    async def _refresh(self, wait: float = 0.0) -> None:
        """Ends with a pass that began after this call."""
        if self._next is None:
            self._next = asyncio.ensure_future(self._pass(wait))
        await asyncio.shield(self._next)

    async def _pass(self, wait: float) -> None:
        await asyncio.sleep(wait)
        async with self._passing:
            self._next = None
            spent = self.members.spent
            await self.members.refresh()
            self._last_cost = self.members.spent - spent


def _root(tenant: Tenant, found: dict[int, Process]) -> Process | None:
    """The program itself: the launcher's own child."""
    if tenant.launcher is None:
        return None
    children = [process for process in found.values() if process.ppid == tenant.launcher.pid]
    return min(children, key=lambda process: process.created, default=None)


def _last_output(log: str) -> float | None:
    try:
        found = os.stat(log)
    except OSError:
        return None
    return found.st_mtime if found.st_size else None


def _asks(living: list[Process]) -> bool:
    return any(
        process.foreground and process.state == "S" and processes.reads_terminal(process.pid) for process in living
    )


def _word(process: Process, refused: list[Process]) -> str:
    if process in refused:
        return "belongs to another user"
    return "in a wait of the kernel" if process.state == "D" else "does not end"
