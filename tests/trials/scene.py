"""Tasks before, during and after a fault of the machine, and what became of each."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tests.trials import system
from tests.trials.deck import LIVE, Deck, Said, SilenceError

if TYPE_CHECKING:
    from pathlib import Path

SPANS, OUTLIVES, FOLLOWS, LATER, DURING, AFTER = "spans", "outlives", "follows", "later", "during", "after"
RIGHT = {SPANS: 7, OUTLIVES: 9, FOLLOWS: 0, LATER: 0, DURING: 0, AFTER: 0}
"""The exit code that each program ends with.

`spans` runs when the fault begins and ends during it; `follows` starts at its end. `outlives` ends once the fault is
gone; `later` starts at its end. `during` and `after` are added then. `follows` and `later` run without any client.
"""
RUNNING = frozenset({SPANS, OUTLIVES})
VERB = 25
"""Seconds that a verb may take: the engine is given fifteen to come up."""
ALL_BEFORE = frozenset({SPANS, OUTLIVES, FOLLOWS, LATER})


class Fault(NamedTuple):
    """How a fault is made and taken away on a running engine, and what it may cost."""

    name: str
    make: Callable[[Scene], None]
    take_away: Callable[[Scene], None] = lambda _scene: None
    may_cost: frozenset[str] = frozenset()
    """Tasks that need not come to their right ends."""
    said: str = ""
    """A word that a verb must say meanwhile; empty if it may heal before anybody can look."""
    same_engine: bool = True
    quiet: bool = False
    """No client calls meanwhile."""
    starts_with_it: bool = False
    """The fault is there when the engine starts."""
    needs: frozenset[str] = frozenset()
    """Of "root", "strace", "tmpfs", "user" (a plain one), "namespace" (of users)."""


@dataclass
class Scene:
    """A fault at work on one deck. What making it leaves for taking it away is in `left`."""

    deck: Deck
    disk: Path | None
    engine: int = 0
    numbers: dict[str, int] = field(default_factory=dict)
    left: list[Callable[[], None]] = field(default_factory=list)
    """Called in turn to take the fault away, the latest first."""

    def program(self, word: str) -> str:
        """Notes its begin and its end in files outside of the home."""
        gate = f"{self.deck.gate(word)}; " if word in RUNNING else ""
        begins, ends = self.deck.append(word, "begins"), self.deck.append(word, "ends")
        return f"{begins}; echo {word}; {gate}{ends}; exit {RIGHT[word]}"

    def add_before(self) -> None:
        for word, parent in ((SPANS, ""), (OUTLIVES, ""), (FOLLOWS, SPANS), (LATER, OUTLIVES)):
            after = ["--after-any", str(self.numbers[parent])] if parent else []
            self.numbers[word] = self.deck.shell(self.program(word), "--key", word, *after)
        system.until(lambda: set(self.deck.lines("begins")) >= RUNNING, 20)

    def add(self, word: str) -> Said:
        said = self.deck.run("add", "--key", word, "--", "sh", "-c", self.program(word), timeout=VERB)
        if said.code == 0:
            self.numbers[word] = int(said.out.split()[0])
        return said

    def began(self, word: str) -> bool:
        return word in self.deck.lines("begins")

    def take_back(self) -> None:
        """Everything that is in `left`, even if a part of it fails."""
        while self.left:
            self.left.pop()()


@dataclass
class Account:
    """What was seen of one fault."""

    said: Counter[str] = field(default_factory=Counter)
    verbs: dict[str, Said] = field(default_factory=dict)
    costs: dict[str, str] = field(default_factory=dict)
    healed: float | None = None
    """Seconds after the cause was gone until `follows` and `later` had begun, unasked; None if not in time."""
    after: str = ""
    """What `add` said in the end, if it was refused."""
    twice: list[str] = field(default_factory=list)
    engines: list[int] = field(default_factory=list)
    same_engine: bool = False

    def wrongs(self, fault: Fault) -> list[str]:
        """Empty if everything was as it must be."""
        wrong = [f"{verb} crashed" for verb, said in self.verbs.items() if said.crashed]
        words = [said.words for verb, said in self.verbs.items() if verb != "doctor" and said.code]
        heard = " ".join([*self.said, *words]).lower()
        if fault.said and not any(word in heard for word in fault.said.split("|")):
            wrong.append(f"nobody said {fault.said!r}")
        wrong += [f"{word}: {how}" for word, how in self.costs.items() if word not in fault.may_cost]
        wrong += ["not healed unasked"] if self.healed is None else []
        wrong += [f"ran twice: {word}" for word in self.twice]
        wrong += ["another engine"] if fault.same_engine and not self.same_engine else []
        wrong += [f"{len(self.engines)} engines"] if len(self.engines) > 1 else []
        return wrong + ([f"add afterwards: {self.after}"] if self.after else [])


def play(fault: Fault, scene: Scene, seconds: float, patience: float) -> Account:
    """The fault, from before it is made until everything has ended or the patience is over."""
    account = Account()
    try:
        if fault.starts_with_it:
            fault.make(scene)
        scene.engine = scene.deck.start()
        scene.add_before()
        if not fault.starts_with_it:
            fault.make(scene)
        scene.deck.open_gate(SPANS)
        _meanwhile(fault, scene, account, seconds)
    finally:
        fault.take_away(scene)
        scene.take_back()
    account.healed = _healing(scene, patience)
    account.engines = scene.deck.engines()
    account.same_engine = account.engines == [scene.engine]
    _afterwards(scene, account, patience)
    return account


def _meanwhile(fault: Fault, scene: Scene, account: Account, seconds: float) -> None:
    """Asks what a person would ask."""
    end = time.monotonic() + seconds
    if not fault.quiet:
        system.until(lambda: account.said.update(_problems(scene.deck)) or account.said, 2)
        account.verbs["add"] = scene.add(DURING)
        account.verbs["ls"] = scene.deck.run("ls", timeout=VERB)
    while not fault.quiet:
        account.said.update(_problems(scene.deck))
        account.verbs["doctor"] = scene.deck.run("doctor", timeout=VERB)
        account.said.update(_findings(account.verbs["doctor"]))
        if time.monotonic() > end:
            return
        time.sleep(0.5)
    time.sleep(seconds)


def _problems(deck: Deck) -> set[str]:
    """Of `engine status`, over the socket; a silence is one as well."""
    try:
        answer = deck.ask("status", timeout=3)
    except SilenceError as error:
        return {f"(no answer: {error})"}
    if "error" in answer:
        return {f"(status: {answer['error'].get('text', answer['error'])})"}
    silent = {"a tmux server is silent" for server in answer["ok"]["tmux_servers"] if server["silent_since"]}
    return silent | set(map(str, answer["ok"]["problems"]))


def _findings(said: Said) -> set[str]:
    """Of `doctor`: what is not ok."""
    return {" ".join(line.split()) for line in said.out.splitlines() if " error " in line or " warning " in line}


def _healing(scene: Scene, patience: float) -> float | None:
    """Lets `outlives` end and looks at the programs' files alone."""
    began = time.monotonic()
    scene.deck.open_gate(OUTLIVES)
    healed = system.until(lambda: scene.began(FOLLOWS) and scene.began(LATER), patience)
    return time.monotonic() - began if healed else None


