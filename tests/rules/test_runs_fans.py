"""Nodes that run many times: matrix, map, item-wise pipelines, what gathers them, several agents at the same."""

from __future__ import annotations

import pytest

from core import messages as m
from core.settings import AgentLimits
from tests.rules.runs_table import RunTable, definition

LIST = """
[task.list]
run = ["list"]
output = { json = "-" }
"""
MAP = (
    LIST
    + """
[task.work]
map = { over = "${list.out}" MORE }
needs = "list"
run = ["work", "${item}"]
output = { text = "-" }
[task.after]
needs = "work"
run = ["after"]
"""
)


def mapped(table: RunTable, items: object, more: str = "", text: str = MAP) -> int:
    run = table.run(text.replace("MORE", more))
    table.done(run, "list", out=items)
    return run


def test_a_matrix_runs_once_for_each_combination(table: RunTable) -> None:
    run = table.run("""
        [task.build]
        run = ["build", "${matrix.os}", "${matrix.py}"]
        [task.build.matrix]
        os = ["linux", "mac"]
        py = ["3.11", "3.12"]
        exclude = [{ os = "mac", py = "3.11" }]
        include = [{ os = "bsd", py = "3.13" }]
        [task.ship]
        needs = "build"
        run = ["ship"]
    """)
    words = [table.launch(run, "build", item).argv for item in range(4)]
    assert words == [("build", "linux", "3.11"), ("build", "linux", "3.12"), ("build", "mac", "3.12"),
                     ("build", "bsd", "3.13")]  # fmt: skip
    for item in (3, 0, 2, 1):
        assert table.states(run)["ship"] == "pending"
        table.done(run, "build", item)
    assert table.live(run) == {"ship"}


def test_a_map_runs_once_for_each_element_and_its_output_is_the_list_of_theirs(table: RunTable) -> None:
    run = mapped(table, ["x", {"y": 1}, 3], text=MAP + """
        [task.show]
        needs = "work"
        run = ["show", "${work.out}"]
    """)  # fmt: skip
    assert [table.launch(run, "work", item).argv[1] for item in range(3)] == ["x", '{"y":1}', "3"]
    for item in (2, 0, 1):
        table.done(run, "work", item, out=f"out {item}")
    assert table.launch(run, "show").argv == ("show", "out 0", "out 1", "out 2")
    table.done(run, "after")
    table.done(run, "show")
    assert table.ended(run) == "succeeded"


def test_an_empty_map_has_nothing_to_do_and_succeeds(table: RunTable) -> None:
    run = mapped(table, [])
    assert table.states(run)["work"] == "succeeded"
    assert table.live(run) == {"after"}


@pytest.mark.parametrize(
    ("items", "more", "words"),
    [
        ({"a": 1}, "", "is not a list"),
        (None, "", "is not a list"),
        ([1, 2, 3], ", max_items = 2", "has 3 elements, max_items is 2"),
    ],
)
def test_what_cannot_be_gone_through_is_a_failure(table: RunTable, items: object, more: str, words: str) -> None:
    run = mapped(table, items, more)
    assert words in str(table.node(run, "work").reason)
    assert table.states(run) == {"list": "succeeded", "work": "failed", "after": "upstream_failed"}
    assert table.ended(run) == "failed"


def test_not_more_parts_than_parallel_run_at_once(table: RunTable) -> None:
    run = mapped(table, list(range(5)), ", parallel = 2")
    assert table.live(run) == {"work", "work.1"}
    table.done(run, "work", 1)
    assert table.live(run) == {"work", "work.2"}
    table.done(run, "work", 0, code=1)
    assert table.live(run) == {"work.2", "work.3"}
    for item in (2, 3, 4):
        table.done(run, "work", item)
    assert table.states(run)["work"] == "failed"
    assert table.node(run, "work").reason == "1 of 5 failed, the first: exit 1"


def test_a_batch_takes_several_elements_in_one_task(table: RunTable) -> None:
    run = mapped(table, list("abcde"), ", batch = 2")
    assert [table.launch(run, "work", item).argv[1:] for item in range(3)] == [("a", "b"), ("c", "d"), ("e",)]
    assert len(table.live(run)) == 3


def test_the_first_failure_of_fail_fast_cancels_the_others(table: RunTable) -> None:
    run = mapped(table, list(range(4)), ", parallel = 2, fail_fast = true")
    table.start(table.task(run, "work", 0))
    table.done(run, "work", 1, code=1)
    assert table.parts(run, "work") == ["running", "failed", "cancelled", "cancelled"]
    table.dies(run, "work", 0)
    assert table.states(run)["work"] == "failed"
    assert table.ended(run) == "failed"


