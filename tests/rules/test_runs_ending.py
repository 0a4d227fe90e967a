"""How runs end, are ended, and go on again: cancel, deadline, pause, what comes last, retry, calls."""

from __future__ import annotations

import pytest

from core import messages as m
from core.model import ProcessId
from tests.build import new
from tests.rules.runs_table import RunTable, definition

TWO = """
[task.a]
run = ["a"]
[task.b]
run = ["b"]
[task.c]
needs = "a"
run = ["c"]
"""
LAST = """
[finally.tidy]
run = ["tidy"]
[finally.tell]
needs = "tidy"
run = ["tell"]
"""


def retry(table: RunTable, run: int, node: str | None = None) -> None:
    table.tell(m.RetryRun(run, node))


def cancel(table: RunTable, run: int) -> None:
    table.tell(m.CancelRuns((run,)))


# On failure, cancel, deadline


def test_what_does_not_depend_on_a_failure_goes_on(table: RunTable) -> None:
    run = table.run(TWO)
    table.done(run, "a", code=1)
    assert table.live(run) == {"b"}
    table.done(run, "b")
    assert table.ended(run) == "failed"


def test_with_on_failure_cancel_everything_is_stopped(table: RunTable) -> None:
    run = table.run('[run]\non_failure = "cancel"\n' + TWO + LAST)
    table.start(table.task(run, "b"))
    table.done(run, "a", code=1)
    assert table.of(run).state == "cancelling"
    table.dies(run, "b")
    assert table.states(run)["b"] == "cancelled"
    table.done(run, "tidy")
    table.done(run, "tell")
    assert (table.ended(run), table.of(run).reason) == ("failed", "a failed: exit 1")


def test_with_on_failure_cancel_what_begins_in_the_same_step_is_stopped_too(table: RunTable) -> None:
    text = """
        [run]
        on_failure = "cancel"
        [task.a]
        run = ["a"]
        output = { json = "-" }
        [task.bad]
        needs = "a"
        run = ["bad", "${a.out.missing}"]
        [task.good]
        needs = "a"
        run = ["good"]
        [task.sub]
        needs = "a"
        call = { file = "sub.toml" }
    """
    run = table.run(definition(text, sub='[task.s]\nrun = ["s"]\n'))
    table.done(run, "a", out={})
    for name in sorted(table.live(run)):
        table.dies(run, name)
    for child in [one.id for one in table.ring.world.runs.values() if one.parent is not None]:
        table.dies(child, "s")
    assert table.ended(run) == "failed"
    assert not table.ring.world.tasks


def test_cancel_ends_what_runs_and_what_waits_then_what_comes_last_runs(table: RunTable) -> None:
    run = table.run(TWO + LAST)
    table.start(table.task(run, "a"))
    table.start(table.task(run, "b"))
    cancel(table, run)
    assert table.states(run)["c"] == "cancelled"
    table.dies(run, "a")
    assert table.live(run) == {"b"}
    table.dies(run, "b")
    assert table.live(run) == {"tidy"}
    table.done(run, "tidy")
    table.done(run, "tell")
    assert (table.ended(run), table.of(run).reason) == ("cancelled", "cancelled by the operator")


def test_to_cancel_twice_ends_what_comes_last_too(table: RunTable) -> None:
    run = table.run(TWO + LAST)
    cancel(table, run)
    for name in sorted(table.live(run)):
        table.dies(run, name)
    table.start(table.task(run, "tidy"))
    cancel(table, run)
    table.dies(run, "tidy")
    assert table.states(run)["tell"] == "cancelled"
    assert table.ended(run) == "cancelled"
    with pytest.raises(m.RefusedError, match="ended already"):
        cancel(table, run)


def test_what_always_runs_does_so_in_a_cancelled_run(table: RunTable) -> None:
    run = table.run(TWO + '[task.z]\nneeds = ["c", "b"]\nstart = "always"\nrun = ["z"]\n')
    cancel(table, run)
    for name in sorted(table.live(run)):
        table.dies(run, name)
    assert table.live(run) == {"z"}
    table.done(run, "z")
    assert table.ended(run) == "cancelled"


