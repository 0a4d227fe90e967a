"""Whose process is whose: each attempt's processes, also those that have escaped from its session."""

from __future__ import annotations

import asyncio
import math
import os
import time
from typing import TYPE_CHECKING, NamedTuple

from core.adapters import processes
from core.model import AttemptId

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from core.adapters.processes import Process
    from core.model import ProcessId

SLICE = 32
"""Processes looked at before the event loop has its turn: less than a millisecond."""
STRANGERS_AGAIN = 1 / 30
"""Share of the strangers that each pass looks at again: their numbers may have new owners."""
_INIT = 1


class Tenant(NamedTuple):
    """What is known of a live attempt's session."""

    launcher: ProcessId | None
    tty: str
    log: str


class Members:
    """Kept up to date by `refresh`, whose cost grows with our own processes and with new ones, not with all."""

    def __init__(self, home: Path) -> None:
        self._home = b"MUXDECK_HOME=" + os.fsencode(home)
        self._tenants: dict[AttemptId, Tenant] = {}
        self._by_launcher: dict[int, AttemptId] = {}
        self._owner: dict[int, AttemptId] = {}
        self._strangers: set[int] = set()
        self.spent = 0.0
        """Seconds of processor time that all passes took together."""
        self.of: dict[AttemptId, dict[int, Process]] = {}
        """The processes of each attempt at the last pass, its launcher not among them."""
        self._seen: dict[int, Process] = {}

    @property
    def tenants(self) -> dict[AttemptId, Tenant]:
        return self._tenants

    def add(self, attempt: AttemptId, tenant: Tenant) -> None:
        """From now on its processes are told apart, also those that were strangers until now."""
        if tenant.launcher is None:
            self._strangers.clear()
        else:
            self._strangers.discard(tenant.launcher.pid)
        self._tenants[attempt] = tenant
        if tenant.launcher is not None:
            self._by_launcher[tenant.launcher.pid] = attempt

    def forget_strangers(self) -> None:
        """The next pass asks every process whose it is."""
        self._strangers.clear()

    def drop(self, attempt: AttemptId) -> None:
        tenant = self._tenants.pop(attempt, None)
        if tenant is None:
            return
        for pid in self.of.pop(attempt, ()):
            self._owner.pop(pid, None)
        if tenant.launcher is not None and self._by_launcher.get(tenant.launcher.pid) == attempt:
            del self._by_launcher[tenant.launcher.pid]

    async def refresh(self) -> None:
        """One pass over the table, in slices; who comes while it is under way is in the next one."""
        tenants = list(self._tenants)
        for _ in range(math.ceil(len(self._strangers) * STRANGERS_AGAIN)):
            self._strangers.pop()
        present = set(await asyncio.to_thread(self._pids))
        self._strangers &= present
        before = self._seen
        self._seen = await self._look(present - self._strangers)
        seen = self._seen
        for pid in [pid for pid in self._owner if pid not in seen or not _same(before.get(pid), seen[pid])]:
            del self._owner[pid]
        known = self._owner.keys() | self._by_launcher.keys()
        for _ in self._sort_in([process for pid, process in seen.items() if pid not in known]):
            await asyncio.sleep(0)
        self.of = {attempt: {} for attempt in tenants if attempt in self._tenants}
        for pid, attempt in self._owner.items():
            if attempt in self.of and pid in seen:
                self.of[attempt][pid] = seen[pid]

    def _pids(self) -> list[int]:
        began = time.thread_time()
        found = processes.pids()
        self.spent += time.thread_time() - began
        return found

    def survivors(self, attempt: AttemptId) -> bool | None:
        """Whether a process of the attempt lives on; None where only a pass can tell.

        What is left of it is a child of its launcher, or has lost its parent, or descends from one of those.
        """
        tenant = self._tenants.get(attempt)
        launcher = None if tenant is None or tenant.launcher is None else processes.look(tenant.launcher.pid)
        server = None if launcher is None else processes.look(launcher.ppid)
        if launcher is None or server is None:
            return None
        heirs = [processes.children(pid) for pid in {launcher.pid, server.ppid, _INIT}]
        if None in heirs:
            return None
        pids = {pid for found in heirs if found for pid in found}
        seen = list(filter(None, map(processes.look, pids - self._strangers)))
        known = self._owner.keys() | self._by_launcher.keys()
        for _ in self._sort_in([process for process in seen if process.pid not in known]):
            pass
        return any(self._owner.get(process.pid) == attempt and not process.dead for process in seen)

    def launcher_alive(self, tenant: Tenant) -> bool:
        """Whether the last pass has met it."""
        return tenant.launcher is not None and processes.is_same(self._seen.get(tenant.launcher.pid), tenant.launcher)

    async def _look(self, pids: set[int]) -> dict[int, Process]:
        seen: dict[int, Process] = {}
        began = time.thread_time()
        for count, pid in enumerate(pids, start=1):
            found = processes.look(pid, self._seen.get(pid))
            if found is not None:
                seen[pid] = found
            if count % SLICE == 0:
                self.spent += time.thread_time() - began
                await asyncio.sleep(0)
                began = time.thread_time()
        self.spent += time.thread_time() - began
        return seen

    def _sort_in(self, newcomers: list[Process]) -> Iterator[None]:
        """Gives each its owner, or puts it among the strangers; stops for others now and then.

        A parent may come after its child: goes round until nobody finds an owner any more.
        """
        while newcomers:
            unowned = []
            for process in newcomers:
                attempt = self._by_descent(process)
                if attempt is None:
                    unowned.append(process)
                else:
                    self._owner[process.pid] = attempt
            if len(unowned) == len(newcomers):
                break
            newcomers = unowned
        found_more = False
        for count, process in enumerate(newcomers, start=1):
            try:
                attempt = self._by_marks(process)
            except processes.UntoldError:
                if not process.session or process.dead:
                    self._strangers.add(process.pid)
                continue
            if attempt is None:
                self._strangers.add(process.pid)
            else:
                self._owner[process.pid] = attempt
                found_more = True
            if count % SLICE == 0:
                yield
        if found_more:
            unowned = [process for process in newcomers if process.pid not in self._owner]
            self._strangers.difference_update(process.pid for process in unowned)
            yield from self._sort_in(unowned)

    def _by_descent(self, process: Process) -> AttemptId | None:
        return (
            self._by_launcher.get(process.ppid)
            or self._owner.get(process.ppid)
            or self._by_launcher.get(process.session)
        )

    def _by_marks(self, process: Process) -> AttemptId | None:
        """A process that left its session still has its environment, or the terminal open."""
        marked = processes.environment_value(process.pid, b"MUXDECK_ATTEMPT", beside=self._home)
        if marked is not None:
            try:
                attempt = AttemptId.parse(marked)
            except ValueError:
                return None
            return attempt if attempt in self._tenants else None
        if process.ppid != _INIT:
            return None
        terminals = processes.open_terminals(process.pid)
        return next((attempt for attempt, tenant in self._tenants.items() if tenant.tty in terminals), None)


def _same(before: Process | None, now: Process) -> bool:
    """Whether the number still has the owner that it had at the pass before."""
    return before is not None and before.created == now.created