def test_a_part_that_fails_before_it_begins_stops_those_that_begin_with_it(table: RunTable) -> None:
    run = mapped(table, [{"x": "a"}, {"x": "b"}, {}], ", fail_fast = true", MAP.replace("${item}", "${item.x}"))
    assert table.parts(run, "work")[2] == "failed"
    for item in (0, 1):
        if table.parts(run, "work")[item] == "running":
            table.dies(run, "work", item)
    assert table.states(run)["work"] == "failed"
    assert table.ended(run) == "failed"


def test_a_condition_on_the_element_skips_parts(table: RunTable) -> None:
    run = mapped(table, [1, 2, 3], "", MAP.replace("[task.after]", 'when = "item > 1"\n[task.after]'))
    assert table.parts(run, "work") == ["skipped", "running", "running"]
    table.done(run, "work", 1)
    table.done(run, "work", 2)
    assert table.states(run)["work"] == "succeeded"
    run = mapped(table, [1, 1], "", MAP.replace("[task.after]", 'when = "item > 1"\n[task.after]'))
    assert table.states(run) == {"list": "succeeded", "work": "skipped", "after": "skipped"}
    assert table.ended(run) == "succeeded"


EACH = (
    MAP
    + """
[task.fix]
map = { each = "work" EACH }
START
run = ["fix", "${item.value}", "${item.out}", "${item.index}"]
output = { text = "-" }
[task.last]
needs = "fix"
start = "all_done"
run = ["last"]
"""
)


def each(table: RunTable, items: list[object], more: str = "", start: str = "", of_map: str = "") -> int:
    return mapped(table, items, of_map, EACH.replace("EACH", more).replace("START", start))


def test_an_item_goes_on_when_it_is_done_whatever_the_others_do(table: RunTable) -> None:
    run = each(table, ["a", "b", "c"])
    assert table.states(run)["fix"] == "running"
    assert table.live(run) == {"work", "work.1", "work.2"}
    table.done(run, "work", 1, out="B")
    assert table.live(run) == {"work", "work.2", "fix.1"}
    assert table.launch(run, "fix", 1).argv == ("fix", "b", "B", "1")
    table.done(run, "fix", 1, out="done")
    table.done(run, "work", 0, code=1)
    table.done(run, "work", 2, out="C")
    assert table.parts(run, "fix") == ["upstream_failed", "succeeded", "running"]
    assert table.states(run)["after"] == "upstream_failed"
    table.done(run, "fix", 2)
    assert table.states(run)["fix"] == "upstream_failed"
    table.done(run, "last")
    assert table.ended(run) == "failed"


def test_every_item_of_a_pipeline_runs_once(table: RunTable) -> None:
    run = each(table, list("abcd"), ", parallel = 2")
    for item in range(4):
        table.done(run, "work", item)
    assert table.live(run) == {"after", "fix", "fix.1"}
    for item in range(4):
        table.done(run, "fix", item)
    table.done(run, "after")
    table.done(run, "last")
    assert table.ended(run) == "succeeded"
    assert len(table.starts) == len(set(table.starts)) == 1 + 4 + 4 + 2


@pytest.mark.parametrize(
    ("start", "ok", "failed"),
    [
        ("all_success", "running", "upstream_failed"),
        ("any_success", "running", "upstream_failed"),
        ("none_failed", "running", "upstream_failed"),
        ("any_failed", "skipped", "running"),
        ("all_done", "running", "running"),
        ("always", "running", "running"),
    ],
)
def test_the_start_rule_of_a_pipeline_is_asked_for_each_item(table: RunTable, start: str, ok: str, failed: str) -> None:
    run = each(table, [1, 2], start=f'start = "{start}"')
    table.done(run, "work", 0)
    table.done(run, "work", 1, code=1)
    assert table.parts(run, "fix") == [ok, failed]


def test_a_pipeline_over_batches_goes_on_by_the_batch(table: RunTable) -> None:
    run = each(table, list("abc"), of_map=", batch = 2")
    table.done(run, "work", 0)
    assert table.launch(run, "fix", 0).argv[1:3] == ("a", "b")
    table.done(run, "work", 1)
    assert table.launch(run, "fix", 1).argv[1] == "c"
    assert len(table.node(run, "fix").parts) == 2


def test_items_that_were_skipped_are_skipped_on(table: RunTable) -> None:
    text = EACH.replace("EACH", "").replace("START", "").replace("[task.after]", 'when = "item > 1"\n[task.after]')
    run = mapped(table, [1, 2], "", text)
    assert table.parts(run, "fix") == ["skipped"]
    table.done(run, "work", 1)
    table.done(run, "fix", 1)
    assert table.states(run)["fix"] == "succeeded"


