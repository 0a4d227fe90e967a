"""Workflow files: what each key comes to, and that every fault is told with its line, its key and what is expected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.model import Policy, RetryPolicy, Timeouts
from core.workflows.expressions import Expression, Structure, Template
from core.workflows.model import (
    AgentWish,
    Call,
    Choose,
    Command,
    Each,
    Emit,
    Fan,
    Gate,
    Matrix,
    Node,
    OnEvent,
    OnFile,
    Output,
    Over,
    Param,
    Prompt,
    Reduce,
    RunSettings,
    Scatter,
    Schedule,
    Send,
    Shell,
    StartRule,
    Triggers,
    Wait,
    Workflow,
)
from core.workflows.reading import read

FILES = Path(__file__).parent / "files"
HEAD = "schema = 1\n"


def sound(text: str, policy: Policy | None = None, **called: str) -> Workflow:
    files = {name.replace("__", "/") + ".toml": content for name, content in called.items()}
    found, faults = read(HEAD + text, "w.toml", files.get, policy or Policy())
    assert faults == ()
    assert found is not None
    return found


def node(text: str, name: str = "a") -> Node:
    return sound(text).nodes[name]


def faults(text: str, **called: str) -> list[str]:
    files = {name.replace("__", "/") + ".toml": content for name, content in called.items()}
    found, wrong = read(text, "w.toml", files.get)
    assert (found is None) is bool(wrong)
    return [str(fault) for fault in wrong]


def template(text: str) -> Template:
    return Template.parse(text)


def test_the_sketch_of_the_design_is_sound_as_it_is() -> None:
    found, wrong = read((FILES / "review-repo.toml").read_text(), "review-repo.toml", lambda _: None)
    assert wrong == ()
    assert found is not None
    assert found.name == "review-repo"
    assert list(found.nodes) == [
        *("fetch", "plan", "review", "fix", "report", "second_opinion", "route", "publish", "escalate", "cleanup"),
    ]
    assert [name for name, one in found.nodes.items() if one.final] == ["cleanup"]
    review = found.nodes["review"]
    assert review.fan == Fan(Over(template("${plan.out.files}")), "f", parallel=8, batch=5, max_items=1024)
    assert review.policy == Policy(
        RetryPolicy(3, 5.0, 2.0, 300.0, 0.2, frozenset({2, 64}), elsewhere=True),
        Timeouts(1800.0, 7200.0, 600.0, None, 15.0),
    )
    assert review.fallback == (AgentWish(needs=frozenset({"llm-small"})),)
    assert found.nodes["plan"].output == Output("json", "plan.json", 1 << 20)
    assert found.on.schedules == (Schedule("0 2 * * *", "Europe/Berlin", "skip", 21600.0),)
    assert found.on.events == (OnEvent("repo.pushed", Expression.parse("event.branch == 'main'")),)
    assert found.on.files == (OnFile("inbox/*.md"),)


def test_a_prompt_whose_output_is_used_leaves_its_last_message() -> None:
    text = '[task.a]\nprompt = "x"\n[task.b]\nneeds = "a"\nrun = ["echo", "${a.out%s}"]\n'
    assert node(text % "").output == Output("text", "-")
    assert node(text % ".deep").output == Output("json", "-")
    assert node(text % ".deep" + 'env = { A = "${a.out}" }\n').output == Output("json", "-")
    assert node('[task.a]\nprompt = "x"\n').output is None


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ('run = ["echo", "${params.p}"]', "work", Command((template("echo"), template("${params.p}")))),
        ('run = "make | tee x"', "work", Shell("make | tee x")),
        ('prompt = "do"\ncheck = ["true"]', "work", Prompt(template("do"), (template("true"),))),
        ('needs = "b"', "needs", ("b",)),
        ('needs = ["b", "c", "b"]', "needs", ("b", "c")),
        ('run = "x"\nneeds = "b"\nstart = "none_failed"', "start", StartRule.NONE_FAILED),
        ('run = "x"\nwhen = "params.p == \'y\'"', "when", Expression.parse("params.p == 'y'")),
        ('run = "x"\nwhen = "false"', "when", Expression.parse("false")),
        ('run = "x"\nmap = { over = "${params.l}" }', "fan", Fan(Over(template("${params.l}")))),
        (
            'run = "x"\nmap = { over = "${[1, 2]}", as = "n", fail_fast = true }',
            "fan",
            Fan(Over(template("${[1, 2]}")), "n", fail_fast=True),
        ),
        ('run = "x"\nmap = { each = "m" }', "fan", Fan(Each("m"))),
        ('run = "x"\nmap = { each = "m" }', "needs", ("m",)),
        ('run = "x"\nreduce = { from = "m", order = "done", min_success = 0.5 }', "reduce", Reduce("m", "done", 0.5)),
        ('run = "x"\nreduce = { from = "m" }', "needs", ("m",)),
        ('run = "x"\nmatrix = { os = ["l", "m"] }', "fan", Fan(Matrix(({"os": "l"}, {"os": "m"})), "matrix")),
        ('run = "x"\nscatter = { agents = 3, needs = "w" }', "scatter", Scatter(3, "all", 3)),
        ('run = "x"\nscatter = { agents = 3, needs = "w" }', "agent", AgentWish(None, frozenset({"w"}))),
        (
            'run = "x"\nscatter = { agents = 3, until = "first", within = "5m" }',
            "scatter",
            Scatter(3, "first", 1, 300.0),
        ),
        ('run = "x"\nscatter = { agents = 3, until = "quorum", quorum = 2 }', "scatter", Scatter(3, "quorum", 2)),
        ('gate = { ask = "Go on with ${params.p}?" }', "gate", Gate(template("Go on with ${params.p}?"))),
        ('gate = { ask = "?", within = "1h", on_timeout = "approve" }', "gate", Gate(template("?"), 3600.0, "approve")),
        ('wait = { time = "10m" }', "wait", Wait(seconds=600.0)),
        (
            'wait = { event = "t.x", where = "event.n == params.p", within = 9, on_timeout = "skip" }',
            "wait",
            Wait("t.x", Expression.parse("event.n == params.p"), None, 9.0, "skip"),
        ),
        ('run = "x"\nemit = { topic = "t" }', "emit", (Emit("t"),)),
        (
            'run = "x"\noutput = { text = "-" }\nemit = [ { topic = "t", data = { k = ["${a.out}", 1] } } ]',
            "emit",
            (Emit("t", Structure.parse({"k": ["${a.out}", 1]})),),
        ),
        (
            'send = { to = "operator", text = "${params.p}" }',
            "send",
            (Send(template("operator"), template("${params.p}")),),
        ),
        (
            'send = [ { to = "1", text = "x" }, { to = "2", text = "y" } ]',
            "send",
            (Send(template("1"), template("x")), Send(template("2"), template("y"))),
        ),
        ('run = "x"\ncwd = "${run.folder}"', "cwd", template("${run.folder}")),
        ('run = "x"\nenv = { A = "${params.p}" }', "env", (("A", template("${params.p}")),)),
        ('run = "x"\nagent = "ada"', "agent", AgentWish("ada")),
        ('run = "x"\nagent = { name = "ada" }', "agent", AgentWish("ada")),
        (
            'run = "x"\nagent = { needs = ["l"], prefer = "ada", spread = true }',
            "agent",
            AgentWish(None, frozenset({"l"}), "ada", True),
        ),
        (
            'run = "x"\nfallback = [ { agent = "bob" }, { needs = "s" } ]',
            "fallback",
            (AgentWish("bob"), AgentWish(None, frozenset({"s"}))),
        ),
        ('run = "x"\naffinity = "${params.p}"', "affinity", template("${params.p}")),
        ('run = "x"\npool = "gpu"\n', "pool", "gpu"),
        ('run = "x"\npriority = -3', "priority", -3),
        ('run = "x"\nlost = "fail"', "lost", "fail"),
        ('run = "x"\nlost = "retry"', "policy", Policy(RetryPolicy(lost=True))),
        (
            'run = "x"\nretry = { attempts = 2, on = ["lost", "failed"] }',
            "policy",
            Policy(RetryPolicy(2, on=frozenset({"lost", "failed"}), lost=True)),
        ),
        (
            'run = "x"\nretry = { max = "1m", never_exit = [3], move = "other_agent" }',
            "policy",
            Policy(RetryPolicy(cap=60.0, never_exit=frozenset({3}), elsewhere=True)),
        ),
        ('run = "x"\ntimeout = { idle = "1m", grace = 3 }', "policy", Policy(timeouts=Timeouts(idle=60.0, grace=3.0))),
        ('run = "x"\noutput = { json = "o/x.json", max = "2MiB" }', "output", Output("json", "o/x.json", 2 << 20)),
        ('run = "x"\noutput = { text = "-" }', "output", Output("text", "-")),
        ('run = "x"\noutput = { file = "r.md" }', "output", Output("file", "r.md")),
        ('run = "x"\nexpect = "2m"', "expect", 120.0),
    ],
)
def test_a_key_comes_to_what_it_means(text: str, field: str, value: Any) -> None:
    others = (
        '[task.b]\nrun = "x"\n[task.c]\nrun = "x"\n[task.m]\nrun = "x"\nmap = { over = "${params.l}" }\n'
        'output = { json = "-" }\n[params]\np = { default = "" }\nl = { type = "list" }\n'
    )
    assert getattr(node(f"[task.a]\n{text}\n{others}"), field) == value


def test_a_branch_and_what_it_leads_to() -> None:
    text = """
        [task.a]
        choose = { on = "${params.p}", cases = { yes = ["b"], no = "c" }, else = ["b", "c"] }
        [task.b]
        needs = "a"
        [task.c]
        needs = ["a"]
        [params]
        p = {}
    """
    found = node(text).work
    assert found == Choose(template("${params.p}"), (("yes", ("b",)), ("no", ("c",))), ("b", "c"))
    assert isinstance(found, Choose)
    assert found.targets == {"b", "c"}


def test_what_starts_it_and_how_its_runs_go() -> None:
    found = sound("""
        name = "w"
        about = "why"
        [on]
        manual = false
        schedule = [ { cron = "0 2 * * *" }, { cron = "5 * * * *", tz = "Asia/Tokyo", overlap = "allow" } ]
        event = { file = "a/*.md", settle = "3s" }
        file = ["b.md", { file = "c.md", settle = 2 }]
        [params]
        p = { type = "int", default = 4, min = 1, max = 9, choices = [2, 4], about = "how many" }
        q = { required = true, pattern = "[a-z]+" }
        [run]
        key = "k:${params.q}:${event.id}"
        group = "g"
        group_max = 2
        max_active = 3
        deadline = "1d"
        on_failure = "cancel"
        priority = 5
        [task.a]
        run = ["echo", "${event.path}"]
    """)
    assert found.about == "why"
    assert found.on == Triggers(
        False,
        (Schedule("0 2 * * *"), Schedule("5 * * * *", "Asia/Tokyo", "allow")),
        (),
        (OnFile("a/*.md", 3.0), OnFile("b.md"), OnFile("c.md", 2.0)),
    )
    assert found.params == {
        "p": Param("p", "int", False, 4, 1, 9, (2, 4), None, "how many"),
        "q": Param("q", required=True, pattern="[a-z]+"),
    }
    key = template("k:${params.q}:${event.id}")
    assert found.run == RunSettings(key, template("g"), 2, 3, 86400.0, "cancel", 5)


def test_a_task_goes_before_the_defaults_and_they_before_the_settings() -> None:
    settings = Policy(RetryPolicy(attempts=7, jitter=0.5, lost=True), Timeouts(run=10.0, queue=20.0))
    found = sound(
        """
        [defaults]
        retry = { attempts = 3, first = 1 }
        timeout = { run = 30, idle = 40 }
        agent = "ada"
        cwd = "src"
        env = { A = "1", B = "2" }
        [task.a]
        run = "x"
        [task.b]
        run = "x"
        retry = { attempts = 2 }
        timeout = { idle = 50 }
        agent = { needs = "l" }
        cwd = "other"
        env = { B = "3" }
        lost = "hold"
        [task.c]
        needs = "a"
        """,
        settings,
    )
    a, b, c = (found.nodes[name] for name in "abc")
    assert a.policy == Policy(RetryPolicy(3, 1.0, jitter=0.5, lost=True), Timeouts(queue=20.0, run=30.0, idle=40.0))
    assert b.policy == Policy(RetryPolicy(2, 1.0, jitter=0.5), Timeouts(queue=20.0, run=30.0, idle=50.0))
    assert (a.agent, a.cwd, a.env) == (AgentWish("ada"), template("src"), (("A", template("1")), ("B", template("2"))))
    assert (b.agent, b.cwd) == (AgentWish(needs=frozenset({"l"})), template("other"))
    assert dict(b.env) == {"A": template("1"), "B": template("3")}
    assert (a.lost, b.lost) == ("retry", "hold")
    assert (c.agent, c.cwd, c.env) == (AgentWish(), None, ())


def test_the_name_is_that_of_the_file_where_it_says_none() -> None:
    assert sound('[task.a]\nrun = "x"\n').name == "w"
    assert read(HEAD + '[task.a]\nrun = "x"\n', "/x/a b.toml", lambda _: None)[1][0].key == "name"


def test_all_faults_of_a_file_are_told_at_once_each_by_its_line() -> None:
    text = (FILES / "faulty.toml").read_text()
    assert faults(text) == (FILES / "faulty.txt").read_text().splitlines()


@pytest.mark.parametrize("case", (FILES / "faults.txt").read_text().split("==\n"))
def test_a_fault_is_told_with_its_line_its_key_and_what_is_expected(case: str) -> None:
    """Each case is a file, and the faults of it behind arrows."""
    lines = case.splitlines()
    told = [line.removeprefix("--> ") for line in lines if line.startswith("--> ")]
    assert told
    assert faults("".join(f"{line}\n" for line in lines if not line.startswith("--> "))) == told


def test_a_task_may_speak_of_its_own_output_where_it_has_ended() -> None:
    sound('[task.a]\nrun = "x"\noutput = { json = "-" }\nemit = { topic = "t", data = "${a.out.n}" }\n')
    sound('[task.a]\nrun = "x"\nsend = { to = "operator", text = "${a.state}" }\n')


@pytest.mark.parametrize("on", ["event = { topic = 't' }", "file = 'in/*'", "schedule = { cron = '0 2 * * *' }"])
def test_a_task_may_speak_of_the_event_whatever_starts_the_run_by_itself(on: str) -> None:
    text = f"schema = 1\n[on]\n{on}\n[task.a]\nrun = ['echo', '${{event.at}}']\n"
    assert faults(text) == []


def test_what_is_needed_round_about_is_known() -> None:
    text = '[task.a]\nrun = "x"\noutput = { json = "-" }\n' + "".join(
        f'[task.n{number}]\nneeds = "{f"n{number - 1}" if number else "a"}"\nrun = ["x", "${{a.out.k}}"]\n'
        for number in range(5)
    )
    sound(text)
    sound(
        '[task.a]\nrun = "x"\n[finally.b]\nrun = ["x", "${a.state}"]\n'
        '[finally.c]\nneeds = "b"\nrun = ["x", "${a.state}"]\n'
    )


def test_a_file_that_is_called_is_read_with_its_own_calls() -> None:
    found = sound(
        '[task.a]\ncall = { file = "sub/b.toml", with = { n = 3, s = "${params.p}" }, if_parent_stops = "leave" }\n'
        "[params]\np = {}\n",
        sub__b=(
            'schema = 1\n[params]\nn = { type = "int", required = true }\ns = {}\n'
            '[task.x]\ncall = { file = "../c.toml" }\n'
        ),
        c='schema = 1\n[task.y]\nrun = "x"\n',
    )
    work = found.nodes["a"].work
    assert work == Call("sub/b.toml", (("n", Structure.parse(3)), ("s", Structure.parse("${params.p}"))), "leave")
    assert list(found.calls["sub/b.toml"].calls["../c.toml"].nodes) == ["y"]


@pytest.mark.parametrize(
    ("text", "called", "told"),
    [
        ('call = { file = "b.toml" }', {}, ["w.toml:3: task.a.call.file: there is no file b.toml that could be read"]),
        (
            'call = { file = "/b.toml" }',
            {},
            ["w.toml:3: task.a.call.file: expected a path from the folder of this file"],
        ),
        ('call = { file = "w.toml" }', {}, ["w.toml:3: task.a.call.file: it would call itself: w.toml → w.toml"]),
        (
            'call = { file = "b.toml" }',
            {"b": 'schema = 1\n[task.x]\ncall = { file = "w.toml" }\n'},
            ["b.toml:3: task.x.call.file: it would call itself: w.toml → b.toml → w.toml"],
        ),
        (
            'call = { file = "b.toml" }',
            {"b": 'schema = 1\n[task.x]\nrn = "x"\n'},
            ["b.toml:3: task.x.rn: unknown key 'rn': did you mean run?"],
        ),
        (
            'call = { file = "b.toml", with = { shard = 3 } }',
            {"b": 'schema = 1\n[params]\nshards = { type = "int" }\nr = { required = true }\n[task.x]\nrun = "x"\n'},
            [
                "w.toml:3: task.a.call: expected with = { r = … }",
                "w.toml:3: task.a.call.with.shard: unknown parameter 'shard': did you mean shards?",
            ],
        ),
        (
            'call = { file = "b.toml", with = { n = "x" } }',
            {"b": 'schema = 1\n[params]\nn = { type = "int" }\n[task.x]\nrun = "x"\n'},
            ["w.toml:3: task.a.call.with.n: expected a whole number, found the text 'x'"],
        ),
        (
            'call = { file = "b.toml" }\noutput = { json = "-" }',
            {"b": 'schema = 1\n[task.x]\nrun = "x"\n'},
            ["w.toml:4: task.a.output: it goes with run or prompt: nothing else runs a program or an agent"],
        ),
    ],
)
def test_a_call_that_cannot_be_is_told(text: str, called: dict[str, str], told: list[str]) -> None:
    assert sorted(faults(f"{HEAD}[task.a]\n{text}\n", **called)) == sorted(told)


def test_eight_levels_of_calls_are_possible_and_nine_are_not() -> None:
    def chain(count: int) -> dict[str, str]:
        files = {f"f{n}": f'schema = 1\n[task.x]\ncall = {{ file = "f{n + 1}.toml" }}\n' for n in range(1, count)}
        return files | {f"f{count}": 'schema = 1\n[task.x]\nrun = "x"\n'}

    first = '[task.a]\ncall = { file = "f1.toml" }\n'
    sound(first, **chain(8))
    assert faults(HEAD + first, **chain(9)) == [
        "f8.toml:3: task.x.call.file: more than 8 levels of workflows that call others"
    ]
    short = '[task.z]\ncall = { file = "f2.toml" }\n' + first
    assert "more than 8 levels" in faults(HEAD + short, **chain(9))[0]


def test_a_hostile_file_is_refused_and_no_stack_is_blown() -> None:
    for text in (
        "a = " + "[" * 100_000,
        "a = " + "{a=" * 100_000,
        HEAD + "[task.a]\nemit = { topic = 't', data = " + "[" * 300 + "]" * 300 + " }\n",
        HEAD + "[task.a]\nrun = ['x', '${" + "(" * 5000 + "}']\n",
        HEAD + "[task.a]\nrun = 'x'\nmatrix = { " + ", ".join(f"a{n} = [1, 2, 3]" for n in range(100)) + " }\n",
        HEAD + "[task.a]\nrun = 'a\\u001b[31m'\n\"\\u001b[31m\" = 3\n",
        HEAD + '[task.a]\nrun = "x"\n"\\u001b[31m" = 3\n',
        HEAD + '[task."\\u001b[31m"]\nneeds = ["\\u001b[31m"]\n',
    ):
        told = faults(text)
        assert told
        assert "\x1b" not in "".join(told)
