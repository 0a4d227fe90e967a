"""Facts that a bug kept the rules from taking in: set aside, shown, and tried again after growing pauses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core import messages as m
from core.text import duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.messages import Observation
    from core.ports import StoredAside

FIRST_PAUSE = 5.0
LONGEST_PAUSE = 900.0
"""Seconds until a fact that was set aside is tried again: the first one, doubled up to the longest."""


@dataclass(slots=True)
class Aside:
    key: str
    """What it is about; the store keeps it under this name."""
    task: int | None
    what: str
    """In words: "its exit", "a look at its processes"."""
    report: str
    tries: int
    retry_at: float
    """Unix time."""
    fact: Observation | None
    """None if an engine before this one set it aside: it will be observed again."""

    def words(self, now: float) -> str:
        again = duration(max(self.retry_at - now, 0.0))
        return f"a bug of muxdeck stands in the way of {self.what}: it is tried again in {again} (report {self.report})"


def pause_after(tries: int) -> float:
    """Seconds until the next try of something that has failed so often."""
    return min(FIRST_PAUSE * 2.0 ** min(tries - 1, 20), LONGEST_PAUSE)


class Asides:
    """One a subject: the latest fact about it replaces the one before."""

    def __init__(self) -> None:
        self._all: dict[str, Aside] = {}

    def put(self, fact: Observation, report: str, now: float) -> Aside:
        key = key_of(fact)
        before = self._all.get(key)
        tries = 1 if before is None else before.tries + 1
        made = self._all[key] = Aside(key, task_of(fact), what(fact), report, tries, now + pause_after(tries), fact)
        return made

    def restore(self, stored: Iterable[StoredAside], now: float) -> None:
        """What an engine before this one set aside is tried at once when it is observed again."""
        for one in stored:
            self._all[one.key] = Aside(one.key, one.task, one.what, one.report, one.tries, now, None)

    def postpones(self, fact: Observation, now: float) -> bool:
        """Whether the fact has to wait for its next try; it is kept for that."""
        if not self._all:
            return False
        known = self._all.get(key_of(fact))
        if known is None or known.retry_at <= now:
            return False
        known.fact = fact
        return True

    def take_due(self, now: float) -> list[Observation]:
        """Facts to try again. They stay here until they are taken in."""
        return [one.fact for one in self._all.values() if one.fact is not None and one.retry_at <= now]

    def taken_in(self, fact: m.Message) -> str | None:
        """The key under which it was set aside; None if it was not."""
        if not self._all:
            return None
        known = self._all.pop(key_of(fact), None)
        return None if known is None else known.key

    def drop(self, tasks: Iterable[int]) -> list[str]:
        """Tasks whose attempt is over: what stood aside of them means nothing any more."""
        gone = set(tasks)
        keys = [key for key, one in self._all.items() if one.task in gone and not key.startswith("LeftBehind")]
        for key in keys:
            del self._all[key]
        return keys

    @property
    def next_at(self) -> float | None:
        return min((one.retry_at for one in self._all.values() if one.fact is not None), default=None)

    def has(self, kind: type) -> bool:
        return any(key.startswith(f"{kind.__name__} ") for key in self._all)

    def of(self, task: int, now: float) -> list[str]:
        """Sentences for the why of a task."""
        return [one.words(now) for one in self._all.values() if one.task == task]

    def about(self, task: int) -> list[Aside]:
        return [one for one in self._all.values() if one.task == task]

    def words(self, now: float) -> list[str]:
        return [
            one.words(now) if one.task is None else f"task {one.task}: {one.words(now)}" for one in self._all.values()
        ]


def key_of(fact: m.Message) -> str:
    return f"{type(fact).__name__} {_subject(fact)}"


def _subject(fact: m.Message) -> str:
    match fact:
        case m.Sampled(looks):
            return ",".join(map(str, looks)) if len(looks) == 1 else "all"
        case m.Ticked(timer):
            return "all" if timer is None else f"{timer.due.name} {timer.task}-{timer.attempt}"
        case m.Match(event):
            return str(event.id)
        case m.Probed(agent):
            return agent
        case m.ServerSilent(server) | m.ServerBack(server):
            return str(server)
        case m.Barred(task) | m.Unreadable(task):
            return str(task)
        case _:
            return str(getattr(fact, "attempt", ""))


def task_of(fact: Observation) -> int | None:
    match fact:
        case m.Sampled(looks):
            return next(iter(looks)).task if len(looks) == 1 else None
        case m.Barred(task) | m.Unreadable(task):
            return task
        case m.Forged():
            return None
        case _:
            attempt = getattr(fact, "attempt", None)
            return None if attempt is None else attempt.task


_WORDS: dict[type, str] = {
    m.Ticked: "something that is due",
    m.Placed: "its session",
    m.NotPlaced: "the news that it could not be started",
    m.Started: "its start",
    m.Exited: "its end",
    m.LauncherGone: "its end",
    m.TreeEnded: "the end of its processes",
    m.LeftBehind: "what it left running",
    m.Sampled: "a look at its processes",
    m.OutputSeen: "a look at its output",
    m.AgentSeen: "what its agent does",
    m.TurnEnded: "the end of its turn",
    m.Match: "an event",
    m.Barred: "its start",
}


def what(fact: Observation) -> str:
    if isinstance(fact, m.Exited):
        return f"its end (exit {fact.code})"
    return _WORDS.get(type(fact), "something that was observed")
