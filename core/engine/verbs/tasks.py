"""The verbs that put tasks in the queue and change them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from core import requests as r
from core.adapters.prompts import NoFiles
from core.engine import documents, wishes
from core.engine.documents import document
from core.messages import Edit, SendSignal
from core.rules.routing import check_wanted

if TYPE_CHECKING:
    from core.adapters.prompts import PromptFiles
    from core.engine.engine import Engine
    from core.engine.verbs import Verbs
    from core.engine.verbs.selecting import Selecting


class TaskVerbs:
    """Wishes that are more than a command."""

    def __init__(self, engine: Engine, selecting: Selecting, prompts: PromptFiles) -> None:
        self._engine = engine
        self._selecting = selecting
        self._prompts = prompts

    def verbs(self) -> Verbs:
        return {
            "add": (r.Add, self._add),
            "check": (r.Check, self._check),
            "edit": (r.Edit, self._edit),
            "pause": (r.Tasks, self._pause),
            "resume": (r.Tasks, self._resume),
        }

    async def _add(self, wish: r.Add, who: str) -> object:
        return await self._engine.wish(await wishes.asked_tasks(wish, self._engine, self._prompts), who)

    async def _check(self, wish: r.Check, _who: str) -> object:
        settings, store = self._engine.settings, self._engine.store
        command = wishes.new_tasks(wish, settings, store, time.time(), NoFiles(), wish.earlier)
        for wanted in {new.spec.wanted for new in command.tasks}:
            check_wanted(self._engine.world, wanted)
        return document(tasks=len(command.tasks))

    async def _edit(self, wish: r.Edit, who: str) -> object:
        task = documents.find(self._engine, wish.task)
        engine = self._engine
        old = engine.store.spec(task)
        spec = wishes.edited(old, wish.changes, engine.settings, time.time(), engine.store, self._prompts)
        return await engine.wish(Edit(task, spec), who)

    async def _pause(self, wish: r.Tasks, who: str) -> object:
        return await self._stop_or_hold(wish, who, "hold", 19)

    async def _resume(self, wish: r.Tasks, who: str) -> object:
        return await self._stop_or_hold(wish, who, "release", 18)

    async def _stop_or_hold(self, wish: r.Tasks, who: str, verb: str, number: int) -> object:
        """Running tasks are stopped or continued by a signal, queued ones held or released."""
        tasks = self._selecting.choose(wish.tasks, verb)
        running = tuple(task for task in tasks if task in self._engine.world.attempts)
        others = tuple(task for task in tasks if task not in running)
        reply: list[Any] = []
        if others:
            reply += list(await self._engine.wish(self._selecting.command(verb, r.Tasks(others)), who))  # type: ignore[call-overload]
        if running:
            reply += list(await self._engine.wish(SendSignal(running, number), who))  # type: ignore[call-overload]
        return sorted(reply)
