"""What a run waits for beside its needs: a person, an event, a time; and what it tells others."""

from __future__ import annotations

import pytest

from core import messages as m
from core.model import RunId
from core.rules.runs.why import node_why
from tests.rules.runs_table import RunTable, definition

GATE = """
[task.a]
run = ["a"]
[task.ship]
needs = "a"
gate = { ask = "Ship ${run.id}?" MORE }
run = ["ship"]
[task.after]
needs = "ship"
run = ["after"]
"""


def gated(table: RunTable, more: str = "") -> int:
    run = table.run(GATE.replace("MORE", more))
    assert table.states(run)["ship"] == "pending"
    table.done(run, "a")
    assert table.states(run)["ship"] == "asking"
    return run


def test_a_gate_waits_for_a_yes(table: RunTable) -> None:
    run = gated(table)
    table.later(1e6)
    assert table.states(run)["ship"] == "asking"
    table.tell(m.AnswerGate(run, "ship", True, "go"))
    assert table.live(run) == {"ship"}
    table.done(run, "ship")
    table.done(run, "after")
    assert table.ended(run) == "succeeded"


def test_a_no_fails_with_the_reason_that_was_given(table: RunTable) -> None:
    run = gated(table)
    table.tell(m.AnswerGate(run, "ship", False, "not\ntoday"))
    assert table.node(run, "ship").reason == "rejected by the operator: not␊today"
    assert table.states(run) == {"a": "succeeded", "ship": "failed", "after": "upstream_failed"}
    with pytest.raises(m.RefusedError, match="asks nothing"):
        table.tell(m.AnswerGate(run, "ship", True))


@pytest.mark.parametrize(
    ("then", "ship", "after"),
    [("fail", "timed_out", "upstream_failed"), ("skip", "skipped", "skipped"), ("approve", "running", "pending")],
)
def test_a_gate_that_nobody_answers_ends_as_it_says(table: RunTable, then: str, ship: str, after: str) -> None:
    run = gated(table, f', within = "1h", on_timeout = "{then}"')
    table.later(3599)
    assert table.states(run)["ship"] == "asking"
    table.later(1)
    assert (table.states(run)["ship"], table.states(run)["after"]) == (ship, after)


def test_a_gate_that_asks_again_has_its_whole_time_again(table: RunTable) -> None:
    run = gated(table, ', within = "1h"')
    table.later(3000)
    table.tell(m.RetryRun(run, "ship"))
    assert table.states(run)["ship"] == "asking"
    table.later(3000)
    assert table.states(run)["ship"] == "asking"
    table.later(600)
    assert table.states(run)["ship"] == "timed_out"


WAIT = """
[task.a]
run = ["a"]
[task.hear]
needs = "a"
wait = { event = "repo.pushed" MORE }
[task.after]
needs = "hear"
start = "all_done"
run = ["after", "${default(hear.out.branch, 'none')}"]
[params]
branch = { type = "string", default = "main" }
"""


def test_an_event_ends_a_wait_and_is_its_output(table: RunTable) -> None:
    run = table.run(WAIT.replace("MORE", ', where = "event.branch == params.branch"'))
    table.done(run, "a")
    table.emit("repo.pushed", {"branch": "other"})
    table.emit("repo.pulled", {"branch": "main"})
    table.emit("repo.pushed", "no table")
    assert table.states(run)["hear"] == "waiting"
    table.emit("repo.pushed", {"branch": "main"})
    assert table.launch(run, "after").argv == ("after", "main")


def test_an_event_before_its_turn_is_kept_for_it(table: RunTable) -> None:
    run = table.run(WAIT.replace("MORE", ""))
    table.emit("repo.pushed", {"branch": "early"})
    table.emit("repo.pushed", {"branch": "second"})
    table.done(run, "a")
    assert table.launch(run, "after").argv == ("after", "early")


def test_an_event_before_the_run_is_not_its_event(table: RunTable) -> None:
    table.emit("repo.pushed", {"branch": "main"})
    run = table.run(WAIT.replace("MORE", ""))
    table.done(run, "a")
    assert table.states(run)["hear"] == "waiting"


@pytest.mark.parametrize(("then", "state"), [("fail", "timed_out"), ("skip", "skipped")])
def test_a_wait_without_its_event_ends_as_it_says(table: RunTable, then: str, state: str) -> None:
    run = table.run(WAIT.replace("MORE", f', within = "10m", on_timeout = "{then}"'))
    table.later(700)
    table.done(run, "a")
    table.later(599)
    assert table.states(run)["hear"] == "waiting"
    table.later(1)
    assert table.states(run)["hear"] == state
    assert table.live(run) == {"after"}


