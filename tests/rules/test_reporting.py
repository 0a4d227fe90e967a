"""What attempts report about themselves, and what becomes of it; tasks that they add."""

from __future__ import annotations

from typing import Any

import pytest

from core import messages as m
from core.kinds.result import Result
from core.model import AttemptId, AttemptState, Need, NeedKind, RetryPolicy, TaskState, Wanted
from core.settings import AgentLimits, Limits, MaySettings
from core.speech import Address, Recipient, ReportKind
from core.vitals import Health, HealthState, Vital
from tests.build import new
from tests.rules.table import Table

S, K = TaskState, ReportKind


@pytest.fixture
def table() -> Table:
    made = Table()
    made.add(new())
    made.start(1)
    return made


def report(table: Table, kind: ReportKind, text: str, task: int = 1) -> None:
    table.tell(m.Report(table.attempt(task), kind, text))


def stands(table: Table, task: int = 1) -> tuple[AttemptState, str | None]:
    attempt = table.store.attempts[table.attempt(task)]
    return attempt.state, attempt.reason


def look(table: Table, state: HealthState) -> None:
    vital = Vital(table.now, 1.0, 1.0, 1, 1, 1, 0, 0, None, True, None, False, None)
    table.tell(m.Sampled({table.attempt(1): (vital, Health(state, "seen", table.now))}))


def test_progress_is_the_reason_of_the_row_and_told_with_its_age(table: Table) -> None:
    report(table, K.PROGRESS, "half of it")
    table.later(12)
    assert stands(table) == (AttemptState.RUNNING, "reports: half of it")
    assert "reports: half of it, 12s ago" in table.why(1)
    assert table.why(1).count("half of it") == 1
    report(table, K.PROGRESS, "all of it")
    assert stands(table) == (AttemptState.RUNNING, "reports: all of it")


def test_a_question_waits_for_a_person_whatever_the_processes_do(table: Table) -> None:
    report(table, K.ASK, "which one?")
    for state in (HealthState.WORKING, HealthState.STUCK, HealthState.WORKING):
        look(table, state)
        assert stands(table) == (AttemptState.WAITING, "asks: which one?")
    table.restart()
    look(table, HealthState.WORKING)
    assert stands(table) == (AttemptState.WAITING, "asks: which one?")


@pytest.mark.parametrize("end", ["report", "typed", "mail"])
def test_a_question_is_over_with_the_next_word_of_either_side(table: Table, end: str) -> None:
    report(table, K.ASK, "which one?")
    match end:
        case "report":
            report(table, K.PROGRESS, "the first")
        case "typed":
            table.tell(m.Typed(table.attempt(1)))
        case _:
            table.tell(m.Send(None, Address(Recipient.GROUP, "default"), "to whom it may concern"))
            table.tell(m.Collect(table.attempt(1)))
            assert stands(table)[0] is AttemptState.WAITING, "that was not meant for it alone"
            table.tell(m.Send(None, Address(Recipient.TASK, "1"), "the first"))
            table.tell(m.Collect(table.attempt(1)))
    assert stands(table) == (AttemptState.RUNNING, "reports: the first" if end == "report" else None)
    look(table, HealthState.WAITING)
    assert stands(table) == (AttemptState.WAITING, "seen"), "the terminal may ask too"


def test_a_silent_server_hides_a_question_only_while_it_is_silent(table: Table) -> None:
    report(table, K.ASK, "which one?")
    table.tell(m.ServerSilent(0, table.now))
    assert stands(table)[0] is AttemptState.UNKNOWN
    table.tell(m.ServerBack(0))
    assert stands(table) == (AttemptState.WAITING, "asks: which one?")


def test_a_report_may_come_before_the_news_of_the_start() -> None:
    table = Table()
    table.add(new())
    report(table, K.ASK, "so soon?")
    assert stands(table)[0] is AttemptState.PLACED
    table.start(1)
    assert stands(table) == (AttemptState.WAITING, "asks: so soon?")


@pytest.mark.parametrize(
    ("kind", "code", "state", "reason"),
    [
        (K.DONE, 0, S.SUCCEEDED, "reported: 7 files"),
        (K.DONE, 3, S.FAILED, "exit 3"),
        (K.FAIL, 0, S.FAILED, "reported: 7 files"),
        (K.FAIL, 3, S.FAILED, "exit 3"),
        (K.PROGRESS, 0, S.SUCCEEDED, None),
        (K.ASK, 0, S.SUCCEEDED, None),
    ],
)
def test_the_end_after_a_report(table: Table, kind: ReportKind, code: int, state: TaskState, reason: str) -> None:
    report(table, kind, "7 files")
    table.exit(1, code)
    assert (table.state(1), table.store.tasks[1].reason) == (state, reason)


def test_the_last_report_counts_and_a_failure_is_tried_again() -> None:
    table = Table()
    table.add(new(retry=RetryPolicy(attempts=2, first=1.0)))
    table.start(1)
    report(table, K.DONE, "well")
    report(table, K.FAIL, "not well after all")
    table.exit(1, 0)
    assert table.state(1) is S.QUEUED
    table.later(5)
    table.exit(1, 0)
    assert table.state(1) is S.SUCCEEDED, "a new attempt has reported nothing yet"


def test_a_report_is_one_inert_line(table: Table) -> None:
    report(table, K.PROGRESS, " \x1b[2J\n[b]" + "x" * 1000)
    told = table.store.attempts[AttemptId(1, 1)].told
    assert told is not None
    assert told.text.startswith("␛[2J␊[b]x")
    assert len(told.text) == 500
    with pytest.raises(m.RefusedError, match="a report has a text"):
        report(table, K.PROGRESS, " \n")


