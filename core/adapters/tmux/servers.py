"""Private tmux servers, more of them as the sessions grow: whatever tmux does costs more with each pane of a server."""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from core.adapters import processes
from core.adapters.shortages import path_in_words
from core.adapters.tmux.configuration import Configuration
from core.adapters.tmux.control import Control, TmuxError
from core.adapters.tmux.hidden import SOCKET, wake, wake_hidden
from core.plainfile import in_words
from core.sockets import listens
from core.troubles import Troubles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from core.home import Home
    from core.model import ProcessId
    from core.settings import Settings

CONTROL_SESSION = "_ctl"
SILENCE = 2.0
"""Seconds without an answer after which a server counts as silent."""
RECONNECT_DEADLINE = 1.0
"""Seconds that a server which was there before has to answer: the start of the engine waits for it."""
TAKE_UP_PAUSE = 0.05
"""Seconds between the end of a connection and the try to have another."""
LEAVE_DEADLINE = 2.0
"""Seconds that a server has for its last commands when the engine ends."""


class Server:
    """One tmux server and our connection to it."""

    def __init__(self, index: int, path: Path) -> None:
        self.index = index
        self.path = path
        self.sessions = 0
        """Sessions of ours that live on it or are being made."""
        self.pid: int | None = None
        self.process: ProcessId | None = None
        self.silent_since: float | None = None
        """Unix time; None while it answers."""
        self._control: Control | None = None

    @property
    def control(self) -> Control:
        """TmuxError while there is no connection."""
        if self._control is None or not self._control.alive:
            raise TmuxError(f"tmux server {self.index} is gone")
        return self._control

    @property
    def connected(self) -> bool:
        return self._control is not None and self._control.alive

    @property
    def usable(self) -> bool:
        return self.connected and self.silent_since is None

    async def connect(
        self, conf: Path, on_gone: Callable[[Server], None], deadline: float = 5.0, *, start: bool = True
    ) -> None:
        """With `start`, starts the server where it is not running. TmuxError says why it cannot be used."""
        argv = ["tmux", "-u", *([] if start else ["-N"]), "-S", str(self.path), "-f", str(conf), "-C"]
        argv += ["new-session", "-A", "-s", CONTROL_SESSION, "-x", "80", "-y", "24"]
        argv += ["-f", "no-output,ignore-size", "cat"]
        try:
            self._control = Control(argv, _environment(), lambda: on_gone(self))
        except OSError as error:
            why = path_in_words() if error.errno == errno.ENOENT else in_words(error)
            raise TmuxError(f"tmux cannot be started: {why}") from error
        reply = (await self._control.ask(["display-message", "-p", "#{pid}"], deadline=deadline))[0]
        if not reply.line.isdecimal():
            raise TmuxError(f"tmux server {self.index} does not say which process it is")
        self.pid = int(reply.line)
        self.process = processes.identify(self.pid)

    def mend_socket(self) -> None:
        """A server whose socket is gone makes it anew when it is told to; nobody else could attach to it."""
        if not self.path.is_socket() and self.process is not None and processes.is_alive(self.process):
            wake(self.process.pid)

    def disconnect(self) -> None:
        if self._control is not None:
            self._control.close()