def test_a_time_is_waited_for_from_its_turn_on(table: RunTable) -> None:
    run = table.run("""
        [task.a]
        run = ["a"]
        [task.b]
        needs = "a"
        wait = { time = "10m" }
        run = ["b"]
    """)
    table.later(1000)
    table.done(run, "a")
    table.later(599)
    assert table.live(run) == set()
    table.later(1)
    assert table.live(run) == {"b"}


def test_a_gate_comes_before_the_wait(table: RunTable) -> None:
    run = table.run("""
        [task.b]
        gate = { ask = "sure?", within = "10m" }
        wait = { time = "10m" }
        run = ["b"]
    """)
    table.later(500)
    table.tell(m.AnswerGate(run, "b", True))
    table.later(500)
    assert table.states(run)["b"] == "waiting"
    table.later(100)
    assert table.live(run) == {"b"}


# Events out


def test_success_tells_others_and_failure_does_not(table: RunTable) -> None:
    text = """
        [task.a]
        run = ["a"]
        output = { json = "-" }
        emit = [{ topic = "made", data = { n = "${a.out.n}" } }, { topic = "plain" }]
        send = { to = "operator", text = "n is ${a.out.n}" }
    """
    bad = table.run(text)
    table.done(bad, "a", code=1)
    assert (table.store.runs.events, table.store.mailbox) == ({}, {})
    run = table.run(text)
    table.done(run, "a", out={"n": 7})
    events = table.store.runs.events.values()
    assert [(one.topic, one.data, one.source, one.hops) for one in events] == [
        ("made", {"n": 7}, f"run {run}", 1), ("plain", None, f"run {run}", 1),
    ]  # fmt: skip
    assert [(mail.sender, mail.text) for mail in table.store.mailbox.values()] == [(RunId(run), "n is 7")]


def test_what_cannot_be_told_is_noted_and_ends_nothing(table: RunTable) -> None:
    run = table.run("""
        [task.a]
        run = ["a"]
        output = { json = "-" }
        emit = { topic = "made", data = "${a.out.n}" }
        send = { to = "task ${a.out.n}", text = "x" }
    """)
    table.done(run, "a", out={})
    assert table.ended(run) == "succeeded"
    assert [event.data for event in table.store.runs.events.values()] == [None]
    notes = [text for _, text in table.store.notes]
    assert any("could not send its message" in text for text in notes)


PING = """
name = "NAME"
[on]
event = { topic = "FROM" }
[task.a]
run = ["a"]
emit = { topic = "TO" }
"""


def ping(name: str, heard: str, told: str) -> str:
    return PING.replace("NAME", name).replace("FROM", heard).replace("TO", told)


def test_an_event_starts_the_workflows_that_wait_for_it(table: RunTable) -> None:
    table.arm(definition(ping("one", "x", "y")), definition(ping("two", "x", "z")), definition(ping("no", "q", "z")))
    table.emit("x", {"a": 1})
    runs = table.ring.world.runs
    assert [run.workflow.name for run in runs.values()] == ["one", "two"]
    assert runs[1].event["a"] == 1
    assert runs[1].started_by == "event 1 x"


def test_a_loop_of_events_comes_to_an_end(table: RunTable) -> None:
    table.arm(definition(ping("one", "x", "y")), definition(ping("two", "y", "x")))
    table.emit("x")
    count = 0
    while table.ring.world.runs:
        for run in list(table.ring.world.runs):
            table.done(run, "a")
            count += 1
    assert count == 17
    assert any("events follow one from the other" in text for _, text in table.store.notes)


def test_an_event_with_a_known_key_is_the_one_that_there_is(table: RunTable) -> None:
    table.arm(definition(ping("one", "x", "y")))
    assert table.emit("x", key="k") == 1
    assert table.emit("x", key="k") == 1
    assert table.emit("x", key="l") == 2
    assert len(table.store.runs.runs) == 2


def test_an_event_that_was_kept_and_not_matched_is_matched_by_the_next_engine_once(table: RunTable) -> None:
    table.arm(definition(ping("one", "x", "y")))
    waiting = table.run(WAIT.replace("MORE", "").replace("repo.pushed", "x"))
    table.ring.apply(m.Emit("x", {"branch": "b"}, "somebody"), table.now)
    table.restart()
    assert [event.topic for event in table.kept] == ["x"]
    table.tell(m.Ticked())
    assert table.node(waiting, "hear").event["branch"] == "b"
    table.restart()
    assert len([run for run in table.store.runs.runs.values() if run.workflow == "one"]) == 1


