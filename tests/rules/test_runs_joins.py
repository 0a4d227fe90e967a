"""When a node begins: start rules, conditions, branches."""

from __future__ import annotations

from itertools import product

import pytest

from tests.rules.runs_table import RunTable

NEEDS = """
[task.a]
run = ["a"]
[task.b]
run = ["b"]
when = "params.b"
[task.c]
needs = ["a", "b"]
start = "RULE"
run = ["c"]
[params]
b = { type = "bool", default = true }
"""
RULES = ("all_success", "none_failed", "all_done", "any_success", "any_failed", "always")
WAYS = ("ok", "failed", "skipped", "cancelled")
"""How a need can end: only the second one can be skipped, only what runs can be cancelled."""


def expected(rule: str, a: str, b: str) -> str:
    """What becomes of the node once both have ended: written from the words of the page."""
    bad = {"failed", "cancelled"}
    ways = {a, b}
    begins = {
        "all_success": ways == {"ok"},
        "none_failed": not ways & bad,
        "all_done": True,
        "always": True,
        "any_success": "ok" in ways,
        "any_failed": bool(ways & bad),
    }[rule]
    if begins:
        return "running"
    return "upstream_failed" if ways & bad and rule != "any_failed" else "skipped"


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("first", ["a", "b"])
def test_a_node_begins_as_its_start_rule_says(make_table, rule: str, first: str) -> None:
    from core import messages as m

    for a, b in product([way for way in WAYS if way != "skipped"], WAYS):
        table = make_table()
        run = table.run(NEEDS.replace("RULE", rule), params={"b": b != "skipped"})
        order = [("a", a), ("b", b)] if first == "a" else [("b", b), ("a", a)]
        for name, way in order:
            if way == "cancelled":
                table.tell(m.Stop((table.task(run, name),)))
                table.dies(run, name)
            elif way != "skipped":
                table.done(run, name, code=int(way == "failed"))
        assert table.states(run)["c"] == expected(rule, a, b), (rule, a, b)


@pytest.mark.parametrize(("rule", "code", "begins"), [
    ("any_success", 0, True), ("any_success", 1, False), ("any_failed", 0, False), ("any_failed", 1, True),
    ("all_done", 0, False), ("all_done", 1, False), ("none_failed", 0, False),
])  # fmt: skip
def test_some_rules_need_not_wait_for_all(table: RunTable, rule: str, code: int, begins: bool) -> None:
    run = table.run(NEEDS.replace("RULE", rule))
    table.done(run, "a", code=code)
    assert (table.states(run)["c"] == "running") is begins


def test_what_begins_early_begins_once(table: RunTable) -> None:
    run = table.run(NEEDS.replace("RULE", "any_success"))
    table.done(run, "a")
    task = table.task(run, "c")
    table.done(run, "b")
    assert table.task(run, "c") == task
    table.done(run, "c")
    assert table.ended(run) == "succeeded"
    assert len(table.starts) == 3


def test_a_failure_stops_everything_below_and_says_so(table: RunTable) -> None:
    run = table.run("""
        [task.a]
        run = ["a"]
        [task.b]
        needs = "a"
        run = ["b"]
        [task.c]
        needs = "b"
        run = ["c"]
        [task.d]
        run = ["d"]
    """)
    table.done(run, "a", code=3)
    assert table.states(run) == {"a": "failed", "b": "upstream_failed", "c": "upstream_failed", "d": "running"}
    assert table.node(run, "c").reason == "b upstream failed"
    table.done(run, "d")
    assert table.ended(run) == "failed"
    assert table.of(run).reason == "a failed: exit 3"


@pytest.mark.parametrize(
    ("when", "out", "state"),
    [
        ("${a.out.n} > 1", {"n": 2}, "running"),
        ("${a.out.n} > 1", {"n": 1}, "skipped"),
        ("a.out.n > 1", {}, "failed"),
        ("a.out.n > 1", {"n": "x"}, "failed"),
        ("default(a.out.n, 2) > 1", {}, "running"),
        ("a.state == 'succeeded'", {}, "running"),
    ],
)
def test_a_condition_holds_or_skips_or_fails(table: RunTable, when: str, out: object, state: str) -> None:
    run = table.run(f"""
        [task.a]
        run = ["a"]
        output = {{ json = "-" }}
        [task.b]
        needs = "a"
        when = "{when}"
        run = ["b"]
    """)
    table.done(run, "a", out=out)
    assert table.states(run)["b"] == state


CHOOSE = """
[task.a]
run = ["a"]
output = { text = "-" }
[task.pick]
needs = "a"
choose = { on = "${a.out}", cases = { "x" = ["bx"], "y" = ["by", "both"] }, else = ["other"] }
[task.bx]
needs = "pick"
run = ["bx"]
[task.by]
needs = "pick"
run = ["by"]
[task.both]
needs = "pick"
run = ["both"]
[task.other]
needs = "pick"
run = ["other"]
[task.merge]
needs = ["bx", "by", "both", "other"]
start = "none_failed"
run = ["merge"]
[task.strict]
needs = ["bx", "by"]
run = ["strict"]
"""


@pytest.mark.parametrize(("value", "goes"), [("x", {"bx"}), ("y", {"by", "both"}), ("z", {"other"})])
def test_of_a_branch_one_case_goes_on_and_all_meet_again(table: RunTable, value: str, goes: set[str]) -> None:
    run = table.run(CHOOSE)
    table.done(run, "a", out=value)
    assert table.live(run) == goes
    for name in goes:
        assert table.states(run)["merge"] == "pending"
        table.done(run, name)
    assert table.states(run)["strict"] == "skipped"
    assert table.live(run) == {"merge"}
    table.done(run, "merge")
    assert table.ended(run) == "succeeded"


def test_a_failed_branch_is_not_merged(table: RunTable) -> None:
    run = table.run(CHOOSE)
    table.done(run, "a", out="y")
    table.done(run, "by", code=1)
    assert table.states(run)["merge"] == "upstream_failed"
    table.done(run, "both")
    assert table.ended(run) == "failed"


def test_the_longest_way_goes_first(make_table) -> None:
    table = make_table(slots=1)
    run = table.run("""
        [task.short]
        run = ["short"]
        [task.long]
        run = ["long"]
        [task.middle]
        run = ["middle"]
        [task.after_long]
        needs = "long"
        run = ["x"]
        expect = "10m"
        [task.after_middle]
        needs = "middle"
        run = ["x"]
        expect = "1m"
    """)
    for name in ("long", "after_long", "middle", "after_middle", "short"):
        assert [table.ring.world.tasks[table.starts[-1]].part.node] == [name]
        table.done(run, name)
    assert table.ended(run) == "succeeded"


def test_what_is_known_of_earlier_runs_decides_the_longest_way(make_table) -> None:
    table = make_table(slots=1)
    text = '[task.a]\nrun = ["a"]\n[task.b]\nrun = ["b"]\n'
    table.run(text, expected={"b": 100.0})
    assert table.ring.world.tasks[table.starts[0]].part.node == "b"