def test_a_task_that_was_about_to_time_out_is_not_tried_again_once_its_run_is_cancelled(table: RunTable) -> None:
    run = table.run("""
        [task.a]
        run = ["a"]
        timeout = { run = "10s", grace = "30s" }
        retry = { attempts = 3 }
        fallback = [{ agent = "local" }]
    """)
    table.start(table.task(run, "a"))
    table.later(11)
    cancel(table, run)
    table.dies(run, "a")
    assert table.live(run) == set()
    assert table.ended(run) == "cancelled"


def test_a_run_that_takes_too_long_times_out(table: RunTable) -> None:
    run = table.run('[run]\ndeadline = "1h"\n' + TWO + LAST)
    table.start(table.task(run, "a"))
    table.start(table.task(run, "b"))
    table.later(3599)
    assert table.of(run).state == "running"
    table.later(1)
    table.dies(run, "a")
    table.dies(run, "b")
    table.done(run, "tidy")
    table.done(run, "tell")
    assert (table.ended(run), table.of(run).reason) == ("timed_out", "took longer than 1h")


def test_a_run_that_goes_on_after_its_deadline_has_its_time_again(table: RunTable) -> None:
    run = table.run('[run]\ndeadline = "1h"\n' + TWO)
    table.start(table.task(run, "a"))
    table.done(run, "b")
    table.later(3600)
    table.dies(run, "a")
    assert table.ended(run) == "timed_out"
    table.later(10_000)
    retry(table, run)
    table.later(3599)
    assert table.of(run).state == "running"
    table.later(1)
    assert table.of(run).state == "cancelling"


# Pause


def test_nothing_of_a_paused_run_starts(make_table) -> None:
    table = make_table(slots=1)
    run = table.run(TWO)
    table.tell(m.PauseRuns((run,), True))
    table.done(run, "a")
    assert len(table.starts) == 1
    table.tell(m.PauseRuns((run,), False))
    assert len(table.starts) == 2
    with pytest.raises(m.RefusedError, match="is running"):
        table.tell(m.PauseRuns((run,), False))


def test_a_paused_run_can_be_retried_and_stays_paused(table: RunTable) -> None:
    run = table.run(TWO)
    table.done(run, "a", code=1)
    table.tell(m.PauseRuns((run,), True))
    table.tell(m.Retry((table.task(run, "a"),)))
    assert len(table.starts) == 2
    assert table.of(run).state == "paused"
    table.tell(m.PauseRuns((run,), False))
    assert len(table.starts) == 3
    table.done(run, "a")
    assert table.live(run) == {"b", "c"}


def test_a_paused_run_can_be_cancelled(table: RunTable) -> None:
    run = table.run(TWO + LAST)
    table.tell(m.PauseRuns((run,), True))
    cancel(table, run)
    for name in sorted(table.live(run)):
        table.dies(run, name)
    assert table.live(run) == {"tidy"}


# What comes last


@pytest.mark.parametrize("code", [0, 1])
def test_what_comes_last_runs_once_whatever_happened(table: RunTable, code: int) -> None:
    run = table.run(TWO + LAST)
    table.done(run, "a", code=code)
    assert "tidy" not in table.live(run)
    table.done(run, "b")
    if not code:
        table.done(run, "c")
    assert table.live(run) == {"tidy"}
    table.done(run, "tidy")
    table.done(run, "tell")
    assert table.ended(run) == ("failed" if code else "succeeded")


def test_what_comes_last_fails_the_run(table: RunTable) -> None:
    run = table.run('[task.a]\nrun = ["a"]\n' + LAST)
    table.done(run, "a")
    table.done(run, "tidy", code=1)
    assert table.states(run)["tell"] == "upstream_failed"
    assert table.ended(run) == "failed"


