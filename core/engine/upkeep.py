"""What the engine does now and then: reads a changed configuration, forgets old tasks, folds the store's journal."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from core.adapters import worktrees
from core.engine.background import Background
from core.files import changes
from core.messages import Clean, CleanRuns, ForgetMail, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.adapters.run_reading import RunReader
    from core.adapters.store import SqliteStore
    from core.engine.configuration import Configuration
    from core.engine.engine import Engine
    from core.engine.hands import RealHands
    from core.engine.reports import Reports
    from core.home import Home

CHECKPOINT_EVERY = 5.0
CLEAN_EVERY = 60.0
FOREIGN_EVERY = 3.0
CLEANED_AT_ONCE = 500
KEPT_RUNS = 200
"""Latest runs that are remembered, though none of their tasks is."""
INPUT_AGE = 3600.0
"""Seconds for which an input that no task names is kept: its task may be about to be added."""
log = logging.getLogger("muxdeck")


class Upkeep:
    def __init__(
        self,
        home: Home,
        engine: Engine,
        store: SqliteStore,
        runs: RunReader,
        hands: RealHands,
        configuration: Configuration,
        reports: Reports,
    ) -> None:
        self._home = home
        self._configuration = configuration
        self._engine = engine
        self._store = store
        self._runs = runs
        self._hands = hands
        self._reports = reports
        self._background = Background()
        self.may_put_back: Callable[[], bool] = lambda: True
        """Whether the home is still ours: nothing is written into that of another engine."""

    def open(self) -> None:
        for work in (self._watch_config, self._fold_journal, self._forget_old, self._look_at_foreign):
            self._background.keep(work)

    def close(self) -> None:
        self._background.cancel()

    async def _watch_config(self) -> None:
        config = self._home.config
        config.parent.mkdir(parents=True, exist_ok=True)
        async for _ in changes(config.parent, config.name, self._engine.troubles):
            await self._configuration.refresh()

    async def _fold_journal(self) -> None:
        """Beside the work, not in a commit: there it would cost the one who waits for it."""
        while True:
            await asyncio.sleep(CHECKPOINT_EVERY)
            self._hands.watched = self._engine.feed.watched
            self._reports.refresh()
            try:
                told = self._store.keep_in_place() if self.may_put_back() else None
                await asyncio.to_thread(self._store.checkpoint)
            except Exception as error:
                if self._store.fault(error) is None:
                    raise
            else:
                if told is not None:
                    log.error(told)
                    self._engine.troubles.note("database", told)

    async def _look_at_foreign(self) -> None:
        """Only while somebody looks at them."""
        while True:
            await asyncio.sleep(FOREIGN_EVERY)
            if self._engine.feed.watched:
                self._engine.feed.note_foreign(await self._hands.foreign())

    async def _forget_old(self) -> None:
        while True:
            await asyncio.sleep(CLEAN_EVERY)
            self._forget_inputs()
            keep = self._engine.settings.engine.keep_ended
            if keep:
                await self._forget_tasks(keep)
                await self._forget_mail(keep)
            await self._forget_runs()

    async def _forget_tasks(self, keep: int) -> None:
        if self._engine.ended_tasks <= keep:
            return
        with_tree = worktrees.all_of(self._home.worktrees)
        old = [task for task in self._store.cleanable(None, keep) if task not in with_tree][:CLEANED_AT_ONCE]
        try:
            if old:
                await self._engine.wish(Clean(tuple(old)), "engine")
        except RefusedError as refused:
            log.warning("old tasks stay: %s", refused)

    async def _forget_mail(self, keep: int) -> None:
        old = self._store.spent_mail(self._engine.world.next_mail - keep, time.time())[:CLEANED_AT_ONCE]
        if old:
            await self._engine.wish(ForgetMail(tuple(old)), "engine")

    async def _forget_runs(self) -> None:
        old = self._runs.forgettable(KEPT_RUNS)[:CLEANED_AT_ONCE]
        if old:
            await self._engine.wish(CleanRuns(tuple(old)), "engine")

    def _forget_inputs(self) -> None:
        """What tasks were given to read, once no task is left that could read it again."""
        used = self._store.inputs()
        too_young = time.time() - INPUT_AGE
        with suppress(FileNotFoundError):
            for path in self._home.inputs.iterdir():
                if str(path) not in used and path.stat().st_mtime < too_young:
                    path.unlink(missing_ok=True)
