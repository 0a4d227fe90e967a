"""One engine under odd requests and odd files for half an hour, while real tasks come to their right ends."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from tests.trials.deck import CONFIG, Deck
from tests.trials.fuzz_clients import Fuzzer
from tests.trials.fuzz_keepers import Keeper, RealTasks, Watch
from tests.trials.odd_files import Litter
from tests.trials.odd_requests import GROUP, OWN
from tests.trials.table import Table, some

if TYPE_CHECKING:
    import argparse

SLOWEST = 2.0
"""Seconds within which `status` is answered, all the time."""
MOST_DEATHS = 25
"""After so many the trial ends: the verdict is clear."""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=None, help="by default a new one, which is printed")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--memory", type=float, default=600, help="megabytes that the engine may have at most")
    parser.add_argument("--no-files", action="store_true", help="odd requests alone")


def run(given: argparse.Namespace) -> int:
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(1 << 32)
    table = Table()
    table.add("seed", None, f"--seed {seed}")
    with Deck(given.program) as deck:
        deck.start()
        _own_tasks(deck)
        litter = Litter(deck.home, f"{seed}-files", CONFIG)
        fuzzers = [Fuzzer(deck, f"{seed}-{one}") for one in range(given.clients)]
        watch, real, keeper = Watch(deck, fuzzers), RealTasks(deck, f"{seed}-real"), Keeper(deck)
        workers = [*fuzzers, watch, real, keeper]
        for worker in workers:
            worker.start()
        _litter_until(time.monotonic() + given.minutes * 60, litter, fuzzers, watch, files=not given.no_files)
        for worker in workers:
            worker.stop()
        litter.clear()
        _judge(table, watch, given.memory)
        real.judge(table)
        _count(table, fuzzers)
        _findings(table, deck, fuzzers)
    return table.exit_code()


def _own_tasks(deck: Deck) -> None:
    """The first numbers belong to nobody who matters."""
    for _ in range(OWN):
        deck.shell("sleep 0.2", "-g", GROUP)


def _litter_until(end: float, litter: Litter, fuzzers: list[Fuzzer], watch: Watch, *, files: bool) -> None:
    while time.monotonic() < end and len(watch.deaths) < MOST_DEATHS:
        if files:
            litter.known = [number for fuzzer in fuzzers for number in fuzzer.requests.known[-20:]]
            watch.latest_file = litter.one_more()
        time.sleep(0.5)


def _judge(table: Table, watch: Watch, memory: float) -> None:
    table.add(
        "one engine from start to end", not watch.deaths, f"{len(watch.deaths)} deaths" if watch.deaths else watch.first
    )
    for death in watch.deaths[:MOST_DEATHS]:
        table.add("  a death", None, death)
    slow = watch.slowest
    table.add(
        f"status is answered within {SLOWEST:g} s, always",
        slow <= SLOWEST and not watch.silences,
        f"slowest {slow:.2f} s",
    )
    table.add("  looks without an answer", None, watch.silences)
    table.add(f"its memory is at most {memory:g} MB", watch.memory <= memory, f"{watch.memory:.0f} MB at most")
    table.add("  and in the end", None, f"{watch.memory_now:.0f} MB")


def _count(table: Table, fuzzers: list[Fuzzer]) -> None:
    for word in ("ok", "refused", "bug", "nothing"):
        table.add(f"requests answered with {word!r}", None, sum(fuzzer.answers[word] for fuzzer in fuzzers))


def _findings(table: Table, deck: Deck, fuzzers: list[Fuzzer]) -> None:
    """Bugs that the engine contained: no failures of the trial, but to be mended."""
    bugs = sum((fuzzer.bugs for fuzzer in fuzzers), start=type(fuzzers[0].bugs)())
    for (verb, text), times in bugs.most_common(30):
        table.add(f"  finding: {verb}, {times} times", None, text[:200])
    reports = sorted(path.name for path in (deck.home / "reports").glob("*"))
    table.add("reports of bugs in the home", None, f"{len(reports)} {some(reports, 4)}")
    for line, times in _raised(deck).items():
        table.add(f"  in the log, {times} times", None, line)


def _raised(deck: Deck) -> dict[str, int]:
    """The last lines of tracebacks in the log."""
    found: dict[str, int] = {}
    log = deck.home / "engine.log"
    text = log.read_text(errors="replace") if log.is_file() else ""
    inside = False
    for line in text.splitlines():
        if line.startswith("Traceback"):
            inside = True
        elif inside and line and not line.startswith(" "):
            found[line[:160]] = found.get(line[:160], 0) + 1
            inside = False
    return dict(sorted(found.items(), key=lambda pair: -pair[1])[:20])
