"""Which agent a task goes to, who takes it from whom, and what an agent's failures mean."""

from __future__ import annotations

from typing import Any

import pytest

from core import messages as m
from core.kinds.result import Result
from core.model import AgentMode, RetryPolicy, TaskState, Timeouts, Wanted
from core.rules.breaking import FAILOVERS, FAILURES, LIMITS, LONGEST_PAUSE, PAUSES
from core.rules.routing import AFFINITY_PATIENCE, MOVED_AT_ONCE
from core.settings import AgentLimits, Limits
from core.vitals import Health, HealthState, Vital
from tests.build import new
from tests.rules.table import Table

S = TaskState
ANY = Wanted(None, frozenset(), prompts=True)
REVIEW = Wanted(None, frozenset({"review"}), prompts=True)


def agent(name: str, slots: int = 1, *capabilities: str, kind: str = "claude", **limits: Any) -> AgentLimits:
    return AgentLimits(name, slots, kind, frozenset({kind, *capabilities}), **limits)


def table(*agents: AgentLimits) -> Table:
    return Table(slots=0, agents=(AgentLimits("local"), *agents))


def prompt(wanted: Wanted = ANY, **fields: Any) -> m.NewTask:
    return new(wanted=wanted, **fields)


def places(table: Table, tasks: list[int]) -> list[str]:
    return [table.ring.world.tasks[task].agent for task in tasks]


def test_an_idle_agent_takes_from_every_list_that_it_can_do() -> None:
    fleet = table(agent("ada", 1, "review"), agent("bob", 2, "review"))
    fleet.tell(m.Probed("bob", "it is not installed"))
    running, *waiting = fleet.add(prompt(), prompt(), prompt(REVIEW), prompt(REVIEW))
    assert places(fleet, [running, *waiting]) == ["ada"] * 4
    fleet.tell(m.Probed("bob", None))
    assert [fleet.state(task) for task in waiting].count(S.RUNNING) == 2, "both of its slots have work"


def test_a_task_goes_where_its_capabilities_are() -> None:
    fleet = table(agent("ada"), agent("bob", 1, "review"))
    assert places(fleet, fleet.add(prompt(REVIEW), prompt(REVIEW))) == ["bob", "bob"]


def test_load_is_what_an_agent_has_for_each_of_its_slots() -> None:
    fleet = table(agent("ada", 1), agent("bob", 3))
    assert sorted(places(fleet, fleet.add(*[prompt()] * 8))) == ["ada"] * 2 + ["bob"] * 6


def test_the_warm_agent_goes_before_one_with_less_to_do() -> None:
    fleet = table(agent("ada", 4), agent("bob", 4))
    (first,) = fleet.add(prompt(affinity="/repo"))
    (other,) = fleet.add(prompt(affinity="/elsewhere"))
    assert places(fleet, [first, other]) == ["ada", "bob"]
    fleet.exit(other, 0, Result("ok"))
    assert places(fleet, fleet.add(prompt(affinity="/repo"), prompt(affinity="/elsewhere"))) == ["ada", "bob"]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Wanted(None, frozenset({"gpu"}), prompts=True), "no agent that takes prompts has all of: gpu"),
        (Wanted(None, frozenset({"review"})), "no agent that takes commands has all of: review"),
        (Wanted("nobody", prompts=True), "there is no agent 'nobody'"),
        (Wanted("local", prompts=True), "agent local takes commands, and this is a prompt"),
        (Wanted("ada"), "agent ada takes prompts, and this is a command"),
    ],
)
def test_what_nobody_could_ever_run_is_refused(wanted: Wanted, words: str) -> None:
    with pytest.raises(m.RefusedError, match=words):
        table(agent("ada")).add(prompt(wanted))


def test_without_an_agent_for_prompts_it_is_said_what_is_missing() -> None:
    with pytest.raises(m.RefusedError, match=r"the configuration needs an \[agent.NAME\] with a kind"):
        table().add(prompt())


# Balance


def test_an_idle_agent_takes_what_would_go_last_of_the_most_loaded() -> None:
    fleet = table(agent("ada", 1), agent("bob", 1, "review"))
    reviews = fleet.add(*[prompt(REVIEW)] * 9)
    assert set(places(fleet, reviews)) == {"bob"}
    fleet.limits = Limits(slots=0, agents=(AgentLimits("local"), agent("ada", 1, "review"), agent("bob", 1, "review")))
    fleet.tell(m.Configure(fleet.limits))
    assert places(fleet, reviews) == ["bob"] * 5 + ["ada"] * 4, "half of what waits, from its end"
    assert fleet.state(reviews[5]) is S.RUNNING, "of those that it took, the first goes first"


