"""The program under trial in a home of its own: its verbs, its socket, its processes, and the end of all of them."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.trials import system

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

CONFIG = "[engine]\nslots = 8\nwarm_sessions = 4\nkeep_ended = 0\n"
TIMED_OUT = -1
"""Exit code of a verb that did not end in time."""


class Said(NamedTuple):
    """What a verb printed and how it ended."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def words(self) -> str:
        """One line for a table."""
        if self.code == TIMED_OUT:
            return f"no answer in {self.seconds:.0f} s"
        text = self.err.strip() or self.out.strip()
        last = text.splitlines()[-1] if "Traceback" in text else " / ".join(text.splitlines())
        return f"{self.code} {'TRACEBACK ' if 'Traceback' in text else ''}{last}"[:160]

    @property
    def crashed(self) -> bool:
        """A bug, a hang, or what is no sentence."""
        return self.code in (70, TIMED_OUT) or self.code < 0 or "Traceback" in self.err


class SilenceError(Exception):
    """The socket gives no answer: nobody listens, the connection breaks, or the time is over."""


class Deck:
    """`folder` has `home`, `out` (for the files of programs) and `person` (their HOME)."""

    def __init__(
        self,
        program: Sequence[str] | None = None,
        config: str = CONFIG,
        disk: Path | None = None,
        uid: int | None = None,
    ) -> None:
        """`disk` is an empty folder for the home; `uid` the user who runs everything."""
        self.folder = Path(tempfile.mkdtemp(prefix="mxt-", dir="/tmp"))
        self.home = (disk or self.folder) / "home"
        self.out = self.folder / "out"
        self._uid = uid
        self._program = list(program or [sys.executable, "-P", "-m", "tui"])
        for made in (self.folder, self.home, self.out, self.folder / "person"):
            made.mkdir(mode=0o700, exist_ok=True)
            self.hand_over(made)
        self.configure(config)

    def hand_over(self, path: Path) -> None:
        """Gives a file to the user of this deck."""
        if self._uid is not None:
            os.chown(path, self._uid, self._uid)

    def configure(self, text: str) -> None:
        (self.home / "config.toml").write_text(text)
        self.hand_over(self.home / "config.toml")

    @property
    def socket(self) -> Path:
        return self.home / "run" / "engine.sock"

    def environment(self) -> dict[str, str]:
        kept = ("PATH", "LANG", "LC_ALL", "TZ", "TERM")
        env = {name: os.environ[name] for name in kept if name in os.environ}
        own = {"HOME": str(self.folder / "person"), "MUXDECK_HOME": str(self.home), system.MARK: str(self.folder)}
        return env | own | {"SHELL": "/bin/sh"}

    def run(self, *words: str, given: str | bytes | None = None, timeout: float = 30, **env: str) -> Said:
        """A verb of the command line. It is killed when the time is over."""
        argv = [*self._as_user(), *self._program, *words]
        raw = given.encode("utf-8", "surrogateescape") if isinstance(given, str) else given
        began = time.monotonic()
        with subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL if raw is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment() | env,
            cwd=self.out,
            start_new_session=True,
        ) as verb:
            try:
                out, err = verb.communicate(raw, timeout)
                code = verb.returncode
            except subprocess.TimeoutExpired:
                verb.kill()
                out, err, code = b"", b"", TIMED_OUT
        text, errors = out.decode("utf-8", "replace"), err.decode("utf-8", "replace")
        return Said(code, text, errors, time.monotonic() - began)

    def _as_user(self) -> list[str]:
        if self._uid is None:
            return []
        return ["setpriv", f"--reuid={self._uid}", f"--regid={self._uid}", "--clear-groups"]

    def shell(self, text: str, *options: str) -> int:
        """Adds `sh -c TEXT`; its number. RuntimeError with the words of a refusal."""
        said = self.run("add", *options, "--", "sh", "-c", text)
        if said.code != 0:
            raise RuntimeError(f"add is refused: {said.words}")
        return int(said.out.split()[0])

    def start(self) -> int:
        """The pid of the engine."""
        said = self.run("engine", "start")
        pid = self.pid()
        if pid is None:
            raise RuntimeError(f"the engine does not start: {said.words}")
        return pid

    def connect(self, timeout: float) -> socket.socket:
        """OSError if nobody listens."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout)
        try:
            connection.connect(str(self.socket))
        except OSError:
            connection.close()
            raise
        return connection

    def exchange(self, line: bytes, timeout: float = 10) -> dict[str, Any]:
        """Sends one line on a connection of its own; the first answer to it. SilenceError if there is none."""
        end = time.monotonic() + timeout
        try:
            with self.connect(timeout) as connection:
                connection.sendall(line)
                answer = b""
                while not answer.endswith(b"\n"):
                    connection.settimeout(max(end - time.monotonic(), 0.01))
                    part = connection.recv(1 << 20)
                    if not part:
                        raise SilenceError("the connection was closed without an answer")
                    answer += part
                return dict(json.loads(answer))
        except (OSError, ValueError) as error:
            raise SilenceError(f"{type(error).__name__}: {error}") from error

    def ask(self, do: str, timeout: float = 10, **parameters: Any) -> dict[str, Any]:
        """{"ok": …} or {"error": …}; never starts an engine."""
        request = {"id": 1, "do": do, "with": parameters}
        return self.exchange(json.dumps(request).encode() + b"\n", timeout)

    def told(self, do: str, **parameters: Any) -> Any:
        """The document of a verb. RuntimeError if it is refused."""
        answer = self.ask(do, **parameters)
        if "ok" not in answer:
            raise RuntimeError(f"{do}: {answer}")
        return answer["ok"]

    def tasks(self) -> list[dict[str, Any]]:
        """The latest 10,000, by number."""
        found = self.told("list", limit=10_000)["tasks"]
        return sorted(found, key=lambda task: int(task["id"]))

    def task(self, number: int) -> dict[str, Any]:
        return dict(self.told("show", task=number)["task"])

    def ended(self, *numbers: int, timeout: float = 60) -> list[str]:
        """The states of tasks, once all have ended or the time is over; "unknown" of one that cannot be asked for."""
        system.until(lambda: all(self._state(one) not in LIVE for one in numbers), timeout, 0.2)
        return [self._state(one) for one in numbers]

    def _state(self, number: int) -> str:
        try:
            return str(self.task(number)["state"])
        except RuntimeError:
            return "unknown"
        except SilenceError:
            return "no answer"

    def engines(self) -> list[int]:
        """Processes that serve this home, by their command line; not what they have just forked."""
        serving = {pid for pid in system.pids() if self._serves(system.command_line(pid))}
        return sorted(pid for pid in serving if system.parent(pid) not in serving)

    def _serves(self, words: list[str]) -> bool:
        return str(self.home) in words and any(word.endswith("core.engine") for word in words)

    def pid(self) -> int | None:
        """Of the engine; the latest if there are several."""
        return max(self.engines(), default=None)

    def kill_engine(self) -> None:
        killed = self.engines()
        system.send(killed, signal.SIGKILL)
        system.until(lambda: not any(map(system.lives, killed)), 5)

    def tmux_servers(self) -> list[int]:
        """Without the clients of the engine, which have the same command line."""
        inside, engines = f"{self.home}/run/tmux-", set(self.engines())
        return [
            pid
            for pid in system.pids()
            if any(inside in word for word in system.command_line(pid)[:5]) and system.parent(pid) not in engines
        ]

    def restart(self) -> int:
        self.run("engine", "stop")
        system.until(lambda: not self.engines(), 10)
        return self.start()

    def lines(self, name: str) -> list[str]:
        """What programs have appended to a file of `out`."""
        try:
            return (self.out / name).read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []

    def append(self, word: str, name: str) -> str:
        """A shell command that appends a line in one write."""
        return f"printf '%s\\n' {shlex.quote(word)} >>{shlex.quote(str(self.out / name))}"

    def gate(self, name: str) -> str:
        """A shell command that waits until `open_gate` is called."""
        return f"while ! test -e {shlex.quote(str(self.out / name))}; do sleep 0.1; done"

    def open_gate(self, name: str) -> None:
        (self.out / name).touch()

    def __enter__(self) -> Deck:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        system.kill_all(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.home, ignore_errors=True)


LIVE = ("queued", "starting", "running", "stopping", "unknown", "no answer")
"""States in which something still has to come."""
