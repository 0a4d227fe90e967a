"""The command line: what it prints and where, its exit codes, its speed of loading, bad input."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.fleet import until
from tui.cli.codes import Exit
from tui.cli.main import _MODULES
from tui.cli.parser import parser
from tui.written import WrittenError, request

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fleet import Fleet


def test_add_prints_the_number_and_wait_tells_the_result(fleet: Fleet) -> None:
    added = fleet.muxdeck("add", "--", "true")
    assert (added.stdout, added.stderr, added.returncode) == ("1\n", "", Exit.OK)
    assert fleet.muxdeck("wait", "1").returncode == Exit.OK
    failed = fleet.muxdeck("add", "-w", "--", "sh", "-c", "exit 3")
    assert failed.returncode == Exit.FAILED
    assert "failed exit 3" in failed.stderr
    slow = fleet.muxdeck("add", "sleep", "300")
    assert fleet.muxdeck("wait", "--timeout", "100ms", slow.stdout.strip()).returncode == Exit.FAILED


def test_what_stands_behind_a_command_is_the_commands_own(fleet: Fleet) -> None:
    assert fleet.muxdeck("add", "echo", "--wait", "-n").stdout == "1\n"
    assert fleet.task(1)["command"] == ["echo", "--wait", "-n"]
    told = fleet.muxdeck("add", "--wait", "--shell", "exit 3")
    assert (told.returncode, fleet.task(2)["shell"]) == (Exit.FAILED, "exit 3")
    assert "options stand before it" in " ".join(fleet.muxdeck("add", "--help").stdout.split())


def test_a_line_of_the_palette_is_read_as_the_command_line_reads_it(fleet: Fleet) -> None:
    assert request("add --shell 'sort x | wc'", fleet.home) == {"shell": "sort x | wc"}
    with pytest.raises(WrittenError, match="--shell takes one text"):
        request("add --shell 'sort x | wc' --hold", fleet.home)


def test_every_option_of_add_reaches_the_task(fleet: Fleet) -> None:
    words = "-n name -g grp -p 5 --hold --retry 3 --retry-delay 2s --retry-factor 3 --retry-cap 1m --retry-jitter 0.5"
    words += " --never-exit 2,64 --retry-lost -t 1h --idle-timeout 5m --queue-timeout 1d --total-timeout 2h --grace 3s"
    words += " --key once -e ONE=1 -C /usr --stdin none --delay 1m"
    fleet.muxdeck("add", *words.split(), "--", "prog", "--flag", "a b")
    task = json.loads(fleet.muxdeck("show", "once", "--json").stdout)["task"]
    assert task["command"] == ["prog", "--flag", "a b"]
    assert (task["name"], task["group"], task["priority"], task["held"], task["cwd"]) == (
        "name",
        "grp",
        5,
        True,
        "/usr",
    )
    assert task["retry"] == {
        "attempts": 3, "first": 2.0, "factor": 3.0, "cap": 60.0, "jitter": 0.5, "never_exit": [2, 64], "on": [],
        "lost": True, "elsewhere": False,
    }  # fmt: skip
    assert task["timeouts"] == {"queue": 86400.0, "run": 3600.0, "idle": 300.0, "total": 7200.0, "grace": 3.0}
    assert (task["stdin"], "ONE" in task["environment"], task["key"]) == ("/dev/null", True, "once")


def test_input_given_here_reaches_the_task_exactly(fleet: Fleet) -> None:
    content = bytes(range(256))
    argv = [sys.executable, "-m", "tui", "add", "-w", "--stdin", "-", "--", "sha256sum"]
    env = os.environ | {"MUXDECK_HOME": str(fleet.home.root)}
    assert subprocess.run(argv, input=content, env=env, check=False, capture_output=True).returncode == 0
    import hashlib

    assert fleet.muxdeck("log", "1").stdout.startswith(hashlib.sha256(content).hexdigest())
    (kept,) = fleet.home.inputs.iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


READING = {
    ("ls",): {"tasks", "counts"},
    ("show", "1"): {"task"},
    ("why", "1"): {"task", "state", "why"},
    ("log", "1"): {"attempt", "live", "start", "end", "content"},
    ("wait", "1"): {"tasks"},
    ("sessions", "-a"): {"sessions", "foreign"},
    ("agents",): {"agents"},
    ("groups",): {"groups", "paused"},
    ("results",): {"batches"},
    ("stats",): {"counts", "start", "creation", "commit", "utilisation", "engine_cpu"},
    ("history",): {"notes"},
    ("engine", "status"): {"pid", "socket", "tmux_servers"},
    ("paths",): {"home", "config", "socket"},
    ("doctor",): {"findings"},
    ("config", "check"): {"file", "faults"},
}


def test_every_reading_verb_prints_one_document_of_schema_one(fleet: Fleet) -> None:
    fleet.muxdeck("add", "-w", "true")
    for words, keys in READING.items():
        told = fleet.muxdeck(*words, "--json")
        document = json.loads(told.stdout)
        assert document["schema"] == 1, words
        assert keys <= set(document), words
        assert told.returncode == 0, words


def test_batches_are_listed_with_what_became_of_them(fleet: Fleet) -> None:
    for batch, command in (("old", "true"), ("new", "true"), ("new", "false")):
        fleet.muxdeck("add", "-w", "-b", batch, command)
    told = fleet.muxdeck("results").stdout.splitlines()
    assert [line.split(maxsplit=2) for line in told] == [
        ["batch", "tasks", "states"],
        ["old", "1", "1 succeeded"],
        ["new", "2", "1 failed, 1 succeeded"],
    ]


def test_the_doctor_looks_for_the_programs_of_the_agents(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet('[agent.ada]\nkind = "claude"\ncommand = ["/nowhere/claude"]\n')
    told = fleet.muxdeck("doctor")
    assert told.returncode == Exit.FAILED
    assert "there is no program '/nowhere/claude'" in told.stdout


def test_the_states_of_the_documents_are_those_of_the_glossary(fleet: Fleet) -> None:
    fleet.muxdeck("add", "-w", "true")
    fleet.muxdeck("add", "-w", "false")
    fleet.muxdeck("add", "--after-ok", "2", "true")
    found = json.loads(fleet.muxdeck("ls", "--json").stdout)
    assert [task["state"] for task in found["tasks"]] == ["succeeded", "failed", "upstream_failed"]
    assert json.loads(fleet.muxdeck("show", "1", "--json").stdout)["task"]["attempts"][0]["state"] == "exited"
    assert found["counts"] == {"succeeded": 1, "failed": 1, "upstream_failed": 1}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["show", "99"], Exit.NOT_FOUND, "no task 99"),
        (["log", "nokey"], Exit.NOT_FOUND, "no task has the key"),
        (["add", "-a", "nobody", "true"], Exit.NOT_FOUND, "no agent 'nobody'"),
        (["add", "--after-ok", "99", "true"], Exit.NOT_FOUND, "99"),
        (["add"], Exit.USAGE, "no command"),
        (["add", "-t", "soon", "true"], Exit.USAGE, "not a duration"),
        (
            ["add", "--shell", "sort x | wc", "--wait"],
            Exit.USAGE,
            "--shell takes one text, and here are 2: 'sort x | wc'",
        ),
        (
            ["spawn", "--shell", "echo", "a b"],
            Exit.USAGE,
            "echo 'a b'. Quote the whole of it, and write options before",
        ),
        (["edit", "1", "--shell", "--", "echo", "a"], Exit.USAGE, "--shell takes one text, and here are 2: echo a"),
        (["add", "--check", "'", "--prompt", "x"], Exit.USAGE, "No closing quotation"),
        (["add", "-g", "a b", "true"], Exit.USAGE, "letters, digits"),
        (["add", "--not-before", "tomorrow", "true"], Exit.USAGE, "not a time"),
        (["ls", "-s", "wrong"], Exit.USAGE, "not a state"),
        (["signal", "FROB", "1"], Exit.USAGE, "no signal"),
        (["pause"], Exit.USAGE, "say what"),
        (["retry"], Exit.USAGE, "say which"),
        (["frobnicate"], Exit.USAGE, "invalid choice"),
        (["retry", "1"], Exit.FAILED, "nothing to retry"),
        (["edit", "1", "--name", "x"], Exit.FAILED, "only queued"),
    ],
)
def test_what_is_refused_says_why_and_has_its_code(fleet: Fleet, words: list[str], code: int, said: str) -> None:
    fleet.add("sleep", "300")
    fleet.running(1)
    told = fleet.muxdeck(*words)
    assert (told.returncode, told.stdout) == (code, "")
    assert said in told.stderr


def test_without_an_engine_the_verbs_that_need_one_say_so(fleet: Fleet) -> None:
    assert fleet.muxdeck("engine", "status").returncode == Exit.NO_ENGINE
    assert fleet.muxdeck("engine", "stop").returncode == Exit.OK
    assert not fleet.home.socket.exists(), "a look starts nothing"


def test_a_home_that_others_can_read_is_refused(fleet: Fleet) -> None:
    fleet.home.root.chmod(0o755)
    told = fleet.muxdeck("ls")
    assert told.returncode == Exit.CONFIG
    assert "chmod 700" in told.stderr


def test_without_tmux_nothing_starts_nothing_is_lost_and_it_is_said(fleet: Fleet, tmp_path) -> None:
    import shutil

    for tool in ("python3", "sh", "cat", "sleep", "true"):
        (tmp_path / tool).symlink_to(shutil.which(tool))
    env = {"PATH": str(tmp_path)}
    assert fleet.muxdeck("doctor", env=env).returncode == Exit.NO_TMUX
    fleet.muxdeck("add", "true", env=env)
    until(lambda: "tmux cannot be started" in fleet.muxdeck("why", "1").stdout, "it says why it waits")
    fleet.stop_engine()
    assert fleet.wait(1) == ["succeeded"]


BATCH = """
# comments and empty lines are passed over
echo one "two words"
{"command": ["echo", "three"], "key": "k", "priority": 2}
{"shell": "echo four | cat", "after_ok": ["k"]}
"""


def test_a_batch_is_queued_a_task_a_line(fleet: Fleet) -> None:
    told = fleet.muxdeck("batch", "-", input=BATCH)
    assert told.stdout == "1\n2\n3\n"
    assert fleet.wait(1, 2, 3) == ["succeeded"] * 3
    assert [fleet.log(task) for task in (1, 2, 3)] == [b"one two words\r\n", b"three\r\n", b"four\r\n"]


def test_a_batch_can_be_waited_for_and_tells_how_it_went(fleet: Fleet) -> None:
    assert fleet.muxdeck("batch", "--wait", "-", input="true\ntrue\n").returncode == 0
    told = fleet.muxdeck("batch", "--wait", "-", input="true\nfalse\n")
    assert (told.returncode, told.stdout) == (1, "3\n4\n")
    assert "task 4 false: failed" in told.stderr


def test_everything_is_ended_only_when_that_is_said(fleet: Fleet) -> None:
    tasks = fleet.add_all(*[{"command": ["sleep", "300"]}] * 6)
    told = fleet.muxdeck("kill")
    assert told.returncode == 2
    assert "--all" in told.stderr
    assert fleet.muxdeck("kill", "--all").returncode == 0
    assert fleet.wait(*tasks) == ["cancelled"] * 6


def test_a_batch_with_faults_names_every_line_and_adds_nothing(fleet: Fleet, tmp_path) -> None:
    file = tmp_path / "jobs"
    file.write_text(
        'echo ok\nls | wc\n{"command": ["x"], "prio": 3}\necho "open\n{"command": [}\n'
        '{"command": ["x"], "after_ok": ["no"]}\n'
    )
    told = fleet.muxdeck("batch", str(file))
    assert told.returncode == Exit.USAGE
    lines = told.stderr.splitlines()
    assert [line.split(":")[1] for line in lines[:-1]] == ["2", "3", "4", "5", "6"]
    assert "--shell" in lines[0]
    assert "did you mean priority" in lines[1]
    assert lines[-1] == "muxdeck: nothing was added"
    assert fleet.ask("list")["tasks"] == []


def test_hold_release_edit_pause_limit_clean_and_history(fleet: Fleet) -> None:
    fleet.muxdeck("pause", "--all")
    fleet.muxdeck("add", "-g", "g", "sleep", "1")
    assert "everything is paused" in fleet.muxdeck("why", "1").stdout
    assert fleet.muxdeck("hold", "1").stdout == "1\n"
    fleet.muxdeck("edit", "1", "-n", "other", "-p", "7", "--retry", "2", "--", "true", "-x")
    task = fleet.task(1)
    assert (task["name"], task["priority"], task["command"], task["retry"]["attempts"]) == (
        "other",
        7,
        ["true", "-x"],
        2,
    )
    assert task["held"]
    fleet.muxdeck("limit", "g", "3")
    fleet.muxdeck("release", "-g", "g")
    fleet.muxdeck("resume", "--all")
    assert fleet.muxdeck("wait", "1").returncode == Exit.OK
    assert "limit of group g: 3" in fleet.muxdeck("history").stdout
    assert fleet.muxdeck("clean").stdout == "1\n"
    assert fleet.muxdeck("show", "1").returncode == Exit.NOT_FOUND


def test_hostile_text_is_inert_wherever_it_is_printed(fleet: Fleet) -> None:
    hostile = "\x1b]0;own\x07\x1b[31m\x9b31m\u202egnp.exe\n[bold]x[/]\r" + "y" * 100_000
    fleet.add_all({"command": ["printf", "%s", hostile], "name": hostile, "stdin": "/dev/null"})
    fleet.wait(1)
    for words in (["ls"], ["show", "1"], ["why", "1"], ["history"], ["log", "1"]):
        shown = fleet.muxdeck(*words).stdout
        assert not set(shown) & set("\x1b\x07\x9b\u202e\r"), words
        assert max(map(len, shown.splitlines())) < 5000 or words == ["log", "1"], words
    raw = fleet.muxdeck("log", "1", "--raw", env={"LC_ALL": "C.UTF-8"}).stdout
    assert hostile.replace("\r", "").replace("\n", "")[:20] in raw


def test_a_log_can_be_followed_until_its_task_ends(fleet: Fleet) -> None:
    fleet.shell("for i in 1 2 3; do echo $i; sleep 0.2; done")
    assert fleet.muxdeck("log", "-f", "1").stdout == "1\n2\n3\n"
    assert fleet.muxdeck("log", "-n", "2", "1").stdout == "2\n3\n"


def test_no_verb_loads_the_console_and_a_question_loads_little(fleet: Fleet) -> None:
    fleet.ask("status")
    watch = "import sys; from tui.cli.main import run; run(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    env = os.environ | {"MUXDECK_HOME": str(fleet.home.root)}
    verbs = (["ls"], ["add", "true"], ["stats"], ["inbox"], ["msg", "operator", "x"], ["doctor"], ["config", "check"])
    for words in (*verbs, ["engine", "status"]):
        ran = subprocess.run([sys.executable, "-c", watch, *words], env=env, capture_output=True, text=True, check=True)
        loaded = set(ran.stderr.split())
        assert not loaded & {"textual", "rich", "libtmux", "mcp", "mcp_types"}, words
        if words[0] in ("ls", "add", "stats", "inbox", "msg"):
            assert not loaded & {"asyncio", "pydantic", "sqlite3", "psutil", "subprocess"}, words


def test_colours_only_where_somebody_sees_them(fleet: Fleet) -> None:
    fleet.muxdeck("add", "-w", "false")
    assert "\033[" not in fleet.muxdeck("ls").stdout
    assert "\033[31m" in _on_a_terminal(fleet, "ls")
    assert "\033[" not in _on_a_terminal(fleet, "ls", env={"NO_COLOR": "1"})


def _on_a_terminal(fleet: Fleet, *words: str, env: dict[str, str] | None = None) -> str:
    import pty

    reading, writing = pty.openpty()
    environ = (
        {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm"} | (env or {})
    )
    environ["MUXDECK_HOME"] = str(fleet.home.root)
    subprocess.run([sys.executable, "-m", "tui", *words], stdout=writing, env=environ, check=False)
    os.close(writing)
    shown = os.read(reading, 1 << 16).decode()
    os.close(reading)
    return shown


def test_every_verb_has_a_module_and_every_module_its_verb() -> None:
    from importlib import import_module

    choices = next(action.choices for action in parser()._actions if action.dest == "verb")
    assert set(choices) == set(_MODULES)
    for verb, module in _MODULES.items():
        assert callable(getattr(import_module(f"tui.cli.{module}"), verb.replace("-", "_")))


def test_the_version_names_everything_that_matters(fleet: Fleet) -> None:
    told = fleet.muxdeck("--version").stdout
    assert all(word in told for word in ("muxdeck", "Python 3.", "tmux", "SQLite 3."))


def test_completions_are_made_for_each_shell(fleet: Fleet) -> None:
    for shell in ("bash", "zsh", "tcsh"):
        assert "muxdeck" in fleet.muxdeck("completion", shell).stdout


def test_config_init_writes_once_and_never_over(fleet: Fleet) -> None:
    fleet.home.config.unlink()
    assert fleet.muxdeck("config", "init").returncode == Exit.OK
    written = fleet.home.config.read_text()
    assert "# slots" in written
    fleet.home.config.write_text("# mine\n")
    assert fleet.muxdeck("config", "init").returncode == Exit.FAILED
    assert fleet.home.config.read_text() == "# mine\n"
    fleet.home.config.write_text("[engine]\nslots = no\n")
    told = fleet.muxdeck("config", "check")
    assert told.returncode == Exit.CONFIG
    assert "config.toml:2" in told.stdout
