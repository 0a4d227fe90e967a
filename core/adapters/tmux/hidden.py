"""tmux servers of ours whose sockets somebody has removed: they make them anew when they are told to."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from contextlib import suppress
from pathlib import Path

from core.adapters import processes

SOCKET = re.compile(r"tmux-(\d{1,4})\.sock", re.ASCII)
"""The names of the sockets; the number is the server's."""
_PAUSE = 0.01


def wake(pid: int) -> None:
    """tmux(1): "If the socket is accidentally removed, the SIGUSR1 signal may be sent to the server to recreate it"."""
    with suppress(OSError):
        os.kill(pid, signal.SIGUSR1)


async def wake_hidden(folder: Path, patience: float) -> None:
    """Returns once the sockets of all servers that were told one in the folder are there, or after `patience` seconds.

    Looks through the process table: for the start of an engine, which knows no server yet.
    """
    hidden = [(pid, path) for pid, path in await asyncio.to_thread(_servers_below, folder) if not path.is_socket()]
    for pid, _ in hidden:
        wake(pid)
    deadline = time.monotonic() + patience
    while not all(path.is_socket() for _, path in hidden) and time.monotonic() < deadline:  # noqa: ASYNC110 - a file
        await asyncio.sleep(_PAUSE)


def _servers_below(folder: Path) -> list[tuple[int, Path]]:
    """Processes of tmux servers, and the sockets that they were told."""
    found = []
    for pid in processes.pids():
        with suppress(OSError):
            if not Path(f"/proc/{pid}/comm").read_bytes().startswith(b"tmux: server"):
                continue
            socket = _told_socket(Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"))
            if os.stat(f"/proc/{pid}").st_uid == os.getuid() and socket is not None and socket.parent == folder:
                found.append((pid, socket))
    return found


def _told_socket(words: list[bytes]) -> Path | None:
    if b"-S" not in words[:-1]:
        return None
    socket = Path(os.fsdecode(words[words.index(b"-S") + 1]))
    return socket if SOCKET.fullmatch(socket.name) else None
