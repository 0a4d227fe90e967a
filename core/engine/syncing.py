"""Waits for the disk beside the event loop; what must be safe first is done afterwards, many things by one wait."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.engine.reports import Reports
    from core.ports import Store
    from core.troubles import Troubles

TRY_AGAIN = 0.5
"""Seconds until a disk that refused is asked again: until then nothing is promised to anybody."""
PATIENCE = 10.0
"""Seconds after which whoever waits for a disk that refuses hears so."""


class Deed(NamedTuple):
    """What promises something to others."""

    do: Callable[[], None]
    excuse: Callable[[str], None] | None = None
    """Instead of it, with the reason, if the disk refuses for too long; None if it can wait for ever."""


class Syncing:
    def __init__(self, store: Store, reports: Reports, troubles: Troubles) -> None:
        self._store = store
        self._reports = reports
        self._troubles = troubles
        self._waiting: list[Deed] = []
        self._under_way: asyncio.Task[None] | None = None

    def after(self, deeds: list[Deed]) -> None:
        """Does these, in order, once everything committed until now is safe."""
        if not self._store.syncs:
            for deed in deeds:
                self._do(deed.do)
            return
        self._waiting.extend(deeds)
        if self._waiting and self._under_way is None:
            self._under_way = asyncio.ensure_future(self._sync())

    async def finish(self, deadline: float) -> None:
        """Returns once all that waits is done, or after so many seconds."""
        if self._under_way is not None:
            await asyncio.wait([self._under_way], timeout=deadline)

    async def _sync(self) -> None:
        try:
            while self._waiting:
                safe, self._waiting = self._waiting, []
                for deed in await self._until_safe(safe):
                    self._do(deed.do)
        finally:
            self._under_way = None

    async def _until_safe(self, deeds: list[Deed]) -> list[Deed]:
        """Those that are still to be done then."""
        began = asyncio.get_running_loop().time()
        while True:
            try:
                await asyncio.to_thread(self._store.sync)
            except Exception as error:
                fault = self._store.fault(error)
                if fault is None:
                    self._reports.write("to wait for the disk", error)
                else:
                    self._troubles.note("sync", f"{fault.text}; what was asked since is answered once it is safe")
                if asyncio.get_running_loop().time() - began > PATIENCE:
                    deeds = self._excused(deeds, str(error) if fault is None else fault.text)
                await asyncio.sleep(TRY_AGAIN)
            else:
                self._troubles.clear("sync")
                return deeds

    def _excused(self, deeds: list[Deed], why: str) -> list[Deed]:
        for deed in deeds:
            if deed.excuse is not None:
                self._do(partial(deed.excuse, why))
        return [deed for deed in deeds if deed.excuse is None]

    def _do(self, deed: Callable[[], None]) -> None:
        try:
            deed()
        except Exception as error:
            self._reports.write("to act on what is safe", error)
