"""The verbs of the socket: each has a shape that its parameters are checked against, and something that answers."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from core import requests as r
from core.adapters.prompts import PromptFiles
from core.boundary import read_json
from core.engine import wishes
from core.engine.documents import document
from core.engine.speaking import Speaking
from core.engine.trees import Trees
from core.engine.verbs.reading import ReadingVerbs
from core.engine.verbs.runs import RunVerbs
from core.engine.verbs.selecting import Selecting
from core.engine.verbs.sessions import SessionVerbs
from core.engine.verbs.tasks import TaskVerbs
from core.engine.verbs.trees import TreeVerbs
from core.messages import RefusedError
from core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.adapters.run_reading import RunReader
    from core.adapters.tokens import Tokens
    from core.engine.engine import Engine
    from core.engine.verbs import Group, Verbs
    from core.home import Home


AT_ONCE = frozenset({"list", "notes", "status", "stats", "agents", "groups", "events", "runs", "mail", "quit"})
"""Verbs that are answered while the engine still reads its store: what they tell may not be whole yet."""


class Service:
    """Answers one request after the other; it keeps nothing about who asked."""

    def __init__(
        self,
        engine: Engine,
        runs: RunReader,
        home: Home,
        tokens: Tokens,
        stop: Callable[[], None],
        refresh: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`refresh` reads a changed configuration: whoever has just saved it finds it in force."""
        self._engine = engine
        self._stop = stop
        self._refresh = refresh
        self._selecting = Selecting(engine)
        prompts = PromptFiles(home.inputs)
        self._verbs = _joined(
            TaskVerbs(engine, self._selecting, prompts),
            ReadingVerbs(engine, home),
            SessionVerbs(engine),
            RunVerbs(engine, runs, home),
            TreeVerbs(engine, self._selecting, Trees(home, engine)),
            Speaking(engine, tokens, prompts),
        )
        self._verbs["quit"] = (r.Nothing, self._quit)

    async def answer(self, do: str, raw: bytes | str, who: str) -> Any:  # noqa: ANN401 - JSON
        """The document of a verb. RefusedError and BadInputError say why there is none."""
        if do not in AT_ONCE:
            await self._engine.loaded.wait()
        if self._refresh is not None:
            with self._engine.contained("to read the configuration"):
                await self._refresh()
        if do in wishes.COMMANDS:
            wish: Any = read_json(wishes.COMMANDS[do][0], raw)
            return await self._engine.wish(self._selecting.command(do, wish), who)
        if do not in self._verbs:
            raise RefusedError("usage", f"the engine has no verb {one_line(do, 40)!r}: is it an older one?")
        shape, verb = self._verbs[do]
        return await verb(read_json(shape, raw), who)

    async def _quit(self, _wish: r.Nothing, _who: str) -> object:
        asyncio.get_running_loop().call_soon(self._stop)
        return document(pid=os.getpid())


def _joined(*groups: Group) -> Verbs:
    verbs: Verbs = {}
    for group in groups:
        table = group.verbs()
        assert not (verbs.keys() | wishes.COMMANDS.keys()) & table.keys(), "a verb of two groups"
        verbs |= table
    return verbs
