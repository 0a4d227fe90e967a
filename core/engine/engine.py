"""The engine: messages in, one transaction a turn, then answers, changes and effects out."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from core.effects import EndTree, MatchEvent, ReleaseSession, Start
from core.engine.feed import Feed
from core.engine.metrics import Metrics
from core.engine.ring import ENGINE, Ring
from core.engine.syncing import Deed, Syncing
from core.engine.turns import Answer, Done, Entry, Turns
from core.messages import (
    Configure,
    Exited,
    Match,
    NotPlaced,
    RefusedError,
    Sampled,
    Started,
    Ticked,
    TreeEnded,
    Unreadable,
)
from core.settings import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.adapters.reading import Reader
    from core.effects import Outside
    from core.engine.reports import Reports
    from core.messages import Command, Message, Observation
    from core.ports import Hands, Store
    from core.rules.runs.state import Run
    from core.rules.step import Step
    from core.runs import Event
    from core.settings import Settings
    from core.troubles import Troubles

SHORTEST_PAUSE = 0.1
"""Seconds between two tries of a turn that the store keeps from its work."""
FINISH_DEADLINE = 5.0
"""Seconds that the disk has for the last answers when the engine ends."""
SHOWN_DAMAGED = 3
"""Rows of the store that are named one by one, if they cannot be read."""
EFFECT_PAUSES = (1.0, 4.0, 15.0, 60.0)
"""Seconds until something that was to be done outside, and met a bug, is tried again; after the last one it is left."""


class Engine:
    """Everything happens on one event loop; every message is one step of the rules."""

    def __init__(
        self,
        store: Store,
        reader: Reader,
        settings: Settings,
        reports: Reports,
        troubles: Troubles,
    ) -> None:
        self.settings = settings
        self.reports = reports
        self.troubles = troubles
        self.metrics = Metrics()
        self._now = time.time()
        self._ring = Ring(store, limits(settings), self._now, loads=False)
        self.world = self._ring.world
        self.store = store
        self.reader = reader
        self.feed = Feed(self.world, reader, self.head)
        self._turns = Turns(self._ring, reports, troubles, self._now)
        self._turns.on_read_again = self._note_what_was_read
        self._syncing = Syncing(store, reports, troubles)
        self._hands: Hands | None = None
        self._held_events: list[Event] | None = None
        self._turn_due = False
        self.loaded = asyncio.Event()
        """Set once the whole world is there: until then nothing is taken in, and only simple questions are answered."""
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None
        self._waiting: dict[int, list[asyncio.Future[None]]] = {}
        self._waiting_runs: dict[int, list[asyncio.Future[None]]] = {}
        self.problems: tuple[str, ...] = ()
        """Of the configuration file, while the last good one is in force."""
        self.workflow_problems: tuple[str, ...] = ()
        """Of the files in the folder of workflows, while they are passed over."""
        self.on_configured: Callable[[Settings], None] = lambda _: None
        self.on_surveyed: Callable[[], None] = lambda: None
        """Called once it is known what runs, before anything is started."""

    @property
    def hands(self) -> Hands:
        assert self._hands is not None, "the engine has no hands before `open`"
        return self._hands

    async def open(self, hands: Hands) -> None:
        """Finds out what became of everything that ran; after that the engine works."""
        self._hands = hands
        for _ in self._ring.loading(self._now):
            await asyncio.sleep(0)
        with self.contained("to find out what runs"):
            await hands.open(list(self.world.attempts.values()))
        with self.contained("to set old folders aside"):
            self.on_surveyed()
        self._note_what_was_read()
        self.loaded.set()
        self.post(Ticked())
        for event in self._ring.unmatched:
            self._match(event)

    def _note_what_was_read(self) -> None:
        self.feed.runs.count_afresh()
        for one in self._ring.damaged:
            if one.table == "attempt":
                self.post(Unreadable(int(one.id.partition("-")[0]), one.text))
        if self._ring.damaged:
            some = "; ".join(f"{one.table} {one.id}: {one.text}" for one in self._ring.damaged[:SHOWN_DAMAGED])
            more = len(self._ring.damaged) - SHOWN_DAMAGED
            text = f"rows of the database cannot be read and are passed over: {some}"
            self.troubles.note("rows", f"{text}; {more} more" if more > 0 else text)

    def hold_events(self) -> None:
        """Until `match_events`: what an event is to start may not be known yet, and it is matched only once."""
        self._held_events = []

    def match_events(self) -> None:
        held, self._held_events = self._held_events, None
        for event in held or ():
            self._match(event)

    def _match(self, event: Event) -> None:
        if self._held_events is not None:
            self._held_events.append(event)
        else:
            self.post(Match(event))

    async def finish(self) -> None:
        """Returns once everything that was decided has been handed on, or once the disk refuses it for too long."""
        await self._syncing.finish(FINISH_DEADLINE)

    def post(self, fact: Observation) -> None:
        self._take(Entry(fact, ENGINE, time.time(), None))

    def ask(self, wish: Command, who: str, answer: Callable[[Answer], None]) -> None:
        """The answer comes once the step is durable: the reply, or why it was refused."""
        self._take(Entry(wish, who, time.time(), answer))

    async def wish(self, wish: Command, who: str) -> object:
        """Like `ask`, to wait for; RefusedError where it was refused."""
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()

        def answer(given: Answer) -> None:
            if future.done():
                return
            if isinstance(given, RefusedError):
                future.set_exception(given)
            else:
                future.set_result(given)

        self.ask(wish, who, answer)
        return await future

    async def configure(self, settings: Settings) -> None:
        """They are in force when this returns."""
        self.settings = settings
        self.hands.configure(settings)
        self.on_configured(settings)
        await self.wish(Configure(limits(settings)), ENGINE)

    async def ended(self, tasks: tuple[int, ...]) -> None:
        """Returns once none of the tasks is live."""
        live = [task for task in tasks if task in self.world.tasks]
        futures = []
        for task in live:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(task, []).append(future)
            futures.append(future)
        if futures:
            await asyncio.gather(*futures)

    async def run_ended(self, run: int) -> None:
        """Returns once the run is over."""
        if run in self.world.runs:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting_runs.setdefault(run, []).append(future)
            await future

    def run(self, number: int) -> Run:
        """A run as it stands, live or ended. RefusedError where there is none."""
        found = self._ring.run(number)
        if found is None:
            raise RefusedError("not-found", f"there is no run {number}")
        return found

    def why_aside(self, task: int) -> list[str]:
        """What a bug keeps from being taken in of the task."""
        return self._turns.asides.of(task, time.time())

    @property
    def all_problems(self) -> list[str]:
        """Everything that a person should know of: one line each."""
        aside = self._turns.asides.words(time.time())
        return [*self.troubles.texts, *aside, *self.problems, *self.workflow_problems]

    def _take(self, entry: Entry) -> None:
        self._turns.inbox.append(entry)
        self._call_turn()

    def _call_turn(self) -> None:
        if not self._turn_due and self.loaded.is_set():
            self._turn_due = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._turn_due = False
        self._now = max(self._now, time.time())
        self.metrics.count_use(self.world, self._now)
        done = self._turns.take(self._now)
        committed = time.time()
        for one in done:
            with self.contained("to show what has changed"):
                self._show(one, committed)
        self._act(done)
        if self._turns.inbox and not self._turns.is_stuck:
            self._call_turn()
        self._set_timer()

    def _show(self, done: Done, committed: float) -> None:
        message, step = done.entry.message, done.step
        if isinstance(message, Exited):
            self.metrics.commit.add(committed - done.entry.arrived)
        if step is not None:
            self.feed.note(step)
            self._measure(message, step)
            self._tell_waiting(step)

    def _act(self, done: list[Done]) -> None:
        """Starts at once: the intent is on disk. What promises something to others waits until a power cut cannot
        take it back: answers, and the end of a session that still knows how its task ended.
        """
        later = [
            Deed(partial(one.entry.answer, one.given), partial(_not_safe, one.entry.answer))
            for one in done
            if one.entry.answer is not None
        ]
        for effect in (effect for one in done if one.step is not None for effect in one.step.effects):
            if isinstance(effect, ReleaseSession):
                later.append(Deed(partial(self._carry_out, effect)))
            elif isinstance(effect, MatchEvent):
                self._match(effect.event)
            else:
                self._carry_out(effect)
        self._syncing.after(later)

    def _carry_out(self, effect: Outside, times: int = 0) -> None:
        """What the rules wait for is answered, whatever happens; the rest is tried again a few times."""
        try:
            self.hands.carry_out(effect)
        except Exception as error:
            name = self.reports.write(f"to carry out {type(effect).__name__}", error, effect)
            words = f"a bug of muxdeck, report {name}"
            if isinstance(effect, Start):
                self.post(NotPlaced(effect.attempt, words))
            elif isinstance(effect, EndTree):
                self.post(TreeEnded(effect.attempt, (f"its processes: {words}",)))
            elif times < len(EFFECT_PAUSES):
                loop = asyncio.get_running_loop()
                loop.call_later(EFFECT_PAUSES[times], self._carry_out, effect, times + 1)

    @contextmanager
    def contained(self, doing: str) -> Iterator[None]:
        """What goes wrong inside is reported, and nothing else."""
        try:
            yield
        except Exception as error:
            self.reports.write(doing, error, None, self._turns.latest)

    def _measure(self, message: Message, step: Step) -> None:
        if isinstance(message, Started):
            attempt = step.attempts.get(message.attempt)
            if attempt is not None and message.pid is not None:
                self.metrics.start.add(message.at - attempt.cause_at)
        elif isinstance(message, Sampled):
            self.feed.note_looks(list(message.looks))

    def _tell_waiting(self, step: Step) -> None:
        futures: list[asyncio.Future[None]] = []
        for task in step.tasks.values() if self._waiting else ():
            if task.state.ended:
                futures += self._waiting.pop(task.id, ())
        for run in step.runs.values() if self._waiting_runs else ():
            if run.state.ended:
                futures += self._waiting_runs.pop(run.id, ())
        for future in futures:
            if not future.done():
                future.set_result(None)

    def _set_timer(self) -> None:
        due = min((at for at in (self.world.timers.next_at, self._turns.next_at) if at is not None), default=None)
        if due == self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = None, due
        if due is not None:
            # A turn that is stuck, or a timer that has met a bug, is not tried in a tight loop.
            delay = max(due - time.time(), SHORTEST_PAUSE if self._turns.is_stuck else 0.0)
            self._timer = asyncio.get_running_loop().call_later(delay, self._timer_fires)

    def _timer_fires(self) -> None:
        self._timer = self._timer_at = None
        if self._turns.is_stuck:
            self._call_turn()
        else:
            self.post(Ticked())

    @property
    def ended_tasks(self) -> int:
        return sum(count for state, count in self.world.counts.items() if state.ended)

    def head(self) -> dict[str, Any]:
        """The figures of the whole fleet: a document of its own."""
        world, metrics = self.world, self.metrics
        return {
            "counts": {state.value: count for state, count in world.counts.items() if count},
            "needs_you": sum(attempt.state == "waiting" for attempt in world.attempts.values()) + self.feed.runs.asking,
            "messages": self.reader.waiting_for_operator(time.time()),
            "slots": world.slots,
            "age_step": world.limits.age_step,
            "paused": world.paused,
            "utilisation": metrics.utilisation,
            "start": _latency(metrics.start),
            "creation": _latency(metrics.creation),
            "commit": _latency(metrics.commit),
            "engine_cpu": metrics.cpu,
            "silent_servers": sorted(world.silent),
            "problems": self.all_problems,
            "console": asdict(self.settings.console),
        }


def _not_safe(answer: Callable[[Answer], None], why: str) -> None:
    answer(RefusedError("failed", f"it was taken in, but is not safe on the disk yet: {why}"))


def _latency(latency: Any) -> dict[str, Any]:  # noqa: ANN401
    """Milliseconds."""
    p50, p99 = latency.percentile(0.5), latency.percentile(0.99)
    return {
        "p50": None if p50 is None else round(p50 * 1000, 2),
        "p99": None if p99 is None else round(p99 * 1000, 2),
        "count": latency.count,
        "latest": [round(sample * 1000, 2) for sample in list(latency.samples)[-24:]],
    }