class Servers:
    """Chooses where a session goes, and notices when a server falls silent or dies."""

    def __init__(self, home: Home, settings: Settings, on_gone: Callable[[Server], None]) -> None:
        self._home = home
        self._on_gone = on_gone
        self._conf = Configuration(home.run / "tmux.conf")
        self._starting: dict[int, asyncio.Task[Server]] = {}
        self._reconnecting: set[asyncio.Task[None]] = set()
        self._closing = False
        self.troubles = Troubles()
        """Of tmux and of its configuration."""
        self.homeless = False
        """Nobody can find what runs again: after `disconnect` each server ends with the last program on it."""
        self.all: dict[int, Server] = {}
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Counts for servers that are started from now on."""
        self._per_server = settings.engine.sessions_per_server
        self._conf.set(settings)

    async def reconnect(self) -> None:
        """Takes back every server that an engine before this one left running; one that hangs is taken as silent."""
        if any(self._home.slots.iterdir()):
            await wake_hidden(self._home.run, RECONNECT_DEADLINE)
        found = []
        for index, path in self._sockets():
            if listens(path):
                found.append(Server(index, path))
            else:
                with suppress(OSError):
                    path.unlink()
        await asyncio.gather(*map(self._reconnect, found))

    def _sockets(self) -> Iterator[tuple[int, Path]]:
        for path in sorted(self._home.run.iterdir()):
            named = SOCKET.fullmatch(path.name)
            if named and path.is_socket():
                yield int(named[1]), path

    async def _reconnect(self, server: Server) -> None:
        self.all[server.index] = server
        try:
            await server.connect(self._conf.path, self._gone, RECONNECT_DEADLINE, start=False)
        except TmuxError:
            server.silent_since = time.time()

    async def pick(self) -> Server:
        """A server with room, started where there is none. The place is taken: count `sessions` down to free it."""
        for server in self._by_load():
            if server.sessions < self._per_server and not self._spreads(server):
                server.sessions += 1
                return server
        server = await self._another()
        server.sessions += 1
        return server

    def _by_load(self) -> list[Server]:
        return sorted((server for server in self.all.values() if server.usable), key=lambda server: server.sessions)

    def _spreads(self, least: Server) -> bool:
        """A few servers from the start: they work side by side."""
        few = min(4, os.cpu_count() or 1)
        return least.sessions >= 4 and len(self.all) < few

    async def _another(self) -> Server:
        index = next(number for number in itertools.count() if self._is_free(number))
        task = self._starting.get(index)
        if task is None:
            task = asyncio.ensure_future(self._connected(Server(index, self._home.tmux_socket(index))))
            self._starting[index] = task
            task.add_done_callback(lambda _: self._starting.pop(index, None))
        return await asyncio.shield(task)

    def _is_free(self, index: int) -> bool:
        return index not in self.all and not self._home.tmux_socket(index).is_dir()

    async def _connected(self, server: Server) -> Server:
        try:
            self._conf.write()
            await server.connect(self._conf.path, self._gone)
        except TmuxError as error:
            self.troubles.note("tmux", str(error))
            raise
        self.troubles.clear("tmux")
        self.all[server.index] = server
        return server

    def _gone(self, server: Server) -> None:
        """The connection ended. Where the server lives on, it is taken up again; one that ends may listen still."""
        if self._closing or self.all.get(server.index) is not server:
            return
        if self._lives(server):
            task = asyncio.ensure_future(self._take_up(server))
            self._reconnecting.add(task)
            task.add_done_callback(self._taken_up)
        else:
            del self.all[server.index]
            self._on_gone(server)

    def _lives(self, server: Server) -> bool:
        """Also if its socket was removed, or if there is no handle left to ask it."""
        try:
            if listens(server.path):
                return True
        except OSError:
            pass
        return server.process is not None and processes.is_alive(server.process)

    async def _take_up(self, server: Server) -> None:
        await asyncio.sleep(TAKE_UP_PAUSE)
        if self.all.get(server.index) is not server or self._closing:
            return
        if not self._lives(server):
            del self.all[server.index]
            self._on_gone(server)
            return
        server.mend_socket()
        await asyncio.sleep(TAKE_UP_PAUSE)
        await self._reconnect(server)

    def _taken_up(self, task: asyncio.Task[None]) -> None:
        self._reconnecting.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            task.get_loop().call_exception_handler({"message": "a tmux server was not taken up", "exception": error})

    def check(self, now: float) -> list[tuple[Server, bool]]:
        """Pings every server that has nothing to say; tells which have fallen silent (True) or are back (False)."""
        self._conf.mend(self.troubles)
        changed = []
        loop_now = asyncio.get_running_loop().time()
        for server in [server for server in self.all.values() if server.connected]:
            server.mend_socket()
            since = server.control.silent_since
            silent = since is not None and loop_now - since > SILENCE
            if since is None:
                server.control.send(["display-message", "-p", "."])
            if silent and server.silent_since is None and since is not None:
                server.silent_since = now - (loop_now - since)
                changed.append((server, True))
            elif not silent and server.silent_since is not None:
                server.silent_since = None
                changed.append((server, False))
        return changed

    async def disconnect(self, used: set[int]) -> None:
        """Servers with sessions in use live on; the others end. What was asked of either is carried out before."""
        self._closing = True
        leave = _abandon if self.homeless else _leave
        await asyncio.gather(*(leave(server, ends=server.index not in used) for server in list(self.all.values())))


async def _leave(server: Server, *, ends: bool) -> None:
    if server.usable:
        with suppress(TmuxError):
            last = ["kill-server"] if ends else ["display-message", "-p", "."]
            await server.control.ask(last, deadline=LEAVE_DEADLINE)
    server.disconnect()


async def _abandon(server: Server, *, ends: bool) -> None:
    """The launchers without a program end as soon as the engine has."""
    if server.usable:
        with suppress(TmuxError):
            await server.control.ask(["set", "-s", "exit-empty", "on"], deadline=LEAVE_DEADLINE)
            end = ["kill-server"] if ends else ["kill-session", "-t", f"={CONTROL_SESSION}"]
            await server.control.ask(end, deadline=LEAVE_DEADLINE)
    server.disconnect()


def _environment() -> dict[str, str]:
    """A server's environment is seen by every session: it has nothing in it."""
    return {"PATH": os.environ.get("PATH", os.defpath), "TERM": "xterm-256color"}