def test_what_comes_last_runs_again_after_a_revival(table: RunTable) -> None:
    run = table.run('[task.a]\nrun = ["a"]\n' + LAST)
    table.done(run, "a", code=1)
    table.done(run, "tidy")
    table.done(run, "tell")
    first = table.task(run, "a")
    table.tell(m.Retry((first,)))
    assert table.live(run) == {"a"}
    table.done(run, "a")
    assert table.live(run) == {"tidy"}
    table.done(run, "tidy")
    table.done(run, "tell")
    assert table.ended(run) == "succeeded"


def test_all_that_failed_retried_at_once_leaves_last_what_comes_last(table: RunTable) -> None:
    run = table.run('[task.a]\nrun = ["a"]\n[finally.tidy]\nrun = ["tidy"]\n')
    table.done(run, "a", code=1)
    table.done(run, "tidy", code=1)
    table.tell(m.Retry((table.task(run, "a"), table.task(run, "tidy"))))
    assert table.live(run) == {"a"}
    table.done(run, "a")
    table.done(run, "tidy")
    assert table.ended(run) == "succeeded"


def test_a_retry_of_a_run_leaves_last_what_comes_last(table: RunTable) -> None:
    run = table.run('[task.a]\nrun = ["a"]\n[finally.tidy]\nrun = ["tidy"]\n')
    table.done(run, "a", code=1)
    table.done(run, "tidy", code=1)
    retry(table, run)
    assert table.live(run) == {"a"}


@pytest.mark.parametrize("by", ["task", "run"])
def test_nothing_goes_on_again_while_what_comes_last_is_running(table: RunTable, by: str) -> None:
    run = table.run('[task.a]\nrun = ["a"]\n' + LAST)
    table.done(run, "a", code=1)
    task = table.task(run, "a")
    if by == "run":
        with pytest.raises(m.RefusedError, match="what comes last is running"):
            retry(table, run)
    else:
        with pytest.raises(m.RefusedError, match="coming to its end"):
            table.tell(m.Retry((task,)))
    assert table.live(run) == {"tidy"}
    table.done(run, "tidy")
    table.done(run, "tell")
    retry(table, run)
    assert table.live(run) == {"a"}


def test_a_retry_in_a_run_that_is_being_cancelled_does_not_hold_it_up(table: RunTable) -> None:
    run = table.run(TWO)
    table.done(run, "a", code=1)
    cancel(table, run)
    with pytest.raises(m.RefusedError, match="coming to its end"):
        table.tell(m.Retry((table.task(run, "a"),)))
    table.dies(run, "b")
    assert table.ended(run) == "cancelled"


# Retry


CHAIN = """
[task.a]
run = ["a"]
[task.b]
needs = "a"
run = ["b"]
[task.c]
needs = "b"
run = ["c"]
"""


@pytest.mark.parametrize("by", ["task", "run"])
def test_a_retry_revives_what_the_failure_had_stopped(table: RunTable, by: str) -> None:
    run = table.run(CHAIN)
    table.done(run, "a", code=1)
    assert table.ended(run) == "failed"
    task = table.task(run, "a")
    table.tell(m.Retry((task,)) if by == "task" else m.RetryRun(run))
    assert table.states(run) == {"a": "running", "b": "pending", "c": "pending"}
    assert table.task(run, "a") == task
    for name in "abc":
        table.done(run, name)
    assert table.ended(run) == "succeeded"


def test_from_a_node_on_everything_runs_again(table: RunTable) -> None:
    run = table.run(CHAIN)
    for name in "abc":
        table.done(run, name)
    old = table.task(run, "b")
    retry(table, run, "b")
    assert table.states(run) == {"a": "succeeded", "b": "running", "c": "pending"}
    assert table.task(run, "b") != old
    with pytest.raises(m.RefusedError, match="b is running"):
        retry(table, run, "a")
    table.done(run, "b")
    table.done(run, "c")
    assert table.ended(run) == "succeeded"


def test_a_retry_of_what_went_well_or_is_not_there_is_refused(table: RunTable) -> None:
    run = table.run(CHAIN)
    with pytest.raises(m.RefusedError, match="nothing in run 1 has failed"):
        retry(table, run)
    with pytest.raises(m.RefusedError, match="it has a, b, c"):
        retry(table, run, "x")
    with pytest.raises(m.RefusedError, match="there is no run 9"):
        retry(table, 9)


