"""Odd things in the folders of a home, made and taken away again; nothing that belongs to a real task is touched."""

from __future__ import annotations

import os
import random
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

CONFIGS = (
    b"\xff\xfe",
    b"[engine\n",
    b'[engine]\nslots = "x"\n',
    b"[engine]\nage_step = nan\n",
    b"x = " + b"[" * 3000 + b"]" * 3000 + b"\n",
    b'[agent.odd]\nkind = "nothing"\n',
    b'[agent."\\u0000"]\nkind = "custom"\n',
    b"",
)
WORKFLOWS = (
    b"\xff\xfe",
    b"schema = 1e999\n",
    b'schema = 1\nname = "odd"\n[task.a]\nneeds = ["a"]\nrun = ["true"]\n',
    b'schema = 1\nname = "odd"\n[on]\nschedule = { cron = "* * * * * *" }\n[task.a]\nrun = ["true"]\n',
    b'schema = 1\nname = "odd"\n[on]\nfile = { file = "**/**/*", settle = "1ms" }\n[task.a]\nrun = ["true"]\n',
    b'schema = 1\nname = "odd"\n[params]\np = { type = "string", pattern = "((a+)+)+$" }\n[task.a]\nrun = ["true"]\n',
    b'schema = 1\nname = "odd"\n[task.a]\nrun = ["printf", "1e400"]\noutput = { json = "-" }\n[task.b]\n',
    b"x = " + b"[" * 3000 + b"]" * 3000 + b"\n",
)
EXITS = (b"abc\n", b"\n", b"9" * 30 + b"\n", b"\xff\0\n", b"0")
BELLS = (
    b"\xff\xfe\n",
    b"E\n",
    b"E x y\n",
    b"E 0-0 0\n",
    b"S 999999-1 1\n",
    b"E 99999999999999999999-1 0\n",
    b"x" * 5000,
)
FOLDERS = ("attempts", "slots", "inputs", "runs", "workflows", "themes", "kinds", "screens", "run", ".")


class Litter:
    """`config` is what the configuration is put back to."""

    def __init__(self, home: Path, seed: str, config: str) -> None:
        self._home = home
        self._chance = random.Random(seed)
        self._config = config
        self.known: list[int] = []
        """Tasks of which attempts may be spoiled."""
        self._left: list[Path] = []

    def one_more(self) -> str:
        """What was done, in words."""
        acts: tuple[Callable[[], str], ...] = (
            self._odd_config,
            self._odd_workflow,
            self._odd_file,
            self._odd_file,
            self._odd_exit,
            self._odd_bell,
            self._take_away,
        )
        with suppress(OSError):
            return self._chance.choice(acts)()
        return "nothing"

    def clear(self) -> None:
        self._write(self._home / "config.toml", self._config.encode())
        while self._left:
            self._take_away()

    def _odd_config(self) -> str:
        odd = self._chance.choice((*CONFIGS, self._config.encode()))
        self._write(self._home / "config.toml", odd)
        return f"config.toml: {odd[:40]!r}"

    def _odd_workflow(self) -> str:
        folder = self._home / self._chance.choice(("workflows", "themes", "kinds", "screens"))
        folder.mkdir(exist_ok=True)
        path, odd = folder / f"odd{self._chance.randrange(4)}.toml", self._chance.choice(WORKFLOWS)
        if path.is_file() or not path.exists():
            self._write(path, odd)
            self._left.append(path)
        return f"{path.name} in {folder.name}: {odd[:60]!r}"

    def _odd_file(self) -> str:
        folder = self._home / self._chance.choice(FOLDERS)
        folder.mkdir(exist_ok=True)
        raw = self._chance.choice(
            (b"caf\xe9", b"x\ny", b"999999-1", b"odd.toml", b"99999999999999999999", b"7", b"-1", b".x")
        )
        path = Path(os.fsdecode(os.path.join(os.fsencode(folder), raw)))
        if not os.path.lexists(path):
            kind = self._chance.choice(("fifo", "folder", "link", "bytes"))
            self._make(path, kind)
            self._left.append(path)
        return f"{raw!r} in {folder.name}"

    def _make(self, path: Path, kind: str) -> None:
        match kind:
            case "fifo":
                os.mkfifo(path)
            case "folder":
                path.mkdir()
            case "link":
                path.symlink_to(path.name)
            case _:
                path.write_bytes(self._chance.randbytes(100))

    def _odd_exit(self) -> str:
        """In the folder of an attempt that is nobody's, or of a task that may be spoiled."""
        number = self._chance.choice((999_998, *self.known[-50:]))
        folder = self._home / "attempts" / f"{number}-1"
        folder.mkdir(exist_ok=True)
        name = self._chance.choice(("exit", "exit.new", "result.json", "run", "started", "log"))
        path = folder / name
        if self._chance.random() < 0.3:
            path.unlink(missing_ok=True)
            os.mkfifo(path)
        elif not path.is_fifo():
            self._write(path, self._chance.choice(EXITS))
        return f"{folder.name}/{name}"

    def _odd_bell(self) -> str:
        line = self._chance.choice(BELLS)
        bell = os.open(self._home / "run" / "bell", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.write(bell, line)
        finally:
            os.close(bell)
        return f"bell: {line[:40]!r}"

    def _take_away(self) -> str:
        if not self._left:
            return "nothing"
        path = self._left.pop(self._chance.randrange(len(self._left)))
        with suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        return f"{path.name} removed"

    def _write(self, path: Path, content: bytes) -> None:
        """Never waits, whatever stands there."""
        with suppress(OSError):
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
            try:
                os.write(file, content)
            finally:
                os.close(file)