def _afterwards(scene: Scene, account: Account, patience: float) -> None:
    said = scene.add(AFTER)
    if said.code != 0:
        account.after = said.words
    numbers = scene.numbers
    account_of = _states(scene.deck, list(numbers.values()), patience)
    for word, number in numbers.items():
        wanted = ("failed" if RIGHT[word] else "succeeded", RIGHT[word])
        if (seen := account_of.get(number)) != wanted:
            account.costs[word] = (
                "not known" if seen is None else f"{seen[0]} {'' if seen[1] is None else seen[1]}".strip()
            )
        elif word not in scene.deck.lines("ends"):
            account.costs[word] = "did not run"
    account.costs |= _after_restart(scene, account_of)
    account.twice = [word for word, count in Counter(scene.deck.lines("begins")).items() if count > 1]


def _after_restart(scene: Scene, before: dict[int, tuple[str, int | None]]) -> dict[str, str]:
    """What the next engine does not know any more, or otherwise: it was not on disk."""
    scene.deck.restart()
    numbers = list(scene.numbers.values())
    now = _states(scene.deck, numbers, 2)
    return {
        word: f"{now.get(number, 'gone')} after a restart"
        for word, number in scene.numbers.items()
        if number in before and now.get(number) != before[number] and before[number][0] not in LIVE
    }


def _states(deck: Deck, numbers: list[int], patience: float) -> dict[int, tuple[str, int | None]]:
    """State and exit code, once all have ended or the patience is over; empty if nobody answers."""

    def look() -> dict[int, tuple[str, int | None]]:
        try:
            return {
                int(task["id"]): (task["state"], task["exit_code"]) for task in deck.tasks() if task["id"] in numbers
            }
        except (SilenceError, RuntimeError):
            return {}

    system.until(lambda: all(state not in LIVE for state, _ in look().values()), patience, 0.3)
    return look()