def test_a_task_that_its_part_has_left_behind_does_not_run_beside_the_new_one(table: RunTable) -> None:
    run = table.run(CHAIN)
    table.done(run, "a", code=1)
    old = table.task(run, "a")
    retry(table, run, "a")
    with pytest.raises(m.RefusedError, match="has left it behind"):
        table.tell(m.Retry((old,)))
    assert table.live(run) == {"a"}


def test_a_task_whose_part_goes_on_by_another_agent_is_not_retried_beside_it(table: RunTable) -> None:
    run = table.run('[task.a]\nrun = ["a"]\nfallback = [{ agent = "local" }]\n')
    first = table.task(run, "a")
    table.tell(m.PauseRuns((run,), True))
    table.done(run, "a", code=1)
    with pytest.raises(m.RefusedError, match="goes on with it by another agent"):
        table.tell(m.Retry((first,)))
    table.tell(m.PauseRuns((run,), False))
    table.done(run, "a")
    assert table.ended(run) == "succeeded"


def test_of_many_tasks_those_that_may_run_again_do(table: RunTable) -> None:
    run = table.run(CHAIN)
    table.done(run, "a", code=1)
    old = table.task(run, "a")
    retry(table, run, "a")
    [other] = table.add(new())
    table.exit(other, 1)
    assert table.tell(m.Retry((old, other))) == [other]
    assert ("engine", f"not retried: run {run} has left it behind: retry the run, or its node") in table.store.notes


def test_a_run_whose_group_has_no_room_does_not_go_on(table: RunTable) -> None:
    text = '[run]\ngroup = "g"\ngroup_max = 1\n[task.a]\nrun = ["a"]\n'
    first, second = table.run(text), table.run(text)
    table.done(first, "a", code=1)
    for wish in (m.RetryRun(first), m.RetryRun(first, "a"), m.Retry((table.task(first, "a"),))):
        with pytest.raises(m.RefusedError, match=f"run {first}: run {second} of its group g has to end first"):
            table.tell(wish)
    table.done(second, "a", code=1)
    old = table.task(first, "a"), table.task(second, "a")
    assert table.tell(m.Retry(old)) == [old[0]], "one of them goes on, and the other has no room then"
    assert table.ended(second) == "failed"


def test_what_comes_last_goes_on_alone(table: RunTable) -> None:
    run = table.run('[task.a]\nrun = ["a"]\n[finally.tidy]\nrun = ["tidy"]\n[finally.tell]\nrun = ["tell"]\n')
    table.done(run, "a")
    table.done(run, "tidy", code=1)
    table.done(run, "tell")
    retry(table, run, "tidy")
    assert table.live(run) == {"tidy"}
    table.done(run, "tidy")
    assert table.ended(run) == "succeeded"


def test_a_retry_of_many_parts_keeps_their_limits(table: RunTable) -> None:
    run = table.run("""
        [task.m]
        matrix = { n = [1, 2, 3, 4, 5] }
        run = ["m", "${matrix.n}"]
        [run]
        max_active = 2
    """)
    for item in range(5):
        table.done(run, "m", item, code=1)
    retry(table, run)
    assert len(table.live(run)) == 2
    for item in range(5):
        table.done(run, "m", item)
    assert table.ended(run) == "succeeded"


def test_an_attempt_that_follows_another_is_no_end(table: RunTable) -> None:
    run = table.run(CHAIN.replace('run = ["a"]', 'run = ["a"]\nretry = { attempts = 2, first = "5s", jitter = 0.0 }'))
    table.done(run, "a", code=1)
    assert table.states(run)["a"] == "running"
    table.later(5)
    table.done(run, "a", code=1)
    assert table.states(run)["a"] == "failed"


