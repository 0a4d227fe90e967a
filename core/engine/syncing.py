"""Waits for the disk beside the event loop; what must be safe first is done afterwards, many things by one wait."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.ports import Store


class Syncing:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[Callable[[], None]] = []
        self._under_way: asyncio.Task[None] | None = None

    def after(self, deeds: list[Callable[[], None]]) -> None:
        """Does these, in order, once everything committed until now is safe."""
        if not self._store.syncs:
            for deed in deeds:
                deed()
            return
        self._waiting.extend(deeds)
        if self._waiting and self._under_way is None:
            self._under_way = asyncio.ensure_future(self._sync())

    async def finish(self) -> None:
        """Returns once all that waits is done."""
        while self._under_way is not None:
            await self._under_way

    async def _sync(self) -> None:
        try:
            while self._waiting:
                safe, self._waiting = self._waiting, []
                await asyncio.to_thread(self._store.sync)
                for deed in safe:
                    deed()
        finally:
            self._under_way = None
