"""One control-mode connection to a tmux server: commands down, replies and notices up.

Nothing that a program writes ever travels through it: screens go by files (`save-buffer`), and formats ask for numbers
and for names that are ours. So no output can pose as a reply.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import re
import signal
import socket
import subprocess
import sys
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from core.ports import OutsideError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_READ_AT_ONCE = 1 << 16
LONGEST_REPLY = 1 << 26
"""Bytes without an end after which the connection is of no use."""
_ANSWERS_US = 1
"""Flag of a block that answers a command of this connection."""
_PLAIN = re.compile(r"[A-Za-z0-9_./:@=+-]+", re.ASCII)
"""Words that need no quotes."""
_PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
log = logging.getLogger("muxdeck")


class TmuxError(OutsideError):
    """tmux refused a command, does not answer, or is gone; the text says which."""


class Reply(NamedTuple):
    ok: bool
    lines: tuple[str, ...]

    @property
    def line(self) -> str:
        """The only line, or the first; TmuxError if there is none."""
        if not self.lines:
            raise TmuxError("tmux answered a question without a word")
        return self.lines[0]


class Parser:
    """Bytes of the connection in, complete replies out. Notices between replies are passed over."""

    def __init__(self) -> None:
        self._rest = b""
        self._block: bytes | None = None
        self._lines: list[str] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[Reply]:
        """TmuxError for what tmux would never say."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            reply = self._line(line.removesuffix(b"\r"))
            if reply is not None:
                yield reply
        if len(self._rest) + self._size > LONGEST_REPLY:
            raise TmuxError("a reply without an end")

    def _line(self, line: bytes) -> Reply | None:
        word, _, rest = line.partition(b" ")
        if self._block is None:
            if word == b"%begin":
                self._block, self._lines, self._size = rest, [], 0
            return None
        if word not in (b"%end", b"%error") or rest != self._block:
            self._lines.append(line.decode("utf-8", "replace"))
            self._size += len(line)
            return None
        flags, self._block, self._size = _flags(self._block), None, 0
        return Reply(word == b"%end", tuple(self._lines)) if flags & _ANSWERS_US else None


def _flags(block: bytes) -> int:
    """The third of the numbers that mark a block."""
    numbers = block.split()
    if len(numbers) != 3 or not numbers[2].isdigit() or len(numbers[2]) > 9:
        raise TmuxError(f"a block is marked {block[:80]!r}")
    return int(numbers[2])


def quoted(words: Sequence[str]) -> str:
    """One command of tmux's language that stands for exactly these words."""
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    if _PLAIN.fullmatch(word):
        return word
    if "\0" in word or "\r" in word:
        raise ValueError("a tmux argument cannot contain NUL or CR")
    escaped = "".join("\\" + sign if sign in '\\"$~' else "\\n" if sign == "\n" else sign for sign in word)
    return f'"{escaped}"'


class Sent(NamedTuple):
    """One line of commands that waits for its replies."""

    futures: deque[asyncio.Future[Reply]]
    at: float
    """Loop time."""


class Control:
    """A client of one server. `on_gone` is called once when the connection ends, for whatever cause."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], on_gone: Callable[[], None]) -> None:
        """OSError if the client cannot be started: there is no tmux, or no handle, process or memory left."""
        self._loop = asyncio.get_running_loop()
        self._parser = Parser()
        self._waiting: deque[Sent] = deque()
        self._on_gone = on_gone
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = subprocess.Popen(
                    list(argv),
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=subprocess.DEVNULL,
                    env=env,
                    preexec_fn=_die_with_parent,
                )
            except subprocess.SubprocessError as error:
                ours.close()
                raise OSError(0, str(error)) from error
            except OSError:
                ours.close()
                raise
        ours.setblocking(False)
        self._socket = ours
        self._unsent = b""
        self._loop.add_reader(ours, self._readable)

    @property
    def alive(self) -> bool:
        return self._socket.fileno() >= 0

    @property
    def silent_since(self) -> float | None:
        """Loop time at which the oldest unanswered command was sent."""
        return self._waiting[0].at if self._waiting else None

    def send(self, *commands: Sequence[str]) -> list[asyncio.Future[Reply]]:
        """Sends commands as one line: tmux carries them out one after the other, without anything in between.

        A future a command; they end with TmuxError when the connection does. A refusal is no exception by itself: look
        at `ok`. After one that is refused the rest of the line is not carried out, and fails.
        """
        futures: list[asyncio.Future[Reply]] = [self._loop.create_future() for _ in commands]
        try:
            line = (" ; ".join(map(quoted, commands)) + "\n").encode("utf-8", "surrogateescape")
        except ValueError as error:
            return _failed(futures, f"tmux cannot take that: {error}")
        if not self.alive:
            return _failed(futures)
        self._waiting.append(Sent(deque(futures), self._loop.time()))
        self._write(line)
        return futures

    async def ask(self, *commands: Sequence[str], deadline: float = 5.0) -> list[Reply]:
        """Sends commands and waits for all replies; TmuxError where one is refused or `deadline` seconds pass."""
        replies = []
        try:
            async with asyncio.timeout(deadline):
                for future in self.send(*commands):
                    reply = await future
                    if not reply.ok:
                        raise TmuxError(" ".join(reply.lines) or "tmux refused a command without a word")
                    replies.append(reply)
        except TimeoutError as error:
            raise TmuxError(f"tmux has not answered for {deadline:g}s") from error
        return replies

    def close(self) -> None:
        """Ends the connection; the server and its sessions stay."""
        if not self.alive:
            return
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        self._process.kill()
        self._process.wait()
        while self._waiting:
            for future in self._waiting.popleft().futures:
                _fail(future)
        self._on_gone()

    def _write(self, data: bytes) -> None:
        if self._unsent:
            self._unsent += data
            return
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            return
        if sent < len(data):
            self._unsent = data[sent:]
            self._loop.add_writer(self._socket, self._writable)

    def _writable(self) -> None:
        data, self._unsent = self._unsent, b""
        self._loop.remove_writer(self._socket)
        self._write(data)

    def _readable(self) -> None:
        try:
            data = self._socket.recv(_READ_AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        try:
            for reply in self._parser.feed(data):
                self._replied(reply)
        except TmuxError as error:
            log.warning("a connection to tmux is given up: %s", error)
            self.close()

    def _replied(self, reply: Reply) -> None:
        """tmux leaves a line at the first command that it refuses: those behind it get no reply of their own."""
        if not self._waiting:
            return
        futures = self._waiting[0].futures
        future = futures.popleft()
        if not future.done():
            future.set_result(reply)
        if not reply.ok:
            while futures:
                _fail(futures.popleft(), "not carried out: a command before it was refused")
        if not futures:
            self._waiting.popleft()


def _failed(
    futures: list[asyncio.Future[Reply]], why: str = "the connection to tmux ended"
) -> list[asyncio.Future[Reply]]:
    for future in futures:
        _fail(future, why)
    return futures


def _fail(future: asyncio.Future[Reply], why: str = "the connection to tmux ended") -> None:
    if not future.done():
        future.set_exception(TmuxError(why))
        future.exception()  # marks it as seen: many callers send without waiting


def _die_with_parent() -> None:
    """A client whose engine is gone must go too: left with unread output, it would keep its server from ever ending."""
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setsid()
