"""A real engine whose rules, verbs, jobs and adapters fail at random: it lives, and every task ends as it should."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from core.client import AnswerError, Client, NoEngineError
from core.sockets import listens
from tests.fleet import until

if TYPE_CHECKING:
    from tests.fleet import Fleet

TASKS = 60
ENOUGH = 40
"""Faults that have happened before they end."""


def asked(fleet: Fleet, do: str, **parameters: Any) -> Any:
    """The answer, however often a fault is in its way; NoEngineError if the engine is gone."""
    end = time.monotonic() + 60
    while True:
        try:
            with Client(fleet.home, start=False) as client:
                return client.ask(do, **parameters)
        except AnswerError as error:
            assert error.code in ("bug", "failed"), error
            assert time.monotonic() < end, error
            time.sleep(0.05)


def add(fleet: Fleet, number: int, ran: str) -> int:
    """Once, by its key, whatever the answer was."""
    task = {"shell": f"echo {number} >>{ran}; exit {number % 3}", "key": f"k{number}"}
    context = {"cwd": "/", "env": {"PATH": os.environ["PATH"]}, "umask": 0o022}
    return int(asked(fleet, "add", tasks=[task], context=context)[0])


@pytest.mark.parametrize("seed", [1, 2])
def test_an_engine_full_of_faults_lives_and_loses_nothing(seed: int, fleet: Fleet) -> None:
    root = fleet.home.root
    fleet.home.make()
    (root / "faults").touch()
    engine = subprocess.Popen(
        [sys.executable, "-m", "tests.faulty_engine", str(seed)],
        env=os.environ | {"MUXDECK_HOME": str(root)},
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: listens(fleet.home.socket), "it listens")
        ran = root / "ran"
        tasks = [add(fleet, number, str(ran)) for number in range(TASKS)]
        assert len(set(tasks)) == TASKS, "one was added twice"
        until(lambda: happened(fleet) >= ENOUGH or ended(fleet), "enough faults have happened", 60)
        (root / "faults").unlink()
        until(lambda: ended(fleet), "all have ended", 90)
        shown = {one["id"]: one for one in asked(fleet, "list", limit=1000)["tasks"]}
        assert [shown[task]["exit_code"] for task in tasks] == [number % 3 for number in range(TASKS)]
        assert sorted(map(int, ran.read_text().split())) == list(range(TASKS)), "one was lost, or ran twice"
        assert engine.poll() is None
        assert asked(fleet, "status")["pid"] == engine.pid
        assert happened(fleet) >= ENOUGH
        assert list((root / "reports").glob("*.txt"))
    finally:
        with suppress(NoEngineError, OSError, AnswerError):
            asked(fleet, "quit")
        with suppress(subprocess.TimeoutExpired):
            engine.wait(10)
        engine.kill()
        engine.wait()


def happened(fleet: Fleet) -> int:
    with suppress(OSError, ValueError):
        return sum(json.loads((fleet.home.root / "faults.json").read_text()).values())
    return 0


def ended(fleet: Fleet) -> bool:
    return not [one for one in asked(fleet, "list", limit=1000)["tasks"] if one["state"] in ("queued", "running")]
