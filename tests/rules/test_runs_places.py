"""Where the tasks of runs go, in which order, and what reaches their programs."""

from __future__ import annotations

import pytest

from core import messages as m
from core.model import Captured
from core.settings import AgentLimits
from tests.rules.runs_table import RunTable, definition

AGENTS = (
    AgentLimits("local"),
    AgentLimits("ada", 2, "claude", frozenset({"llm", "big"})),
    AgentLimits("bob", 2, "codex", frozenset({"llm"})),
)
NASTY = ["a b", "'; rm -rf / #", '"$(touch x)"', "--flag", "-rf", "new\nline", "`id`", "${HOME}", "", "ü\u202e"]


@pytest.mark.parametrize("value", NASTY)
def test_a_value_is_one_word_and_never_a_shells_text(table: RunTable, value: str) -> None:
    run = table.run(
        """
        [params]
        v = {}
        [task.list]
        run = ["list", "${params.v}"]
        output = { json = "-" }
        [task.work]
        needs = "list"
        map = { over = "${list.out}" }
        run = ["work", "--", "${item}", "x${item}y"]
        env = { V = "${item}" }
        [task.shell]
        needs = "list"
        run = "echo \\"$V\\""
        env = { V = "${list.out[0]}" }
        """,
        params={"v": value},
    )
    assert table.launch(run, "list").argv == ("list", value)
    table.done(run, "list", out=[value])
    launch = table.launch(run, "work")
    assert launch.argv == ("work", "--", value, f"x{value}y")
    assert not launch.shell
    assert ("V", value) in launch.own_env
    shell = table.launch(run, "shell")
    assert (shell.argv, shell.shell) == (('echo "$V"',), True)
    assert ("V", value) in shell.own_env


def test_a_program_without_a_name_fails_before_it_starts(table: RunTable) -> None:
    run = table.run('[params]\nv = { default = "" }\n[task.a]\nrun = ["${params.v}", "x"]\n')
    assert table.states(run) == {"a": "failed"}
    assert table.node(run, "a").reason == "its command has no program"


def test_what_a_task_should_have_left_counts_like_its_exit(table: RunTable) -> None:
    run = table.run('[task.a]\nrun = ["a"]\noutput = { json = "x.json" }\nretry = { attempts = 2, first = "1s" }\n')
    task = table.task(run, "a")
    for _ in range(2):
        table.start(task)
        attempt = table.attempt(task)
        table.tell(m.Exited(attempt, 0, table.now, None, Captured(None, "x.json is not there")))
        table.later(5)
    assert table.states(run) == {"a": "failed"}
    assert table.of(run).reason == "a failed: x.json is not there"


# Agents


def agents(table: RunTable, run: int, name: str, count: int) -> list[str]:
    return [table.ring.world.tasks[table.task(run, name, item)].agent for item in range(count)]


def test_a_preferred_agent_gets_what_it_can_do_now(make_table) -> None:
    table = make_table(agents=AGENTS, steal=False)
    text = '[task.a]\nprompt = "x"\nagent = { needs = ["llm"], prefer = "bob" }\n'
    assert agents(table, table.run(text), "a", 1) == ["bob"]
    table.tell(m.Probed("bob", "it is not there"))
    assert agents(table, table.run(text), "a", 1) == ["ada"]


def test_parts_that_are_spread_go_to_the_agents_in_turn(make_table) -> None:
    table = make_table(agents=AGENTS, steal=False)
    run = table.run("""
        [task.a]
        prompt = "${matrix.n}"
        matrix = { n = [1, 2, 3, 4] }
        agent = { needs = ["llm"], spread = true }
    """)
    assert agents(table, run, "a", 4) == ["ada", "bob", "ada", "bob"]