def test_a_step_moves_no_more_than_a_handful() -> None:
    fleet = table(agent("ada", 1))
    tasks = fleet.add(*[prompt()] * 1000)
    fleet.tell(m.Configure(Limits(slots=0, agents=(*fleet.limits.agents, agent("bob", 1)))))
    assert places(fleet, tasks).count("bob") == MOVED_AT_ONCE


def test_a_task_that_named_its_agent_is_nobody_else_s() -> None:
    fleet = table(agent("ada"), agent("bob"))
    tasks = fleet.add(*[prompt(Wanted("ada", prompts=True))] * 3)
    assert places(fleet, tasks) == ["ada"] * 3
    assert [fleet.state(task) for task in tasks] == [S.RUNNING, S.QUEUED, S.QUEUED]


def test_affinity_yields_after_a_while() -> None:
    fleet = table(agent("ada"), agent("bob"))
    (first,) = fleet.add(prompt(affinity="/repo"))
    (second,) = fleet.add(prompt(affinity="/repo"))
    assert places(fleet, [first, second]) == ["ada", "ada"], "bob is idle, and cold"
    fleet.later(AFFINITY_PATIENCE + 1)
    assert places(fleet, [second]) == ["bob"]
    assert fleet.state(second) is S.RUNNING


@pytest.mark.parametrize("mode", [AgentMode.PAUSED, AgentMode.DRAINING])
def test_what_waits_for_an_agent_that_starts_nothing_goes_to_others(mode: AgentMode) -> None:
    fleet = table(agent("ada"), agent("bob"))
    running = fleet.add(prompt(affinity="/repo"), prompt(affinity="/other"))
    (waiting,) = fleet.add(prompt(affinity="/repo"))
    pinned = fleet.add(prompt(Wanted("ada", prompts=True)))
    fleet.tell(m.SetAgentMode("ada", mode))
    fleet.exit(running[1], 0, Result("ok"))
    assert places(fleet, [waiting, *pinned]) == ["bob", "ada"]
    assert f"its agent ada is {mode}" in fleet.why(pinned[0])


def test_a_paused_group_is_not_carried_about() -> None:
    fleet = table(agent("ada"), agent("bob"))
    fleet.tell(m.SetGroup("g", paused=True))
    tasks = fleet.add(*[prompt(group="g")] * 4)
    before = places(fleet, tasks)
    fleet.later(1)
    assert places(fleet, tasks) == before
    fleet.tell(m.SetGroup("g", paused=False))
    assert [fleet.state(task) for task in tasks].count(S.RUNNING) == 2


def test_why_shows_how_the_agents_stand() -> None:
    fleet = table(agent("ada"), agent("bob"))
    fleet.add(prompt(affinity="/repo"))
    fleet.add(prompt(affinity="/other"))
    (waiting,) = fleet.add(prompt(affinity="/repo"))
    assert "routed to ada, among ada (warm, load 2.0); bob (load 1.0)" in fleet.why(waiting)


# Failures


def test_a_limit_hands_the_task_on_and_the_agent_rests_until_it_is_over() -> None:
    fleet = table(agent("ada"), agent("bob"))
    (task,) = fleet.add(prompt(affinity="/repo"))
    fleet.exit(task, 71, Result("limit", "5-hour limit reached", retry_at=fleet.now + 5000))
    assert places(fleet, [task]) == ["bob"]
    assert fleet.state(task) is S.RUNNING
    assert fleet.ring.world.tasks[task].tries == 1, "the fault was not the task's"
    rest = fleet.add(*[prompt()] * 2)
    assert places(fleet, rest) == ["bob", "bob"]
    (pinned,) = fleet.add(prompt(Wanted("ada", prompts=True)))
    assert "starts nothing until a try in 1h: 5-hour limit reached" in fleet.why(pinned)
    fleet.restart()
    fleet.later(4990)
    assert fleet.state(pinned) is S.QUEUED, "also after a restart"
    fleet.later(20)
    assert fleet.state(pinned) is S.RUNNING, "the time is over: one is tried"


