"""A program under the runner: its two outputs read to their ends, its end awaited, our signals passed on to it."""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from core.kinds.terminal import Terminal

KEPT_STDERR = 4096
"""Bytes of standard error that stand for the reason of an error."""
LONGEST_LINE = 1 << 24
"""Bytes of a line that a reader is given; a longer one is in the stream alone."""
_CHUNK = 1 << 16
_DEFAULT_FOR_PROGRAMS = (signal.SIGPIPE, signal.SIGXFSZ)
"""Python ignores them."""
_CANCELLING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class NotStartedError(Exception):
    """The program cannot be run; `status` is what a shell would exit with."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class Ended(NamedTuple):
    status: int
    """Negative for a signal."""
    stderr: str
    """Its last part."""


class Cancel:
    """The first signal that came to end the run. Each one is passed on to the program that runs then."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._child: int | None = None
        for number in _CANCELLING:
            signal.signal(number, self._came)

    def watch(self, child: int | None) -> None:
        """From now on signals go to this process; one that came before goes there at once."""
        self._child = child
        if child is not None and self.signal is not None:
            os.kill(child, self.signal)

    def _came(self, number: int, _frame: FrameType | None) -> None:
        self.signal = self.signal or number
        if self._child is not None:
            os.kill(self._child, number)


class Lines:
    """Cuts what comes in pieces into lines, and gives each to `take`. A line that is too long is left out."""

    def __init__(self, longest: int, take: Callable[[bytes], None]) -> None:
        self._longest = longest
        self._take = take
        self._begun = bytearray()
        self._too_long = False

    def add(self, piece: bytes) -> None:
        *whole, rest = piece.split(b"\n")
        for line in whole:
            self._more(line)
            self.end()
        self._more(rest)

    def end(self) -> None:
        """What has been begun is a line."""
        if self._begun:
            self._take(bytes(self._begun))
        self._begun.clear()
        self._too_long = False

    def _more(self, piece: bytes) -> None:
        self._too_long = self._too_long or len(self._begun) + len(piece) > self._longest
        if self._too_long:
            self._begun.clear()
        else:
            self._begun += piece


def run(
    argv: list[str], stdin: str, stream: str, terminal: Terminal, cancel: Cancel, take: Callable[[bytes], None]
) -> Ended:
    """Runs the program to its end. Each line of its output goes to the stream's file, and then to `take`.

    NotStartedError where it cannot be run. A stream that cannot be written is said once, and then done without.
    """
    told = bytearray()
    out, err = Lines(LONGEST_LINE, take), Lines(_CHUNK, terminal.pass_on)

    def errors(piece: bytes) -> None:
        told.extend(piece)
        del told[:-KEPT_STDERR]
        err.add(piece)

    with _Stream(stream, terminal) as kept:

        def output(piece: bytes) -> None:
            kept.write(piece)
            out.add(piece)

        child, out_pipe, err_pipe = _piped(argv, stdin)
        cancel.watch(child)
        with open(out_pipe, "rb"), open(err_pipe, "rb"):
            _pump(child, {out_pipe: output, err_pipe: errors})
    out.end()
    err.end()
    return Ended(_reaped(child, cancel), told.decode("utf-8", "replace"))


def run_check(argv: list[str], cancel: Cancel) -> int:
    """Runs it on the terminal as it is; its exit status, 128 + the signal where one ended it."""
    with _opened(os.devnull) as nothing:
        child = _started(argv, {0: nothing.fileno()})
    cancel.watch(child)
    status = _reaped(child, cancel)
    return status if status >= 0 else 128 - status


def _reaped(child: int, cancel: Cancel) -> int:
    """Waits for its end; negative for a signal. None is passed on to a number that may already be another's."""
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    cancel.watch(None)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _piped(argv: list[str], stdin: str) -> tuple[int, int, int]:
    """The process, and the ends of pipes from its output and its standard error."""
    with _opened(stdin) as source:
        out_pipe, out = os.pipe()
        err_pipe, err = os.pipe()
        try:
            return _started(argv, {0: source.fileno(), 1: out, 2: err}), out_pipe, err_pipe
        finally:
            os.close(out)
            os.close(err)


def _started(argv: list[str], files: dict[int, int]) -> int:
    """The process id. Of our own files it has those that are named here by its numbers, and the standard ones."""
    try:
        return os.posix_spawnp(
            argv[0],
            argv,
            os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, ours, its) for its, ours in files.items()],
            setsigdef=_DEFAULT_FOR_PROGRAMS,
        )
    except FileNotFoundError:
        raise NotStartedError(f"there is no program {argv[0]}", 127) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise NotStartedError(f"{argv[0]} cannot be run: {reason}", 126) from None


def _opened(stdin: str) -> BinaryIO:
    try:
        return open(stdin, "rb")
    except OSError as error:
        raise NotStartedError(f"the prompt cannot be read: {error.strerror}", 1) from None


class _Stream:
    """The file that keeps the output byte for byte, private to its owner."""

    def __init__(self, path: str, terminal: Terminal) -> None:
        self._terminal = terminal
        self._number: int | None = None
        try:
            flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW
            self._number = os.open(path, flags, 0o600)
        except OSError as error:
            self._give_up(error)

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *_: object) -> None:
        if self._number is not None:
            os.close(self._number)

    def write(self, piece: bytes) -> None:
        try:
            while piece and self._number is not None:
                piece = piece[os.write(self._number, piece) :]
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self._terminal.say(f"! the stream is not kept: {error.strerror}")
        if self._number is not None:
            os.close(self._number)
        self._number = None


def _pump(child: int, sinks: dict[int, Callable[[bytes], None]]) -> None:
    """Reads until the program has ended and what it has written is read.

    Its own end counts, not that of its pipes: it may close them and live on, or leave them to others that do.
    """
    end = os.pidfd_open(child)
    poll = select.poll()
    for number in (*sinks, end):
        poll.register(number, select.POLLIN)
    try:
        while True:
            ready = {number for number, _ in poll.poll()}
            for number in ready - {end}:
                piece = os.read(number, _CHUNK)
                sinks[number](piece)
                if not piece:
                    poll.unregister(number)
                    del sinks[number]
            if end in ready:
                break
    finally:
        os.close(end)
    for number, sink in sinks.items():
        _drain(number, sink)


def _drain(number: int, sink: Callable[[bytes], None]) -> None:
    """What is in a pipe now: no more than it holds, so that a writer who goes on does not keep us."""
    import fcntl

    os.set_blocking(number, False)
    left = fcntl.fcntl(number, fcntl.F_GETPIPE_SZ)
    with suppress(BlockingIOError):
        while left > 0 and (piece := os.read(number, _CHUNK)):
            sink(piece)
            left -= len(piece)
