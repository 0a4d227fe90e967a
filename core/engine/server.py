"""The socket: JSON lines from clients of the same person, answers as they are ready, changes to those that watch."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
import sys
import time
from typing import TYPE_CHECKING, Any

from core import __version__
from core import requests as r
from core.adapters.damage import DamagedRowError
from core.boundary import BadInputError, read_json
from core.engine.background import Background
from core.engine.turns import bug
from core.messages import RefusedError
from core.ports import OutsideError
from core.text import one_line
from core.wire import LONGEST_LINE, SCHEMA

if TYPE_CHECKING:
    from core.engine.engine import Engine
    from core.engine.service import Service

FRAME = 1 / 30
"""Seconds between two messages to a client that watches."""
LOADING_PAUSE = 0.002
"""The same while it gets its first picture."""
HEAD_EVERY = 1.0
_WRITE_AHEAD = 1 << 18


class Server:
    """Listens until it is closed."""

    def __init__(self, engine: Engine, service: Service) -> None:
        self._engine = engine
        self._service = service
        self._clients: set[Client] = set()
        self._server: asyncio.Server | None = None

    async def open(self, listening: socket.socket) -> None:
        """Also instead of the socket before; clients that are connected stay."""
        before = self._server
        self._server = await asyncio.get_running_loop().create_unix_server(self._client, sock=listening)
        if before is not None:
            before.close()

    def _client(self) -> Client:
        client = Client(self._engine, self._service, self._clients)
        self._clients.add(client)
        return client

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for client in list(self._clients):
            client.close()


class Client(asyncio.Protocol):
    """One connection. A request is a line: {"id": …, "do": verb, "with": parameters}."""

    def __init__(self, engine: Engine, service: Service, clients: set[Client]) -> None:
        self._engine = engine
        self._service = service
        self._clients = clients
        self._rest = b""
        self._transport: asyncio.Transport | None = None
        self._may_write = asyncio.Event()
        self._background = Background()
        self._name = "client"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if peer_uid(transport.get_extra_info("socket")) not in (None, os.getuid()):
            transport.abort()
            return
        transport.set_write_buffer_limits(high=_WRITE_AHEAD)
        self._transport = transport
        self._may_write.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._clients.discard(self)
        self._background.cancel()

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        if len(self._rest) + len(data) > LONGEST_LINE:
            self._send({"id": None, "error": {"code": "usage", "text": "a request of more than 64 MiB"}})
            self.close()
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._background.start(self._request(line))

    async def _request(self, line: bytes) -> None:
        try:
            request = json.loads(line)
            number, do, parameters = request["id"], request["do"], request.get("with", {})
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            number, answered = None, _error("usage", "a request is {id, do, with} as JSON")
        else:
            answered = await self._answered(do, parameters)
        try:
            self._send({"id": number, **answered})
        except Exception as error:
            self._send({"id": None, **self._broken("to write an answer", error)})

    async def _answered(self, do: Any, parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        try:
            return {"ok": await self._answer(do, parameters)}
        except RefusedError as refused:
            return _error(refused.code, str(refused))
        except BadInputError as bad:
            problems = [{"path": list(problem.path), "text": problem.text} for problem in bad.problems]
            return _error("usage", str(bad), problems=problems)
        except OutsideError as outside:
            return _error("failed", str(outside))
        except Exception as error:
            return self._broken(f"to answer {one_line(str(do), 20)}", error)

    def _broken(self, doing: str, error: Exception) -> dict[str, Any]:
        """A fault of the machine in its words; anything else is a bug and has a report."""
        fault = self._engine.store.fault(error)
        if fault is not None:
            return _error("failed", fault.text)
        if isinstance(error, DamagedRowError):
            return _error("failed", str(error))
        if isinstance(error, MemoryError):
            return _error("failed", "there is no memory left for that")
        return _error("bug", str(bug(self._engine.reports.write(doing, error))))

    async def _answer(self, do: Any, parameters: Any) -> Any:  # noqa: ANN401 - JSON
        if not isinstance(do, str) or not isinstance(parameters, dict):
            raise RefusedError("usage", "a request is {id, do, with}: `do` is a text, `with` a table")
        if do == "hello":
            hello = read_json(r.Hello, json.dumps(parameters))
            self._name = "console" if hello.client == "console" else "command line"
            return {"schema": SCHEMA, "version": __version__, "pid": os.getpid()}
        if do == "watch":
            read_json(r.Nothing, json.dumps(parameters))
            await self._engine.loaded.wait()
            self._background.keep(self._watch)
            return {"schema": SCHEMA}
        return await self._service.answer(do, json.dumps(parameters), self._name)

    async def _watch(self) -> None:
        """Tells what changes, a message a frame at most; a client that reads slowly gets fewer and larger ones."""
        changes = self._engine.feed.join()
        told_at = 0.0
        try:
            while True:
                await self._may_write.wait()
                now = time.monotonic()
                if changes.waiting or now - told_at >= HEAD_EVERY:
                    told_at = now
                    self._send({"feed": self._engine.feed.message(changes)})
                await asyncio.sleep(FRAME if changes.first is None else LOADING_PAUSE)
        finally:
            self._engine.feed.leave(changes)

    def _send(self, message: Any) -> None:  # noqa: ANN401 - JSON
        if self._transport is not None:
            self._transport.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")


def _error(code: str, text: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"error": {"code": code, "text": text, **more}}


def peer_uid(connection: socket.socket) -> int | None:
    """The person at the other end; None where the platform does not tell, and the folder's mode has to do."""
    if sys.platform != "linux":
        return None
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])
