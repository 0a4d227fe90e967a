"""A connection to the engine for programs that ask and wait; it starts the engine where none runs."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from core import __version__
from core.sockets import connect

if TYPE_CHECKING:
    import socket
    from types import TracebackType

    from core.home import Home

SCHEMA = 1


class NoEngineError(Exception):
    """No engine answers; the text says why."""


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
            raise NoEngineError("the engine ended before it answered")
        answer = json.loads(line)
        if "error" in answer:
            fault = answer["error"]
            raise AnswerError(fault["code"], fault["text"], fault.get("problems", []))
        return answer["ok"]


def start_engine(home: Home) -> socket.socket:
    """Connects to a new engine, or to another that was faster. NoEngineError where none comes up."""
    import subprocess

    home.make()
    reading, writing = os.pipe()
    argv = [sys.executable, "-P", "-m", "core.engine", "--home", str(home.root), "--ready", str(writing)]
    with open(os.open(home.log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600), "wb") as log:
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
    os.close(writing)
    with os.fdopen(reading, "rb") as ready:
        word = ready.read()
    if word == b"\n":
        engine.returncode = 0  # it lives on: nobody waits for it
    if word == b"\n" or engine.wait() == LOCKED:
        with suppress(OSError):
            return connect(home.socket)
    text = word.decode("utf-8", "replace").strip() or f"see {home.log}"
    raise NoEngineError(f"the engine cannot start: {text}")


LOCKED = 7
"""Exit code of an engine that found another one."""


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