@pytest.mark.parametrize(("items", "state"), [([], "succeeded"), ({}, "upstream_failed")])
def test_a_pipeline_behind_what_has_no_items_ends_too(table: RunTable, items: object, state: str) -> None:
    run = each(table, items)  # type: ignore[arg-type]
    assert table.states(run)["fix"] == state


def test_a_pipeline_that_waits_at_its_gate_catches_up(table: RunTable) -> None:
    run = each(table, [1, 2], start='gate = { ask = "go on?" }')
    table.done(run, "work", 0)
    table.tell(m.AnswerGate(run, "fix", True))
    assert table.live(run) == {"work.1", "fix"}
    table.done(run, "work", 1)
    assert table.live(run) == {"after", "fix", "fix.1"}


REDUCE = (
    MAP
    + """
[task.sum]
reduce = { from = "work", min_success = SHARE }
run = ["sum", "${inputs_file}"]
"""
)


@pytest.mark.parametrize(
    ("count", "failures", "share", "state"),
    [
        (4, 0, "1.0", "running"), (4, 1, "1.0", "upstream_failed"), (4, 1, "0.75", "running"),
        (4, 2, "0.75", "upstream_failed"), (25, 18, "0.28", "running"), (3, 3, "0.0", "running"),
    ],
)  # fmt: skip
def test_what_gathers_goes_on_where_enough_has_succeeded(
    table: RunTable, count: int, failures: int, share: str, state: str
) -> None:
    run = mapped(table, list(range(count)), "", REDUCE.replace("SHARE", share).replace("[task.after]", "[task.x]"))
    for item in range(count):
        table.done(run, "work", item, code=int(item < failures))
    assert table.states(run)["sum"] == state
    if state == "running":
        assert table.launch(run, "sum").argv == ("sum", f"/runs/{run}/sum.inputs.json")


def test_failures_that_were_taken_into_account_are_no_failure_of_the_run(table: RunTable) -> None:
    run = mapped(table, [1, 2], "", LIST + """
        [task.work]
        map = { over = "${list.out}" }
        needs = "list"
        run = ["work", "${item}"]
        output = { text = "-" }
        [task.sum]
        reduce = { from = "work", min_success = 0.5 }
        run = ["sum"]
        [run]
        on_failure = "cancel"
    """)  # fmt: skip
    table.done(run, "work", 0, code=1)
    table.done(run, "work", 1)
    table.done(run, "sum")
    assert table.ended(run) == "succeeded"


def test_enough_items_at_the_end_of_a_pipeline_are_enough(table: RunTable) -> None:
    run = mapped(table, [1, 2], "", LIST + """
        [task.work]
        map = { over = "${list.out}" }
        needs = "list"
        run = ["work", "${item}"]
        [task.fix]
        map = { each = "work" }
        run = ["fix"]
        output = { text = "-" }
        [task.sum]
        reduce = { from = "fix", min_success = 0.5 }
        run = ["sum"]
    """)  # fmt: skip
    table.done(run, "work", 0, code=1)
    table.done(run, "work", 1)
    table.done(run, "fix", 1)
    table.done(run, "sum")
    assert table.ended(run) == "succeeded"


@pytest.mark.parametrize(("codes", "outcome"), [((1, 0), "succeeded"), ((1, 1), "failed")])
def test_a_run_gives_up_only_once_it_is_known_whether_enough_items_got_through(
    table: RunTable, codes: tuple[int, int], outcome: str
) -> None:
    run = mapped(table, [1, 2, 3], "", LIST + """
        [run]
        on_failure = "cancel"
        [task.work]
        map = { over = "${list.out}" }
        needs = "list"
        run = ["work", "${item}"]
        [task.fix]
        map = { each = "work" }
        run = ["fix"]
        output = { text = "-" }
        [task.sum]
        reduce = { from = "fix", min_success = 0.6 }
        run = ["sum"]
    """)  # fmt: skip
    table.done(run, "work", 0, code=codes[0])
    table.done(run, "work", 1, code=codes[1])
    table.done(run, "work", 2)
    if outcome == "succeeded":
        table.done(run, "fix", 1)
    table.done(run, "fix", 2)
    if outcome == "succeeded":
        table.done(run, "sum")
    assert table.ended(run) == outcome


# Several agents at the same

AGENTS = tuple(AgentLimits(name, 2, "claude", frozenset({"llm"})) for name in ("ada", "bob", "cid"))
SCATTER = """
[task.ask]
scatter = { agents = 3, needs = ["llm"] MORE }
prompt = "agree?"
output = { json = "-" }
[task.told]
needs = "ask"
start = "all_done"
run = ["told", "${ask.out.agree_count}"]
"""