def test_one_probe_decides_whether_an_agent_is_back() -> None:
    fleet = table(agent("ada", 3))
    (task,) = fleet.add(prompt())
    fleet.exit(task, 72, Result("auth", "not logged in"))
    assert fleet.state(task) is S.QUEUED, "nothing is lost"
    fleet.add(prompt(), prompt())
    pause = PAUSES["auth"]
    fleet.later(pause + 1)
    assert len(fleet.started()) == 1
    fleet.exit(fleet.started()[0], 72, Result("auth", "not logged in"))
    fleet.later(pause + 1)
    assert fleet.started() == [], "the second pause is longer"
    fleet.later(pause + 1)
    (probe,) = fleet.started()
    fleet.exit(probe, 0, Result("ok"))
    assert len(fleet.started()) == 2, "all its slots are open again"


def test_failures_in_a_row_open_the_breaker_and_a_success_in_between_does_not() -> None:
    fleet = table(agent("ada"))
    for outcome in ["error"] * (FAILURES - 1) + ["ok"] + ["error"] * (FAILURES - 1):
        (task,) = fleet.add(prompt())
        assert fleet.state(task) is S.RUNNING
        fleet.exit(task, outcome != "ok", Result(outcome, "x"))
    assert fleet.ring.world.agents["ada"].breaker.until is None
    (task,) = fleet.add(prompt())
    fleet.exit(task, 1, Result("error", "API error 500"))
    (waiting,) = fleet.add(prompt())
    assert "API error 500" in fleet.why(waiting)
    fleet.tell(m.SetAgentMode("ada", AgentMode.ON))
    assert fleet.state(waiting) is S.RUNNING, "the operator says that it is well again"


def test_a_denial_says_nothing_about_the_agent() -> None:
    fleet = table(agent("ada"))
    for _ in range(5):
        (task,) = fleet.add(prompt())
        fleet.exit(task, 70, Result("denied", "Bash(rm -rf /)"))
        assert fleet.state(task) is S.FAILED
        assert fleet.store.tasks[task].reason == "denied: Bash(rm -rf /)"
    assert fleet.ring.world.agents["ada"].breaker.failures == 0


def test_a_task_does_not_go_round_for_ever() -> None:
    fleet = table(agent("ada"))
    (task,) = fleet.add(prompt())
    for _ in range(FAILOVERS):
        fleet.exit(task, 72, Result("auth", "no"))
        assert fleet.state(task) is S.QUEUED
        fleet.later(LONGEST_PAUSE + 1)
    fleet.exit(task, 72, Result("auth", "no"))
    assert fleet.state(task) is S.FAILED


def test_another_try_that_went_elsewhere_is_not_taken_back_by_whoever_failed() -> None:
    fleet = table(agent("ada", 1), agent("bob", 1))
    busy, task = fleet.add(prompt(), prompt(retry=RetryPolicy(attempts=2, first=1.0, elsewhere=True)))
    assert places(fleet, [busy, task]) == ["ada", "bob"]
    fleet.start(busy)
    fleet.start(task)
    fleet.exit(task, 1)
    fleet.later(2.0)
    assert (places(fleet, [task]), fleet.state(task)) == (["ada"], S.QUEUED)
    fleet.exit(busy)
    fleet.later(1.0)
    assert fleet.state(task) is S.RUNNING
    assert fleet.ring.world.attempts[task].agent == "ada"


@pytest.mark.parametrize(("elsewhere", "then"), [(False, "ada"), (True, "bob")])
def test_another_try_goes_elsewhere_where_the_policy_says_so(elsewhere: bool, then: str) -> None:
    fleet = table(agent("ada", 9), agent("bob", 1))
    (task,) = fleet.add(prompt(affinity="/r", retry=RetryPolicy(attempts=2, first=1.0, elsewhere=elsewhere)))
    fleet.exit(task, 1, Result("error", "x"))
    assert places(fleet, [task]) == [then]


def test_an_agent_whose_program_is_missing_starts_nothing_and_says_why() -> None:
    fleet = table(agent("ada"))
    fleet.tell(m.Probed("ada", "claude is not installed: npm install -g @anthropic-ai/claude-code"))
    (task,) = fleet.add(prompt())
    assert "its agent ada cannot run: claude is not installed" in fleet.why(task)
    fleet.tell(m.Probed("ada", None))
    assert fleet.state(task) is S.RUNNING


