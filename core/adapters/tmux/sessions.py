"""Attempts in sessions: started, heard of, and given back once their log is complete."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from core import plainfile
from core.adapters import processes
from core.adapters.folders import DamagedError, Folder, Place
from core.adapters.tmux.bell import Bell
from core.adapters.tmux.panes import Panes
from core.adapters.tmux.pool import Pool
from core.adapters.tmux.servers import Server, Servers
from core.adapters.tmux.slots import Slot, Stage
from core.messages import Exited, LeftBehind, NotPlaced, Placed, ServerBack, ServerSilent, Started
from core.ports import OutsideError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from core.home import Home
    from core.messages import Observation
    from core.model import AttemptId, Launch
    from core.settings import Settings

log = logging.getLogger("muxdeck")
DRAIN_DEADLINE = 2.0
"""Seconds within which the last output of an attempt must have reached its log."""
CLOSE_DEADLINE = 2.0
"""Seconds in which sessions that are being made or given back come to rest when the engine ends."""


class Sessions:
    """`core.ports.Terminals`. What comes of a verb is told through `post`."""

    def __init__(
        self,
        home: Home,
        settings: Settings,
        post: Callable[[Observation], None],
        on_slot: Callable[[AttemptId, Slot | None], None],
        on_launcher_gone: Callable[[AttemptId, str | None], None],
        on_terminals_gone: Callable[[], None],
        leftovers: Callable[[AttemptId], Awaitable[int]],
        on_made: Callable[[float], None],
        on_hook: Callable[[AttemptId], None] = lambda _: None,
    ) -> None:
        self._home = home
        self._attempts = str(home.attempts)
        self._post = post
        self._on_slot = on_slot
        self.on_launcher_gone = on_launcher_gone
        self._on_terminals_gone = on_terminals_gone
        self._leftovers = leftovers
        self.servers = Servers(home, settings, self._server_gone)
        self.pool = Pool(home, self.servers, settings, self._ready, self._not_made, on_made)
        self.slots: dict[AttemptId, Slot] = {}
        """Sessions that run an attempt, or keep its end until the engine has it on disk."""
        self.panes = Panes(self.slots)
        self.on_server_back: Callable[[Server], None] = lambda _: None
        self._begun: set[AttemptId] = set()
        """Those of `slots` whose start was heard."""
        self._waiting: deque[tuple[AttemptId, Launch]] = deque()
        self._opened = False
        self._sealing: dict[AttemptId, asyncio.Task[None]] = {}
        self.bell = Bell(home.bell, self._began, self._ended, self._unwritten, self._refused, on_hook, self.hear_again)

    def configure(self, settings: Settings) -> None:
        self.servers.configure(settings)
        self.pool.configure(settings)

    def folder(self, attempt: AttemptId) -> Folder:
        return Folder(self._attempts, attempt)

    # Starting

    def start(self, attempt: AttemptId, launch: Launch) -> None:
        self._waiting.append((attempt, launch))
        self._serve()

    def _serve(self) -> None:
        """Idle sessions to those who wait."""
        while self._waiting and (slot := self.pool.take()) is not None:
            self._run(slot, *self._waiting.popleft())
        if self._opened:
            self.pool.refill(len(self._waiting), coming_back=len(self._sealing))

    def _run(self, slot: Slot, attempt: AttemptId, launch: Launch) -> None:
        assert slot.server is not None
        assert slot.launcher is not None
        folder = self.folder(attempt)
        place = Place(slot.server.index, slot.number, slot.launcher)
        try:
            self._make(folder, launch, place)
            slot.lend(folder)
            slot.stage, slot.attempt = Stage.BUSY, attempt
            slot.tell(f"run {os.getpid()} {_as_told(attempt)}")
        except (OSError, ValueError) as error:
            if not isinstance(error, FileExistsError):
                folder.remove()
            if not slot.is_whole():
                self.pool.end(slot)
                self._waiting.appendleft((attempt, launch))
                return
            self.pool.put(slot)
            words = plainfile.in_words(error) if isinstance(error, OSError) else str(error)
            hopeless = isinstance(error, ValueError)
            self._post(NotPlaced(attempt, f"cannot write {folder.path}: {words}", hopeless=hopeless))
            return
        self.slots[attempt] = slot
        slot.server.control.send(["rename-session", "-t", slot.session_id, session_name(attempt)])
        self._on_slot(attempt, slot)
        self._post(Placed(attempt, *place))

    def _make(self, folder: Folder, launch: Launch, place: Place) -> None:
        home = str(self._home.root)
        try:
            folder.make(launch, home, place)
        except FileExistsError:
            if folder.begun_at() is not None:
                raise
            folder.remove()  # of a try that was taken back while nothing could be removed
            folder.make(launch, home, place)

    def _take_back(self, slot: Slot) -> None:
        """A session whose attempt has not begun. It is of use again if its own folder is still there."""
        if slot.is_whole():
            self.pool.put(slot)
        else:
            self.pool.end(slot)

    def _ready(self, slot: Slot) -> None:
        self.watch(slot)
        self.pool.put(slot)
        self._serve()

    def _not_made(self, reason: str) -> None:
        while self._waiting:
            attempt, _ = self._waiting.popleft()
            self._post(NotPlaced(attempt, reason))

    def withdraw(self, attempt: AttemptId) -> None:
        """Takes an attempt back that has not begun; one that has stays as it is."""
        for waiting in self._waiting:
            if waiting[0] == attempt:
                self._waiting.remove(waiting)
                self._post(NotPlaced(attempt, "taken back before it began", cause="turn"))
                return
        if attempt in self.slots and self.forestalled(attempt):
            self.give_up(attempt)
            self._post(NotPlaced(attempt, "taken back before it began", cause="turn"))

    def forestalled(self, attempt: AttemptId) -> bool:
        """Whether it has not begun and never will. If nothing can be made on the disk, its folder goes: without that
        no launcher begins it."""
        folder = self.folder(attempt)
        try:
            return folder.forestall()
        except OSError:
            if folder.begun_at() is not None:
                return False
            folder.remove()
            return not folder.is_made()

    # Hearing

    def _began(self, attempt: AttemptId, pid: int) -> None:
        slot = self.slots.get(attempt)
        if slot is None:
            return
        slot.programs.add(pid)
        folder = self.folder(attempt)
        if folder.begun_at() is not None or not folder.exists():
            self._begun.add(attempt)
            self._post(Started(attempt, pid, time.time()))

    def _ended(self, attempt: AttemptId, status: int) -> None:
        """The file tells how; the bell that it is there, and what it held."""
        slot = self.slots.get(attempt)
        if slot is not None:
            slot.rung_status = status
            self._look_for_end(attempt, slot)

    def _look_for_end(self, attempt: AttemptId, slot: Slot) -> None:
        folder = self.folder(attempt)
        try:
            ended = folder.exit()
        except DamagedError:
            self._unwritten(attempt, slot.rung_status)
            return
        if ended is not None:
            self._post(Exited(attempt, ended.code, time.time(), ended.result))
        elif not folder.exists():
            self._unwritten(attempt, slot.rung_status)

    def _unwritten(self, attempt: AttemptId, status: int | None) -> None:
        """It has ended, and no file can tell how: the bell is all there is. Not while its program runs: then somebody
        else has rung."""
        slot = self.slots.get(attempt)
        if slot is None or status is None or slot.stage is not Stage.BUSY or slot.runs_program():
            return
        slot.rung_status = status
        self._post(Exited(attempt, status, time.time(), self.folder(attempt).result()))

    def _refused(self, attempt: AttemptId) -> None:
        """Its launcher could not begin it, and waits for another one."""
        slot = self.slots.get(attempt)
        if slot is None or slot.stage is not Stage.BUSY or slot.runs_program():
            return
        folder = self.folder(attempt)
        why = folder.why_not_written()
        if why is None and not folder.forestall():
            return
        del self.slots[attempt]
        folder.remove()
        self._on_slot(attempt, None)
        self._take_back(slot)
        self._post(NotPlaced(attempt, f"cannot begin in {folder.path}: {why or 'its script was not whole'}"))
        self._serve()

    def hear_again(self) -> None:
        """What the bell has not told is in the files: it may have been away, or they could not be read just then."""
        for attempt, slot in list(self.slots.items()):
            if slot.stage is not Stage.BUSY:
                continue
            begun_at = None if attempt in self._begun else self.folder(attempt).begun_at()
            if begun_at is not None:
                self._begun.add(attempt)
                self._post(Started(attempt, None, begun_at))
            self._look_for_end(attempt, slot)

    def watch(self, slot: Slot) -> None:
        """Notices the end of the slot's launcher."""
        assert slot.launcher is not None
        slot.unwatch = processes.on_end(slot.launcher, lambda: self.launcher_ended(slot))

    def launcher_ended(self, slot: Slot) -> None:
        if slot.stage is Stage.IDLE:
            self.pool.forget(slot)
            self.pool.end(slot)
            self._serve()
        elif slot.stage is Stage.BUSY and slot.attempt is not None:
            self._launcher_ended(slot, slot.attempt)

    def _launcher_ended(self, slot: Slot, attempt: AttemptId) -> None:
        folder, damage = self.folder(attempt), None
        try:
            ended = folder.exit()
        except DamagedError as damaged:
            ended, damage = None, str(damaged)
        if ended is not None:
            self._post(Exited(attempt, ended.code, ended.at, ended.result))
        elif slot.rung_status is not None:
            self._post(Exited(attempt, slot.rung_status, time.time(), folder.result()))
        elif folder.exists() and self.forestalled(attempt):
            self.give_up(attempt)
            self._post(NotPlaced(attempt, "its session ended before it could begin: no process could be started"))
        else:
            self.on_launcher_gone(attempt, damage or folder.why_unknown())

    # Giving back

    def release(self, attempt: AttemptId, *, failed: bool) -> bool:
        """The attempt's end is on disk. What is left is to complete its log, and to use the session again or end it.
        False if it has no session."""
        slot = self.slots.get(attempt)
        if slot is not None and slot.stage is not Stage.SEALING:
            slot.stage = Stage.SEALING
            self._sealing[attempt] = asyncio.ensure_future(self._seal(slot, attempt, failed=failed))
        return slot is not None

    async def _seal(self, slot: Slot, attempt: AttemptId, *, failed: bool) -> None:
        """Whatever goes wrong with it costs the session, and nothing else."""
        is_clean = False
        try:
            is_clean = await self._sealed(slot, attempt, failed=failed)
        except (OSError, OutsideError) as error:
            log.warning("the session of attempt %s is not used again: %s", attempt, error)
        except Exception:
            log.exception("a bug: the session of attempt %s is not used again", attempt)
        self._let_go(slot, attempt, is_clean=is_clean)
        self._serve()

    async def _sealed(self, slot: Slot, attempt: AttemptId, *, failed: bool) -> bool:
        """Whether its session is as new."""
        folder = self.folder(attempt)
        folder.settle_exit()
        complete = await self._drained(slot)
        if failed:
            await self.panes.save_screen(slot, folder)
        leftovers = await self._leftovers(attempt)
        if leftovers:
            self._post(LeftBehind(attempt, leftovers))
        return complete and not leftovers and await self.pool.clean(slot, folder)

    def _let_go(self, slot: Slot, attempt: AttemptId, *, is_clean: bool) -> None:
        if is_clean:
            self.pool.put(slot)
        else:
            with suppress(OSError):
                self.folder(attempt).cut_marker()
            self.pool.end(slot)
        del self.slots[attempt], self._sealing[attempt]
        self._begun.discard(attempt)
        self._on_slot(attempt, None)

    async def log_complete(self, attempt: AttemptId) -> None:
        """Returns once the log of an attempt that has ended has everything that it wrote."""
        while attempt in self.slots:
            sealing = self._sealing.get(attempt)
            if sealing is None:
                await asyncio.sleep(0.002)
            else:
                await asyncio.shield(sealing)

    async def drained(self, attempt: AttemptId) -> None:
        """Returns once all that a program wrote before its end is in its log, or will never be."""
        slot = self.slots.get(attempt)
        if slot is not None and slot.stage is Stage.BUSY:
            await self._drained(slot)

    async def _drained(self, slot: Slot) -> bool:
        """Waits until all that the attempt wrote is in its log; False where its terminal is gone or jammed."""
        assert slot.attempt is not None
        folder = self.folder(slot.attempt)
        pause, deadline = 0.001, time.monotonic() + DRAIN_DEADLINE
        while not folder.is_marked():
            if time.monotonic() > deadline or slot.launcher is None or not processes.is_alive(slot.launcher):
                return False
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.1)
        return True

    # After a restart

    def slot_folder(self, number: int) -> str:
        return f"{self._home.slots}/{number}"

    def take_over(self, attempt: AttemptId, slot: Slot, *, alive: bool) -> None:
        """A session that an engine before this one lent to the attempt; `alive` tells whether its launcher is."""
        self.slots[attempt] = slot
        slot.attempt = attempt
        slot.programs.update((processes.children(slot.launcher.pid) if slot.launcher is not None else None) or ())
        with suppress(OSError):
            slot.open()
        if alive:
            self.watch(slot)
        self._on_slot(attempt, slot)

    def tell_again(self, attempt: AttemptId) -> None:
        """The launcher waits, or has the line and is about to begin: then this one is passed over."""
        with suppress(OSError):
            self.slots[attempt].tell(f"run {os.getpid()} {_as_told(attempt)}")

    def give_up(self, attempt: AttemptId) -> None:
        """An attempt that never began: its session and its folder go."""
        slot = self.slots.pop(attempt, None)
        if slot is not None:
            self.pool.end(slot)
            self._on_slot(attempt, None)
        self.folder(attempt).remove()

    def remove_unused_slots(self) -> None:
        used = {str(slot.number) for slot in self.slots.values()}
        with suppress(FileNotFoundError):
            for folder in self._home.slots.iterdir():
                if folder.name not in used:
                    _remove(folder)

    def open(self) -> None:
        """The survey is over: warm sessions may be made."""
        self._opened = True
        self._serve()

    # Looking

    def has_terminal(self, attempt: AttemptId) -> bool:
        """False where its tmux server is gone."""
        slot = self.slots.get(attempt)
        return slot is not None and slot.server is not None

    # Watching over servers

    def check_servers(self) -> None:
        """Once a second or so: tells which servers have fallen silent and which are back."""
        self.pool.trim()
        self.pool.drop_broken()
        now = time.time()
        for server, silent in self.servers.check(now):
            if silent:
                self._post(ServerSilent(server.index, server.silent_since or now))
            else:
                self._post(ServerBack(server.index))
                self.on_server_back(server)

    def _server_gone(self, server: Server) -> None:
        """Its launchers end by the hang-up; here only what was waiting on it is put right."""
        self._post(ServerBack(server.index))
        for slot in [slot for slot in self.slots.values() if slot.server is server]:
            slot.server = None
        self._on_terminals_gone()

    async def close(self) -> None:
        """The engine goes; whatever runs a program stays, and what only waited for one ends."""
        self._opened = False
        under_way = [*self._sealing.values(), *self.pool.making]
        if under_way:
            await asyncio.wait(under_way, timeout=CLOSE_DEADLINE)
        for task in self._sealing.values():
            task.cancel()
        self.bell.close()
        self.pool.end_all()
        await self.servers.disconnect({slot.server.index for slot in self.slots.values() if slot.server is not None})


def _remove(path: Path) -> None:
    """A folder of a slot, or whatever else was put beside them."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def session_name(attempt: AttemptId) -> str:
    return f"t{attempt}"


def _as_told(attempt: AttemptId) -> str:
    """The attempt's folder as seen from a slot's: right also in a home that was moved, and nowhere in one that is gone,
    where a new home may have an attempt of the same name."""
    return f"../../attempts/{attempt}"
