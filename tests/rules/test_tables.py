"""The rules by example: one message after the other, and what must follow."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from core import messages as m
from core.effects import CheckOutput, EndTree, ReleaseSession, SignalTree, Withdraw
from core.model import AgentMode, AttemptId, AttemptState, NeedKind, ProcessId, RetryPolicy, TaskState, Timeouts
from core.rules.decide import RULES
from core.rules.ending import exit_words, retry_delay
from core.rules.health import Thresholds, judge
from core.rules.queueing import satisfied
from core.settings import AgentLimits, Limits
from core.vitals import Health, HealthState, Vital
from tests.build import new
from tests.rules.table import Table

S = TaskState


def test_every_message_has_a_rule() -> None:
    assert set(RULES) == set(get_args(m.Command)) | set(get_args(m.Observation))


# What runs next


def test_what_came_first_goes_first_among_equals() -> None:
    table = Table(slots=1)
    ids = table.add(*(new() for _ in range(4)))
    order = [table.started()[0]]
    while len(order) < 4:
        table.exit(order[-1])
        order += table.started()
    assert order == ids


def test_a_higher_priority_goes_first_and_waiting_makes_up_for_a_lower_one() -> None:
    table = Table(slots=0, age_step=100.0)
    table.tell(m.PauseAll(True))
    (old,) = table.add(new(priority=0))
    table.now += 99
    (young,) = table.add(new(priority=1))
    table.now += 2
    (younger,) = table.add(new(priority=1))
    table.tell(m.PauseAll(False))
    assert table.started() == [young, old, younger]


def test_no_more_run_than_slots_groups_and_agents_allow() -> None:
    table = Table(slots=3, agents=(AgentLimits("local"), AgentLimits("one", 1)), groups=(("pair", 2),))
    ids = table.add(new(agent="one"), new(agent="one"), new(group="pair"), new(group="pair"), new(group="pair"))
    assert table.started() == [ids[0], ids[2], ids[3]]
    table.exit(ids[2])
    assert table.started() == [ids[4]]
    table.exit(ids[0])
    assert table.started() == [ids[1]]


def test_a_full_group_does_not_hold_up_the_others() -> None:
    table = Table(slots=2, groups=(("narrow", 1),))
    ids = table.add(new(group="narrow"), new(group="narrow", priority=9), new())
    assert table.started() == [ids[1], ids[2]]


def test_pauses_stop_starts_and_nothing_else() -> None:
    table = Table()
    (running,) = table.add()
    for pause, resume in (
        (m.PauseAll(True), m.PauseAll(False)),
        (m.SetGroup("default", paused=True), m.SetGroup("default", paused=False)),
        (m.SetAgentMode("local", AgentMode.PAUSED), m.SetAgentMode("local", AgentMode.ON)),
    ):
        table.tell(pause)
        (waiting,) = table.add()
        assert table.started() == []
        assert "paused" in table.why(waiting)
        assert table.state(running) is S.RUNNING
        table.tell(resume)
        assert table.started() == [waiting]
        table.exit(waiting)


def test_a_held_a_delayed_and_a_needing_task_wait_and_say_so() -> None:
    table = Table()
    held, delayed, parent = table.add(new(held=True), new(not_before=1060.0), new(held=True))
    (child,) = table.add(new(ok=(parent,)))
    assert "held" in table.why(held)
    assert "in 1m" in table.why(delayed)
    assert f"waits for {parent}" in table.why(child)
    table.later(60)
    assert table.started() == [delayed]
    table.tell(m.Release((held,)))
    assert table.started() == [held]


def test_start_now_passes_every_limit() -> None:
    table = Table(slots=1)
    _, parent = table.add(new(), new(held=True))
    (child,) = table.add(new(ok=(parent,), group="g", not_before=9e9, held=True))
    table.tell(m.SetGroup("g", paused=True))
    table.tell(m.StartNow((child,)))
    assert table.started() == [child]
    table.tell(m.Stop((parent,)))
    assert table.state(child) is S.RUNNING, "what it had needed means nothing to it now"


def test_two_tasks_change_places() -> None:
    table = Table(slots=1)
    ids = table.add(*(new() for _ in range(4)))
    table.tell(m.Swap(ids[1], ids[3]))
    order = [ids[0]]
    while len(order) < 4:
        table.exit(order[-1])
        order += table.started()
    assert order == [ids[0], ids[3], ids[2], ids[1]]


# Needs

ENDS = {
    S.SUCCEEDED: (True, True, False),
    S.FAILED: (False, True, True),
    S.TIMED_OUT: (False, True, True),
    S.LOST: (False, True, True),
    S.CANCELLED: (False, True, False),
    S.SKIPPED: (False, True, False),
    S.UPSTREAM_FAILED: (False, True, False),
    S.QUEUED: (None, None, None),
    S.RUNNING: (None, None, None),
}


@pytest.mark.parametrize("state", list(S))
def test_a_need_is_met_by_these_ends(state: TaskState) -> None:
    assert tuple(satisfied(kind, state) for kind in (NeedKind.OK, NeedKind.ANY, NeedKind.FAIL)) == ENDS[state]


def test_a_failure_stops_what_needs_success_however_deep_and_frees_what_waits_for_failure() -> None:
    table = Table()
    (parent,) = table.add()
    ok, any_, fail = table.add(new(ok=(parent,)), new(any_=(parent,)), new(fail=(parent,)))
    (grandchild,) = table.add(new(ok=(ok,)))
    (skipped,) = table.add(new(fail=(any_,)))
    table.exit(parent, 1)
    assert [table.state(task) for task in (ok, grandchild)] == [S.UPSTREAM_FAILED, S.UPSTREAM_FAILED]
    assert table.started() == [any_, fail]
    table.exit(any_)
    assert table.state(skipped) is S.SKIPPED


def test_a_join_is_released_once_by_its_last_parent() -> None:
    table = Table(slots=0)
    parents = table.add(*(new() for _ in range(3)))
    (join,) = table.add(new(ok=tuple(parents)))
    for parent in parents[:2]:
        table.exit(parent)
        assert table.started() == []
    table.exit(parents[2])
    assert table.started() == [join]
    table.tell(m.Exited(AttemptId(parents[0], 1), 0, table.now))
    assert table.started() == []


def test_a_retry_of_a_parent_revives_what_its_failure_had_stopped() -> None:
    table = Table()
    (parent,) = table.add()
    (child,) = table.add(new(ok=(parent,)))
    (grandchild,) = table.add(new(ok=(child,)))
    table.exit(parent, 1)
    with pytest.raises(m.RefusedError, match=f"retry {parent} first"):
        table.tell(m.Retry((child,)))
    assert table.tell(m.Retry((parent,))) == [parent, child, grandchild]
    assert table.state(parent) is S.RUNNING
    table.exit(parent)
    assert table.started() == [child]
    assert table.attempt(child).number == 1


def test_a_new_task_whose_parent_has_failed_already_is_stopped_at_once() -> None:
    table = Table()
    (parent,) = table.add()
    table.exit(parent, 1)
    child, other = table.add(new(ok=(parent,)), new(fail=(parent,)))
    assert table.state(child) is S.UPSTREAM_FAILED
    assert table.started() == [other]


def test_a_wish_with_a_fault_adds_nothing() -> None:
    table = Table()
    for faulty in (new(ok=(99,)), new(agent="nobody"), new(ok=(-1,), fail=(-1,))):
        with pytest.raises(m.RefusedError):
            table.add(new(), faulty)
    assert table.store.tasks == {}
    assert table.add() == [1]


def test_the_same_key_is_the_same_task() -> None:
    table = Table()
    assert table.add(new(key="k"), new(), new(key="k")) == [1, 2, 1]
    table.exit(1)
    assert table.add(new(key="k")) == [1]


# Ends and retries


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, "exit 0"), (1, "exit 1"), (137, "exit 137 (KILL)"), (143, "exit 143 (TERM)"), (250, "exit 250")],
)
def test_an_exit_code_in_words(code: int, words: str) -> None:
    assert exit_words(code) == words


def test_delays_grow_up_to_their_cap_and_spread_by_their_seed() -> None:
    policy = RetryPolicy(attempts=9, first=2.0, factor=3.0, cap=30.0, jitter=0.0)
    assert [retry_delay(policy, tries, "x") for tries in (1, 2, 3, 4, 5)] == [2, 6, 18, 30, 30]
    spread = RetryPolicy(first=10.0, jitter=0.5)
    delays = {retry_delay(spread, 1, f"{seed}-1") for seed in range(200)}
    assert len(delays) == 200
    assert min(delays) < 6
    assert max(delays) > 14
    assert all(5 <= delay <= 15 for delay in delays)
    assert retry_delay(spread, 1, "7-1") == retry_delay(spread, 1, "7-1")


def test_a_failure_is_tried_again_after_its_delay_and_a_person_starts_a_new_count() -> None:
    table = Table()
    (task,) = table.add(new(retry=RetryPolicy(attempts=2, first=10, jitter=0)))
    table.start(task)
    table.exit(task, 1)
    assert table.state(task) is S.QUEUED
    assert "exit 1; tries again in 10s" in table.why(task)
    table.later(10)
    assert table.started() == [task]
    table.exit(task, 1)
    assert table.state(task) is S.FAILED
    table.tell(m.Retry((task,)))
    table.exit(task, 1)
    assert table.state(task) is S.QUEUED
    assert table.store.tasks[task].attempts == 3


def test_codes_that_are_never_retried_and_lost_attempts_without_leave_are_final() -> None:
    table = Table()
    policy = RetryPolicy(attempts=5, never_exit=frozenset({2}))
    coded, lost = table.add(new(retry=policy), new(retry=policy))
    table.exit(coded, 2)
    assert table.state(coded) is S.FAILED
    table.tell(m.LauncherGone(table.attempt(lost), (), table.now))
    assert table.state(lost) is S.LOST
    (allowed,) = table.add(new(retry=RetryPolicy(attempts=2, first=1, lost=True)))
    table.tell(m.LauncherGone(table.attempt(allowed), (), table.now))
    assert table.state(allowed) is S.QUEUED


def test_a_policy_may_name_the_ends_after_which_it_is_tried_again() -> None:
    ends = {"failed": frozenset({"failed"}), "timed_out": frozenset({"timed_out"}), "lost": frozenset({"lost"})}
    for happens in ends:
        for named, on in ends.items():
            table = Table(slots=1)
            policy = RetryPolicy(attempts=2, first=1, on=on, lost=True)
            (task,) = table.add(new(retry=policy, timeouts=Timeouts(run=5)))
            table.start(task)
            if happens == "failed":
                table.exit(task, 1)
            elif happens == "lost":
                table.tell(m.LauncherGone(table.attempt(task), (), table.now))
            else:
                table.later(6)
                table.exit(task, 143)
                table.tell(m.TreeEnded(table.attempt(task), ()))
            assert table.state(task).value == ("queued" if happens == named else happens), (happens, named)


def test_news_that_come_late_or_twice_mean_nothing() -> None:
    table = Table()
    (task,) = table.add(new(retry=RetryPolicy(attempts=2, first=1)))
    first = table.attempt(task)
    table.start(task)
    table.exit(task, 1)
    table.later(2)
    for late in (
        m.Exited(first, 0, table.now),
        m.Started(first, 9, table.now),
        m.Placed(first, 1, 1, ProcessId(1, 1.0, "b")),
        m.LauncherGone(first, (), table.now),
        m.TreeEnded(first, ()),
        m.NotPlaced(first, "late"),
    ):
        table.tell(late)
    assert table.state(task) is S.RUNNING
    assert table.attempt(task).number == 2


def test_a_start_without_a_session_is_no_attempt_and_is_tried_again_less_and_less_often() -> None:
    table = Table()
    (task,) = table.add()
    pauses = []
    for _ in range(7):
        table.tell(m.NotPlaced(table.attempt(task), "tmux cannot be started"))
        assert "tmux cannot be started" in table.why(task)
        pauses.append(table.ring.world.tasks[task].not_before - table.now)
        table.later(pauses[-1])
        assert table.started() == [task]
    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    assert table.attempt(task).number == 1


def test_what_would_be_no_different_another_time_fails_at_once(table: Table) -> None:
    [task] = table.add(new())
    table.tell(m.NotPlaced(table.attempt(task), "there is nothing to go on with", hopeless=True))
    assert table.state(task) is TaskState.FAILED
    assert table.store.tasks[task].reason == "could not be started: there is nothing to go on with"


# Stops and limits


def test_stop_asks_waits_and_then_kills() -> None:
    table = Table()
    (task,) = table.add(new(timeouts=Timeouts(grace=5)))
    table.start(task)
    table.tell(m.Stop((task,)))
    assert table.effects == [SignalTree(table.attempt(task), 15)]
    table.later(5)
    assert table.effects == [EndTree(table.attempt(task))]
    table.tell(m.TreeEnded(table.attempt(task), ()))
    assert table.state(task) is S.RUNNING, "its exit status has not been told"
    table.exit(task, 137)
    assert table.state(task) is S.CANCELLED


def test_a_program_that_ends_when_asked_is_looked_after_before_its_task_has_ended() -> None:
    table = Table()
    (task,) = table.add()
    table.start(task)
    table.tell(m.Stop((task,)))
    table.exit(task, 0)
    assert table.effects == [EndTree(table.attempt(task))]
    assert table.state(task) is S.RUNNING
    attempt = table.attempt(task)
    table.tell(m.TreeEnded(attempt, ()))
    assert table.state(task) is S.CANCELLED
    assert table.effects == [ReleaseSession(attempt, failed=True)]


def test_what_cannot_be_ended_is_said_and_asked_again() -> None:
    table = Table()
    (task,) = table.add()
    table.start(task)
    table.tell(m.Stop((task,), now=True))
    table.tell(m.TreeEnded(table.attempt(task), ("process 7 (in a wait of the kernel)",)))
    assert "in a wait of the kernel" in table.why(task)
    table.later(5)
    assert table.effects == [EndTree(table.attempt(task))]


def test_an_attempt_that_has_not_begun_is_taken_back() -> None:
    table = Table()
    (task,) = table.add()
    attempt = table.attempt(task)
    table.tell(m.Stop((task,)))
    assert Withdraw(attempt) in table.effects
    table.tell(m.NotPlaced(attempt, "taken back"))
    assert table.state(task) is S.CANCELLED


def test_a_kill_of_an_ended_task_hunts_for_what_it_left() -> None:
    table = Table()
    (task,) = table.add()
    attempt = table.attempt(task)
    table.exit(task)
    with pytest.raises(m.RefusedError, match="ended already"):
        table.tell(m.Stop((task,)))
    table.tell(m.Stop((task,), now=True))
    assert table.effects == [EndTree(attempt)]
    assert table.state(task) is S.SUCCEEDED


@pytest.mark.parametrize(
    ("limits", "seconds", "outcome"),
    [
        (Timeouts(run=30), 30, S.QUEUED),
        (Timeouts(total=30), 30, S.TIMED_OUT),
        (Timeouts(idle=30), 30, S.QUEUED),
    ],
)
def test_a_limit_ends_an_attempt_and_the_policy_decides_about_another(
    limits: Timeouts, seconds: float, outcome: TaskState
) -> None:
    table = Table()
    (task,) = table.add(new(timeouts=limits, retry=RetryPolicy(attempts=2, first=1000)))
    table.start(task)
    table.later(seconds)
    if limits.idle:
        assert table.effects == [CheckOutput(table.attempt(task))]
        table.tell(m.OutputSeen(table.attempt(task), 0.0))
    assert table.effects == [SignalTree(table.attempt(task), 15)]
    attempt = table.attempt(task)
    table.exit(task, 143)
    table.tell(m.TreeEnded(attempt, ()))
    assert table.state(task) is outcome


def test_output_sets_the_idle_limit_back() -> None:
    table = Table()
    (task,) = table.add(new(timeouts=Timeouts(idle=30)))
    table.start(task)
    table.later(30)
    table.tell(m.OutputSeen(table.attempt(task), table.now - 10))
    table.later(19)
    assert table.effects == []
    table.later(1)
    assert table.effects == [CheckOutput(table.attempt(task))]


def test_a_task_that_waits_too_long_for_its_start_is_given_up() -> None:
    table = Table(slots=1)
    _, waiting = table.add(new(), new(timeouts=Timeouts(queue=60)))
    table.later(61)
    assert table.state(waiting) is S.TIMED_OUT
    assert "waited longer" in (table.store.tasks[waiting].reason or "")


# Health


def vital(**fields: Any) -> Vital:
    plain: dict[str, Any] = {
        "at": 1000.0, "cpu": 0.0, "cpu_seconds": 1.0, "memory": 1, "processes": 2, "threads": 2, "stopped": 0,
        "zombies": 0, "root": None, "launcher_alive": True, "last_output": None, "reads_terminal": False,
        "io_bytes": None,
    }  # fmt: skip
    return Vital(**(plain | fields))


@pytest.mark.parametrize(
    ("seen", "idle", "started", "state"),
    [
        ({}, 0, None, HealthState.STARTING),
        ({"cpu": 50.0}, 0, 900.0, HealthState.WORKING),
        ({}, 5, 900.0, HealthState.WORKING),
        ({}, 30, 900.0, HealthState.QUIET),
        ({}, 900, 1.0, HealthState.STUCK),
        ({"reads_terminal": True}, 1, 900.0, HealthState.WORKING),
        ({"reads_terminal": True}, 2, 900.0, HealthState.WAITING),
        ({"stopped": 2}, 900, 1.0, HealthState.STOPPED),
        ({"stopped": 1, "zombies": 1}, 0, 1.0, HealthState.STOPPED),
        ({"zombies": 2}, 0, 1.0, HealthState.ZOMBIE),
        ({"zombies": 2, "launcher_alive": False}, 0, 1.0, HealthState.GONE),
        ({"launcher_alive": False}, 0, 1.0, HealthState.ORPHANED),
        ({"launcher_alive": False, "processes": 0}, 0, 1.0, HealthState.GONE),
    ],
)
def test_the_word_for_what_a_look_found(seen: Any, idle: float, started: float | None, state: HealthState) -> None:
    found = judge(vital(**seen), started_at=started, last_work=1000.0 - idle, before=None, limits=Thresholds())
    assert found.state is state
    assert found.reason
    assert found.since == 1000.0


def test_a_state_that_stays_keeps_its_age() -> None:
    before = Health(HealthState.QUIET, "x", 800.0)
    found = judge(vital(), started_at=1.0, last_work=900.0, before=before, limits=Thresholds())
    assert (found.state, found.since) == (HealthState.QUIET, 800.0)


def test_an_attempt_waits_for_a_person_and_is_unknown_while_its_server_is_silent() -> None:
    table = Table()
    (task,) = table.add()
    table.start(task)
    asks = Health(HealthState.WAITING, "reads its terminal", 999.0)
    table.tell(m.Sampled({table.attempt(task): (vital(), asks)}))
    assert table.ring.world.attempts[task].state is AttemptState.WAITING
    table.tell(m.ServerSilent(0, 995.0))
    assert table.ring.world.attempts[task].state is AttemptState.UNKNOWN
    assert "not answered" in table.why(task)
    table.tell(m.ServerBack(0))
    assert table.ring.world.attempts[task].state is AttemptState.WAITING


def test_a_changed_configuration_counts_at_once() -> None:
    table = Table(slots=1)
    ids = table.add(*(new() for _ in range(4)))
    table.tell(m.Configure(Limits(slots=3)))
    assert table.started() == ids[1:3]
    table.tell(m.Configure(Limits(slots=1, groups=(("default", 2),))))
    with pytest.raises(m.RefusedError, match="configuration"):
        table.tell(m.SetGroup("default", limit=9))
