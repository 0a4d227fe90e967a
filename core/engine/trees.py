"""The git worktrees of tasks: what was changed in them, and what becomes of that by the operator's wish."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from core.adapters import worktrees
from core.adapters.git import GitError
from core.messages import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    from core.adapters.worktrees import DiffStat, Worktree
    from core.engine.engine import Engine
    from core.home import Home

    T = TypeVar("T")

AT_ONCE = 8
"""Worktrees that git looks through at a time: they are read, and share no lock."""
LONGEST_DIFF = 1 << 20
"""Bytes of a diff that are shown."""


class Trees:
    """Git is asked in threads: it may take its time."""

    def __init__(self, home: Home, engine: Engine) -> None:
        self._root = home.worktrees
        self._engine = engine

    async def stats(self, tasks: Sequence[int]) -> list[DiffStat | None]:
        """Some at a time, in the order of the tasks; None where one has no worktree, or git does not tell."""
        pool = ThreadPoolExecutor(AT_ONCE, "git")
        loop = asyncio.get_running_loop()
        try:
            return await asyncio.gather(*(loop.run_in_executor(pool, self._stat, task) for task in tasks))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _stat(self, task: int) -> DiffStat | None:
        found = self.find(task)
        with suppress(GitError):
            return None if found is None else worktrees.diffstat(found)
        return None

    async def diff(self, task: int) -> str:
        """RefusedError where there is no worktree, like all below."""
        found = await self._do(task, lambda tree: worktrees.diff(tree, LONGEST_DIFF))
        return found.decode("utf-8", "replace")

    def find(self, task: int) -> Worktree | None:
        return worktrees.find(self._root, task)

    async def merge(self, task: int, message: str | None) -> str:
        """The commit that the repository's branch has then."""
        self._check_at_rest(task)
        return await self._do(task, lambda tree: worktrees.merge(tree, message))

    async def remove(self, task: int, *, force: bool) -> None:
        self._check_at_rest(task)
        await self._do(task, lambda tree: worktrees.remove(tree, force=force))

    async def forget(self, tasks: Sequence[int]) -> dict[int, str]:
        """The worktrees of tasks that are to be forgotten, where nothing is lost with them; why the others stay."""
        kept = {}
        for task in sorted(worktrees.all_of(self._root).intersection(tasks)):
            try:
                self._check_at_rest(task)
                await asyncio.to_thread(worktrees.forget, self._root, task)
            except (RefusedError, GitError) as error:
                kept[task] = str(error)
        return kept

    def _check_at_rest(self, task: int) -> None:
        tree, live = self.find(task), self._engine.world.attempts
        at_work = task if task in live else None if tree is None else worktrees.at_work(self._root, tree, live)
        if at_work is not None:
            raise RefusedError("refused", f"task {at_work} is running in its worktree: wait for it, or stop it first")

    async def _do(self, task: int, work: Callable[[Worktree], T]) -> T:
        found = self.find(task)
        if found is None:
            raise RefusedError("not-found", f"task {task} has no worktree")
        try:
            return await asyncio.to_thread(work, found)
        except GitError as error:
            raise RefusedError("failed", str(error)) from error
