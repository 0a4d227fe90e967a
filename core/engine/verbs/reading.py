"""The verbs that tell how tasks, agents and the engine stand."""

from __future__ import annotations

import asyncio
import os
import platform
import sqlite3
from typing import TYPE_CHECKING

from core import __version__
from core import requests as r
from core.adapters import worktrees
from core.adapters.reading import Only
from core.engine import documents, wishes
from core.engine.documents import document
from core.messages import RefusedError
from core.rules.routing import check_agent
from core.text import duration

if TYPE_CHECKING:
    from core.engine.engine import Engine
    from core.engine.verbs import Verbs
    from core.home import Home


class ReadingVerbs:
    """They change nothing."""

    def __init__(self, engine: Engine, home: Home) -> None:
        self._engine = engine
        self._home = home

    def verbs(self) -> Verbs:
        return {
            "list": (r.List, self._list),
            "show": (r.One, self._show),
            "why": (r.One, self._why),
            "log": (r.Log, self._log),
            "wait": (r.Wait, self._wait),
            "notes": (r.Notes, self._notes),
            "agents": (r.Nothing, self._agents),
            "agent-explain": (r.ExplainAgent, self._explain_agent),
            "groups": (r.Nothing, self._groups),
            "stats": (r.Nothing, self._stats),
            "status": (r.Nothing, self._status),
        }

    async def _list(self, wish: r.List, _who: str) -> object:
        wishes.states_of(wish.states)
        only = Only(wish.states, wish.group, wish.text, wish.after)
        rows = self._engine.reader.listed(only, wish.limit)
        return document(tasks=list(map(documents.row_document, rows)), counts=self._engine.head()["counts"])

    async def _show(self, wish: r.One, _who: str) -> object:
        task = documents.find(self._engine, wish.task)
        tree = worktrees.find(self._home.worktrees, task)
        found = None if tree is None else {"path": str(tree.path), "branch": tree.branch, "base": tree.base}
        return document(task=documents.task_document(self._engine, task) | {"worktree": found})

    async def _why(self, wish: r.One, _who: str) -> object:
        task = documents.find(self._engine, wish.task)
        state = self._engine.store.states([task])[task]
        return document(task=task, state=state, why=documents.reasons(self._engine, task))

    async def _log(self, wish: r.Log, _who: str) -> object:
        task = documents.find(self._engine, wish.task)
        return document(**await documents.log_part(self._engine, task, wish.attempt, wish.offset, wish.limit))

    async def _wait(self, wish: r.Wait, _who: str) -> object:
        for task in wish.tasks:
            documents.find(self._engine, task)
        try:
            async with asyncio.timeout(wish.timeout):
                await self._engine.ended(wish.tasks)
        except TimeoutError:
            raise RefusedError("failed", f"still not ended after {duration(wish.timeout or 0)}") from None
        return document(tasks=list(map(documents.row_document, sorted(self._engine.reader.rows(wish.tasks)))))

    async def _notes(self, wish: r.Notes, _who: str) -> object:
        return document(notes=self._engine.reader.notes(wish.task, wish.limit))

    async def _agents(self, _wish: r.Nothing, _who: str) -> object:
        return document(agents=documents.agents(self._engine))

    async def _explain_agent(self, wish: r.ExplainAgent, _who: str) -> object:
        check_agent(self._engine.world, wish.agent)
        return document(**documents.agent_document(self._engine, wish.agent))

    async def _groups(self, _wish: r.Nothing, _who: str) -> object:
        return document(groups=documents.groups(self._engine), paused=self._engine.world.paused)

    async def _stats(self, _wish: r.Nothing, _who: str) -> object:
        return document(**self._engine.head(), since=self._engine.metrics.began_at)

    async def _status(self, _wish: r.Nothing, _who: str) -> object:
        return document(
            version=__version__,
            pid=os.getpid(),
            socket=str(self._home.socket),
            home=str(self._home.root),
            python=platform.python_version(),
            sqlite=sqlite3.sqlite_version,
            since=self._engine.metrics.began_at,
            tmux_servers=self._engine.hands.servers(),
            problems=self._engine.all_problems,
        )
