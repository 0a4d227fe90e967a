"""The verbs of runs: what they print, what they change, what they refuse and with which exit code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.fleet import until
from tui.cli.codes import Exit

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fleet import Fleet

RELEASE = """
schema = 1
name = "release"
params.who = { type = "string", required = true }

[task.build]
run = ["printf", "%s", "made for ${params.who} | *"]
output = { text = "-" }

[task.publish]
needs = ["build"]
gate = { ask = "Publish what was ${build.out}?" }
run = ["test", "-e", "well"]

[task.heard]
needs = ["build"]
wait = { event = "checked", where = "event.ok" }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "release.toml"
    path.write_text(RELEASE)
    return path


def shown(fleet: Fleet, run: str = "1") -> dict[str, Any]:
    return dict(json.loads(fleet.muxdeck("run-show", run, "--json").stdout)["run"])


def states(fleet: Fleet) -> dict[str, str]:
    return {node["name"]: node["state"] for node in shown(fleet)["nodes"]}


def test_a_run_is_begun_answered_retried_and_shown_on_the_command_line(fleet: Fleet, file: Path) -> None:
    begun = fleet.muxdeck("run", "./release.toml", "-p", "who=ann's \n$(id)", cwd=file.parent)
    assert (begun.stdout, begun.stderr, begun.returncode) == ("1\n", "", Exit.OK)
    until(lambda: states(fleet)["publish"] == "asking" and states(fleet)["heard"] == "waiting", "it asks and waits")
    assert "Publish what was made for ann's" in fleet.muxdeck("run-show", "1").stdout

    assert fleet.muxdeck("reject", "1", "publish", "not", "today").returncode == Exit.OK
    assert fleet.muxdeck("emit", "checked", "--data", '{"ok": false}').stdout == "1\n"
    assert states(fleet) == {"build": "succeeded", "publish": "failed", "heard": "waiting"}
    assert fleet.muxdeck("emit", "checked", "--data", '{"ok": true}').stdout == "2\n"
    until(lambda: shown(fleet)["state"] == "failed", "the run ends")
    assert shown(fleet)["reason"] == "publish failed: rejected by the operator: not today"

    assert fleet.muxdeck("retry", "--run", "1").returncode == Exit.OK
    (file.parent / "well").touch()
    assert fleet.muxdeck("approve", "1", "publish").returncode == Exit.OK
    until(lambda: shown(fleet)["state"] == "succeeded", "the second round ends well")
    before = len(json.loads(fleet.muxdeck("ls", "--json").stdout)["tasks"])
    assert fleet.muxdeck("retry", "--run", "1", "--from", "publish").returncode == Exit.OK
    assert fleet.muxdeck("approve", "1", "publish").returncode == Exit.OK
    until(lambda: shown(fleet)["state"] == "succeeded", "the third round ends well")
    assert len(json.loads(fleet.muxdeck("ls", "--json").stdout)["tasks"]) == before + 1, "build did not run again"

    listed = json.loads(fleet.muxdeck("runs", "--workflow", "release", "--json").stdout)["runs"]
    assert [(one["id"], one["state"], one["nodes"]) for one in listed] == [(1, "succeeded", {"succeeded": 3})]
    events = json.loads(fleet.muxdeck("events", "--json").stdout)["events"]
    assert [(one["topic"], one["data"], one["source"]) for one in events] == [
        ("checked", {"ok": False}, "the operator"),
        ("checked", {"ok": True}, "the operator"),
    ]


def test_the_page_of_a_run_shows_outputs_that_are_no_markup(fleet: Fleet, file: Path) -> None:
    fleet.muxdeck("run", str(file), "-p", "who=`x` <b>")
    until(lambda: states(fleet)["build"] == "succeeded", "it is built")
    page = fleet.muxdeck("run-show", "1", "--markdown").stdout
    assert page.startswith("# release, run 1: running\n")
    assert "Publish what was made for \\`x\\` \\<b\\>" in page
    assert "\n## build\n\n```\nmade for `x` <b> | *\n```" in page


def test_the_file_of_a_run_is_that_of_its_beginning(fleet: Fleet, file: Path) -> None:
    fleet.muxdeck("run", str(file), "-p", "who=x")
    file.write_text("nothing")
    assert fleet.muxdeck("run-show", "1", "--file").stdout == RELEASE


