"""Attempts in sessions: started, heard of, and given back once their log is complete."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from core.adapters import processes
from core.adapters.folders import Folder, Place
from core.adapters.tmux.bell import Bell
from core.adapters.tmux.control import TmuxError
from core.adapters.tmux.panes import Panes
from core.adapters.tmux.pool import Pool
from core.adapters.tmux.servers import Server, Servers
from core.adapters.tmux.slots import Slot, Stage
from core.messages import Exited, LeftBehind, NotPlaced, Placed, ServerBack, ServerSilent, Started

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.home import Home
    from core.messages import Observation
    from core.model import AttemptId, Launch
    from core.settings import Settings

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
        on_launcher_gone: Callable[[AttemptId], None],
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
        self._log_size = settings.engine.log_size
        self.bell = Bell(home.bell, self._began, self._ended, on_hook, self.hear_again)

    def configure(self, settings: Settings) -> None:
        self._log_size = settings.engine.log_size
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
            folder.make(launch, str(self._home.root), place)
            os.link(slot.log, folder.log)
        except (OSError, ValueError) as error:
            folder.remove()
            self.pool.put(slot)
            self._post(
                NotPlaced(attempt, f"cannot write {folder.path}: {error}", hopeless=isinstance(error, ValueError))
            )
            return
        slot.stage, slot.attempt = Stage.BUSY, attempt
        self.slots[attempt] = slot
        slot.tell(f"run {os.getpid()} {_as_told(attempt)}")
        slot.server.control.send(["rename-session", "-t", slot.session_id, session_name(attempt)])
        self._on_slot(attempt, slot)
        self._post(Placed(attempt, *place))

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
        if attempt in self.slots and self.folder(attempt).forestall():
            self.give_up(attempt)
            self._post(NotPlaced(attempt, "taken back before it began", cause="turn"))

    # Hearing

    def _began(self, attempt: AttemptId, pid: int) -> None:
        if attempt in self.slots and self.folder(attempt).begun_at() is not None:
            self._begun.add(attempt)
            self._post(Started(attempt, pid, time.time()))

    def _ended(self, attempt: AttemptId) -> None:
        """The file tells how; the bell only that it is there."""
        ended = self.folder(attempt).exit()
        if attempt in self.slots and ended is not None:
            self._post(Exited(attempt, ended.code, time.time(), ended.result))

    def hear_again(self) -> None:
        """What the bell has not told is in the files: it may have been away, or they could not be read just then."""
        for attempt, slot in list(self.slots.items()):
            if slot.stage is not Stage.BUSY:
                continue
            begun_at = None if attempt in self._begun else self.folder(attempt).begun_at()
            if begun_at is not None:
                self._begun.add(attempt)
                self._post(Started(attempt, None, begun_at))
            self._ended(attempt)

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
            ended = self.folder(slot.attempt).exit()
            if ended is not None:
                self._post(Exited(slot.attempt, ended.code, ended.at, ended.result))
            else:
                self.on_launcher_gone(slot.attempt)

    # Giving back

    def release(self, attempt: AttemptId, *, failed: bool) -> None:
        """The attempt's end is on disk. What is left is to complete its log, and to use the session again or end it."""
        slot = self.slots.get(attempt)
        if slot is None or slot.stage is Stage.SEALING:
            return
        slot.stage = Stage.SEALING
        self._sealing[attempt] = asyncio.ensure_future(self._seal(slot, attempt, failed=failed))

    async def _seal(self, slot: Slot, attempt: AttemptId, *, failed: bool) -> None:
        folder = self.folder(attempt)
        folder.settle_exit()
        complete = await self._drained(slot)
        if failed:
            await self.panes.save_screen(slot, folder)
        leftovers = await self._leftovers(attempt)
        if leftovers:
            self._post(LeftBehind(attempt, leftovers))
        if complete and not leftovers and not os.path.exists(folder.older_log) and await self.pool.clean(slot, folder):
            self.pool.put(slot)
        else:
            slot.end_log()
            self.pool.end(slot)
        del self.slots[attempt], self._sealing[attempt]
        self._begun.discard(attempt)
        self._on_slot(attempt, None)
        self._serve()

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
        pause, deadline = 0.001, time.monotonic() + DRAIN_DEADLINE
        while not slot.drained():
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
        with suppress(OSError):
            slot.open()
        if alive:
            self.watch(slot)
        self._on_slot(attempt, slot)

    def tell_again(self, attempt: AttemptId) -> None:
        """The launcher waits, or has the line and is about to begin: then this one is passed over."""
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
        for folder in self._home.slots.iterdir():
            if folder.name not in used:
                shutil.rmtree(folder, ignore_errors=True)

    def open(self) -> None:
        """The survey is over: warm sessions may be made."""
        self._opened = True
        self._serve()

    # Looking

    def has_terminal(self, attempt: AttemptId) -> bool:
        """False where its tmux server is gone."""
        slot = self.slots.get(attempt)
        return slot is not None and slot.server is not None

    # Logs

    async def rotate_logs(self) -> None:
        """Logs that have grown to their size are moved aside, without losing a byte."""
        for attempt, slot in list(self.slots.items()):
            if slot.stage is Stage.BUSY and slot.log_size() >= self._log_size:
                await asyncio.to_thread(slot.rotate_log, self.folder(attempt))
                if not slot.logger_alive():
                    with suppress(TmuxError):
                        slot.control.send(["pipe-pane", "-O", "-t", slot.pane_id, self.pool.log_command(slot)])

    # Watching over servers

    def check_servers(self) -> None:
        """Once a second or so: tells which servers have fallen silent and which are back."""
        self.pool.trim()
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


def session_name(attempt: AttemptId) -> str:
    return f"t{attempt}"


def _as_told(attempt: AttemptId) -> str:
    """The attempt's folder as seen from a slot's: right also in a home that was moved, and nowhere in one that is gone,
    where a new home may have an attempt of the same name."""
    return f"../../attempts/{attempt}"
