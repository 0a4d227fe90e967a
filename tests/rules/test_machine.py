"""Random wishes and random news (late, twice, out of order, with restarts) leave no task lost and none run twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core import messages as m
from core.effects import CheckOutput, EndTree, HandMail, Start
from core.engine.ring import Ring
from core.interactive.ladder import Reading
from core.interactive.signals import Source, State
from core.kinds.result import Result
from core.model import AgentMode, AttemptId, Need, NeedKind, ProcessId, RetryPolicy, TaskState, Timeouts, Wanted
from core.rules.checks import faults
from core.settings import AgentLimits, Limits, MaySettings
from core.speech import Address, Mail, Recipient, ReportKind
from core.vitals import Health, HealthState, Vital
from tests.build import new
from tests.fakes import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.effects import Effect

AGENTS = (
    AgentLimits("local", may=MaySettings(spawn=3, depth=2, per_minute=2)),
    AgentLimits("other", 1),
    AgentLimits("ada", 1, "claude", frozenset({"claude", "review"})),
    AgentLimits("bob", 2, "codex", frozenset({"codex", "review"}), run=15.0),
)
LIMITS = Limits(slots=5, age_step=10.0, agents=AGENTS, groups=(("narrow", 1),))
WANTED = [
    Wanted(None, frozenset(), prompts=True),
    Wanted(None, frozenset({"review"}), prompts=True),
    Wanted(None, frozenset({"claude"}), prompts=True),
    Wanted("bob", frozenset(), prompts=True),
    Wanted("bob"),
]
"""The last one is refused: an agent for prompts is asked to run a command."""
POLICIES = [
    {},
    {"retry": RetryPolicy(attempts=3, first=5, never_exit=frozenset({2}), lost=True)},
    {"timeouts": Timeouts(queue=30, run=20, idle=7, total=60, grace=5)},
    {"retry": RetryPolicy(attempts=2, first=1), "timeouts": Timeouts(run=10, grace=1)},
]


class Fleet(RuleBasedStateMachine):
    """The outside is a set of sessions: what was told to start, what began, what ended and was not yet told."""

    def __init__(self) -> None:
        super().__init__()
        self.store = self.new_store()
        self.now = 1000.0
        self.reopen()
        self.asked: list[AttemptId] = []
        self.begun: set[AttemptId] = set()
        self.over: set[AttemptId] = set()
        self.trees: list[AttemptId] = []
        self.outputs: list[AttemptId] = []
        self.kept: set[int] = set()
        self.readers: dict[int, AttemptId | None] = {}
        self.mailbox: dict[int, Mail] = {}
        self.succeeded: set[AttemptId] = set()

    def new_store(self) -> MemoryStore:
        return MemoryStore()

    def reopen(self) -> None:
        """An engine that begins with what the store has."""
        self.ring = Ring(self.store, LIMITS, self.now)

    def tell(self, message: m.Message) -> Any:
        try:
            step = self.ring.apply(message, self.now)
        except m.RefusedError as refused:
            assert str(refused)
            return None
        self.carry_out(step.effects)
        return step.reply

    def carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Start(attempt):
                    assert attempt not in self.asked, "an attempt was started twice"
                    running = {one for one in self.begun - self.over if one.task == attempt.task}
                    assert not running, "a task runs twice at once"
                    self.asked.append(attempt)
                case EndTree(attempt):
                    self.trees.append(attempt)
                case CheckOutput(attempt):
                    self.outputs.append(attempt)
                case HandMail(attempt, mail):
                    self.delivered(attempt, [one.id for one in mail])

    def some_task(self, number: int) -> int:
        return 1 + number % max(self.ring.world.next_task - 1, 1)

    def some_attempt(self, number: int) -> AttemptId:
        live = [attempt.id for attempt in self.ring.world.attempts.values()]
        return live[number % len(live)] if live and number % 4 else AttemptId(number, 1)

    tasks = st.lists(st.integers(0, 30), min_size=1, max_size=3)

    @rule(
        parents=st.lists(st.tuples(st.integers(0, 30), st.sampled_from(list(NeedKind))), max_size=3),
        policy=st.sampled_from(POLICIES),
        place=st.sampled_from([("default", "local"), ("narrow", "local"), ("default", "other"), ("narrow", "other")]),
        priority=st.integers(-2, 2),
        held=st.booleans(),
        delay=st.sampled_from([0.0, 0.0, 5.0]),
        key=st.sampled_from([None, None, "a", "b"]),
    )
    def add(self, parents: Any, policy: Any, place: Any, priority: int, held: bool, delay: float, key: Any) -> None:
        needs = tuple(Need(self.some_task(number), kind) for number, kind in parents if self.ring.world.next_task > 1)
        before = self.ring.world.next_task
        one = new(
            group=place[0], agent=place[1], priority=priority, held=held, key=key,
            not_before=self.now + delay if delay else 0.0, **policy,
        )  # fmt: skip
        ids = self.tell(m.Add((m.NewTask(one.spec, needs), m.NewTask(new().spec, (Need(-1, NeedKind.OK),)))))
        if ids is not None:
            self.kept.update(ids)
            assert max(ids) == self.ring.world.next_task - 1 >= before

    @rule(
        wanted=st.sampled_from(WANTED),
        affinity=st.sampled_from([None, "/a", "/b"]),
        policy=st.sampled_from(POLICIES),
        place=st.sampled_from(["default", "narrow"]),
    )
    def prompt(self, wanted: Wanted, affinity: str | None, policy: Any, place: str) -> None:
        one = new(wanted=wanted, affinity=affinity, group=place, **policy)
        self.kept.update(self.tell(m.Add((one, one))) or ())

    @rule(agent=st.sampled_from(["ada", "bob"]), mode=st.sampled_from(list(AgentMode)), works=st.booleans())
    def change_agent(self, agent: str, mode: AgentMode, works: bool) -> None:
        self.tell(m.SetAgentMode(agent, mode))
        fact = m.Probed(agent, None, "not a version that is known") if works else m.Probed(agent, "it is not there")
        self.tell(fact)

    @rule(tasks=tasks)
    def retry(self, tasks: list[int]) -> None:
        self.tell(m.Retry(tuple({self.some_task(number) for number in tasks})))

    @rule(tasks=tasks, now=st.booleans())
    def stop(self, tasks: list[int], now: bool) -> None:
        self.tell(m.Stop(tuple({self.some_task(number) for number in tasks}), now))

    @rule(tasks=tasks, verb=st.sampled_from([m.Hold, m.Release, m.StartNow]))
    def handle(self, tasks: list[int], verb: Any) -> None:
        self.tell(verb(tuple({self.some_task(number) for number in tasks})))

    @rule(one=st.integers(0, 30), other=st.integers(0, 30), priority=st.integers(-3, 3))
    def order(self, one: int, other: int, priority: int) -> None:
        self.tell(m.SetPriority((self.some_task(one),), priority))
        if self.some_task(one) != self.some_task(other):
            self.tell(m.Swap(self.some_task(one), self.some_task(other)))

    @rule(task=st.integers(0, 30), place=st.sampled_from([("default", "other"), ("narrow", "local")]))
    def edit(self, task: int, place: Any) -> None:
        self.tell(m.Edit(self.some_task(task), new(group=place[0], agent=place[1], priority=1).spec))

    @rule(paused=st.booleans(), what=st.sampled_from(["all", "group", "agent", "limit"]))
    def pause(self, paused: bool, what: str) -> None:
        match what:
            case "all":
                self.tell(m.PauseAll(paused))
            case "group":
                self.tell(m.SetGroup("narrow", paused=paused))
            case "agent":
                self.tell(m.SetAgentMode("other", AgentMode.PAUSED if paused else AgentMode.ON))
            case _:
                self.tell(m.SetGroup("default", limit=2 if paused else 0))

    @rule(keep=st.integers(0, 2))
    def clean(self, keep: int) -> None:
        gone = self.tell(m.Clean(tuple(self.store.cleanable(None, keep))))
        self.kept -= set(gone or ())

    @precondition(lambda self: self.asked)
    @rule(
        pick=st.integers(0, 99),
        news=st.sampled_from(["placed", "started", "exited", "gone", "not placed"]),
        code=st.sampled_from([0, 0, 1, 2, 143]),
        told=st.sampled_from([None, "ok", "error", "limit", "auth", "denied"]),
    )
    def news(self, pick: int, news: str, code: int, told: str | None) -> None:
        attempt = self.asked[pick % len(self.asked)]
        match news:
            case "placed":
                self.tell(m.Placed(attempt, server=0, slot=pick, launcher=ProcessId(10, 1.0, "b")))
            case "not placed" if attempt not in self.begun and attempt not in self.over:
                self.asked.remove(attempt)
                self.tell(m.NotPlaced(attempt, "no tmux"))
            case "started" if attempt not in self.over:
                self.begun.add(attempt)
                self.tell(m.Started(attempt, pid=20, at=self.now))
            case "exited":
                self.begun.add(attempt)
                self.over.add(attempt)
                result = None if told is None else Result(told, "said so", retry_at=self.now + 20)
                live = self.ring.world.attempt(attempt) is not None
                self.tell(m.Exited(attempt, code, self.now, result))
                if live and self.store.tasks[attempt.task].state is TaskState.SUCCEEDED:
                    self.succeeded.add(attempt)
            case "gone":
                self.over.add(attempt)
                self.tell(m.LauncherGone(attempt, (), self.now))

    @precondition(lambda self: self.trees)
    @rule(pick=st.integers(0, 99), left=st.sampled_from([(), ("4711 (in a wait of the kernel)",)]))
    def tree_ended(self, pick: int, left: Any) -> None:
        attempt = self.trees.pop(pick % len(self.trees))
        self.tell(m.TreeEnded(attempt, left))

    @precondition(lambda self: self.outputs)
    @rule(silent=st.booleans())
    def output(self, silent: bool) -> None:
        self.tell(m.OutputSeen(self.outputs.pop(), self.now - (100 if silent else 1)))

    @rule(
        pick=st.integers(0, 99),
        kind=st.sampled_from(list(ReportKind)),
        typed=st.booleans(),
    )
    def report(self, pick: int, kind: ReportKind, typed: bool) -> None:
        """Also by those that are over, or were never there."""
        attempt = self.some_attempt(pick)
        self.tell(m.Report(attempt, kind, "said so"))
        if typed:
            self.tell(m.Typed(attempt))
        self.tell(m.Forged(str(attempt), "report"))

    @rule(
        pick=st.integers(0, 99),
        told=st.sampled_from(["ok", "ok", "error", "limit", "denied"]),
        state=st.sampled_from([State.WORKING, State.PERMISSION, State.READY]),
    )
    def turn(self, pick: int, told: str, state: State) -> None:
        """What an interactive agent is seen to do; also of those that are over."""
        attempt = self.some_attempt(pick)
        self.tell(m.TurnEnded(attempt, Result(told, "said so", retry_at=self.now + 20)))
        self.tell(m.AgentSeen(attempt, Reading(state, Source.SCREEN, self.now, self.now, "seen")))

    @rule(
        pick=st.integers(0, 99),
        sender=st.booleans(),
        to=st.sampled_from([("agent", "ada"), ("group", "narrow"), ("operator", ""), ("task", None), ("agent", "x")]),
        ttl=st.sampled_from([None, 5.0]),
    )
    def send(self, pick: int, sender: bool, to: Any, ttl: float | None) -> None:
        name = str(self.some_task(pick)) if to[1] is None else to[1]
        attempt = self.some_attempt(pick) if sender else None
        self.tell(m.Send(attempt, Address(Recipient(to[0]), name), "text", ttl))

    @rule(pick=st.integers(0, 99), operator=st.booleans(), acknowledges=st.booleans())
    def collect(self, pick: int, operator: bool, acknowledges: bool) -> None:
        reader = None if operator else self.some_attempt(pick)
        if reader is not None and self.ring.world.attempt(reader) is not None:
            self.begun.add(reader)
        taken = {mail.id: mail for mail in self.tell(m.Collect(reader)) or ()}
        self.delivered(reader, taken)
        if acknowledges and taken:
            assert self.tell(m.Acknowledge(reader, tuple(taken))) is not None

    def delivered(self, reader: AttemptId | None, mail: Iterable[int]) -> None:
        for id_ in mail:
            known = self.mailbox.get(id_)
            assert known is None or known.acked_at is None, "acknowledged mail was delivered"
            assert id_ not in self.readers or self.goes_on(self.readers[id_], reader), "mail was delivered twice"
            self.readers[id_] = reader

    def goes_on(self, earlier: AttemptId | None, later: AttemptId | None) -> bool:
        """Whether the later one is an attempt of the same task after a failure of the earlier one."""
        if earlier is None or later is None or earlier.task != later.task:
            return False
        between = {earlier._replace(number=number) for number in range(earlier.number, later.number)}
        return bool(between) and not between & self.succeeded

    @rule(keep=st.integers(0, 3))
    def forget(self, keep: int) -> None:
        """Also what waits, or may come again, is named."""
        before = dict(self.store.mailbox)
        found = self.store.spent_mail(self.ring.world.next_mail - keep, self.now)
        named = [id_ for id_ in before if id_ < self.ring.world.next_mail - keep]
        assert self.tell(m.ForgetMail(tuple(named))) == found, "the store and the rules disagree"
        assert {id_ for id_ in before if before[id_].state(self.now) == "waiting"} <= set(self.store.mailbox)

    @invariant()
    def mail_changes_hands_as_it_may(self) -> None:
        """From waiting to a reader, back where that one never began, on to the next attempt after a failure."""
        for id_, mail in self.store.mailbox.items():
            before = self.mailbox.get(id_)
            if before is None or before.taken_by in (None, mail.taken_by):
                continue
            assert before.taken_by != "operator"
            had = AttemptId.parse(before.taken_by)
            if mail.taken_by is None:
                assert had not in self.begun, "somebody has read it"
            else:
                assert self.goes_on(had, AttemptId.parse(mail.taken_by))
        self.mailbox = dict(self.store.mailbox)

    @rule(pick=st.integers(0, 99), count=st.integers(1, 2))
    def spawn(self, pick: int, count: int) -> None:
        self.kept.update(self.tell(m.Spawn(self.some_attempt(pick), (new(),) * count)) or ())

    @rule(silent=st.booleans(), state=st.sampled_from(list(HealthState)))
    def watch(self, silent: bool, state: HealthState) -> None:
        self.tell(m.ServerSilent(0, self.now - 1) if silent else m.ServerBack(0))
        vital = Vital(self.now, 1.0, 1.0, 1, 1, 1, 0, 0, None, True, None, False, None)
        looks = {attempt: (vital, Health(state, "seen", self.now)) for attempt in self.asked}
        self.tell(m.Sampled(looks))

    @rule(seconds=st.sampled_from([0.5, 3.0, 12.0, 40.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.tell(m.Ticked())

    @rule()
    def restart(self) -> None:
        """The engine is gone and comes back from what it had kept; what it had asked for may or may not have begun."""
        self.trees.clear()
        self.outputs.clear()
        self.reopen()
        self.tell(m.Ticked())

    @invariant()
    def nothing_is_wrong(self) -> None:
        assert faults(self.ring.world, self.now) == []

    @invariant()
    def families_stay_within_what_they_may(self) -> None:
        origins = [task.origin for task in self.store.tasks.values() if task.origin is not None]
        assert all(origin.depth <= 2 for origin in origins)
        assert all([origin.by for origin in origins].count(origin.by) <= 3 for origin in origins)

    @invariant()
    def nothing_is_lost(self) -> None:
        assert self.kept == set(self.store.tasks)
        live = {task.id for task in self.store.tasks.values() if not task.state.ended}
        assert live == set(self.ring.world.tasks)

    @invariant()
    def counts_of_the_ended_are_right(self) -> None:
        for state in TaskState:
            counted = sum(task.state is state for task in self.store.tasks.values())
            assert self.ring.world.counts[state] == counted

    def teardown(self) -> None:
        """Once everything is free and every program ends well, everything comes to an end."""
        self.tell(m.PauseAll(paused=False))
        self.tell(m.SetGroup("narrow", paused=False))
        for name in ("other", "ada", "bob"):
            self.tell(m.SetAgentMode(name, AgentMode.ON))
            self.tell(m.Probed(name, None))
        for _ in range(200):
            world = self.ring.world
            held = tuple(task.id for task in world.tasks.values() if task.held and task.state is TaskState.QUEUED)
            if held:
                self.tell(m.Release(held))
            for attempt in [one.id for one in world.attempts.values()]:
                self.over.add(attempt)
                self.tell(m.Exited(attempt, 0, self.now, Result("ok")))
                self.tell(m.TreeEnded(attempt, ()))
            if not world.tasks:
                break
            self.now += 10
            self.tell(m.Ticked())
        assert not self.ring.world.tasks, "something never ended"


TestFleet = Fleet.TestCase
TestFleet.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
