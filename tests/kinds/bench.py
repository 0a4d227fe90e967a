"""A run of an agent through the runner, as a session would do it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.kinds import result as results

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.kinds.result import Result

RUNNER = Path(results.__file__).with_name("runner.py")
PATIENCE = 60.0
"""Seconds after which a test has failed; nothing is ever waited for that long."""


@dataclass(frozen=True)
class Run:
    """What a run has left."""

    exit: int
    screen: str
    result: Result
    stream: bytes


class Bench:
    """A folder for runs: the spec, the prompt, the result, the stream, and `work`, in which they run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = folder / "work"
        self.work.mkdir(parents=True)
        self.prompt = folder / "prompt"
        self.prompt.write_text("Do the thing.\n")
        self.result = folder / "result.json"
        self.stream = folder / "stream"

    def start(self, argv: list[str], env: dict[str, str] | None = None, **spec: Any) -> subprocess.Popen[bytes]:
        """Starts the runner in a session of its own: what it leaves behind can be ended."""
        for path in (self.result, self.stream):
            path.unlink(missing_ok=True)
        whole = {"argv": argv, "prompt": str(self.prompt), "stdin": "prompt", "reader": "text"}
        whole |= {"result": str(self.result), "stream": str(self.stream)}
        file = self.folder / "spec.json"
        file.write_text(json.dumps(whole | spec))
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(RUNNER), str(file)],
            cwd=self.work,
            env={**os.environ, "SHELL": "/bin/sh"} if env is None else env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def run(
        self,
        argv: list[str],
        env: dict[str, str] | None = None,
        *,
        meanwhile: Callable[[int], None] | None = None,
        **spec: Any,
    ) -> Run:
        """Runs it to its end; `meanwhile` is called with the runner's process id."""
        runner = self.start(argv, env, **spec)
        try:
            if meanwhile is not None:
                meanwhile(runner.pid)
            screen, _ = runner.communicate(timeout=PATIENCE)
        finally:
            if runner.poll() is None:
                os.killpg(runner.pid, signal.SIGKILL)
                runner.communicate()
        stream = self.stream.read_bytes() if self.stream.is_file() else b""
        return Run(runner.returncode, screen.decode(), results.read(str(self.result)), stream)
