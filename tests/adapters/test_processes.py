"""The process table read raw tells the same as psutil, which is the reference."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import pytest

from core.adapters import processes
from core.model import ProcessId


@pytest.fixture
def child() -> subprocess.Popen[bytes]:
    """One that has come to rest."""
    program = "import time; print('here', flush=True); time.sleep(300)"
    made = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert made.stdout is not None
    made.stdout.readline()
    yield made
    made.kill()
    made.wait()
    made.stdout.close()


def test_both_readers_tell_the_same_of_a_process(child: subprocess.Popen[bytes]) -> None:
    raw, reference = processes.look(child.pid), processes.from_psutil(child.pid)
    assert raw is not None
    assert reference is not None
    assert (raw.pid, raw.ppid, raw.session, raw.threads) == (
        reference.pid,
        reference.ppid,
        reference.session,
        reference.threads,
    )
    assert raw.state in ("S", "R", "D")
    assert raw.created == pytest.approx(reference.created, abs=0.02)
    assert raw.memory == pytest.approx(reference.memory, rel=0.2)


def test_both_readers_see_a_stopped_and_a_dead_process(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGSTOP)
    _until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_STOPPED)
    assert [found.state for found in (processes.look(child.pid), processes.from_psutil(child.pid)) if found] == [
        "T",
        "T",
    ]
    child.kill()
    _until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)
    found = processes.look(child.pid)
    assert found is not None
    assert found.dead
    assert not processes.is_alive(found.identity)


def test_a_number_with_another_birth_is_another_process(child: subprocess.Popen[bytes]) -> None:
    identity = processes.identify(child.pid)
    assert identity is not None
    assert processes.is_alive(identity)
    assert not processes.is_alive(ProcessId(identity.pid, identity.created + 1, identity.boot))
    assert not processes.is_alive(ProcessId(identity.pid, identity.created, "another boot"))


def test_a_process_that_is_not_there_is_none() -> None:
    assert processes.look(2**22 + 1) is None
    assert processes.identify(2**22 + 1) is None


def test_the_environment_is_told_only_beside_the_right_mark() -> None:
    env = os.environ | {"MARK": "here", "WORD": "found"}
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], env=env) as child:
        try:
            _until(lambda: _told(child.pid) == "found")
            assert processes.environment_value(child.pid, b"WORD", beside=b"MARK=elsewhere") is None
        finally:
            child.kill()


def _told(pid: int) -> str | None:
    """A process has no environment while it becomes another program."""
    with suppress(processes.UntoldError):
        return processes.environment_value(pid, b"WORD", beside=b"MARK=here")
    return None


def test_without_a_file_to_be_had_a_process_is_still_alive_its_end_is_noticed_and_it_can_be_signalled() -> None:
    argv = [sys.executable, "-c", WITHOUT_FILES]
    assert subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30).stdout == "alive ended\n"


WITHOUT_FILES = """
import asyncio, os, resource, signal, subprocess
from core.adapters import processes

async def main():
    child = subprocess.Popen(["sleep", "300"])
    identity, found = processes.identify(child.pid), processes.look(child.pid)
    hoard = []
    try:
        while True:
            hoard.append(os.dup(0))
    except OSError:
        pass
    ended = asyncio.Event()
    processes.on_end(identity, ended.set)
    alive = processes.is_alive(identity)
    processes.send(found, signal.SIGKILL)
    child.wait()
    await asyncio.wait_for(ended.wait(), 10)
    for number in hoard:
        os.close(number)
    print("alive" if alive else "dead", "ended")

resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
asyncio.run(main())
"""


def test_a_signal_to_another_birth_is_not_sent(child: subprocess.Popen[bytes]) -> None:
    found = processes.look(child.pid)
    assert found is not None
    assert processes.send(found._replace(created=found.created + 5), signal.SIGKILL)
    assert child.poll() is None
    assert processes.send(found, signal.SIGKILL)
    assert child.wait(timeout=10) == -signal.SIGKILL


async def test_the_end_of_a_process_is_noticed_once(child: subprocess.Popen[bytes]) -> None:
    ends: list[int] = []
    identity = processes.identify(child.pid)
    assert identity is not None
    processes.on_end(identity, lambda: ends.append(1))
    await asyncio.sleep(0.05)
    assert ends == []
    child.kill()
    async with asyncio.timeout(10):
        while not ends:
            await asyncio.sleep(0.01)
    child.wait()
    processes.on_end(identity, lambda: ends.append(2))
    await asyncio.sleep(0.05)
    assert ends == [1, 2]


def _until(holds) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
