"""The console's connection to the engine: asks without blocking, hears changes, comes back by itself."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from core import __version__
from core.client import AnswerError, Client, NoEngineError
from core.wire import LONGEST_LINE

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.home import Home

AGAIN_AFTER = 0.5
"""Seconds between two tries to reach an engine that is gone."""
START_AGAIN_AFTER = 10.0
"""Seconds between two tries to start one after a crash."""


class Link:
    """`on_feed` gets every message of the feed, `on_state` whether the engine is there and, if not, why."""

    def __init__(
        self, home: Home, on_feed: Callable[[dict[str, Any]], None], on_state: Callable[[bool, str], None]
    ) -> None:
        self._home = home
        self._on_feed = on_feed
        self._on_state = on_state
        self._writer: asyncio.StreamWriter | None = None
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    async def run(self) -> None:
        """For as long as the console lives. An engine that has crashed is started again; one that was stopped stays so:
        it has taken its socket with it.
        """
        start, started_at = True, float("-inf")
        while True:
            try:
                if start and time.monotonic() - started_at > START_AGAIN_AFTER:
                    started_at = time.monotonic()
                    await asyncio.to_thread(self._start)
                await self._connect()
            except (OSError, NoEngineError) as error:
                self._on_state(False, str(error))
                await asyncio.sleep(AGAIN_AFTER)
                start = isinstance(error, ConnectionRefusedError)

    def _start(self) -> None:
        """Where none answers."""
        with Client(self._home, start=True):
            pass

    async def _connect(self) -> None:
        reader, self._writer = await asyncio.open_unix_connection(str(self._home.socket), limit=LONGEST_LINE)
        listening = asyncio.ensure_future(self._listen(reader))
        try:
            await self.ask("hello", client="console", version=__version__)
            self._on_state(True, "")
            await self.ask("watch")
            await listening
        except AnswerError as error:
            raise NoEngineError(str(error)) from error
        finally:
            listening.cancel()
            self._writer.close()
            self._writer = None
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(NoEngineError("the engine is gone"))
            self._waiting.clear()
        raise NoEngineError("the engine ended")

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            message = json.loads(line)
            if "feed" in message:
                self._on_feed(message["feed"])
                continue
            future = self._waiting.pop(message["id"], None)
            if future is not None and not future.done():
                self._settle(future, message)

    def _settle(self, future: asyncio.Future[Any], message: dict[str, Any]) -> None:
        if "error" in message:
            fault = message["error"]
            future.set_exception(AnswerError(fault["code"], fault["text"], fault.get("problems", [])))
        else:
            future.set_result(message["ok"])

    async def ask(self, do: str, **parameters: Any) -> Any:  # noqa: ANN401 - JSON
        """AnswerError where the engine refuses, NoEngineError where there is none."""
        if self._writer is None:
            raise NoEngineError("the engine is gone: it is looked for again and again")
        self._number += 1
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[self._number] = future
        request = {"id": self._number, "do": do, "with": parameters}
        with suppress(OSError):
            self._writer.write(json.dumps(request).encode() + b"\n")
        return await future
