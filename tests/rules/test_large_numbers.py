"""Counts of any size: pauses stay at their cap, and starts that never succeed have an end."""

from __future__ import annotations

import signal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import messages as m
from core.bounds import MAX_ATTEMPTS, MAX_FACTOR
from core.effects import SignalTree
from core.kinds.result import Result
from core.messages import RefusedError
from core.model import Outcome, RetryPolicy, TaskState, Wanted
from core.rules.breaking import LONGEST_PAUSE
from core.rules.ending import exit_words, retry_delay
from core.rules.pauses import capped_growth
from core.rules.placing import MOST_TRIES
from core.settings import AgentLimits
from core.signal_names import signal_name, signal_number
from tests.build import new
from tests.rules.table import Table


@given(st.floats(0, 3e9), st.floats(1, MAX_FACTOR), st.integers(0, 300), st.floats(0, 3e9))
def test_a_pause_is_the_power_or_its_cap(first: float, factor: float, times: int, cap: float) -> None:
    exact = min(Fraction(first) * Fraction(factor) ** times, Fraction(cap))
    assert capped_growth(first, factor, times, cap) == pytest.approx(float(exact))


@pytest.mark.parametrize("tries", [1, 2, 1024, 1025, 2000, MAX_ATTEMPTS, 10**9])
@pytest.mark.parametrize(
    ("first", "factor"), [(0.0, 2.0), (5.0, 2.0), (0.0, MAX_FACTOR), (1e-9, MAX_FACTOR), (1.0, 1.0)]
)
def test_any_number_of_tries_has_a_pause(first: float, factor: float, tries: int) -> None:
    pause = retry_delay(RetryPolicy(attempts=MAX_ATTEMPTS, first=first, factor=factor, cap=300.0), tries, "1-1")
    assert 0 <= pause <= 330


def test_two_thousand_tries_and_then_it_has_failed() -> None:
    table = Table()
    (task,) = table.add(new(retry=RetryPolicy(attempts=2000, first=0.0)))
    for _ in range(2000):
        table.start(task)
        table.exit(task, 1)
    assert table.state(task) is TaskState.FAILED
    assert table.ring.world.tasks.get(task) is None or table.ring.world.tasks[task].tries == 2000


def test_an_agent_that_fails_for_ever_is_tried_after_the_longest_pause() -> None:
    table = Table(slots=0, agents=(AgentLimits("local"), AgentLimits("ada", 1, "claude", frozenset({"claude"}))))
    table.ring.world.agents["ada"].breaker.openings = 5000
    (task,) = table.add(new(wanted=Wanted("ada", frozenset(), prompts=True)))
    table.start(task)
    table.tell(m.Exited(table.attempt(task), 1, table.now, result=Result(Outcome.AUTH, "not logged in")))
    until = table.ring.world.agents["ada"].breaker.until
    assert until is not None
    assert until - table.now == LONGEST_PAUSE


@pytest.mark.parametrize(("cause", "tries"), sorted(MOST_TRIES.items()))
def test_a_start_that_never_succeeds_ends_in_words(cause: str, tries: int) -> None:
    table = Table()
    (task,) = table.add()
    for count in range(tries):
        assert table.state(task) is not TaskState.FAILED, count
        table.tell(m.NotPlaced(table.attempt(task), "no repository", cause=cause))  # type: ignore[arg-type]
        table.later(31)
    assert table.state(task) is TaskState.FAILED
    reason = table.store.tasks[task].reason
    assert reason == f"could not be started in {tries:,} tries: no repository; mend that, then muxdeck retry {task}"


def test_a_task_whose_turn_has_not_come_waits_as_long_as_it_takes() -> None:
    table = Table()
    (task,) = table.add()
    for _ in range(max(MOST_TRIES.values()) + 10):
        table.tell(m.NotPlaced(table.attempt(task), "task 7 works in its worktree", cause="turn"))
        table.later(31)
    assert table.started() == [task]


def test_a_start_that_succeeds_forgets_the_tries_before() -> None:
    table = Table()
    (task,) = table.add(new(retry=RetryPolicy(attempts=3, first=0.0)))
    for _ in range(2):
        for _ in range(MOST_TRIES["task"] - 1):
            table.tell(m.NotPlaced(table.attempt(task), "no repository", cause="task"))
            table.later(31)
        table.start(task)
        table.exit(task, 1)
    assert table.state(task) is TaskState.RUNNING


@pytest.mark.parametrize("number", [1, 9, 32, 33, 34, 35, 50, 63, 64])
def test_every_signal_of_the_system_is_sent_and_named(number: int) -> None:
    table = Table()
    (task,) = table.add()
    table.start(task)
    if signal_name(number) is None:
        with pytest.raises(RefusedError, match=f"there is no signal {number}"):
            table.tell(m.SendSignal((task,), number))
    else:
        table.tell(m.SendSignal((task,), number))
        assert table.effects == [SignalTree(table.attempt(task), number)]


@pytest.mark.parametrize("number", [0, -1, signal.NSIG, 10**9])
def test_no_signal_is_made_up(number: int) -> None:
    assert signal_name(number) is None
    assert signal_number(str(number)) is None


def test_signals_are_named_both_ways() -> None:
    for number in range(1, signal.NSIG):
        name = signal_name(number)
        assert name is not None
        if number not in (32, 33):
            assert signal_number(name) == number
        assert signal_number(str(number)) == number
    assert signal_number("term") == signal_number("SIGTERM") == 15
    assert [signal_number(word) for word in ("", "SIG", "RTMIN-9", "RTMIN+99", "9" * 5000, "NOPE", "٣")] == [None] * 7


def test_the_exit_code_of_a_real_time_signal_is_named() -> None:
    assert exit_words(128 + 35) == "exit 163 (RTMIN+1)"
    assert exit_words(255) == "exit 255"