def test_an_agent_whose_version_nobody_has_tried_is_used_and_says_so() -> None:
    fleet = table(agent("ada"))
    (task,) = fleet.add(prompt())
    fleet.tell(m.Probed("ada", None, "Claude Code 9.9 is not one that was tested"))
    ada = fleet.ring.world.agents["ada"]
    assert (fleet.state(task), ada.unusable, ada.doubt) == (
        S.RUNNING,
        None,
        "Claude Code 9.9 is not one that was tested",
    )
    fleet.tell(m.Probed("ada", None))
    assert ada.doubt is None


def test_limits_of_the_agent_hold_where_the_task_has_none() -> None:
    fleet = table(agent("ada", 2, run=10.0))
    own, other = fleet.add(prompt(timeouts=Timeouts(run=100.0)), prompt())
    fleet.start(own)
    fleet.start(other)
    fleet.later(11)
    assert fleet.ring.world.attempts[own].ending is None
    assert fleet.ring.world.attempts[other].ending is not None


def test_an_attempt_that_uses_too_much_memory_is_ended_and_tried_again_by_its_policy() -> None:
    fleet = table(agent("ada", 2, memory=1 << 20))
    (task,) = fleet.add(prompt(retry=RetryPolicy(attempts=2, first=1.0)))
    fleet.start(task)
    for used in (1 << 20, (1 << 20) + 1):
        vital = Vital(fleet.now, 1.0, 1.0, used, 1, 1, 0, 0, None, True, None, False, None)
        fleet.tell(m.Sampled({fleet.attempt(task): (vital, Health(HealthState.WORKING, "x", fleet.now))}))
        assert (fleet.ring.world.attempts[task].ending is not None) is (used > 1 << 20)
    fleet.exit(task, 143)
    fleet.tell(m.TreeEnded(fleet.attempt(task), ()))
    assert fleet.state(task) is S.QUEUED
    assert "used 1.0M of memory, more than 1.0M" in str(fleet.store.tasks[task].reason)
    assert fleet.ring.world.agents["ada"].breaker.failures == 0


def test_use_is_counted_while_there_is_work() -> None:
    fleet = table(agent("ada", 2))
    (task,) = fleet.add(prompt())
    fleet.now += 10
    more = fleet.add(*[prompt()] * 3)
    fleet.now += 10
    for one in (task, more[0]):
        fleet.exit(one, 0, Result("ok"))
    assert fleet.ring.world.agents["ada"].utilisation == pytest.approx(1.0)


def test_a_success_that_was_begun_before_does_not_close_the_breaker() -> None:
    fleet = table(agent("ada", 2))
    early, limited = fleet.add(prompt(), prompt())
    fleet.exit(limited, 71, Result("limit", "used up", retry_at=fleet.now + 300))
    fleet.exit(early, 0, Result("ok"))
    assert fleet.state(early) is S.SUCCEEDED
    assert fleet.started() == [], "the limit stands"
    fleet.later(301)
    assert fleet.started() == [limited]
    fleet.exit(limited, 0, Result("ok"))
    assert fleet.ring.world.agents["ada"].breaker.until is None


def test_limits_are_waited_out_for_days() -> None:
    fleet = table(agent("ada"))
    (task,) = fleet.add(prompt())
    for _ in range(LIMITS):
        fleet.exit(task, 71, Result("limit", "used up"))
        assert fleet.state(task) is S.QUEUED
        fleet.later(LONGEST_PAUSE + 1)
    fleet.exit(task, 0, Result("ok"))
    assert fleet.state(task) is S.SUCCEEDED


def test_an_end_without_a_word_is_no_success_of_a_prompt_and_no_failure_of_its_agent() -> None:
    fleet = table(agent("ada"))
    (task,) = fleet.add(prompt())
    fleet.tell(m.Exited(fleet.attempt(task), 0, fleet.now))
    assert fleet.state(task) is S.FAILED
    assert fleet.store.tasks[task].reason == "error: its program ended before its turn had"
    assert fleet.ring.world.agents["ada"].breaker.failures == 0


def test_what_waits_for_something_is_no_work_that_an_agent_could_have_done() -> None:
    fleet = table(agent("ada", 2))
    (first,) = fleet.add(prompt())
    fleet.add(prompt(held=True), prompt(ok=[first]))
    fleet.later(10)
    fleet.exit(first)
    assert fleet.ring.world.agents["ada"].utilisation == 1.0
