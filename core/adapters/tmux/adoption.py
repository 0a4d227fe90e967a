"""What an engine finds that was not there before: sessions that run on, ends that nobody heard, starts that failed."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple

from core import plainfile
from core.adapters import processes
from core.adapters.folders import DamagedError
from core.adapters.tmux.bell import LARGEST_PID
from core.adapters.tmux.control import TmuxError
from core.adapters.tmux.servers import CONTROL_SESSION
from core.adapters.tmux.sessions import session_name
from core.adapters.tmux.slots import Slot, Stage
from core.messages import Exited, NotPlaced, Placed, Started
from core.model import AttemptId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from core.adapters.folders import Exit, Folder, Place
    from core.adapters.tmux.servers import Server
    from core.adapters.tmux.sessions import Sessions
    from core.messages import Observation

_PANES = "#{session_id} #{pane_id} #{pane_pid} #{pane_tty} #{session_name}"


class Known(NamedTuple):
    """A live attempt, as the store has it."""

    attempt: AttemptId
    place: Place | None
    """None if the store does not know it yet."""
    began: bool
    """Its start was heard."""


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

    async def run(self, attempts: Iterable[Known]) -> None:
        """Every live attempt that the store knows."""
        await self._sessions.servers.reconnect()
        panes = await self._panes()
        for known in attempts:
            self._adopt(known, panes)
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

    def _adopt(self, known: Known, panes: dict[int, Pane]) -> None:
        attempt, folder = known.attempt, self._sessions.folder(known.attempt)
        place = known.place or folder.place()
        alive = place is not None and processes.is_alive(place.launcher)
        if place is not None:
            slot = self._slot(attempt, place, panes.pop(place.launcher.pid, None) if alive else None)
            self._sessions.take_over(attempt, slot, alive=alive)
            self._post(Placed(attempt, place.server, place.slot, place.launcher))
        begun_at = folder.begun_at()
        if begun_at is not None:
            self._post(Started(attempt, None, begun_at))
        ended, damage = _end_of(folder)
        began = known.began or begun_at is not None
        if ended is not None:
            self._post(Exited(attempt, ended.code, ended.at, ended.result))
        elif alive:
            self._adopt_living(attempt, folder, began=began, damaged=damage is not None)
        elif began:
            self._sessions.on_launcher_gone(attempt, damage or folder.why_unknown())
        elif self._sessions.forestalled(attempt):
            self._sessions.give_up(attempt)
            self._post(NotPlaced(attempt, "the engine ended before it could start it", cause="turn"))
        else:
            self._sessions.on_launcher_gone(attempt, None)

    def _adopt_living(self, attempt: AttemptId, folder: Folder, *, began: bool, damaged: bool) -> None:
        """Its launcher waits for the line, or has it and is about to begin: then another is passed over. One that has
        ended its program tells the status again, if no file can."""
        slot = self._sessions.slots[attempt]
        if not began and not folder.exists() and slot.programs:
            self._post(Started(attempt, None, time.time()))
        if damaged or not began or not folder.exists():
            self._sessions.tell_again(attempt)

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


def _end_of(folder: Folder) -> tuple[Exit | None, str | None]:
    """How it ended, and what is wrong with the file that should tell."""
    try:
        return folder.exit(), None
    except DamagedError as damaged:
        return None, str(damaged)


async def _panes_of(server: Server) -> dict[int, Pane]:
    try:
        reply = (await server.control.ask(["list-panes", "-a", "-F", _PANES]))[0]
    except TmuxError:
        return {}
    panes = {}
    for line in reply.lines:
        words = line.split(" ", 4)
        pid = plainfile.number_in(words[2], LARGEST_PID) if len(words) == 5 else None
        if pid is not None and words[4] != CONTROL_SESSION:
            server.sessions += 1
            panes[pid] = Pane(server, words[0], words[1], words[3], words[4])
    return panes


def _attempt_of(session: str) -> AttemptId | None:
    try:
        return AttemptId.parse(session.removeprefix("t"))
    except ValueError:
        return None