@pytest.mark.parametrize(
    ("more", "attempts"),
    [('on = ["timed_out"]', 1), ('on = ["failed"]', 3), ("never_exit = [1]", 1), ("never_exit = [2]", 3)],
)
def test_only_the_ends_that_were_named_are_tried_again(table: RunTable, more: str, attempts: int) -> None:
    run = table.run(CHAIN.replace('run = ["a"]', f'run = ["a"]\nretry = {{ attempts = 3, first = "1s", {more} }}'))
    task = table.task(run, "a")
    while table.states(run)["a"] == "running":
        table.done(run, "a", code=1)
        table.later(10)
    assert table.store.tasks[task].attempts == attempts


# Lost


def test_what_was_lost_waits_for_a_person(table: RunTable) -> None:
    run = table.run(CHAIN)
    table.lost(run, "a")
    assert table.states(run) == {"a": "running", "b": "pending", "c": "pending"}
    assert table.ended(run) is None
    retry(table, run)
    table.done(run, "a")
    assert table.live(run) == {"b"}


def test_what_was_lost_goes_on_by_a_retry_of_its_task(table: RunTable) -> None:
    run = table.run(CHAIN)
    table.lost(run, "a")
    table.tell(m.Retry((table.task(run, "a"),)))
    table.done(run, "a")
    assert table.live(run) == {"b"}


def test_a_run_that_waits_for_a_person_can_be_cancelled(table: RunTable) -> None:
    run = table.run(CHAIN)
    table.lost(run, "a")
    cancel(table, run)
    assert table.ended(run) == "cancelled"


def test_other_parts_go_on_while_a_lost_one_is_held(table: RunTable) -> None:
    run = table.run('[task.m]\nmatrix = { n = [1, 2] }\nrun = ["m"]\n[run]\nmax_active = 1\n')
    table.lost(run, "m", 0)
    assert table.live(run) == {"m.1"}


def test_lost_parts_make_room_for_others_of_their_node(table: RunTable) -> None:
    run = table.run("""
        [task.list]
        run = ["list"]
        output = { json = "-" }
        [task.m]
        needs = "list"
        map = { over = "${list.out}", parallel = 1 }
        run = ["m"]
    """)
    table.done(run, "list", out=[1, 2])
    table.lost(run, "m", 0)
    assert table.live(run) == {"m.1"}


@pytest.mark.parametrize(("lost", "state"), [("fail", "lost"), ("retry", "running")])
def test_a_file_can_say_what_follows_when_it_was_lost(table: RunTable, lost: str, state: str) -> None:
    run = table.run(CHAIN.replace('run = ["a"]', f'run = ["a"]\nlost = "{lost}"\nretry = {{ attempts = 2 }}'))
    table.lost(run, "a")
    assert table.states(run)["a"] == state
    if state == "running":
        table.later(60)
        table.done(run, "a")
        assert table.live(run) == {"b"}


# Calls


SUB = """
[params]
n = { type = "int", required = true }
[task.s]
run = ["s", "${params.n}"]
output = { json = "-" }
[finally.f]
run = ["f"]
"""
CALL = """
[task.sub]
call = { file = "sub.toml", with = { n = 3 } MORE }
[task.use]
needs = "sub"
run = ["use", "${sub.out.s}"]
"""


def called(table: RunTable, more: str = "", sub: str = SUB) -> tuple[int, int]:
    run = table.run(definition(CALL.replace("MORE", more), sub=sub))
    return run, table.task(run, "sub")


def test_a_call_is_a_run_of_its_own_and_its_outputs_come_back(table: RunTable) -> None:
    run, child = called(table)
    assert table.launch(child, "s").argv == ("s", "3")
    table.done(child, "s", out=[1, 2])
    assert table.states(run)["use"] == "pending"
    table.done(child, "f")
    assert table.launch(run, "use").argv == ("use", "1", "2")
    table.done(run, "use")
    assert (table.ended(run), table.ended(child)) == ("succeeded", "succeeded")