def test_who_is_over_may_not_act(table: Table) -> None:
    over = table.attempt(1)
    table.exit(1)
    for wish in (
        m.Report(over, K.PROGRESS, "x"),
        m.Send(over, Address(Recipient.OPERATOR), "x"),
        m.Collect(over),
        m.Acknowledge(over, (1,)),
        m.Spawn(over, (new(),)),
    ):
        with pytest.raises(m.RefusedError, match="attempt 1-1 is over"):
            table.tell(wish)


def test_what_matters_is_in_the_history(table: Table) -> None:
    report(table, K.PROGRESS, "half")
    report(table, K.ASK, "which?")
    table.tell(m.Forged("1-1\x1b[2J", "msg"))
    texts = [text for _, text in table.store.notes]
    assert not any("half" in text for text in texts)
    assert texts[-2:] == ["task 1 asks: which?", "msg: somebody who is not attempt 1-1␛[2J said to be it"]


# Children


def family(**may: Any) -> Table:
    table = Table(slots=0, agents=(AgentLimits("local", may=MaySettings(**({"spawn": 9} | may))),))
    table.add(new())
    table.start(1)
    return table


def spawn(table: Table, parent: int, count: int = 1, **fields: Any) -> list[int]:
    ids: list[int] = table.tell(m.Spawn(table.attempt(parent), (new(**fields),) * count))
    return ids


def test_a_child_knows_where_it_comes_from_also_after_a_restart() -> None:
    table = family(depth=2)
    assert spawn(table, 1, 2) == [2, 3]
    assert spawn(table, 3) == [4]
    table.restart()
    origins = {id_: task.origin for id_, task in table.ring.world.tasks.items()}
    assert origins == {
        1: None,
        2: (AttemptId(1, 1), 1, 1),
        3: (AttemptId(1, 1), 1, 1),
        4: (AttemptId(3, 1), 1, 2),
    }
    assert (("engine", "task 4 was added by attempt 3-1")) in table.store.notes


@pytest.mark.parametrize(
    ("may", "before", "count", "words"),
    [
        ({"spawn": 0}, 0, 1, r"may add 0 tasks in all, this would be 1: raise spawn in \[agent.local.may\]"),
        ({"spawn": 3}, 2, 2, "may add 3 tasks in all, this would be 4: raise spawn"),
        ({"per_minute": 2}, 2, 1, "may add 2 tasks a minute, this would be 3: raise per_minute"),
        ({"cost": 0.0}, 0, 1, "may add tasks until its family costs 0 USD, it has cost 0: raise cost"),
    ],
)
def test_beyond_a_limit_nothing_is_added(may: dict[str, Any], before: int, count: int, words: str) -> None:
    table = family(**may)
    if before:
        spawn(table, 1, before)
    table.restart()
    with pytest.raises(m.RefusedError, match=words):
        spawn(table, 1, count)
    assert len(table.store.tasks) == 1 + before


def test_generations_are_counted_from_the_task_of_a_person() -> None:
    table = family(depth=1)
    spawn(table, 1)
    with pytest.raises(m.RefusedError, match="down to generation 1, this would be 2: raise depth"):
        spawn(table, 2)


def test_the_rate_is_that_of_the_last_minute() -> None:
    table = family(per_minute=2)
    spawn(table, 1, 2)
    table.later(59)
    with pytest.raises(m.RefusedError, match="per_minute"):
        spawn(table, 1)
    table.later(2)
    assert spawn(table, 1, 2) == [4, 5]


def test_the_whole_family_pays() -> None:
    table = family(cost=2.0, depth=2)
    spawn(table, 1, 2)
    for child in (2, 3):
        table.start(child)
        assert spawn(table, 1)
        table.exit(child, 0, Result("ok", cost=1.0))
    with pytest.raises(m.RefusedError, match="its family costs 2 USD, it has cost 2"):
        spawn(table, 1)


def test_what_has_its_key_already_is_no_new_task() -> None:
    table = family(spawn=1)
    assert spawn(table, 1, key="once") == [2]
    assert spawn(table, 1, key="once") == [2]
    with pytest.raises(m.RefusedError):
        spawn(table, 1, key="other")


def test_what_cannot_be_added_costs_nothing_of_what_it_may() -> None:
    table = family(spawn=1)
    with pytest.raises(m.RefusedError, match="no agent 'nobody'"):
        spawn(table, 1, wanted=Wanted("nobody"))
    with pytest.raises(m.RefusedError, match="task 99"):
        table.tell(m.Spawn(table.attempt(1), (m.NewTask(new().spec, (Need(99, NeedKind.OK),)),)))
    assert spawn(table, 1) == [2]


def test_limits_come_from_the_agent_of_the_attempt() -> None:
    agents = (AgentLimits("local"), AgentLimits("lead", may=MaySettings(spawn=1)))
    table = Table(slots=0, agents=agents)
    table.add(new(agent="local"), new(agent="lead"))
    with pytest.raises(m.RefusedError, match="add 0 tasks"):
        spawn(table, 1)
    assert spawn(table, 2) == [3]
    table.tell(m.Configure(Limits(slots=0, agents=(agents[0], AgentLimits("lead", may=MaySettings(spawn=2))))))
    assert spawn(table, 2) == [4]
