"""The disk of the home is full in the middle of many tasks: every end is right, nothing runs twice."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from tests.trials import mounts, system
from tests.trials.deck import LIVE, Deck, SilenceError
from tests.trials.table import Table, some

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

SKIPPED = "skipped: needs root"
OUTPUT = 300
"""Lines of 64 bytes that each program prints."""
VERBS = (("ls",), ("engine", "status"), ("doctor",))


class Promise(NamedTuple):
    """A task that was accepted, and what must come of it."""

    word: str
    exit_code: int

    @property
    def state(self) -> str:
        return "failed" if self.exit_code else "succeeded"


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tasks", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60, help="for which the disk is full")
    parser.add_argument("--size", type=int, default=48, help="megabytes of the disk")
    parser.add_argument("--patience", type=float, default=60, help="seconds for the rest, once there is room again")


def run(given: argparse.Namespace) -> int:
    if not mounts.is_root():
        print(SKIPPED)
        return 0
    if not mounts.inside():
        return mounts.enter("tests.trials")
    table = Table()
    with mounts.small_disk(given.size) as disk, Deck(given.program, disk=disk) as deck:
        pid = deck.start()
        promises = {_add(deck, number): _promise(number) for number in range(given.tasks)}
        system.until(lambda: len(deck.lines("ends")) >= given.tasks // 4, 60)
        table.add("ends before the disk is full", None, len(deck.lines("ends")))
        heard = _while_full(deck, disk, given.seconds)
        promises |= heard.accepted
        table.add("ends when there is room again", None, len(deck.lines("ends")))
        _tell(table, heard)
        began = time.monotonic()
        system.until(lambda: len(deck.lines("ends")) >= len(promises), given.patience)
        table.add("time until all had run, unasked", None, f"{time.monotonic() - began:.1f} s")
        table.add("one engine from start to end", deck.engines() == [pid], f"{pid}, then {deck.engines()}")
        _judge(table, deck, promises, given.patience)
    return table.exit_code()


def _promise(number: int) -> Promise:
    return Promise(f"t{number:04}", (0, 3, 0, 77)[number % 4])


def _program(deck: Deck, promise: Promise) -> str:
    output = f"i=0; while [ $i -lt {OUTPUT} ]; do printf '%063d\\n' $i; i=$((i+1)); done; sleep 0.3"
    begins, ends = deck.append(promise.word, "begins"), deck.append(promise.word, "ends")
    return f"{begins}; {output}; {ends}; exit {promise.exit_code}"


def _add(deck: Deck, number: int) -> int:
    """The first tasks are added over the socket: that takes a moment, not a minute."""
    promise = _promise(number)
    task = {"command": ["sh", "-c", _program(deck, promise)], "key": promise.word, "name": promise.word}
    context = {"cwd": str(deck.out), "env": deck.environment()}
    return int(deck.told("add", tasks=[task], context=context)[0])


class Heard:
    """What the verbs said while the disk was full."""

    def __init__(self) -> None:
        self.words: Counter[tuple[str, str]] = Counter()
        self.crashes: Counter[str] = Counter()
        self.accepted: dict[int, Promise] = {}
        self.refused: list[str] = []


def _while_full(deck: Deck, disk: Path, seconds: float) -> Heard:
    heard, over = Heard(), threading.Event()
    filling = threading.Thread(target=_keep_full, args=(disk, over), daemon=True)
    mounts.fill(disk)
    filling.start()
    end = time.monotonic() + seconds
    number = 0
    while time.monotonic() < end:
        _ask_around(deck, heard, number)
        number += 1
        time.sleep(min(2.0, max(end - time.monotonic(), 0.0)))
    over.set()
    filling.join(5)
    mounts.free(disk)
    return heard


def _keep_full(disk: Path, over: threading.Event) -> None:
    """Takes what others give back."""
    while not over.wait(0.1):
        mounts.fill(disk)


def _ask_around(deck: Deck, heard: Heard, number: int) -> None:
    for verb in VERBS:
        said = deck.run(*verb, timeout=15)
        heard.crashes[verb[0]] += said.crashed
        for line in (said.err or said.out).splitlines() if said.code or said.err else ():
            heard.words[" ".join(verb), line] += 1
    promise = Promise(f"full{number:03}", 0)
    said = deck.run("add", "--key", promise.word, "--", "sh", "-c", _program(deck, promise), timeout=15)
    heard.crashes["add"] += said.crashed
    heard.words["add", said.words if said.code else "0, accepted"] += 1
    if said.code == 0:
        heard.accepted[int(said.out.split()[0])] = promise
    else:
        heard.refused.append(promise.word)


def _tell(table: Table, heard: Heard) -> None:
    for (verb, line), times in heard.words.most_common(16):
        table.add(f"  {verb} said, {times} times", None, line[:150])
    crashes = {verb: count for verb, count in heard.crashes.items() if count}
    table.add("each verb answered, or refused in words", not crashes, crashes or "")
    named = any("disk" in line or "space" in line for (verb, line) in heard.words if verb != "doctor")
    table.add("a verb said that the disk is full", named)
    table.add("tasks accepted and refused meanwhile", None, f"{len(heard.accepted)} and {len(heard.refused)}")


def _judge(table: Table, deck: Deck, promises: dict[int, Promise], patience: float) -> None:
    if not deck.engines():
        table.add("a client starts a new engine", None, deck.run("engine", "start").words)
    try:
        system.until(lambda: not any(task["state"] in LIVE for task in deck.tasks()), patience, 0.5)
        found = {int(task["id"]): task for task in deck.tasks()}
    except (SilenceError, RuntimeError) as error:
        table.add("the engine answers", False, error)
        return
    wrong = [_difference(found.get(number), number, promise) for number, promise in promises.items()]
    wrong = [words for words in wrong if words]
    table.add(
        f"{len(promises)} tasks have their right ends", not wrong, f"{len(wrong)} wrong: {some(wrong)}" if wrong else ""
    )
    begins, ends = Counter(deck.lines("begins")), Counter(deck.lines("ends"))
    twice = [word for word, count in begins.items() if count > 1]
    table.add("nothing ran twice", not twice, some(twice))
    missing = [promise.word for promise in promises.values() if ends[promise.word] != 1]
    table.add("every program ran to its end", not missing, some(missing))
    alien = sorted(begins.keys() - {promise.word for promise in promises.values()})
    table.add("nothing ran that was refused", not alien, some(alien))


def _difference(task: dict[str, object] | None, number: int, promise: Promise) -> str:
    """Empty if it ended as it must."""
    if task is None:
        return f"{number} is gone"
    seen = (task["state"], task["exit_code"], task["attempts"])
    if seen == (promise.state, promise.exit_code, 1):
        return ""
    return f"{number} {task['state']} {task['exit_code']} ({task['attempts']} attempts, {promise.exit_code} is right)"
