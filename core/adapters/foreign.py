"""The sessions of the person's own tmux servers: looked at like ours, and left alone."""

from __future__ import annotations

import asyncio
import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core.adapters import processes
from core.ports import OutsideError
from core.vitals import Vital

if TYPE_CHECKING:
    from core.adapters.processes import Process

DEADLINE = 2.0
"""Seconds that a server has for an answer."""
SLICE = 64
_SEPARATOR = "\t"
_FORMAT = _SEPARATOR.join(
    (
        "#{session_id}",
        "#{session_windows}",
        "#{session_attached}",
        "#{pane_pid}",
        "#{window_activity}",
        "#{?#{&&:#{window_active},#{pane_active}},1,0}",
        "#{session_name}",
        "#{pane_current_command}",
    )
)


class ForeignSession(NamedTuple):
    socket: str
    id: str
    """As $3: the name may change at any time."""
    name: str
    windows: int
    attached: int
    command: str
    """Of its active pane."""
    vital: Vital


class _Pane(NamedTuple):
    session_id: str
    windows: int
    attached: int
    pid: int
    activity: float
    active: bool
    name: str
    command: str


class ForeignSessions:
    """libtmux asks, in a thread with a deadline: these servers are not ours to keep a connection to."""

    def __init__(self, ours: Path) -> None:
        self._ours = ours
        self._asked: dict[Path, asyncio.Task[list[_Pane]]] = {}
        self._before: dict[int, tuple[float, float]] = {}
        self._looked_at = 0.0

    async def look(self) -> list[ForeignSession]:
        """A server that does not answer in time is left out, and not asked again before it has."""
        sockets = [socket for socket in _sockets() if socket.parent != self._ours]
        answers = await asyncio.gather(*map(self._panes, sockets))
        if not any(answers):
            return []
        table = await _table()
        now = time.time()
        elapsed, self._looked_at = now - self._looked_at, now
        before, self._before = self._before, {process.pid: (process.created, process.cpu) for process in table.values()}
        return [
            _session(str(socket), session_id, panes, table, before, now, elapsed)
            for socket, panes in zip(sockets, answers, strict=True)
            for session_id in sorted({pane.session_id for pane in panes})
        ]

    async def kill(self, socket: str, session_id: str) -> None:
        """OutsideError where tmux refuses or does not answer."""
        if Path(socket) not in _sockets() or Path(socket).parent == self._ours:
            raise OutsideError(f"{socket} is not the socket of a tmux server of yours")
        try:
            async with asyncio.timeout(DEADLINE):
                await asyncio.to_thread(_ask, socket, "kill-session", "-t", session_id)
        except TimeoutError:
            raise OutsideError("that tmux server does not answer") from None

    async def _panes(self, socket: Path) -> list[_Pane]:
        asked = self._asked.get(socket)
        if asked is None:
            asked = self._asked[socket] = asyncio.ensure_future(asyncio.to_thread(_list_panes, str(socket)))
            asked.add_done_callback(lambda _: self._asked.pop(socket, None))
        try:
            async with asyncio.timeout(DEADLINE):
                return await asyncio.shield(asked)
        except (TimeoutError, OutsideError):
            return []


def _sockets() -> list[Path]:
    folder = Path(os.environ.get("TMUX_TMPDIR", "/tmp"), f"tmux-{os.getuid()}")  # noqa: S108 - tmux's own place
    try:
        return sorted(path for path in folder.iterdir() if stat.S_ISSOCK(path.lstat().st_mode))
    except OSError:
        return []


def _list_panes(socket: str) -> list[_Pane]:
    panes = []
    for line in _ask(socket, "list-panes", "-a", "-F", _FORMAT):
        with suppress(ValueError):  # what another version of tmux says otherwise is passed over
            session_id, windows, attached, pid, activity, active, name, command = line.split(_SEPARATOR, 7)
            panes.append(
                _Pane(session_id, int(windows), int(attached), int(pid), float(activity), active == "1", name, command)
            )
    return panes


def _ask(socket: str, *command: str) -> list[str]:
    """Lines that tmux answers; OutsideError with its words where it refuses."""
    import libtmux
    from libtmux.exc import LibTmuxException

    try:
        reply = libtmux.Server(socket_path=socket).cmd(*command)
    except (LibTmuxException, OSError, ValueError) as error:
        raise OutsideError(f"tmux: {error}") from error
    if reply.stderr:
        raise OutsideError(f"tmux: {' '.join(reply.stderr)}")
    return reply.stdout


async def _table() -> dict[int, Process]:
    table = {}
    for count, pid in enumerate(processes.pids(), start=1):
        found = processes.look(pid)
        if found is not None:
            table[pid] = found
        if count % SLICE == 0:
            await asyncio.sleep(0)
    return table


def _session(
    socket: str,
    session_id: str,
    panes: list[_Pane],
    table: dict[int, Process],
    before: dict[int, tuple[float, float]],
    now: float,
    elapsed: float,
) -> ForeignSession:
    of_session = [pane for pane in panes if pane.session_id == session_id]
    shown = next((pane for pane in of_session if pane.active), of_session[0])
    found = _descendants({pane.pid for pane in of_session}, table)
    living = [process for process in found if not process.dead]
    worked = sum(process.cpu - before.get(process.pid, (0.0, process.cpu))[1] for process in found)
    root = table.get(shown.pid)
    vital = Vital(
        at=now,
        cpu=max(100 * worked / elapsed, 0.0) if elapsed > 0 else 0.0,
        cpu_seconds=sum(process.cpu for process in found),
        memory=sum(process.memory for process in found),
        processes=len(found),
        threads=sum(process.threads for process in living),
        stopped=sum(process.state == "T" for process in living),
        zombies=len(found) - len(living),
        root=None if root is None else root.identity,
        launcher_alive=True,
        last_output=max(pane.activity for pane in of_session),
        reads_terminal=False,
        io_bytes=None,
    )
    return ForeignSession(socket, session_id, shown.name, shown.windows, shown.attached, shown.command, vital)


def _descendants(roots: set[int], table: dict[int, Process]) -> list[Process]:
    children: dict[int, list[int]] = {}
    for process in table.values():
        children.setdefault(process.ppid, []).append(process.pid)
    found, waiting = [], list(roots)
    while waiting:
        pid = waiting.pop()
        waiting.extend(children.get(pid, ()))
        if pid in table:
            found.append(table[pid])
    return found
