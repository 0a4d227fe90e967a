"""A connection to the engine for programs that ask and wait; it starts the engine where none runs."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO

from core import __version__
from core.appending import opened_plain
from core.sockets import connect
from core.text import one_line

if TYPE_CHECKING:
    import socket
    from types import TracebackType

    from core.home import Home

SCHEMA = 1


class NoEngineError(Exception):
    """No engine answers; the text says why."""

    is_bug = False
    """A bug of muxdeck keeps the engine from starting."""


class EngineBugError(NoEngineError):
    is_bug = True


class AnswerError(Exception):
    """The engine says no. `code` is not-found, usage, refused or failed; `problems` are the faults of the input."""

    def __init__(self, code: str, text: str, problems: list[dict[str, Any]]) -> None:
        super().__init__(text)
        self.code = code
        self.problems = problems


class Client:
    """One request at a time."""

    def __init__(self, home: Home, *, start: bool) -> None:
        """NoEngineError where none answers, with `start` only after trying to start one."""
        self._log = home.log
        try:
            self._socket = connect(home.socket)
        except OSError:
            if not start:
                raise NoEngineError(f"no engine runs for {home.root}: muxdeck engine start") from None
            self._socket = start_engine(home)
        self._lines = self._socket.makefile("rb")
        self._number = 0
        greeting = self.ask("hello", client="cli", version=__version__)
        if greeting["schema"] != SCHEMA:
            raise NoEngineError(
                f"the engine is of version {greeting['version']}, this is {__version__}: "
                "restart it (muxdeck engine stop); what runs in it goes on"
            )

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.close()
        self._socket.close()

    def ask(self, do: str, **parameters: Any) -> Any:  # noqa: ANN401 - JSON
        """The document that answers a verb. AnswerError where it is refused."""
        self._number += 1
        request = {"id": self._number, "do": do, "with": parameters}
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
            line = self._lines.readline()
        except OSError as error:
            raise NoEngineError(f"the connection to the engine broke: {error.strerror}") from error
        if not line:
            raise NoEngineError(f"the engine ended before it answered: {self._log} may say why")
        answer = json.loads(line)
        if "error" in answer:
            fault = answer["error"]
            raise AnswerError(fault["code"], fault["text"], fault.get("problems", []))
        return answer["ok"]


def start_engine(home: Home) -> socket.socket:
    """Connects to a new engine, or to another that was faster. NoEngineError if none comes up."""
    home.make()
    code, word = _started(home)
    deadline = time.monotonic() + PATIENCE if code in (None, LOCKED) else 0.0
    while True:
        with suppress(OSError):
            return connect(home.socket)
        if time.monotonic() >= deadline:
            break
        time.sleep(0.05)
    text = one_line(word.decode("utf-8", "replace").strip(), 2000) or f"{_end_in_words(code)}; {home.log} may say why"
    if code == LOCKED:
        text += f", and nobody can connect to it at {home.socket}"
    kind = EngineBugError if code in (BUG, 1) else NoEngineError
    raise kind(f"the engine cannot start: {text}")


def _started(home: Home) -> tuple[int | None, bytes]:
    """The exit code of an engine that did not come up, None of one that did, and what it said."""
    import subprocess

    try:
        reading, writing = os.pipe()
    except OSError as error:
        raise NoEngineError(f"the engine cannot be started: {error.strerror}") from error
    argv = [sys.executable, "-P", "-m", "core.engine", "--home", str(home.root), "--ready", str(writing)]
    with os.fdopen(reading, "rb") as ready, _log(home) as log:
        try:
            engine = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd="/",
                env=_environment(),
                pass_fds=(writing,),
                start_new_session=True,
            )
        except OSError as error:
            raise NoEngineError(f"the engine cannot be started: {error.strerror}") from error
        finally:
            os.close(writing)
        word = ready.read()
    if word == b"\n":
        engine.returncode = 0  # it lives on: nobody waits for it
        return None, b""
    return engine.wait(), word


def _log(home: Home) -> BinaryIO:
    """For what an engine says before it has opened it itself; nothing, if it cannot be opened."""
    try:
        return os.fdopen(opened_plain(str(home.log)), "wb")
    except OSError:
        return open(os.devnull, "wb")


def _end_in_words(code: int | None) -> str:
    if code is None:
        return "it started, and has gone again"
    return f"it was ended by signal {-code}" if code < 0 else f"it ended with exit code {code}"


LOCKED, BUG = 7, 70
"""Exit codes of an engine that found another one, and of one that met a bug of its own."""
PATIENCE = 5.0
"""Seconds in which an engine that has the home listens again after its socket was removed."""


def _environment() -> dict[str, str]:
    """The engine is nobody's task, even where a task was the first to need one."""
    return {
        name: value
        for name, value in os.environ.items()
        if name == "MUXDECK_HOME" or not name.startswith(("MUXDECK_", "TMUX"))
    }


def context() -> dict[str, Any]:
    """What a task inherits from here."""
    umask = os.umask(0o077)
    os.umask(umask)
    return {"cwd": os.getcwd(), "env": dict(os.environ), "umask": umask}
