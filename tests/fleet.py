"""A real engine in a home of its own, for tests: started, watched, killed, and cleared away with everything it made."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from core.client import Client, NoEngineError
from core.engine.lock import holder
from core.home import Home

if TYPE_CHECKING:
    from collections.abc import Callable

DEADLINE = 30.0
"""Seconds that anything may take before a test calls it lost."""


def until(holds: Callable[[], Any], what: str, deadline: float = DEADLINE) -> Any:
    """The first true value of a condition."""
    end = time.monotonic() + deadline
    while not (value := holds()):
        assert time.monotonic() < end, f"never happened: {what}"
        time.sleep(0.01)
    return value


def has_ended(process: psutil.Process) -> bool:
    """Where nobody waits for it, a process that has ended is a zombie."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class Fleet:
    def __init__(self, config: str = "[engine]\nslots = 4\n") -> None:
        root = Path(tempfile.mkdtemp(prefix="mx-", dir="/tmp"))
        self.home = Home(root, root / "config.toml")
        self.home.config.write_text(config)
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        """Connected; an engine is started where none runs, by a process that ends, so that it is nobody's child."""
        if self._client is None:
            started = self.muxdeck("engine", "start")
            assert started.returncode == 0, started.stderr
            self._client = Client(self.home, start=False)
        return self._client

    def ask(self, do: str, **parameters: Any) -> Any:
        return self.client.ask(do, **parameters)

    def add(self, *command: str, **fields: Any) -> int:
        return self.add_all({"command": list(command)} | fields)[0]

    def shell(self, text: str, **fields: Any) -> int:
        return self.add_all({"shell": text} | fields)[0]

    def add_all(self, *tasks: dict[str, Any], env: dict[str, str] | None = None) -> list[int]:
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.home.root)} | (env or {})
        return list(
            self.ask("add", tasks=list(tasks), context={"cwd": str(self.home.root), "env": environ, "umask": 0o022})
        )

    def task(self, number: int) -> dict[str, Any]:
        return dict(self.ask("show", task=number)["task"])

    def state(self, number: int) -> str:
        return str(self.task(number)["state"])

    def wait(self, *tasks: int) -> list[str]:
        found = self.ask("wait", tasks=list(tasks), timeout=DEADLINE)["tasks"]
        return [task["state"] for task in found]

    def log(self, number: int) -> bytes:
        return str(self.ask("log", task=number, limit=1 << 20)["content"]).encode("latin-1")

    def running(self, number: int) -> dict[str, Any]:
        """The session of a task, once its program runs."""

        def found() -> dict[str, Any] | None:
            sessions = self.ask("sessions")["sessions"]
            return next((one for one in sessions if one["task"] == number and one["started_at"]), None)

        return dict(until(found, f"task {number} runs"))

    @property
    def pid(self) -> int:
        return int(self.ask("status")["pid"])

    def kill_engine(self) -> None:
        """kill -9, and the connection with it. The next question starts another one."""
        pid = self.pid
        self.disconnect()
        engine = psutil.Process(pid)
        engine.kill()
        until(lambda: has_ended(engine), "the engine dies")

    def stop_engine(self) -> None:
        with suppress(NoEngineError):
            self.ask("quit")
        self.disconnect()
        until(lambda: holder(self.home.lock) is None, "the engine stops")

    def disconnect(self) -> None:
        if self._client is not None:
            self._client.__exit__(None, None, None)
            self._client = None

    def tmux(self, server: int, *words: str) -> str:
        argv = ["tmux", "-S", str(self.home.tmux_socket(server)), *words]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20).stdout

    def servers(self) -> list[dict[str, Any]]:
        return list(self.ask("status")["tmux_servers"])

    def processes(self) -> list[psutil.Process]:
        """Everything that carries the marks of this home's tasks."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                marks = process.environ()
                if marks.get("MUXDECK_HOME") == str(self.home.root) and "MUXDECK_ATTEMPT" in marks:
                    found.append(process)
        return found

    def _servers_left(self) -> list[psutil.Process]:
        """tmux processes that were told this home's sockets: they may have been starting just now."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if any(word.startswith(f"{self.home.run}/tmux-") for word in process.cmdline()):
                    found.append(process)
        return found

    def clear(self) -> None:
        """Ends what this fleet has started, by its own sockets and marks, and nothing else."""
        with suppress(Exception):
            pid = self.pid
            self.disconnect()
            os.kill(pid, signal.SIGKILL)
        for socket in self.home.run.glob("tmux-*.sock"):
            subprocess.run(["tmux", "-S", str(socket), "kill-server"], capture_output=True, check=False, timeout=20)
        for process in [*self.processes(), *self._servers_left()]:
            with suppress(psutil.Error):
                process.kill()
        shutil.rmtree(self.home.root, ignore_errors=True)
        if self.home.run.parent != self.home.root:
            shutil.rmtree(self.home.run, ignore_errors=True)

    def muxdeck(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """The command line, as a person would run it."""
        env = {name: value for name, value in os.environ.items() if name not in ("TMUX", "NO_COLOR")}
        env |= {"MUXDECK_HOME": str(self.home.root)} | options.pop("env", {})
        argv = [sys.executable, "-m", "tui", *words]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, env=env, **options)
