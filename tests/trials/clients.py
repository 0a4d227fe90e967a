"""Many clients add tasks while the engine is killed again and again: nothing is lost, nothing runs twice."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from core.sockets import listens
from tests.trials import system
from tests.trials.deck import LIVE, Deck, SilenceError
from tests.trials.table import Table, some

if TYPE_CHECKING:
    import argparse

BATCH = 10
"""Tasks of one `muxdeck batch`."""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--tasks", type=int, default=100, help="of each client")
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between two kills of the engine")
    parser.add_argument("--by", choices=("mixed", "add", "batch"), default="mixed", help="the verb of the clients")
    parser.add_argument("--deadline", type=float, default=900, help="seconds for all of it")


class Crowd:
    """The clients, each a thread that runs the command line and asks again with the same keys if it is cut off."""

    def __init__(self, deck: Deck, given: argparse.Namespace) -> None:
        self._deck = deck
        self._deadline = time.monotonic() + given.deadline
        self._given = given
        self.numbers: dict[str, set[int]] = {}
        """By key: the numbers that clients were given for it."""
        self.cut_off: Counter[str] = Counter()
        """How often clients asked again, by what they were told."""
        self.threads = [threading.Thread(target=self._client, args=(one,), daemon=True) for one in range(given.clients)]

    def _client(self, number: int) -> None:
        keys = [f"c{number:02}-{one:04}" for one in range(self._given.tasks)]
        batches = self._given.by == "batch" or (self._given.by == "mixed" and number % 2 == 1)
        size = BATCH if batches else 1
        for first in range(0, len(keys), size):
            chunk = keys[first : first + size]
            while not self._accepted(chunk, batches) and time.monotonic() < self._deadline:
                time.sleep(0.05)

    def _accepted(self, keys: list[str], batches: bool) -> bool:
        if batches:
            lines = [json.dumps({"command": self._command(key), "key": key}) for key in keys]
            said = self._deck.run("batch", "-", given="\n".join(lines) + "\n")
        else:
            said = self._deck.run("add", "--key", keys[0], "--", *self._command(keys[0]))
        numbers = [int(word) for word in said.out.split() if word.isdecimal()]
        if said.code != 0 or len(numbers) != len(keys):
            self.cut_off[said.words.replace(str(self._deck.home), "HOME")] += 1
            return False
        for key, number in zip(keys, numbers, strict=True):
            self.numbers.setdefault(key, set()).add(number)
        return True

    def _command(self, key: str) -> list[str]:
        return ["sh", "-c", self._deck.append(key, "lines")]


class Killer:
    """kill -9 of the engine, again and again, until it is stopped."""

    def __init__(self, deck: Deck, pause: float) -> None:
        self._deck = deck
        self._pause = pause
        self._over = threading.Event()
        self.kills = 0
        self.thread = threading.Thread(target=self._kill, daemon=True)

    def _kill(self) -> None:
        socket = self._deck.home / "run" / "engine.sock"
        while not self._over.is_set():
            # One that has come up: on a busy machine the pause alone may end before any engine has begun to serve.
            system.until(lambda: self._over.is_set() or listens(socket), 30)
            if self._over.wait(self._pause):
                return
            engines = self._deck.engines()
            self.kills += bool(engines)
            system.send(engines, 9)

    def stop(self) -> None:
        self._over.set()
        self.thread.join(10)


def run(given: argparse.Namespace) -> int:
    table = Table()
    began = time.monotonic()
    with Deck(given.program) as deck:
        crowd, killer = Crowd(deck, given), Killer(deck, given.pause)
        for thread in (killer.thread, *crowd.threads):
            thread.start()
        for thread in crowd.threads:
            thread.join(max(given.deadline - (time.monotonic() - began), 0.1))
        killer.stop()
        table.add("time until the last client was done", None, f"{time.monotonic() - began:.0f} s")
        table.add("kills of the engine", None, killer.kills)
        for words, times in crowd.cut_off.most_common(8):
            table.add("  a client asked again after", None, f"{times} × {words}")
        _judge(table, deck, crowd, given.clients * given.tasks)
    table.add("time of the whole trial", None, f"{time.monotonic() - began:.0f} s")
    return table.exit_code()


def _judge(table: Table, deck: Deck, crowd: Crowd, wanted: int) -> None:
    accepted = len(crowd.numbers)
    table.add("every key was accepted", accepted == wanted, f"{accepted} of {wanted}")
    several = [key for key, numbers in crowd.numbers.items() if len(numbers) > 1]
    table.add("a key has one number, however often it is added", not several, some(several))
    started = deck.run("engine", "start")
    table.add("the engine starts after the last kill", started.code == 0, started.words)
    try:
        settled = system.until(lambda: not any(task["state"] in LIVE for task in deck.tasks()), 300, 1)
        states = Counter(str(task["state"]) for task in deck.tasks())
        wrong = [
            key for key, (number, *_) in crowd.numbers.items() if deck.told("show", task=key)["task"]["id"] != number
        ]
    except (SilenceError, RuntimeError) as error:
        table.add("the engine answers", False, error)
        return
    table.add("every task came to its end", settled)
    table.add(f"there are {wanted} tasks, all succeeded", states == {"succeeded": wanted}, dict(states))
    table.add("a key leads to the task that was promised", not wrong, some(wrong))
    lines = Counter(deck.lines("lines"))
    missing = sorted(crowd.numbers.keys() - lines.keys())
    twice = [f"{key} ×{count}" for key, count in lines.items() if count > 1]
    table.add("nothing is lost: each program wrote its line", not missing, f"{len(missing)} missing {some(missing)}")
    table.add("nothing ran twice: each wrote it once", not twice, f"{len(twice)} more than once {some(twice)}")
    alien = sorted(lines.keys() - crowd.numbers.keys())
    table.add("nothing ran that was not accepted", not alien, some(alien))
