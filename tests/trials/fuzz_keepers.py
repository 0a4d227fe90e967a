"""Who stands beside the fuzz: one watches the engine, one adds real tasks, one undoes what would stop those."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.trials import system
from tests.trials.deck import CONFIG, LIVE, Deck, SilenceError
from tests.trials.odd_requests import OWN
from tests.trials.table import some

if TYPE_CHECKING:
    from tests.trials.fuzz_clients import Fuzzer
    from tests.trials.table import Table

OLDEST = 20.0
"""Seconds that a task of the fuzz may live."""
ENDING = 120.0
"""Seconds that the last real tasks have."""
REAL = "real"
"""The group of the real tasks."""


class _Worker(threading.Thread):
    """Does `once` again and again, until it is stopped."""

    pause = 1.0

    def __init__(self, deck: Deck) -> None:
        super().__init__(daemon=True)
        self._deck = deck
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(self.pause):
            with suppress(SilenceError, RuntimeError):
                self.once()

    def once(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        self._over.set()
        self.join(30)


class Watch(_Worker):
    """Looks whether the engine lives and answers; starts another one if it died, so that more is found."""

    def __init__(self, deck: Deck, fuzzers: list[Fuzzer]) -> None:
        super().__init__(deck)
        self._fuzzers = fuzzers
        self._began = time.monotonic()
        self.first = deck.pid()
        self._now = self.first
        self.deaths: list[str] = []
        self.slowest = 0.0
        self.silences = 0
        self.memory = 0.0
        self.memory_now = 0.0
        self.latest_file = ""
        """What was done last in the home."""

    def once(self) -> None:
        engines = self._deck.engines()
        if engines != [self._now]:
            self._died(engines)
            return
        self.memory_now = system.resident(self._now or 0)
        self.memory = max(self.memory, self.memory_now)
        began = time.monotonic()
        try:
            self._deck.ask("status", timeout=15)
        except SilenceError:
            self.silences += self._deck.engines() == [self._now]
            return
        self.slowest = max(self.slowest, time.monotonic() - began)

    def _died(self, engines: list[int]) -> None:
        latest = [fuzzer.latest[-1] for fuzzer in self._fuzzers if fuzzer.latest]
        after = time.monotonic() - self._began
        words = f"after {after:.0f} s; engines {engines}; file: {self.latest_file}; sent: {' ‖ '.join(latest)}"
        self.deaths.append(words[:600])
        self._deck.configure(CONFIG)
        said = self._deck.run("engine", "start")
        self._now = self._deck.pid()
        if self._now is None:
            self.deaths.append(f"  no engine starts: {said.words}")


class RealTasks(_Worker):
    """Each has a key, writes its line, and ends with a code that is known."""

    pause = 0.7

    def __init__(self, deck: Deck, seed: str) -> None:
        super().__init__(deck)
        self._chance = random.Random(seed)
        self._promised: dict[str, int] = {}
        """The exit code by the key; accepted ones alone."""
        self._next: tuple[str, int, str] | None = None

    def once(self) -> None:
        key, code, text = self._next = self._next or self._made()
        task = {"command": ["sh", "-c", text], "key": key, "group": REAL, "priority": 900}
        context = {"cwd": str(self._deck.out), "env": self._deck.environment()}
        self._deck.told("add", tasks=[task], context=context)
        self._promised[key] = code
        self._next = None

    def _made(self) -> tuple[str, int, str]:
        key, code = f"real-{len(self._promised)}", self._chance.choice((0, 0, 1, 7, 255))
        seconds = self._chance.choice((0, 0.3, 2))
        return key, code, f"{self._deck.append(key, 'real')}; sleep {seconds}; exit {code}"

    def judge(self, table: Table) -> None:
        if not self._deck.engines():
            self._deck.run("engine", "start")
        system.until(self._all_ended, ENDING if self._deck.engines() else 0, 1)
        wrong = [words for key, code in self._promised.items() if (words := self._difference(key, code))]
        found = f"{len(wrong)} of {len(self._promised)} {some(wrong, 5)}"
        table.add("every real task came to its right end", bool(self._promised) and not wrong, found)
        lines = Counter(self._deck.lines("real"))
        bad = [f"{key} ×{lines[key]}" for key in self._promised if lines[key] != 1]
        table.add("every real task ran once", not bad, some(bad))

    def _all_ended(self) -> bool:
        with suppress(SilenceError, RuntimeError):
            return not any(task["state"] in LIVE and task["group"] == REAL for task in self._deck.tasks())
        return False

    def _difference(self, key: str, code: int) -> str:
        try:
            task = self._deck.told("show", task=key)["task"]
        except (SilenceError, RuntimeError) as error:
            return f"{key}: {error}"
        codes = [attempt["exit_code"] for attempt in task["attempts"]]
        right = task["state"] == ("failed" if code else "succeeded") and codes == [code]
        return "" if right else f"{key}: {task['state']} {codes}, {code} is right"


class Keeper(_Worker):
    """Undoes pauses, and ends tasks of the fuzz that live too long: they would take all slots."""

    pause = 2.0

    def __init__(self, deck: Deck) -> None:
        super().__init__(deck)
        self._seen: dict[int, float] = {}

    def once(self) -> None:
        self._deck.ask("everything", paused=False)
        self._deck.ask("agent", agent="local", mode="on")
        now = time.monotonic()
        live = [int(task["id"]) for task in self._deck.tasks() if task["state"] in LIVE and task["group"] != REAL]
        self._seen = {number: self._seen.get(number, now) for number in live}
        old = [number for number, since in self._seen.items() if now - since > OLDEST and number > OWN]
        if old:
            self._deck.ask("stop", tasks=old[:500], now=True)