def scattered(make_table, more: str) -> tuple[RunTable, int]:
    table = make_table(agents=(AgentLimits("local"), *AGENTS))
    return table, table.run(SCATTER.replace("MORE", more))


def test_each_of_several_agents_gets_the_same(make_table) -> None:
    table, run = scattered(make_table, "")
    tasks = [table.ring.world.tasks[table.task(run, "ask", item)] for item in range(3)]
    assert sorted(task.agent for task in tasks) == ["ada", "bob", "cid"]
    for item, agree in enumerate((True, False, True)):
        table.done(run, "ask", item, out={"agree": agree})
    assert table.launch(run, "told").argv == ("told", "2")


def test_the_first_success_stops_the_rest(make_table) -> None:
    table, run = scattered(make_table, ', until = "first"')
    table.done(run, "ask", 0, code=1)
    table.start(table.task(run, "ask", 1))
    table.done(run, "ask", 2, out={"agree": True})
    assert table.states(run)["ask"] == "running", "it has ended when all of it has"
    table.dies(run, "ask", 1)
    assert table.parts(run, "ask") == ["failed", "cancelled", "succeeded"]
    assert table.states(run)["ask"] == "succeeded"


@pytest.mark.parametrize(("codes", "state"), [((0, 0), "succeeded"), ((1, 1), "failed"), ((1, 0, 0), "succeeded")])
def test_a_quorum_is_enough_and_what_cannot_reach_it_is_stopped(make_table, codes: tuple[int, ...], state: str) -> None:
    table, run = scattered(make_table, ', until = "quorum", quorum = 2')
    for item in range(3):
        table.start(table.task(run, "ask", item))
    for item, code in enumerate(codes):
        assert table.states(run)["ask"] == "running"
        table.done(run, "ask", item, code=code, out={})
    if len(codes) < 3:
        table.dies(run, "ask", 2)
    assert table.states(run)["ask"] == state


def test_what_is_not_done_within_its_time_is_given_up(make_table) -> None:
    table, run = scattered(make_table, ', until = "quorum", quorum = 2, within = "20m"')
    table.done(run, "ask", 0, out={"agree": True})
    for item in (1, 2):
        table.start(table.task(run, "ask", item))
    table.later(1199)
    assert table.states(run)["ask"] == "running"
    table.later(1)
    for item in (1, 2):
        table.dies(run, "ask", item)
    assert table.states(run)["ask"] == "timed_out"
    assert table.live(run) == {"told"}


def test_all_means_that_none_is_stopped_by_the_failure_of_another(make_table) -> None:
    table, run = scattered(make_table, "")
    table.done(run, "ask", 0, code=1)
    assert table.live(run) == {"ask.1", "ask.2"}
    assert all(attempt.ending is None for attempt in table.ring.world.attempts.values())
    table.done(run, "ask", 1)
    table.done(run, "ask", 2)
    assert table.states(run)["ask"] == "failed"


def test_too_few_agents_are_a_failure_that_names_them(make_table) -> None:
    table = make_table(agents=(AgentLimits("local"), *AGENTS[:2]))
    run = table.run(SCATTER.replace("MORE", ""))
    assert table.states(run)["ask"] == "failed"
    assert table.node(run, "ask").reason == "3 agents are wanted, 2 can do it: ada, bob"


def test_agents_stay_chosen_while_limits_hold_their_tasks_back(make_table) -> None:
    table = make_table(agents=(AgentLimits("local"), *AGENTS))
    run = table.run("[run]\nmax_active = 1\n" + SCATTER.replace("MORE", ""))
    table.restart()
    agents = []
    for item in range(3):
        agents.append(table.ring.world.tasks[table.task(run, "ask", item)].agent)
        table.done(run, "ask", item)
    assert sorted(agents) == ["ada", "bob", "cid"]


def test_a_list_of_hundreds_begins_step_by_step(table: RunTable) -> None:
    run = mapped(table, list(range(150)))
    while len(table.live(run)) < 150:
        before = len(table.live(run))
        table.later(0)
        assert len(table.live(run)) > before
    assert len(set(table.starts)) == len(table.starts)


def test_max_active_holds_over_the_whole_run(table: RunTable) -> None:
    text = "[run]\nmax_active = 2\n" + "".join(f'[task.t{i}]\nrun = ["t"]\n' for i in range(4))
    run = table.run(definition(text))
    seen = set()
    while table.ended(run) is None:
        assert len(table.live(run)) <= 2
        name = min(table.live(run))
        seen.add(name)
        table.done(run, name)
    assert len(seen) == 4