def test_the_failure_of_a_called_run_is_the_failure_of_its_node_and_its_retry_goes_up(table: RunTable) -> None:
    run, child = called(table)
    table.done(child, "s", code=1)
    table.done(child, "f")
    assert table.states(run) == {"sub": "failed", "use": "upstream_failed"}
    assert table.node(run, "sub").reason == f"run {child} failed: s failed: exit 1"
    table.tell(m.Retry((table.task(child, "s"),)))
    assert table.states(run) == {"sub": "running", "use": "pending"}
    table.done(child, "s", out=1)
    table.done(child, "f")
    table.done(run, "use")
    assert table.ended(run) == "succeeded"


def test_a_retry_of_the_parent_begins_a_new_run(table: RunTable) -> None:
    run, child = called(table)
    table.done(child, "s", code=1)
    table.done(child, "f")
    retry(table, run)
    again = table.task(run, "sub")
    assert again != child
    table.done(again, "s", out=1)
    table.done(again, "f")
    assert table.live(run) == {"use"}


def test_a_called_run_is_cancelled_with_its_parent(table: RunTable) -> None:
    run, child = called(table)
    table.start(table.task(child, "s"))
    cancel(table, run)
    assert table.of(child).state == "cancelling"
    table.dies(child, "s")
    table.done(child, "f")
    assert (table.ended(run), table.ended(child)) == ("cancelled", "cancelled")


def test_a_called_run_is_paused_and_resumed_with_its_parent(table: RunTable) -> None:
    run, child = called(table)
    table.tell(m.PauseRuns((run,), True))
    assert (table.of(run).state, table.of(child).state) == ("paused", "paused")
    table.tell(m.PauseRuns((run,), False))
    assert (table.of(run).state, table.of(child).state) == ("running", "running")


def test_a_called_run_is_left_where_the_file_says_so(table: RunTable) -> None:
    run, child = called(table, ', if_parent_stops = "leave"')
    cancel(table, run)
    assert (table.ended(run), table.ended(child)) == ("cancelled", None)
    table.done(child, "s", out=1)
    table.done(child, "f")
    assert table.ended(child) == "succeeded"


def test_a_run_that_was_left_goes_on_without_the_one_that_had_called_it(table: RunTable) -> None:
    run, child = called(table, ', if_parent_stops = "leave"')
    cancel(table, run)
    table.done(child, "s", code=1)
    table.done(child, "f")
    retry(table, child)
    assert (table.ended(run), table.ended(child)) == ("cancelled", None)
    table.done(child, "s", out=1)
    table.done(child, "f")
    assert (table.ended(run), table.ended(child)) == ("cancelled", "succeeded")


def test_a_call_whose_group_cannot_be_named_fails_and_nothing_else_does(table: RunTable) -> None:
    sub = SUB + '[run]\ngroup = "g:${event.branch}"\n[on]\nevent = { topic = "x" }\n'
    run = table.run(definition(CALL.replace("MORE", ""), sub=sub))
    assert table.states(run) == {"sub": "failed", "use": "upstream_failed"}
    assert table.ended(run) == "failed"


def test_a_called_run_of_its_callers_group_does_not_wait_for_it(table: RunTable) -> None:
    settings = '[run]\ngroup = "g"\ngroup_max = 1\n'
    run = table.run(definition(CALL.replace("MORE", "") + settings, sub=SUB + settings))
    other = table.run(definition(CALL.replace("MORE", "") + settings, sub=SUB + settings))
    assert table.of(table.task(run, "sub")).state == "running"
    assert table.of(other).state == "pending"


def test_late_news_means_nothing(table: RunTable) -> None:
    run = table.run(CHAIN)
    attempt = table.attempt(table.task(run, "a"))
    table.done(run, "a")
    for news in (
        m.Exited(attempt, 1, table.now),
        m.Started(attempt, 6, table.now),
        m.Placed(attempt, 0, 1, ProcessId(5, 1.0, "b")),
        m.LauncherGone(attempt, (), table.now),
        m.NotPlaced(attempt, "x"),
    ):
        table.tell(news)
    assert table.states(run) == {"a": "succeeded", "b": "running", "c": "pending"}
    assert len(table.starts) == 2
