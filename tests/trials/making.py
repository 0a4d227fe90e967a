"""The faults themselves: each a few lines that make it, and leave behind what takes it away again."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.trials import mounts, system

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.trials.scene import Scene

LOCKED_FOR = 10
"""Seconds."""
LOCKER = """
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
db.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
time.sleep(float(sys.argv[2]))
"""


def fill_disk(scene: Scene) -> None:
    assert scene.disk is not None
    disk = scene.disk
    mounts.fill(disk)
    scene.left.append(lambda: mounts.free(disk))


def forbid_writing(scene: Scene) -> None:
    home = scene.deck.home
    mounts.forbid_writing(home)
    scene.left.append(lambda: mounts.allow_writing(home))


def take_handles(scene: Scene) -> None:
    """The limit of the engine falls to what it has open."""
    before = resource.prlimit(scene.engine, resource.RLIMIT_NOFILE)
    resource.prlimit(scene.engine, resource.RLIMIT_NOFILE, (system.open_files(scene.engine), before[1]))
    scene.left.append(lambda: _limit([scene.engine], resource.RLIMIT_NOFILE, before))


def take_processes(scene: Scene) -> None:
    """No process of the deck may start another one; root has no such limit."""
    started = system.of_folder(scene.deck.folder)
    before = resource.prlimit(scene.engine, resource.RLIMIT_NPROC)
    _limit(started, resource.RLIMIT_NPROC, (1, before[1]))
    scene.left.append(lambda: _limit(system.of_folder(scene.deck.folder), resource.RLIMIT_NPROC, before))


def _limit(pids: list[int], kind: int, pair: tuple[int, int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            resource.prlimit(pid, kind, pair)


def no_inotify(scene: Scene) -> None:
    """No instance is left in the namespace of users in which this whole trial runs."""
    limit = Path("/proc/sys/user/max_inotify_instances")
    before = limit.read_text()
    limit.write_text("0")
    scene.left.append(lambda: limit.write_text(before) and None)


def lock_database(scene: Scene) -> None:
    """Another program has the database, exclusively."""
    argv = [sys.executable, "-c", LOCKER, str(scene.deck.home / "muxdeck.db"), str(LOCKED_FOR)]
    locker = subprocess.Popen(argv, stdout=subprocess.PIPE, env=scene.deck.environment())
    assert locker.stdout is not None
    locker.stdout.readline()

    def release() -> None:
        locker.kill()
        locker.communicate()

    scene.left.append(release)


def overwrite_database(scene: Scene) -> None:
    """Every second page but the first, in the middle of the engine's work."""
    file = scene.deck.home / "muxdeck.db"
    with file.open("r+b") as database:
        for page in range(1, file.stat().st_size // 4096, 2):
            database.seek(page * 4096)
            database.write(b"\xa5" * 4096)


def cut_database(scene: Scene) -> None:
    os.truncate(scene.deck.home / "muxdeck.db", 4096 * 2 + 100)


def older_database(scene: Scene) -> None:
    """A copy from before the tasks were added is put back over the database, as after a restore."""
    home = scene.deck.home
    shutil.copyfile(scene.deck.folder / "older.db", home / "muxdeck.db")
    for name in ("muxdeck.db-wal", "muxdeck.db-shm"):
        (home / name).unlink(missing_ok=True)


def copy_database(scene: Scene) -> None:
    """For `older_database`; the copy is whole."""
    deck = scene.deck
    deck.start()
    deck.run("add", "-w", "--", "true")
    with sqlite3.connect(deck.home / "muxdeck.db") as source, sqlite3.connect(deck.folder / "older.db") as copy:
        source.backup(copy)
    source.close()
    copy.close()


def remove_database(scene: Scene) -> None:
    for file in scene.deck.home.glob("muxdeck.db*"):
        file.unlink()


def remove(*names: str) -> Callable[[Scene], None]:
    """Files, sockets or folders of the home."""

    def make(scene: Scene) -> None:
        for name in names:
            for path in scene.deck.home.glob(name):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)

    return make


def folder_for_log(scene: Scene) -> None:
    log = scene.deck.home / "engine.log"
    log.unlink()
    log.mkdir()
    scene.left.append(lambda: log.rmdir() if log.is_dir() else None)


def move_home(scene: Scene) -> None:
    home = scene.deck.home
    away = home.with_name("away")
    home.rename(away)

    def back() -> None:
        if home.exists():
            shutil.rmtree(home)
        away.rename(home)

    scene.left.append(back)


def kill_tmux(scene: Scene) -> None:
    system.send(scene.deck.tmux_servers(), signal.SIGKILL)


def stop_tmux(scene: Scene) -> None:
    servers = scene.deck.tmux_servers()
    system.send(servers, signal.SIGSTOP)
    scene.left.append(lambda: system.send(servers, signal.SIGCONT))


def inject(call: str, error: str) -> Callable[[Scene], None]:
    """Each such call of the engine fails while strace is attached to it."""

    def make(scene: Scene) -> None:
        argv = ["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(scene.engine)]
        argv += ["-e", f"trace={call}", "-e", f"inject={call}:error={error}"]
        tracer = subprocess.Popen(argv, stderr=subprocess.DEVNULL, env=scene.deck.environment())
        system.until(lambda: _traced(scene.engine) or tracer.poll() is not None, 5)

        def detach() -> None:
            tracer.terminate()
            with suppress(subprocess.TimeoutExpired):
                tracer.wait(5)
            tracer.kill()
            tracer.wait()

        scene.left.append(detach)

    return make


def _traced(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return "TracerPid:\t0\n" not in status


def attempt_folder(scene: Scene, word: str) -> Path:
    return scene.deck.home / "attempts" / f"{scene.numbers[word]}-1"


def fifo_as_result(scene: Scene) -> None:
    """In place of the file that a program may leave its result in."""
    for word in ("spans", "outlives"):
        result = attempt_folder(scene, word) / "result.json"
        result.unlink(missing_ok=True)
        os.mkfifo(result, 0o600)


def garbage_as_exit(scene: Scene) -> None:
    """The engine is gone, its next one finds a word in place of an exit status."""
    scene.deck.kill_engine()
    (attempt_folder(scene, "outlives") / "exit").write_text("abc\n")
    scene.deck.run("engine", "start")