def test_a_run_is_paused_resumed_and_cancelled(fleet: Fleet, file: Path) -> None:
    fleet.muxdeck("run", str(file), "-p", "who=x")
    assert fleet.muxdeck("pause", "--run", "1").returncode == Exit.OK
    assert shown(fleet)["state"] == "paused"
    assert fleet.muxdeck("pause", "--run", "1").returncode == Exit.FAILED
    assert fleet.muxdeck("resume", "--run", "1").returncode == Exit.OK
    assert fleet.muxdeck("cancel", "1").returncode == Exit.OK
    until(lambda: shown(fleet)["state"] == "cancelled", "it ends")
    assert fleet.muxdeck("cancel", "1").stderr == "muxdeck: run 1 ended already\n"


def test_a_dry_run_starts_nothing_and_wait_tells_the_result(fleet: Fleet, file: Path) -> None:
    planned = fleet.muxdeck("run", str(file), "-p", "who=x", "--dry-run")
    assert [line.split()[0] for line in planned.stdout.splitlines()] == ["who", "node", "build", "publish", "heard"]
    assert json.loads(fleet.muxdeck("runs", "--json").stdout)["runs"] == []
    file.write_text('schema = 1\nname = "no"\n[task.no]\nrun = ["false"]\n')
    waited = fleet.muxdeck("run", str(file), "--wait")
    assert (waited.returncode, "failed: no failed: exit 1" in waited.stdout) == (Exit.FAILED, True)


def test_what_cannot_be_run_is_told_and_starts_nothing(fleet: Fleet, file: Path) -> None:
    for words, code, said in (
        (["run", str(file)], Exit.USAGE, "who"),
        (["run", str(file), "-p", "who"], Exit.USAGE, "write -p name=value"),
        (["run", str(file), "-p", "who=x", "-p", "whom=y"], Exit.USAGE, "did you mean who?"),
        (["run", "releese"], Exit.NOT_FOUND, "no workflow releese"),
        (["run", str(file.parent / "missing.toml")], Exit.USAGE, "cannot be read"),
        (["run-show", "7"], Exit.NOT_FOUND, "there is no run 7"),
        (["cancel", "7"], Exit.NOT_FOUND, "there is no run 7"),
        (["approve", "7", "x"], Exit.NOT_FOUND, "there is no run 7"),
        (["retry", "--run", "7"], Exit.NOT_FOUND, "there is no run 7"),
        (["emit", "x", "--data", "{"], Exit.USAGE, "--data is not JSON"),
        (["runs", "--state", "done"], Exit.USAGE, "not a state of runs"),
    ):
        told = fleet.muxdeck(*words)
        assert (told.returncode, said in told.stderr) == (code, True), (words, told.stderr)
    file.write_text(RELEASE.replace('["printf"', '["printf", "${plan.out}"').replace("needs", "neds", 1))
    told = fleet.muxdeck("run", str(file), "-p", "who=x")
    assert told.returncode == Exit.USAGE
    assert "did you mean needs?" in told.stderr
    assert "plan" in told.stderr, "all faults at once"
    assert json.loads(fleet.muxdeck("runs", "--json").stdout)["runs"] == []


def test_what_a_run_has_left_behind_is_not_retried_and_that_is_told(fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "f.toml").write_text('schema = 1\n[task.a]\nrun = "false"\n')
    fleet.muxdeck("run", "f.toml", "--wait", cwd=tmp_path)
    fleet.muxdeck("retry", "--run", "1", "--from", "a")
    until(lambda: shown(fleet)["state"] == "failed", "it fails again")
    other = fleet.muxdeck("add", "--", "false").stdout.strip()
    fleet.muxdeck("wait", other)
    told = fleet.muxdeck("retry", "1", other)
    assert (told.stdout, told.returncode) == (f"{other}\n", Exit.FAILED)
    assert told.stderr == "muxdeck: not retried: 1: muxdeck history says why\n"
    assert "not retried: run 1 has left it behind" in fleet.muxdeck("history").stdout
    assert fleet.muxdeck("retry", "--failed").returncode == Exit.OK