def test_what_wants_the_same_repository_goes_where_it_is_warm(make_table) -> None:
    table = make_table(agents=AGENTS, steal=False)
    run = table.run("""
        [task.a]
        prompt = "x"
        agent = "bob"
        affinity = "repo:${run.name}"
        [task.b]
        needs = "a"
        prompt = "y"
        agent = { needs = ["llm"] }
        affinity = "repo:${run.name}"
    """)
    table.done(run, "a")
    assert agents(table, run, "b", 1) == ["bob"]


def test_a_fallback_goes_on_with_another_agent_once_all_attempts_have_failed(make_table) -> None:
    table = make_table(agents=AGENTS, steal=False)
    run = table.run("""
        [task.a]
        prompt = "x"
        agent = "ada"
        retry = { attempts = 2, first = "1s" }
        fallback = [{ agent = "bob" }, { needs = ["big"] }]
        [task.b]
        needs = "a"
        run = ["b"]
    """)
    for agent, attempts in (("ada", 2), ("bob", 2), ("ada", 1)):
        for _ in range(attempts):
            assert agents(table, run, "a", 1) == [agent]
            assert table.states(run)["b"] == "pending"
            table.done(run, "a", code=int((agent, attempts) != ("ada", 1)))
            table.later(60)
    assert table.live(run) == {"b"}


def test_an_agent_that_nobody_has_is_a_failure_of_its_node_alone(make_table) -> None:
    table = make_table(agents=AGENTS)
    run = table.run('[task.a]\nprompt = "x"\nagent = { needs = ["none"] }\n[task.b]\nrun = ["b"]\n')
    assert table.states(run) == {"a": "failed", "b": "running"}


# Pools, groups, keys, priorities


def test_a_pool_limits_the_tasks_of_all_runs(make_table) -> None:
    table = make_table(groups=(("db", 1),))
    text = '[task.a]\nrun = ["a"]\npool = "db"\n'
    one, other = table.run(text), table.run(text)
    assert len(table.starts) == 1
    table.done(one, "a")
    assert len(table.starts) == 2
    table.done(other, "a")


def test_runs_of_a_group_take_their_turns(table: RunTable) -> None:
    text = '[params]\ng = { default = "x" }\n[run]\ngroup = "g:${params.g}"\ngroup_max = 1\n[task.a]\nrun = ["a"]\n'
    first, second, third = (table.run(text) for _ in range(3))
    alone = table.run(text, params={"g": "y"})
    assert [table.of(run).state for run in (first, second, third, alone)] == [
        "running",
        "pending",
        "pending",
        "running",
    ]
    table.tell(m.CancelRuns((second,)))
    table.done(first, "a")
    assert table.of(third).state == "running"
    with pytest.raises(m.RefusedError, match="is running"):
        table.tell(m.RetryRun(third, "a"))


def test_a_key_that_is_known_gives_the_run_that_there_is(table: RunTable) -> None:
    text = '[params]\nk = { default = "x" }\n[run]\nkey = "k:${params.k}"\n[task.a]\nrun = ["a"]\n'
    first = table.run(text)
    assert table.run(text) == first
    assert table.run(text, params={"k": "y"}) != first
    table.done(first, "a")
    assert table.run(text) == first


def test_a_key_made_of_an_event_counts_only_with_one(table: RunTable) -> None:
    flow = definition('[on]\nevent = { topic = "t" }\n[run]\nkey = "k:${event.n}"\n[task.a]\nrun = ["a"]\n')
    assert table.run(flow) != table.run(flow)
    table.arm(flow)
    for number in (1, 1, 2):
        table.emit("t", {"n": number})
    assert len(table.ring.world.runs) == 4


def test_the_more_important_run_goes_first(make_table) -> None:
    table = make_table(slots=1)
    table.run('[task.first]\nrun = ["a"]\n')
    low = table.run('[task.a]\nrun = ["a"]\n')
    high = table.run('[run]\npriority = 2\n[task.a]\nrun = ["a"]\n')
    table.done(1, "first")
    assert table.starts[-1] == table.task(high, "a")
    table.done(high, "a")
    assert table.starts[-1] == table.task(low, "a")
