"""A client that sends odd requests in odd ways, and notes how each is answered."""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections import Counter, deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tests.trials.odd_requests import Requests

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from tests.trials.deck import Deck

PATIENCE = 3.0
"""Seconds that it waits for an answer; some verbs wait for tasks, and are left."""
MOST_HELD = 15
"""Connections with half a request."""
LONG_LINE = 64 << 20
RARE = 0.0005
"""Share of lines that are very long."""
PAUSE = 0.01


class Fuzzer(threading.Thread):
    def __init__(self, deck: Deck, seed: str) -> None:
        super().__init__(daemon=True)
        self._deck = deck
        self._chance = random.Random(seed)
        self._over = threading.Event()
        self._held: list[socket.socket] = []
        self.requests = Requests(seed, str(deck.out), deck.environment())
        self.answers: Counter[str] = Counter()
        self.bugs: Counter[tuple[str, str]] = Counter()
        self.latest: deque[str] = deque(maxlen=6)
        """The beginnings of what was sent."""

    def run(self) -> None:
        ways: tuple[Callable[[], None], ...] = (self._talk, self._talk, self._talk, self._talk, self._vanish)
        ways += (self._cut, self._garbage, self._hold, self._watch)
        while not self._over.is_set():
            with suppress(OSError):
                self._chance.choice(ways)()
            time.sleep(PAUSE)
        for connection in self._held:
            connection.close()

    def stop(self) -> None:
        self._over.set()
        self.join(PATIENCE * 3)

    def _next(self) -> tuple[str, bytes]:
        do, line = self.requests.next()
        if self._chance.random() < RARE:
            line = b'{"id":1,"do":"emit","with":{"topic":"t","data":"' + b"x" * LONG_LINE + b'"}}'
        self._note(line)
        return do, line

    def _note(self, line: bytes) -> None:
        self.latest.append(line[:300].decode("ascii", "backslashreplace"))

    def _talk(self) -> None:
        """A few requests on one connection, each answered before the next."""
        with self._deck.connect(PATIENCE) as connection:
            lines = connection.makefile("rb")
            for _ in range(self._chance.randrange(1, 8)):
                do, line = self._next()
                connection.sendall(line + b"\n")
                answer = lines.readline()
                self._hear(do, answer)
                if not answer or do in ("watch", "wait", "run-wait"):
                    return

    def _hear(self, do: str, line: bytes) -> None:
        try:
            answer: dict[str, Any] = json.loads(line)
        except ValueError:
            self.answers["nothing"] += 1
            return
        error = answer.get("error")
        if error is None:
            self.answers["ok"] += 1
            if do == "add" and isinstance(answer.get("ok"), list):
                self.requests.known += [number for number in answer["ok"] if isinstance(number, int)]
        elif error.get("code") == "bug":
            self.answers["bug"] += 1
            self.bugs[do, re.sub(r"\d+", "N", str(error.get("text")))] += 1
        else:
            self.answers["refused"] += 1

    def _vanish(self) -> None:
        """Many requests at once, and no answer is read."""
        with self._deck.connect(PATIENCE) as connection:
            for _ in range(self._chance.randrange(1, 60)):
                connection.sendall(self._next()[1] + b"\n")

    def _cut(self) -> None:
        with self._deck.connect(PATIENCE) as connection:
            _, line = self._next()
            connection.sendall(line[: self._chance.randrange(len(line))])

    def _garbage(self) -> None:
        with self._deck.connect(PATIENCE) as connection:
            line = self.requests.garbage()
            self._note(line)
            connection.sendall(line + b"\n")
            self._hear("(no request)", connection.makefile("rb").readline())

    def _hold(self) -> None:
        """Half a request, held open."""
        connection = self._deck.connect(PATIENCE)
        self._held.append(connection)
        _, line = self._next()
        connection.sendall(line[: len(line) // 2])
        if len(self._held) > MOST_HELD:
            self._held.pop(0).close()

    def _watch(self) -> None:
        """Watches, reads little, and is held open as well."""
        connection = self._deck.connect(PATIENCE)
        self._held.append(connection)
        connection.sendall(b'{"id":1,"do":"watch","with":{}}\n')
        connection.recv(100)
