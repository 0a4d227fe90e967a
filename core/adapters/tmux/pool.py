"""Makes sessions ahead of need, and cleans used ones for the next attempt."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from contextlib import suppress
from importlib.resources import files
from typing import TYPE_CHECKING

from core import plainfile
from core.adapters import processes
from core.adapters.script import quote
from core.adapters.tmux.control import TmuxError
from core.adapters.tmux.slots import Slot, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from core.adapters.folders import Folder
    from core.adapters.tmux.servers import Servers
    from core.home import Home
    from core.settings import Settings

log = logging.getLogger("muxdeck")
MAKING_AT_ONCE = 4
RESERVE_PAUSE = 0.03
"""Seconds; none where the reserve runs low."""
LARGEST_REUSED_LOG = 1 << 16
"""Bytes of output up to which a session is worth cleaning for the next attempt."""
SPARE = 3
"""Times the reserve up to which used sessions are kept: work that came in a burst is likely to come again."""
HIGHEST_SLOT = 1 << 40


class Pool:
    """Slots that wait for an attempt. `on_ready` gets each new one, `on_failed` the reason why there is none."""

    def __init__(
        self,
        home: Home,
        servers: Servers,
        settings: Settings,
        on_ready: Callable[[Slot], None],
        on_failed: Callable[[str], None],
        on_made: Callable[[float], None],
    ) -> None:
        self._home = home
        self._servers = servers
        self._on_ready = on_ready
        self._on_failed = on_failed
        self._on_made = on_made
        self._idle: deque[Slot] = deque()
        self._making: set[asyncio.Task[None]] = set()
        self._later: asyncio.TimerHandle | None = None
        self._last_number = max(_numbers_in(home.slots), default=0)
        bell, root = home.bell, home.root
        self._bell = f"../../{bell.relative_to(root)}" if bell.is_relative_to(root) else str(bell)
        """As seen from a slot's folder, and from an attempt's: right also in a home that was moved."""
        scripts = files("core.adapters.tmux")
        self._launcher, self._logger = (str(scripts.joinpath(name)) for name in ("launcher.sh", "logger.sh"))
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        engine = settings.engine
        self._wanted = min(engine.warm_sessions, 2 * engine.slots + 2) if engine.slots else engine.warm_sessions
        self._size = ("-x", str(engine.width), "-y", str(engine.height))
        self._dimensions = f"{engine.width}x{engine.height}"
        self._log_size = engine.log_size

    @property
    def making(self) -> set[asyncio.Task[None]]:
        """Sessions that are on their way."""
        return set(self._making)

    def take(self) -> Slot | None:
        """The one that was used last: its memory is the warmest."""
        return self._idle.pop() if self._idle else None

    def put(self, slot: Slot) -> None:
        slot.stage, slot.attempt = Stage.IDLE, None
        self._idle.append(slot)

    def forget(self, slot: Slot) -> None:
        """An idle slot whose session has ended."""
        with suppress(ValueError):
            self._idle.remove(slot)

    def refill(self, waiting: int, coming_back: int) -> None:
        """Makes what is missing for `waiting` attempts at once; then the reserve, where used ones will not do.

        A few at a time: tmux makes one after the other, and whoever needs one next stands behind those that were asked
        for. The reserve waits a moment, so that the start which took from it is not disturbed.
        """
        have = len(self._idle) + len(self._making)
        if waiting > have:
            self._make_some(min(waiting - have, MAKING_AT_ONCE - len(self._making)))
        elif have + coming_back - waiting < self._wanted and not self._making and self._later is None:
            pause = RESERVE_PAUSE if 2 * have >= self._wanted else 0.0
            self._later = asyncio.get_running_loop().call_later(pause, self._make_for_reserve)

    def _make_for_reserve(self) -> None:
        self._later = None
        self._make_some(1)

    def _make_some(self, count: int) -> None:
        for _ in range(count):
            task = asyncio.ensure_future(self._make_one())
            self._making.add(task)
            task.add_done_callback(self._making.discard)

    async def _make_one(self) -> None:
        """Whatever goes wrong with it costs this session alone, and those who wait are told why there is none."""
        try:
            slot = await self._make()
        except OSError as error:
            self._not_made(f"no session can be made: {plainfile.in_words(error)}")
        except TmuxError as error:
            self._not_made(str(error))
        except Exception as error:
            log.exception("a bug: a session was not made")
            self._not_made(f"a bug of muxdeck: {error}")
        else:
            self._making.discard(_this_task())
            self._on_ready(slot)

    def _not_made(self, why: str) -> None:
        self._making.discard(_this_task())
        self._on_failed(why)

    async def _make(self) -> Slot:
        self._last_number += 1
        number = self._last_number
        server = await self._servers.pick()
        slot = Slot(number, f"{self._home.slots}/{number}", server)
        try:
            slot.make()
            await self._make_session(slot)
        except BaseException:
            with suppress(TmuxError):
                slot.control.send(["kill-session", "-t", f"=w{number}"])
            server.sessions -= 1
            slot.remove()
            raise
        return slot

    async def _make_session(self, slot: Slot) -> None:
        name = f"w{slot.number}"
        session = ["new-session", "-d", "-s", name, *self._size, "-P", "-F", _PLACE]
        launcher = ["sh", self._launcher, slot.folder, self._bell]
        began = asyncio.get_running_loop().time()
        created, _ = await slot.control.ask(
            [*session, *launcher], ["pipe-pane", "-O", "-t", f"={name}:", self.log_command(slot)]
        )
        try:
            slot.session_id, slot.pane_id, pid, slot.tty = created.lines[0].split(" ")
            slot.launcher = processes.identify(int(pid))
        except (IndexError, ValueError) as error:
            raise TmuxError("tmux made a session and did not say which") from error
        if slot.launcher is None:
            raise TmuxError("the session ended as soon as it was made")
        slot.remember_terminal()
        self._on_made(asyncio.get_running_loop().time() - began)

    def log_command(self, slot: Slot) -> str:
        """Appends the session's output to the slot's log; tmux expands # and % in it."""
        script, folder = (os.fsdecode(quote(path)) for path in (self._logger, slot.folder))
        command = f"exec sh {script} {folder} {self._log_size}"
        return command.replace("#", "##").replace("%", "%%")

    async def clean(self, slot: Slot, folder: Folder) -> bool:
        """Makes a used slot as new, where the reserve wants it and nothing of its attempt can be left in it.

        The attempt's log, which was the slot's own until now, becomes a file of its own.
        """
        if slot.server is None or not slot.server.usable or len(self._idle) >= SPARE * self._wanted:
            return False
        if slot.log_size() > LARGEST_REUSED_LOG or not slot.restore_terminal():
            return False
        pane = ["-t", slot.pane_id]
        traces = [["send-keys", "-R", *pane], ["clear-history", *pane]] if slot.has_output() else []
        try:
            state, *_ = await slot.control.ask(
                ["display-message", "-p", *pane, _USE],
                *traces,
                ["rename-session", "-t", slot.session_id, f"w{slot.number}"],
            )
        except TmuxError:
            return False
        if state.lines[0] != f"0 1 1 0 {self._dimensions}":
            return False
        slot.take_log(folder.log)
        return True

    def drop_broken(self) -> None:
        """Sessions whose folder somebody has removed: others are made."""
        for slot in [slot for slot in self._idle if not slot.is_whole()]:
            self._idle.remove(slot)
            self.end(slot)

    def trim(self) -> None:
        """Every few seconds: lets one session go that the reserve no longer needs."""
        if len(self._idle) > self._wanted:
            self.end(self._idle.popleft())

    def end_all(self) -> None:
        if self._later is not None:
            self._later.cancel()
        while self._idle:
            self.end(self._idle.pop())

    def end(self, slot: Slot) -> None:
        """Ends the session, and with it whatever still hangs on its terminal."""
        slot.unwatch()
        if slot.server is not None:
            slot.server.sessions -= 1
            with suppress(TmuxError):
                slot.control.send(["kill-session", "-t", slot.session_id])
        slot.remove()


_PLACE = "#{session_id} #{pane_id} #{pane_pid} #{pane_tty}"
_USE = "#{session_attached} #{session_windows} #{window_panes} #{pane_in_mode} #{window_width}x#{window_height}"


def _numbers_in(slots: Path) -> Iterator[int]:
    """Of the slots that were made before. Whatever else lies there is no slot."""
    with suppress(FileNotFoundError):
        for path in slots.iterdir():
            number = plainfile.number_in(path.name, HIGHEST_SLOT)
            if number is not None:
                yield number


def _this_task() -> asyncio.Task[None]:
    task = asyncio.current_task()
    assert task is not None
    return task
