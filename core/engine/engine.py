"""The engine: messages in, one transaction a turn, then answers, changes and effects out."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from core.effects import MatchEvent, ReleaseSession
from core.engine.feed import Feed
from core.engine.metrics import Metrics
from core.engine.ring import ENGINE, Ring
from core.engine.syncing import Syncing
from core.messages import Add, Configure, Exited, Match, Message, RefusedError, Sampled, Started, Ticked
from core.settings import limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.adapters.reading import Reader
    from core.effects import Effect
    from core.messages import Command, Observation
    from core.ports import Hands, Store
    from core.rules.runs.state import Run
    from core.rules.step import Step
    from core.runs import Event
    from core.settings import Settings

MOST_IN_A_TURN = 256
"""Messages that share a transaction; the rest waits for the next turn, so that answers come in time."""
REMEMBERED = 50
"""Latest messages kept for the report of a bug."""

Answer = object | RefusedError


class Entry(NamedTuple):
    message: Message
    who: str
    arrived: float
    answer: Callable[[Answer], None] | None


class Engine:
    """Everything happens on one event loop; every message is one step of the rules."""

    def __init__(self, store: Store, reader: Reader, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self._now = time.time()
        self._ring = Ring(store, limits(settings), self._now)
        self.world = self._ring.world
        self.store = store
        self.reader = reader
        self.feed = Feed(self.world, reader, self.head)
        self.latest: deque[object] = deque(maxlen=REMEMBERED)
        self._syncing = Syncing(store)
        self._inbox: deque[Entry] = deque()
        self._hands: Hands | None = None
        self._held_events: list[Event] | None = None
        self._turn_due = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None
        self._waiting: dict[int, list[asyncio.Future[None]]] = {}
        self._waiting_runs: dict[int, list[asyncio.Future[None]]] = {}
        self.problems: tuple[str, ...] = ()
        """Of the configuration file, while the last good one is in force."""
        self.workflow_problems: tuple[str, ...] = ()
        """Of the files in the folder of workflows, while they are passed over."""
        self.on_configured: Callable[[Settings], None] = lambda _: None

    @property
    def hands(self) -> Hands:
        assert self._hands is not None, "the engine has no hands before `open`"
        return self._hands

    async def open(self, hands: Hands) -> None:
        """Finds out what became of everything that ran; after that the engine works."""
        self._hands = hands
        await hands.open(list(self.world.attempts.values()))
        self.post(Ticked())
        for event in self._ring.unmatched:
            self._match(event)

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
        """Returns once everything that was decided has been handed on."""
        await self._syncing.finish()

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

    def _take(self, entry: Entry) -> None:
        self._inbox.append(entry)
        self._call_turn()

    def _call_turn(self) -> None:
        if not self._turn_due and self._hands is not None:
            self._turn_due = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._turn_due = False
        self._now = max(self._now, time.time())
        self.metrics.count_use(self.world, self._now)
        answers: list[tuple[Callable[[Answer], None], Answer]] = []
        effects: list[Effect] = []
        exits: list[float] = []
        for _ in range(min(len(self._inbox), MOST_IN_A_TURN)):
            entry = self._inbox.popleft()
            given = self._step(entry, effects)
            if entry.answer is not None:
                answers.append((entry.answer, given))
            if isinstance(entry.message, Exited):
                exits.append(entry.arrived)
        self.store.commit()
        committed = time.time()
        for arrived in exits:
            self.metrics.commit.add(committed - arrived)
        self._act(effects, answers)
        if self._inbox:
            self._call_turn()
        self._set_timer()

    def _step(self, entry: Entry, effects: list[Effect]) -> Answer:
        self.latest.append(_remembered(entry.message))
        try:
            step = self._ring.apply(entry.message, self._now, who=entry.who, cause_at=entry.arrived)
        except RefusedError as refused:
            return refused
        effects.extend(step.effects)
        self.feed.note(step)
        self._measure(entry.message, step)
        self._tell_waiting(step)
        return step.reply

    def _act(self, effects: list[Effect], answers: list[tuple[Callable[[Answer], None], Answer]]) -> None:
        """Starts at once: the intent is on disk. What promises something to others waits until a power cut cannot
        take it back: answers, and the end of a session that still knows how its task ended.
        """
        later: list[Callable[[], None]] = [partial(answer, given) for answer, given in answers]
        for effect in effects:
            if isinstance(effect, ReleaseSession):
                later.append(partial(self.hands.carry_out, effect))
            elif isinstance(effect, MatchEvent):
                self._match(effect.event)
            else:
                self.hands.carry_out(effect)
        self._syncing.after(later)

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
        due = self.world.timers.next_at
        if due == self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = None, due
        if due is not None:
            delay = max(due - time.time(), 0.0)
            self._timer = asyncio.get_running_loop().call_later(delay, self._timer_fires)

    def _timer_fires(self) -> None:
        self._timer = self._timer_at = None
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
            "problems": [*self.problems, *self.workflow_problems],
            "console": asdict(self.settings.console),
        }


def _remembered(message: Message) -> object:
    """The message, or, of one that may be large, what it was about."""
    match message:
        case Add(tasks):
            return f"Add of {len(tasks)}, the first: {tasks[0]!r:.200}" if tasks else message
        case Sampled(looks):
            return f"Sampled, {len(looks)} attempts"
    return message


def _latency(latency: Any) -> dict[str, Any]:  # noqa: ANN401
    """Milliseconds."""
    p50, p99 = latency.percentile(0.5), latency.percentile(0.99)
    return {
        "p50": None if p50 is None else round(p50 * 1000, 2),
        "p99": None if p99 is None else round(p99 * 1000, 2),
        "count": latency.count,
        "latest": [round(sample * 1000, 2) for sample in list(latency.samples)[-24:]],
    }
