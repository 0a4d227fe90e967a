"""The launcher in its shell: what it tells by the bell, and that no exit status is forgotten."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.adapters import script
from core.model import AttemptId, Launch
from tests.fleet import until

if TYPE_CHECKING:
    from collections.abc import Iterator

LAUNCHER = files("core.adapters.tmux").joinpath("launcher.sh")
SHELLS = [shell for shell in ("/bin/dash", "/bin/bash") if Path(shell).exists()]
NOBODY = 65534


class Session:
    """A launcher without its terminal, and the engine's ends of its fifos."""

    def __init__(self, root: Path, shell: str) -> None:
        self.root = root
        self.slot, self.bell, self.attempts = root / "slot", root / "bell", root / "attempts"
        self.slot.mkdir()
        self.attempts.mkdir()
        for fifo in (self.slot / "ctl", self.bell):
            os.mkfifo(fifo)
        self._line = os.open(self.slot / "ctl", os.O_RDWR)
        self._heard = os.open(self.bell, os.O_RDWR | os.O_NONBLOCK)
        self._told = b""
        self._shell = shell

    def launch(self, *before: str, user: int | None = None) -> None:
        argv = [*before, self._shell, str(LAUNCHER), str(self.slot), str(self.bell)]
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(argv, stdin=quiet, stdout=quiet, stderr=quiet, user=user)

    def place(self, text: str, number: int = 1) -> Path:
        """Writes the attempt's folder, without a line to the launcher."""
        attempt = AttemptId(1, number)
        folder = self.attempts / str(attempt)
        folder.mkdir()
        launch = Launch(argv=(text,), shell=True, cwd="/", env=(("PATH", os.environ["PATH"]),))
        (folder / "run").write_bytes(script.run_script(attempt, launch, str(self.root)))
        return folder

    def tell(self, line: str) -> None:
        os.write(self._line, f"{line}\n".encode())

    def run(self, folder: Path) -> None:
        self.tell(f"run {os.getpid()} {folder}")

    def hears(self, line: str) -> bool:
        with suppress(BlockingIOError):
            self._told += os.read(self._heard, 1 << 16)
        return line in self._told.decode().splitlines()

    def awaits(self, line: str) -> None:
        until(lambda: self.hears(line), f"the bell rings {line!r}: {self._told!r}", 15)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._line)
        os.close(self._heard)


@pytest.fixture(params=SHELLS)
def session(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Session]:
    session = Session(tmp_path, request.param)
    session.launch()
    yield session
    session.end()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB and a few files."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk)], check=False, capture_output=True
    ).returncode:
        pytest.skip("only root can mount a small disk")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Takes all the room there is."""
    ballast = disk / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 512)
        except OSError:
            return ballast


def test_it_runs_one_after_the_other(session: Session) -> None:
    for number, text in ((1, "exit 7"), (2, "exit 125")):
        folder = session.place(text, number)
        session.run(folder)
        session.awaits(f"E 1-{number} {text.removeprefix('exit ')}")
        assert (folder / "exit.new").read_text() == f"{text.removeprefix('exit ')}\n"
        session.tell(f"kept 1-{number}")


def test_of_a_script_that_was_cut_short_nothing_runs_and_it_is_refused(session: Session) -> None:
    traces = session.root / "ran"
    folder = session.place(f"echo ran >>{traces}")
    whole = (folder / "run").read_bytes()
    for number, cut in enumerate(sorted({0, 1, 3, *range(10, len(whole) - 2, 40), len(whole) - 2}), start=2):
        part = session.place("true", number)
        (part / "run").write_bytes(whole[:cut])
        session.run(part)
        session.awaits(f"N 1-{number} 1")
        assert not (part / "started").exists()
        assert not (part / "exit.new").exists()
    assert not traces.exists()
    session.run(folder)
    session.awaits("E 1-1 0")


def test_one_that_somebody_else_has_begun_is_passed_over(session: Session) -> None:
    folder = session.place("exit 3")
    (folder / "started").touch()
    session.run(folder)
    other = session.place("exit 4", 2)
    session.run(other)
    session.awaits("E 1-2 4")
    assert not session.hears("N 1-1 1")
    assert not (folder / "exit.new").exists()


def test_a_status_is_written_as_soon_as_there_is_room(small_disk: Path, tmp_path: Path) -> None:
    home = small_disk / "home"
    home.mkdir()
    session = Session(home, "/bin/sh")
    session.launch()
    try:
        gate = tmp_path / "gate"
        folder = session.place(f"while ! test -e {gate}; do sleep 0.05; done; exit 9")
        session.run(folder)
        until((folder / "started").exists, "it has begun")
        ballast = fill(small_disk)
        gate.touch()
        session.awaits("X 1-1 9")
        assert not session.hears("E 1-1 9")
        ballast.unlink()
        session.awaits("E 1-1 9")
        assert (folder / "exit.new").read_text() == "9\n"
    finally:
        session.end()


def test_the_status_of_one_whose_folder_was_removed_is_told_by_the_bell_and_again_when_asked(session: Session) -> None:
    folder = session.place("read line <$0/../../gate; exit 5".replace("$0/../..", str(session.root)))
    os.mkfifo(session.root / "gate")
    session.run(folder)
    until((folder / "started").exists, "it has begun")
    shutil.rmtree(session.attempts)
    with open(session.root / "gate", "w"):
        pass
    session.awaits("X 1-1 5")
    session._told = b""
    session.run(folder)
    session.awaits("X 1-1 5")
    session.tell("kept 1-1")
    session.attempts.mkdir()
    session.run(session.place("exit 6", 2))
    session.awaits("E 1-2 6")


@pytest.mark.parametrize("odd", ["mkfifo", "mkdir", "ln -s /dev/full", "ln -s /nowhere/at/all"])
def test_what_a_program_has_put_in_place_of_its_exit_file_gives_way(session: Session, odd: str) -> None:
    folder = session.place(f"{odd} {session.attempts}/1-1/exit.new; exit 2")
    session.run(folder)
    session.awaits("E 1-1 2")
    assert (folder / "exit.new").read_text() == "2\n"


@pytest.mark.parametrize("shell", SHELLS[:1])  # bash tries for a quarter of a minute before it ends
def test_without_a_process_to_be_had_it_ends_and_nothing_has_begun(shell: str, tmp_path: Path) -> None:
    if os.getuid():
        pytest.skip("only root can be somebody who has no processes left")
    for folder in tmp_path.parents[:2]:
        folder.chmod(0o711)
    session = Session(tmp_path, shell)
    folder = session.place("exit 3")
    for path in (tmp_path, *tmp_path.rglob("*")):
        os.chown(path, NOBODY, -1)
    session.launch("setpriv", f"--reuid={NOBODY}", "--clear-groups", "--bounding-set=-all", "prlimit", "--nproc=1:1")
    session.run(folder)
    try:
        session.process.wait(timeout=40)
        assert not select.select([session._line], [], [], 0)[0], "it has read its line"
        assert not (folder / "started").exists()
        assert not (folder / "exit.new").exists()
    finally:
        session.end()