def test_a_condition_decides_which_events_start(table: RunTable) -> None:
    text = ping("one", "x", "y").replace('topic = "x"', 'topic = "x", where = "event.n > 1"')
    table.arm(definition(text))
    for data in ({"n": 1}, {}, None, {"n": "2"}, {"n": 2}):
        table.emit("x", data)
    assert [run.event["n"] for run in table.ring.world.runs.values()] == [2]


def test_an_event_whose_parameters_are_missing_starts_nothing(table: RunTable) -> None:
    table.arm(definition(ping("one", "x", "y") + "[params]\nneeded = { required = true }\n"))
    table.emit("x")
    assert not table.store.runs.runs
    assert any("does not start one" in text for _, text in table.store.notes)


# Schedules

CRON = """
name = "nightly"
[on]
schedule = { cron = "0 * * * *" MORE }
[task.a]
run = ["a"]
"""
HOUR = 3600.0


def hourly(table: RunTable, more: str = "") -> None:
    table.arm(definition(CRON.replace("MORE", more)))


def runs(table: RunTable) -> list[str]:
    return [run.state for _, run in sorted(table.store.runs.runs.items())]


def test_a_schedule_fires_at_its_time_and_again(make_table) -> None:
    table = make_table()
    hourly(table)
    table.later(2599.0)
    assert runs(table) == []
    table.later(1.0)
    assert runs(table) == ["running"]
    table.done(1, "a")
    table.later(HOUR)
    assert runs(table) == ["succeeded", "running"]
    assert table.of(2).event["data"]["scheduled_at"] == 2 * HOUR


@pytest.mark.parametrize(
    ("overlap", "states"),
    [
        ("skip", ["running"]),
        ("allow", ["running", "running", "running"]),
        ("queue", ["running", "pending", "pending"]),
    ],
)
def test_where_the_run_before_has_not_ended_overlap_decides(make_table, overlap: str, states: list[str]) -> None:
    table = make_table()
    hourly(table, f', overlap = "{overlap}"')
    table.later(2600.0)
    for _ in range(2):
        table.later(HOUR)
    assert runs(table) == states
    table.done(1, "a")
    if overlap == "queue":
        assert runs(table) == ["succeeded", "running", "pending"]


@pytest.mark.parametrize(("catchup", "made_up"), [("0s", 0), ("30m", 0), ("2h", 1)])
def test_a_start_that_fell_into_a_sleep_of_the_machine_was_missed(make_table, catchup: str, made_up: int) -> None:
    table = make_table()
    hourly(table, f', catchup = "{catchup}"')
    table.later(4 * HOUR + 45 * 60 - 1000)
    assert len(runs(table)) == made_up
    table.later(15 * 60)
    assert len(runs(table)) == 1, "the next one skips where one was made up for"


@pytest.mark.parametrize(("catchup", "made_up"), [("0s", 0), ("30m", 0), ("2h", 1), ("6h", 1)])
def test_a_start_that_was_missed_is_made_up_for_once(make_table, catchup: str, made_up: int) -> None:
    table = make_table()
    table.restarting = False
    hourly(table, f', catchup = "{catchup}"')
    table.now = 5 * HOUR + 45 * 60
    table.ring = type(table.ring)(table.store, table.limits, table.now)
    hourly(table, f', catchup = "{catchup}"')
    assert len(runs(table)) == made_up
    hourly(table, f', catchup = "{catchup}"')
    table.restart()
    hourly(table, f', catchup = "{catchup}"')
    assert len(runs(table)) == made_up
    table.later(900)
    assert len(runs(table)) == 1, "the next one skips where one was made up for"


def test_what_is_armed_no_longer_does_not_fire(make_table) -> None:
    table = make_table()
    hourly(table)
    table.arm()
    table.later(HOUR)
    assert runs(table) == []


def test_a_node_whose_tasks_wait_in_the_queue_does_not_say_that_they_run(make_table) -> None:
    table = make_table(slots=1)
    run = table.run('[task.m]\nmatrix = { n = [1, 2, 3] }\nrun = ["m", "${matrix.n}"]\n')
    why = node_why(table.ring.world, table.of(run), table.node(run, "m"), table.now)
    assert why == ["it runs as 1 task: 1", "2 tasks in the queue: 2, 3"]
