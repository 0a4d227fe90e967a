"""The git worktrees of tasks: what was changed in them, and what becomes of that by the operator's wish."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from core.adapters import worktrees
from core.adapters.git import GitError
from core.messages import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from core.adapters.worktrees import DiffStat, Worktree
    from core.engine.engine import Engine
    from core.home import Home

    T = TypeVar("T")

LONGEST_DIFF = 1 << 20
"""Bytes of a diff that are shown."""


class Trees:
    """Git is asked in threads: it may take its time."""

    def __init__(self, home: Home, engine: Engine) -> None:
        self._root = home.worktrees
        self._engine = engine

    async def stat(self, task: int) -> DiffStat | None:
        """None where the task has no worktree, or git does not tell."""
        try:
            return await self._do(task, worktrees.diffstat)
        except RefusedError:
            return None

    async def diff(self, task: int) -> str:
        """RefusedError where there is no worktree, like all below."""
        found = await self._do(task, lambda tree: worktrees.diff(tree, LONGEST_DIFF))
        return found.decode("utf-8", "replace")

    async def merge(self, task: int) -> str:
        """The commit that the repository's branch has then."""
        self._check_at_rest(task)
        return await self._do(task, worktrees.merge)

    async def remove(self, task: int, *, force: bool) -> None:
        self._check_at_rest(task)
        await self._do(task, lambda tree: worktrees.remove(tree, force=force))

    def _check_at_rest(self, task: int) -> None:
        if task in self._engine.world.attempts:
            raise RefusedError("refused", f"task {task} is running in its worktree: wait for it, or stop it first")

    async def _do(self, task: int, work: Callable[[Worktree], T]) -> T:
        found = worktrees.find(self._root, task)
        if found is None:
            raise RefusedError("not-found", f"task {task} has no worktree")
        try:
            return await asyncio.to_thread(work, found)
        except GitError as error:
            raise RefusedError("failed", str(error)) from error
