"""Both stores keep the same: what a step says is what comes back."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from core import messages as m
from core.adapters.store import SqliteStore, StoreError
from core.engine.ring import Ring
from core.kinds.result import Result
from core.model import (
    AgentMode,
    AttemptId,
    Launch,
    Need,
    NeedKind,
    Origin,
    Policy,
    ProcessId,
    RetryPolicy,
    TaskState,
    Timeouts,
)
from core.settings import AgentLimits, Limits, MaySettings
from core.speech import Address, Mail, Recipient, ReportKind, Told
from tests.build import add, new

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.ports import Store

LIMITS = Limits(slots=2, agents=(AgentLimits("local", may=MaySettings(spawn=2)), AgentLimits("other", 1)))


def ring(store: Store, now: float = 100.0) -> Ring:
    return Ring(store, LIMITS, now)


def test_a_task_comes_back_as_it_was_asked_for(reopen: Callable[[], Store]) -> None:
    store = reopen()
    launch = Launch(("a", "\udc80b"), False, "/x\udcff", (("K", "v\udc81"), ("L", "")), "/in", 0o077)
    asked = new(
        "näme",
        launch=launch,
        group="g",
        agent="other",
        priority=3,
        held=True,
        not_before=500.0,
        key="k",
        retry=RetryPolicy(attempts=3, never_exit=frozenset({2, 3}), on=frozenset({"failed", "lost"})),
        timeouts=Timeouts(queue=1, idle=2),
    )
    ring(store).apply(add(asked), 100.0)
    store.commit()
    store = reopen()
    assert store.spec(1) == asked.spec
    assert store.launch(1) == launch
    world = ring(store).world
    task = world.tasks[1]
    assert (task.group, task.agent, task.priority, task.held, task.not_before) == ("g", "other", 3, True, 500.0)
    assert task.policy == Policy(asked.spec.policy.retry, asked.spec.policy.timeouts)
    assert world.next_task == 2


def test_an_attempt_comes_back_with_how_it_is_to_end(reopen: Callable[[], Store]) -> None:
    store = reopen()
    before = ring(store)
    before.apply(add(), 100.0)
    before.apply(m.Placed(AttemptId(1, 1), 2, 17, ProcessId(9, 1.5, "b")), 101.0)
    before.apply(m.Started(AttemptId(1, 1), 33, 101.5), 102.0)
    before.apply(m.Stop((1,)), 103.0)
    store.commit()
    attempt = ring(reopen(), 104.0).world.attempts[1]
    assert (attempt.server, attempt.slot, attempt.launcher) == (2, 17, ProcessId(9, 1.5, "b"))
    assert (attempt.pid, attempt.started_at) == (33, 101.5)
    assert attempt.ending is not None
    assert attempt.ending.outcome is TaskState.CANCELLED


def test_a_withdrawn_attempt_is_as_if_it_had_not_been(reopen: Callable[[], Store]) -> None:
    store = reopen()
    before = ring(store)
    before.apply(add(), 100.0)
    before.apply(m.NotPlaced(AttemptId(1, 1), "no tmux"), 101.0)
    store.commit()
    world = ring(reopen(), 101.5).world
    assert world.attempts == {}
    assert world.tasks[1].attempts == 0


def test_needs_that_were_met_stay_met_and_all_come_back_for_a_retry(reopen: Callable[[], Store]) -> None:
    store = reopen()
    before = ring(store)
    before.apply(m.Add((new(held=True), new(held=True), new("child", ok=(-1, -2)))), 100.0)
    before.apply(m.Stop((2,)), 101.0)
    store.commit()
    store = reopen()
    again = ring(store, 102.0)
    assert store.states([1, 2, 3]) == {
        1: TaskState.QUEUED,
        2: TaskState.CANCELLED,
        3: TaskState.UPSTREAM_FAILED,
    }
    assert again.apply(m.Retry((2,)), 103.0).reply == [2, 3]
    needs = again.world.tasks[3].needs
    assert sorted(needs) == [Need(1, NeedKind.OK), Need(2, NeedKind.OK)]


def test_keys_find_their_tasks_over_restarts(reopen: Callable[[], Store]) -> None:
    store = reopen()
    ring(store).apply(add(new(key="once")), 100.0)
    store.commit()
    store = reopen()
    assert store.by_key(["once", "never"]) == {"once": 1}
    assert ring(store).apply(add(new(key="once"), new()), 101.0).reply == [1, 2]


def test_only_what_nothing_needs_can_be_cleaned_the_latest_are_kept(reopen: Callable[[], Store]) -> None:
    store = reopen()
    fleet = ring(store)
    fleet.apply(m.Add(tuple(new(held=True) for _ in range(4))), 100.0)
    fleet.apply(m.Add((new("child", ok=(1,), held=True),)), 100.0)
    for task in (1, 2, 3, 4):
        fleet.apply(m.Stop((task,)), 100.0 + task)
    assert store.cleanable(None, 0) == [5, 2, 3, 4], "the first stands in the way of its child"
    assert store.cleanable(None, 2) == [5, 2]
    assert store.cleanable(103.0, 0) == [5, 2, 3]
    fleet.apply(m.Clean((2, 3)), 110.0)
    assert store.states([1, 2, 3, 4]) == {1: TaskState.CANCELLED, 4: TaskState.CANCELLED}


def test_groups_agents_and_the_switch_over_everything_come_back(reopen: Callable[[], Store]) -> None:
    store = reopen()
    fleet = ring(store)
    fleet.apply(m.SetGroup("g", paused=True, limit=3), 100.0)
    fleet.apply(m.SetAgentMode("other", AgentMode.PAUSED), 100.0)
    fleet.apply(m.PauseAll(True), 100.0)
    store.commit()
    world = ring(reopen()).world
    assert (world.groups["g"].paused, world.groups["g"].limit) == (True, 3)
    assert world.agents["other"].mode is AgentMode.PAUSED
    assert world.paused


def test_what_was_not_committed_is_not_there_after_a_crash(tmp_path) -> None:
    store = SqliteStore(tmp_path / "db")
    fleet = ring(store)
    fleet.apply(add(), 100.0)
    store.commit()
    fleet.apply(add(), 101.0)
    with closing(SqliteStore(tmp_path / "db")) as copy:
        assert [task.id for task in copy.load().tasks] == [1]
    store.close()


def test_a_store_of_another_schema_is_refused_with_what_to_do(tmp_path) -> None:
    store = SqliteStore(tmp_path / "db")
    store.db.execute("UPDATE meta SET value = '99' WHERE name = 'schema'")
    store.close()
    with pytest.raises(StoreError, match="schema 99"):
        SqliteStore(tmp_path / "db")


def test_mail_reports_and_origins_come_back(reopen: Callable[[], Store]) -> None:
    store = reopen()
    before = ring(store)
    before.apply(add(), 100.0)
    before.apply(m.Started(AttemptId(1, 1), 33, 101.0), 101.0)
    before.apply(m.Report(AttemptId(1, 1), ReportKind.ASK, "which “ä”?"), 102.0)
    before.apply(m.Typed(AttemptId(1, 1)), 103.0)
    before.apply(m.Spawn(AttemptId(1, 1), (new(), new())), 104.0)
    before.apply(m.Send(AttemptId(1, 1), Address(Recipient.OPERATOR), "a\nb", 60.0), 105.0)
    store.commit()
    store = reopen()
    world = ring(store, 106.0).world
    assert world.attempts[1].told == Told(ReportKind.ASK, "which “ä”?", 102.0, answered=True)
    assert world.attempts[1].spawned == (104.0, 104.0)
    assert [task.origin for task in world.tasks.values()] == [None, *[Origin(AttemptId(1, 1), 1, 1)] * 2]
    assert world.next_mail == 2
    sent = Mail(1, 105.0, AttemptId(1, 1), Address(Recipient.OPERATOR), "a\nb", 165.0)
    assert store.mail([1, 2]) == [sent]


def test_mail_waits_until_it_is_taken_or_over(reopen: Callable[[], Store]) -> None:
    store = reopen()
    fleet = ring(store)
    fleet.apply(add(), 100.0)
    task, operator = Address(Recipient.TASK, "1"), Address(Recipient.OPERATOR)
    for to, ttl in ((operator, None), (task, 10.0), (task, None), (operator, 5.0)):
        fleet.apply(m.Send(None, to, "x", ttl), 100.0)

    def waiting(now: float, *to: Address) -> list[int]:
        return [mail.id for mail in store.waiting_mail(to, now)]

    assert waiting(104.0, task, operator) == [1, 2, 3, 4]
    assert waiting(105.0, operator) == [1]
    assert waiting(110.0, task) == [3]
    taken = fleet.apply(m.Collect(AttemptId(1, 1)), 107.0).reply
    assert store.mail_of("1-1") == taken == store.mail([2, 3])
    assert waiting(107.0, task) == []
    fleet.apply(m.Acknowledge(AttemptId(1, 1), (3,)), 108.0)
    assert [mail.acked_at for mail in store.mail([2, 3])] == [None, 108.0]
    fleet.apply(m.Exited(AttemptId(1, 1), 0, 109.0), 109.0)
    fleet.apply(m.Clean((1,)), 110.0)
    assert [mail.id for mail in store.mail([1, 2, 3, 4])] == [1, 4]


def test_mail_is_handed_out_by_the_hundred(reopen: Callable[[], Store]) -> None:
    store = reopen()
    fleet = ring(store)
    for _ in range(250):
        fleet.apply(m.Send(None, Address(Recipient.OPERATOR), "x"), 100.0)
    taken = [[mail.id for mail in fleet.apply(m.Collect(None), 101.0).reply] for _ in range(4)]
    assert [len(part) for part in taken] == [100, 100, 50, 0]
    assert [id_ for part in taken for id_ in part] == list(range(1, 251))


def test_what_earlier_attempts_had_taken_is_found_until_it_is_acknowledged(reopen: Callable[[], Store]) -> None:
    store = reopen()
    fleet = ring(store)
    fleet.apply(add(new(retry=RetryPolicy(attempts=3, first=1, jitter=0)), new()), 100.0)
    for number, to in enumerate(("1", "1", "2", "1")):
        fleet.apply(m.Send(None, Address(Recipient.TASK, to), str(number)), 100.0)
    fleet.apply(m.Collect(AttemptId(2, 1)), 101.0)
    fleet.apply(m.Collect(AttemptId(1, 1)), 101.0)
    fleet.apply(m.Acknowledge(AttemptId(1, 1), (2,)), 101.0)
    fleet.apply(m.Exited(AttemptId(1, 1), 1, 102.0), 102.0)
    fleet.apply(m.Ticked(), 103.0)
    store.commit()
    store = reopen()
    assert [mail.id for mail in store.taken_before(AttemptId(1, 2))] == [1, 4]
    assert store.taken_before(AttemptId(1, 1)) == store.taken_before(AttemptId(2, 1)) == []
    assert [(one.id, one.exit_code) for one in store.attempts_of(1)] == [(AttemptId(1, 1), 1), (AttemptId(1, 2), None)]
    assert [mail.id for mail in ring(store, 104.0).apply(m.Collect(AttemptId(1, 2)), 104.0).reply] == [1, 4]
    assert store.taken_before(AttemptId(1, 2)) == []
    assert [mail.id for mail in store.taken_before(AttemptId(1, 11))] == [1, 4]


def test_spent_mail_is_found_and_forgotten(reopen: Callable[[], Store]) -> None:
    store = reopen()
    fleet = ring(store)
    fleet.apply(add(new(), new()), 100.0)
    one, two, operator = Address(Recipient.TASK, "1"), Address(Recipient.TASK, "2"), Address(Recipient.OPERATOR)
    for to, ttl in ((one, None), (two, None), (operator, None), (one, 5.0), (Address(Recipient.AGENT, "other"), None)):
        fleet.apply(m.Send(None, to, "x", ttl), 100.0)
    assert store.spent_mail(9, 104.0) == []
    assert store.spent_mail(9, 105.0) == [4]
    for reader in (AttemptId(1, 1), AttemptId(2, 1), None):
        fleet.apply(m.Collect(reader), 106.0)
    assert store.spent_mail(9, 106.0) == [3, 4], "tasks 1 and 2 live"
    fleet.apply(m.Acknowledge(AttemptId(1, 1), (1,)), 107.0)
    fleet.apply(m.Exited(AttemptId(2, 1), 1, 107.0), 107.0)
    assert store.spent_mail(9, 107.0) == [1, 2, 3, 4]
    assert store.spent_mail(3, 107.0) == [1, 2]
    fleet.apply(m.Clean((2,)), 108.0)
    fleet.apply(m.ForgetMail((1, 3, 5, 77)), 108.0)
    store.commit()
    store = reopen()
    assert [mail.id for mail in store.mail(list(range(10)))] == [4, 5]
    assert ring(store).world.next_mail == 6


def test_what_a_family_has_cost_is_told_over_all_its_attempts(reopen: Callable[[], Store]) -> None:
    store = reopen()
    fleet = ring(store)
    fleet.apply(add(new(), new(held=True)), 100.0)
    fleet.apply(m.Spawn(AttemptId(1, 1), (new(),)), 101.0)
    assert store.family_cost(1) == 0.0
    fleet.apply(m.Exited(AttemptId(3, 1), 0, 102.0, Result("ok", cost=0.5)), 102.0)
    fleet.apply(m.Exited(AttemptId(1, 1), 1, 103.0, Result("error", cost=0.25)), 103.0)
    assert (store.family_cost(1), store.family_cost(2)) == (0.75, 0.0)
