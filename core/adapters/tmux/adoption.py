"""What an engine finds that was not there before: sessions that run on, ends that nobody heard, starts that failed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from core.adapters import processes
from core.adapters.tmux.control import TmuxError
from core.adapters.tmux.servers import CONTROL_SESSION
from core.adapters.tmux.sessions import session_name
from core.adapters.tmux.slots import Slot, Stage
from core.messages import Exited, NotPlaced, Placed, Started
from core.model import AttemptId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from core.adapters.folders import Place
    from core.adapters.tmux.servers import Server
    from core.adapters.tmux.sessions import Sessions
    from core.messages import Observation

_PANES = "#{session_id} #{pane_id} #{pane_pid} #{pane_tty} #{session_name}"


class Pane(NamedTuple):
    server: Server
    session_id: str
    pane_id: str
    tty: str
    session: str


class Adoption:
    """One survey after the start. The same observations come of it as if each thing had just happened."""

    def __init__(self, sessions: Sessions, post: Callable[[Observation], None]) -> None:
        self._sessions = sessions
        self._post = post

    async def run(self, attempts: Iterable[tuple[AttemptId, Place | None]]) -> None:
        """Every live attempt that the store knows, with its place where the store knows that too."""
        await self._sessions.servers.reconnect()
        panes = await self._panes()
        for attempt, place in attempts:
            self._adopt(attempt, place or self._sessions.folder(attempt).place(), panes)
        for pid, pane in panes.items():
            self._end_leftover(pid, pane)
        self._sessions.remove_unused_slots()

    async def sweep(self, server: Server) -> None:
        """A server that was silent at the start answers: what nobody knows on it is ended."""
        server.sessions = 0
        panes = await _panes_of(server)
        for slot in self._sessions.slots.values():
            if slot.launcher is not None:
                panes.pop(slot.launcher.pid, None)
        for pid, pane in panes.items():
            self._end_leftover(pid, pane)

    async def _panes(self) -> dict[int, Pane]:
        """Panes of all servers that answer, by the process of their launcher."""
        servers = [server for server in self._sessions.servers.all.values() if server.usable]
        found = await asyncio.gather(*map(_panes_of, servers))
        return {pid: pane for of_server in found for pid, pane in of_server.items()}

    def _adopt(self, attempt: AttemptId, place: Place | None, panes: dict[int, Pane]) -> None:
        folder = self._sessions.folder(attempt)
        alive = place is not None and processes.is_alive(place.launcher)
        ended, begun_at = folder.exit(), folder.begun_at()
        if place is not None:
            slot = self._slot(attempt, place, panes.pop(place.launcher.pid, None) if alive else None)
            self._sessions.take_over(attempt, slot, alive=alive)
            self._post(Placed(attempt, place.server, place.slot, place.launcher))
        if begun_at is not None:
            self._post(Started(attempt, None, begun_at))
        if ended is not None:
            self._post(Exited(attempt, ended.code, ended.at, ended.result))
        elif begun_at is not None:
            if not alive:
                self._sessions.on_launcher_gone(attempt)
        elif alive and folder.is_made():
            self._sessions.tell_again(attempt)
        elif folder.forestall():
            self._sessions.give_up(attempt)
            self._post(NotPlaced(attempt, "the engine ended before it could start it", cause="turn"))

    def _slot(self, attempt: AttemptId, place: Place, pane: Pane | None) -> Slot:
        """A server that does not answer is told the session's name; one that answers and does not have it, lost it."""
        server = pane.server if pane is not None else self._sessions.servers.all.get(place.server)
        if pane is None and server is not None and server.usable:
            server = None
        slot = Slot(place.slot, self._sessions.slot_folder(place.slot), server)
        slot.launcher, slot.stage = place.launcher, Stage.BUSY
        slot.session_id, slot.pane_id = f"={session_name(attempt)}", f"={session_name(attempt)}:"
        if pane is not None:
            slot.session_id, slot.pane_id, slot.tty = pane.session_id, pane.pane_id, pane.tty
        return slot

    def _end_leftover(self, pid: int, pane: Pane) -> None:
        """A warm session of the engine before, or one whose attempt's end is on disk but not yet its log."""
        launcher = processes.identify(pid)
        attempt = _attempt_of(pane.session)
        if attempt is not None and launcher is not None:
            place = self._sessions.folder(attempt).place()
            if place is not None and place.launcher == launcher:
                self._sessions.take_over(attempt, self._slot(attempt, place, pane), alive=True)
                self._sessions.release(attempt, failed=False)
                return
        pane.server.sessions -= 1
        pane.server.control.send(["kill-session", "-t", pane.session_id])


async def _panes_of(server: Server) -> dict[int, Pane]:
    try:
        reply = (await server.control.ask(["list-panes", "-a", "-F", _PANES]))[0]
    except TmuxError:
        return {}
    panes = {}
    for line in reply.lines:
        session_id, pane_id, pid, tty, session = line.split(" ", 4)
        if session != CONTROL_SESSION:
            server.sessions += 1
            panes[int(pid)] = Pane(server, session_id, pane_id, tty, session)
    return panes


def _attempt_of(session: str) -> AttemptId | None:
    try:
        return AttemptId.parse(session.removeprefix("t"))
    except ValueError:
        return None
