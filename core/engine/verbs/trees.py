"""The verbs of what tasks have changed in their git worktrees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import requests as r
from core.engine import documents
from core.engine.documents import document
from core.messages import RefusedError
from core.text import one_line

if TYPE_CHECKING:
    from core.engine.engine import Engine
    from core.engine.trees import Trees
    from core.engine.verbs import Verbs


class TreeVerbs:
    def __init__(self, engine: Engine, trees: Trees) -> None:
        self._engine = engine
        self._trees = trees

    def verbs(self) -> Verbs:
        return {
            "results": (r.Results, self._results),
            "diff": (r.One, self._diff),
            "merge": (r.One, self._merge),
            "remove-worktree": (r.RemoveWorktree, self._remove_worktree),
        }

    async def _results(self, wish: r.Results, _who: str) -> object:
        tasks = self._engine.reader.of_batch(wish.batch)
        if not tasks:
            raise RefusedError("not-found", f"there is no batch {one_line(wish.batch, 60)!r}")
        stats = await self._trees.stats(tasks)
        found = [documents.result_document(self._engine, task, stat) for task, stat in zip(tasks, stats, strict=True)]
        return document(batch=wish.batch, tasks=found)

    async def _diff(self, wish: r.One, _who: str) -> object:
        task = documents.find(self._engine, wish.task)
        return document(task=task, diff=await self._trees.diff(task))

    async def _merge(self, wish: r.One, _who: str) -> object:
        task = documents.find(self._engine, wish.task)
        return document(task=task, commit=await self._trees.merge(task))

    async def _remove_worktree(self, wish: r.RemoveWorktree, _who: str) -> object:
        task = documents.find(self._engine, wish.task)
        await self._trees.remove(task, force=wish.force)
        return document(task=task)
