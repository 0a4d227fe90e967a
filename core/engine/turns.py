"""Turns: some messages, one transaction. A message that meets a bug leaves no trace, and costs nobody but itself."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, cast

from core.engine.aside import Asides, key_of
from core.messages import AgentSeen, Barred, LauncherGone, Message, RefusedError, Sampled, Ticked, TreeEnded
from core.ports import StoredAside
from core.rules.decide import DispatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from core.engine.aside import Aside
    from core.engine.reports import Reports
    from core.engine.ring import Ring
    from core.messages import Observation
    from core.ports import Store, StoreFault
    from core.rules.step import Step
    from core.troubles import Troubles

MOST_IN_A_TURN = 256
"""Messages that share a transaction; the rest waits for the next turn, so that answers come in time."""
REMEMBERED = 50
"""Latest messages kept for the report of a bug."""
PATIENCE = 30.0
"""Seconds for which a request waits for a store that somebody holds for a moment."""
TRY_AGAIN = 0.25
LONGEST_PAUSE = 5.0
"""Seconds until a store that refused its work is tried again: the first pause, doubled up to the longest."""

Answer = object | RefusedError


class Entry(NamedTuple):
    message: Message
    who: str
    arrived: float
    answer: Callable[[Answer], None] | None
    """None of an observation: it cannot be refused."""


class Done(NamedTuple):
    """An entry that is dealt with. `step` is None if it was refused."""

    entry: Entry
    given: Answer
    step: Step | None


class Turns:
    """The messages that wait, and what becomes of them. Everything is synchronous; the engine says when."""

    def __init__(self, ring: Ring, reports: Reports, troubles: Troubles, now: float) -> None:
        self.inbox: deque[Entry] = deque()
        self.latest: deque[Message] = deque(maxlen=REMEMBERED)
        self.asides = Asides()
        self.on_read_again: Callable[[], None] = lambda: None
        """Called once the world has been read from the store again."""
        self._ring = ring
        self._store: Store = ring.store
        self._reports = reports
        self._troubles = troubles
        self._alone = 0
        """Messages to take one by one: one of them made a turn fail, and it is not known which."""
        self._fault: StoreFault | None = None
        self._failures = 0
        self._try_at = 0.0
        self._world_is_good = True
        self._no_starts_until = 0.0
        self._start_failures = 0
        self._apart_until: dict[type, float] = {}
        """Kinds of facts that are many in one, and of which one has failed: until then they are taken apart."""
        self.asides.restore(self._store.asides(), now)

    @property
    def next_at(self) -> float | None:
        """Unix time at which a turn is due though nothing new has come."""
        times = [self.asides.next_at, self._try_at if self.is_stuck else None, self._no_starts_until or None]
        return min((at for at in times if at is not None), default=None)

    @property
    def is_stuck(self) -> bool:
        """Nothing can be taken in until the store works again."""
        return self._fault is not None or not self._world_is_good

    def take(self, now: float) -> list[Done]:
        """Deals with the messages that came first. What it gives is on disk."""
        if self.is_stuck and not self._recovers(now):
            return self._refuse(now)
        self._try_again(now)
        done: list[Done] = []
        entry: Entry | None = None
        try:
            self._store.begin()
            for _ in range(min(len(self.inbox), 1 if self._alone else MOST_IN_A_TURN)):
                entry = self.inbox.popleft()
                done.extend(self._one(entry, now))
            entry = None
            self._store.commit()
        except Exception as error:
            return self._undo(done, entry, error, now)
        self._alone = max(self._alone - 1, 0)
        return done

    def _one(self, entry: Entry, now: float) -> list[Done]:
        message = entry.message
        if entry.answer is None and self._waits(entry, now):
            return []
        self.latest.append(message)
        try:
            starts = self._no_starts_until <= now
            step = self._ring.apply(message, now, who=entry.who, cause_at=entry.arrived, starts=starts)
        except RefusedError as refused:
            return [Done(entry, refused, None)]
        self._settle(message, step)
        return [Done(entry, step.reply, step)]

    def _waits(self, entry: Entry, now: float) -> bool:
        """A fact that was set aside has its time; those that are many in one are taken one by one."""
        fact = entry.message
        if isinstance(fact, Sampled) and len(fact.looks) > 1 and self._takes_apart(Sampled, now):
            self.inbox.extendleft(entry._replace(message=Sampled({one: look})) for one, look in fact.looks.items())
            return True
        if fact == Ticked() and self._takes_apart(Ticked, now):
            due = iter(lambda: self._ring.world.timers.take_due(now), None)
            self.inbox.extendleft([entry._replace(message=Ticked(timer)) for timer in due])
            return False
        return self.asides.postpones(cast("Observation", fact), now)

    def _takes_apart(self, kind: type, now: float) -> bool:
        return self.asides.has(kind) or self._apart_until.get(kind, 0.0) > now

    def _settle(self, message: Message, step: Step) -> None:
        """What was set aside, and is taken in now or means nothing any more, is forgotten."""
        keys = [key] if (key := self.asides.taken_in(message)) is not None else []
        over = [attempt.id.task for attempt in step.attempts.values() if not attempt.state.live]
        keys += self.asides.drop((*over, *step.removed))
        if keys:
            self._store.forget_aside(keys)
        if isinstance(message, TreeEnded) and not message.left and self.asides.about(message.attempt.task):
            # Somebody has ended it by hand. Its end cannot be taken in as it was: it counts as one without a word.
            self._put_first(LauncherGone(message.attempt, (), step.now))

    def _try_again(self, now: float) -> None:
        self._put_first(*self.asides.take_due(now))
        if self._no_starts_until and self._no_starts_until <= now:
            self._no_starts_until = 0.0
            self._put_first(Ticked())

    def _put_first(self, *facts: Observation) -> None:
        self.inbox.extendleft(Entry(fact, "engine", time.time(), None) for fact in facts)

    # Bugs

    def _undo(self, done: list[Done], entry: Entry | None, error: Exception, now: float) -> list[Done]:
        """Nothing of the turn has happened: what came before the failure is decided again on a world that is read
        anew."""
        fault = self._store.fault(error)
        changed = bool(done) or entry is not None
        again = [one.entry for one in done]
        if entry is not None and (fault is not None or isinstance(error, DispatchError)):
            again.append(entry)
        self.inbox.extendleft(reversed(again))
        self._store.rollback()
        if fault is not None:
            self._fail(fault, now)
        elif isinstance(error, DispatchError):
            self._bar(error, now)
        elif entry is None:
            self._blame_nobody(again, error)
        if changed:
            self._read_again(now)
        if fault is not None:
            return self._refuse(now)
        if entry is None or isinstance(error, DispatchError):
            return []
        return self._blame(entry, error, now)

    def _blame(self, entry: Entry, error: Exception, now: float) -> list[Done]:
        message = entry.message
        name = self._reports.write(f"to take in {type(message).__name__}", error, message, self.latest)
        if entry.answer is not None:
            return [Done(entry, bug(name), None)]
        many = (isinstance(message, Sampled) and len(message.looks) > 1) or message == Ticked()
        if many and not self._takes_apart(type(message), now):
            # Each of them is tried alone next, and the one that fails is set aside.
            self._apart_until[type(message)] = now + LONGEST_PAUSE
            self.inbox.appendleft(entry)
        else:
            self._keep_aside(self.asides.put(cast("Observation", message), name, now))
        return []

    def _blame_nobody(self, again: list[Entry], error: Exception) -> None:
        """The transaction as a whole failed: its messages are taken alone, until one fails by itself."""
        self._reports.write("to keep a turn", error, None, self.latest)
        if len(again) > 1:
            self._alone = len(again)
        else:
            self._world_is_good = False

    def _bar(self, error: DispatchError, now: float) -> None:
        """The task that cannot be started waits; if no task is to blame, all starts do."""
        cause = error.__cause__ or error
        if error.task is None:
            self._start_failures += 1
            self._no_starts_until = now + min(TRY_AGAIN * 2.0 ** min(self._start_failures, 20), 60.0)
            self._reports.write("to choose what starts next", cause, None, self.latest)
            return
        name = self._reports.write("to start a task", cause, None, self.latest)
        self._ring.world.barred.add(error.task)
        self._keep_aside(self.asides.put(Barred(error.task), name, now))

    def _keep_aside(self, one: Aside) -> None:
        """On disk too, if the disk can: the engine after this one shows it until it is taken in."""
        try:
            self._store.put_aside(StoredAside(one.key, one.task, one.what, one.report, one.tries))
            self._store.commit()
        except Exception as error:
            self._store.rollback()
            if self._store.fault(error) is None:
                self._reports.write("to keep what is set aside", error)

    def _read_again(self, now: float) -> None:
        try:
            self._ring.reload(now)
        except Exception as error:
            self._world_is_good = False
            self._try_at = now + self._pause()
            if self._store.fault(error) is None:
                self._reports.write("to read the store again", error)
        else:
            self._world_is_good = True
            self.on_read_again()

    # Faults of the machine

    def _fail(self, fault: StoreFault, now: float) -> None:
        self._fault = fault
        self._try_at = now + self._pause()
        self._troubles.note("store", fault.text)

    def _pause(self) -> float:
        self._failures += 1
        return min(TRY_AGAIN * 2.0 ** min(self._failures - 1, 20), LONGEST_PAUSE)

    def _recovers(self, now: float) -> bool:
        """Whether the store works again, and the world is as the store has it."""
        if now < self._try_at:
            return False
        try:
            told = self._store.mend()
            if told is not None:
                self._troubles.note("database", told)
                self._world_is_good = False
            self._store.probe()
        except Exception as error:
            self._store.rollback()
            fault = self._store.fault(error)
            if fault is None:
                self._reports.write("to try the store", error)
                self._try_at = now + self._pause()
            else:
                self._fail(fault, now)
            return False
        if not self._world_is_good:
            self._read_again(now)
        if self._world_is_good:
            self._fault, self._failures = None, 0
            self._troubles.clear("store")
            self._put_first(Ticked())
        return self._world_is_good

    def _refuse(self, now: float) -> list[Done]:
        """Requests are refused, those that may wait a moment a little later; facts wait, the latest look alone."""
        fault, waiting, refused = self._fault, [], []
        text = "muxdeck is reading its store again" if fault is None else fault.text
        for entry in self.inbox:
            if entry.answer is None or ((fault is None or fault.passes) and now - entry.arrived < PATIENCE):
                waiting.append(entry)
            else:
                refused.append(Done(entry, RefusedError("failed", f"nothing was done: {text}"), None))
        self.inbox.clear()
        self.inbox.extend(_without_old_looks(waiting))
        return refused


def bug(report: str) -> RefusedError:
    return RefusedError("bug", f"a bug of muxdeck: nothing was done; report {report} has the details")


def _without_old_looks(entries: Iterable[Entry]) -> list[Entry]:
    """What is looked at again and again need not wait: the next look shows it too."""
    kept = [one for one in entries if not isinstance(one.message, (Sampled, Ticked))]
    latest = {key_of(one.message): one for one in kept if isinstance(one.message, AgentSeen)}
    return [one for one in kept if latest.get(key_of(one.message), one) is one]
