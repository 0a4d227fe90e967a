"""The verbs of what tasks have changed in their git worktrees."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from core import requests as r
from core.engine import documents
from core.engine.documents import document
from core.messages import Clean, RefusedError
from core.rules.editing import check_ended
from core.text import one_line, plural

if TYPE_CHECKING:
    from core.engine.engine import Engine
    from core.engine.trees import Trees
    from core.engine.verbs import Verbs
    from core.engine.verbs.selecting import Selecting

SHOWN_BATCHES = 100
SHOWN_OF_KEPT = 5
"""Tasks that are not cleaned, each with its reason."""


class TreeVerbs:
    def __init__(self, engine: Engine, selecting: Selecting, trees: Trees) -> None:
        self._engine = engine
        self._selecting = selecting
        self._trees = trees

    def verbs(self) -> Verbs:
        return {
            "results": (r.Results, self._results),
            "diff": (r.One, self._diff),
            "merge": (r.Merge, self._merge),
            "remove-worktree": (r.RemoveWorktree, self._remove_worktree),
            "clean": (r.Tasks, self._clean),
        }

    async def _results(self, wish: r.Results, _who: str) -> object:
        if wish.batch is None:
            found: dict[str, dict[str, int]] = {}
            for batch, state, count in self._engine.reader.batches(SHOWN_BATCHES):
                found.setdefault(batch, {})[state] = count
            return document(batches=[{"batch": batch, "counts": counts} for batch, counts in found.items()])
        tasks = self._engine.reader.of_batch(wish.batch)
        if not tasks:
            raise RefusedError("not-found", f"there is no batch {one_line(wish.batch, 60)!r}")
        stats = await self._trees.stats(tasks)
        told = [documents.result_document(self._engine, task, stat) for task, stat in zip(tasks, stats, strict=True)]
        return document(batch=wish.batch, tasks=told)

    async def _diff(self, wish: r.One, _who: str) -> object:
        task = documents.find(self._engine, wish.task)
        return document(task=task, diff=await self._trees.diff(task))

    async def _merge(self, wish: r.Merge, _who: str) -> object:
        task = documents.find(self._engine, wish.task)
        return document(task=task, commit=await self._trees.merge(task, wish.message))

    async def _remove_worktree(self, wish: r.RemoveWorktree, _who: str) -> object:
        task = documents.find(self._engine, wish.task)
        await self._trees.remove(task, force=wish.force)
        return document(task=task)

    async def _clean(self, wish: r.Tasks, who: str) -> object:
        """A task stays while its worktree has what is nowhere else: nobody could call it any more."""
        tasks = self._selecting.choose(wish.tasks, "clean")
        check_ended(self._engine.world, tasks)
        kept = await self._trees.forget(tasks)
        gone = await self._engine.wish(Clean(tuple(task for task in tasks if task not in kept)), who)
        if kept:
            told = "; ".join(f"task {task} stays: {why}" for task, why in islice(kept.items(), SHOWN_OF_KEPT))
            more = f"; and {len(kept) - SHOWN_OF_KEPT} more" if len(kept) > SHOWN_OF_KEPT else ""
            raise RefusedError("refused", f"{told}{more} ({plural(len(tasks) - len(kept), 'other task')} cleaned)")
        return gone
