"""Agents over a real engine: prompts go to programs, byte for byte, and what they come to is known afterwards."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.fleet import Fleet, has_ended, until
from tests.kinds import homes, install
from tests.kinds.model_server import ModelServer
from tests.kinds.wires import Call, Hang, Text

if TYPE_CHECKING:
    from collections.abc import Callable

AGENTS = os.environ.get(install.VARIABLE)
PROGRAM = """#!/bin/sh
prompt=$(cat)
echo "heard: $prompt"
case $prompt in
*fail*) exit 3 ;;
*wait*) while ! test -e "$HOME/gate"; do sleep 0.05; done ;;
*write*) echo written >file ;;
esac
"""
TALKER = """#!/bin/sh
echo '{"type":"thread.started","thread_id":"t-1"}'
echo '{"type":"turn.completed"}'
"""
"""As Codex tells its events."""
MINE = """
title = "Mine"
version = ["--version"]
tested = ["2.9.9"]
[headless]
reader = "text"
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """An agent of kind "custom": it reads its prompt from standard input."""
    path = tmp_path / "agent"
    path.write_text(PROGRAM)
    path.chmod(0o755)
    return path


def agent(name: str, program: Path | str, **fields: Any) -> str:
    lines = [f"[agent.{name}]", 'kind = "custom"', f'command = ["{program}"]']
    lines += [f"{key} = {value}" for key, value in fields.items()]
    return "\n".join(lines) + "\n"


def made_talker(beside: Path, more: str = "") -> Path:
    """A program that tells its events as Codex does, and then does what `more` says."""
    talker = beside.with_name("talker")
    talker.write_text(f"{TALKER}{more}")
    talker.chmod(0o755)
    return talker


def made_repository(folder: Path) -> Path:
    """With one commit, and an author for those to come."""
    made = folder / "repository"
    subprocess.run(["git", "init", "-q", str(made)], check=True)
    git = ["git", "-C", str(made)]
    for key, value in (("name", "A"), ("email", "a@b")):
        subprocess.run([*git, "config", f"user.{key}", value], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    return made


def prompt(fleet: Fleet, text: str, **fields: Any) -> int:
    return fleet.add_all({"prompt": text} | fields)[0]


def test_a_prompt_is_no_order_to_the_program_that_reads_it(make_fleet: Callable[..., Fleet], program: Path) -> None:
    fleet = make_fleet(agent("ada", program).replace('"custom"', '"mine"'))
    (fleet.home.root / "kinds").mkdir()
    (fleet.home.root / "kinds" / "mine.toml").write_text(MINE + 'orders = "/!"\n')
    tasks = [prompt(fleet, text) for text in ("!touch x", "/quit", "a ! b")]
    fleet.wait(*tasks)
    said = [fleet.task(task)["attempts"][0]["result"]["message"] for task in tasks]
    assert said == ["heard:  !touch x\n", "heard:  /quit\n", "heard: a ! b\n"]


def test_a_prompt_reaches_its_agent_byte_for_byte_and_its_last_word_is_kept(
    make_fleet: Callable[..., Fleet], program: Path
) -> None:
    fleet = make_fleet(agent("ada", program, capabilities='["review"]'))
    text = "quotes ' \" $HOME `id` %s \\ \t é 漢 \x1b[31m; rm -rf /"
    task = prompt(fleet, text, capabilities=["review"])
    assert fleet.wait(task) == ["succeeded"]
    result = fleet.task(task)["attempts"][0]["result"]
    assert (result["outcome"], result["message"]) == ("ok", f"heard: {text}\n")
    assert b"\x1b[31m" not in fleet.log(task), "what an agent prints is inert"


def test_a_check_decides_whether_the_work_is_done(make_fleet: Callable[..., Fleet], program: Path) -> None:
    fleet = make_fleet(agent("ada", program))
    done, undone = prompt(fleet, "x", check=["true"]), prompt(fleet, "x", check=["test", "-e", "nothing"])
    assert fleet.wait(done, undone) == ["succeeded", "failed"]
    assert fleet.task(undone)["reason"] == "error: the check failed: exit 1"


def test_failures_in_a_row_hand_the_queue_over_to_another_agent(
    make_fleet: Callable[..., Fleet], program: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\nexit 9\n")
    broken.chmod(0o755)
    fleet = make_fleet(agent("bad", broken) + agent("good", program))
    failing = [prompt(fleet, "x", agent="bad") for _ in range(3)]
    assert fleet.wait(*failing) == ["failed"] * 3
    (stuck,) = [prompt(fleet, "x", agent="bad")]
    tasks = [prompt(fleet, "x") for _ in range(6)]
    assert set(fleet.wait(*tasks)) == {"succeeded"}
    assert {fleet.task(task)["attempts"][0]["agent"] for task in tasks} == {"good"}
    (bad,) = [one for one in fleet.ask("agents")["agents"] if one["name"] == "bad"]
    assert bad["problem"] == "exit 9"
    assert "its agent bad starts nothing until a try" in "; ".join(fleet.ask("why", task=stuck)["why"])
    fleet.ask("agent", agent="bad", mode="on")
    assert fleet.wait(stuck) == ["failed"], "the operator has trusted it again"


def test_a_program_that_is_missing_holds_nothing_up_but_its_own_work_and_is_looked_for_again(
    make_fleet: Callable[..., Fleet], program: Path
) -> None:
    fleet = make_fleet(agent("ada", "/nowhere/agent"))
    until(lambda: fleet.ask("agents")["agents"][1]["problem"], "it is noticed")
    task = prompt(fleet, "x")
    assert "there is no program '/nowhere/agent'" in "; ".join(fleet.ask("why", task=task)["why"])
    assert fleet.wait(fleet.add("true")) == ["succeeded"]
    fleet.home.config.write_text(agent("ada", program))
    assert fleet.wait(task) == ["succeeded"]


def test_an_agent_of_a_version_that_is_not_known_works_and_says_so(
    make_fleet: Callable[..., Fleet], tmp_path: Path
) -> None:
    program = tmp_path / "newer"
    program.write_text("#!/bin/sh\necho '3.0.1 (a newer one)'\n")
    program.chmod(0o755)
    fleet = make_fleet(agent("ada", program).replace("custom", "mine"))
    kinds = fleet.home.config.parent / "kinds"
    kinds.mkdir()
    (kinds / "mine.toml").write_text(MINE)
    doubt = "Mine 3.0.1 is not one that was tested (2.9.9); it is used as it is."
    until(lambda: fleet.ask("agents")["agents"][-1]["doubt"], "its program has told its version")
    assert doubt in fleet.muxdeck("agents", "list").stdout
    told = fleet.muxdeck("agents", "explain", "ada").stdout
    assert f"note      {doubt}" in told
    assert "state     idle" in told
    assert f"program   {program}" in told
    assert fleet.wait(prompt(fleet, "x")) == ["succeeded"]
    assert fleet.ask("agents")["agents"][-1]["problem"] is None


def test_an_agent_is_warm_for_all_worktrees_of_a_repository(
    make_fleet: Callable[..., Fleet], program: Path, tmp_path: Path
) -> None:
    repository, linked = tmp_path / "repository", tmp_path / "linked"
    for words in (
        ["init", "-q", str(repository)],
        ["-C", str(repository), "-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qm.", "--allow-empty"],
        ["-C", str(repository), "worktree", "add", "-q", str(linked)],
    ):
        subprocess.run(["git", *words], check=True)
    fleet = make_fleet(agent("ada", program))
    tasks = [prompt(fleet, "x", cwd=str(folder)) for folder in (repository, linked)]
    assert fleet.wait(*tasks) == ["succeeded"] * 2
    assert fleet.ask("agent-explain", agent="ada")["warm"] == [str(repository)]


def test_an_agent_works_on_while_the_engine_is_gone(make_fleet: Callable[..., Fleet], program: Path) -> None:
    fleet = make_fleet(agent("ada", program))
    task = prompt(fleet, "wait")
    fleet.running(task)
    fleet.kill_engine()
    (fleet.home.root / "gate").touch()
    until((fleet.home.attempts / f"{task}-1" / "result.json").exists, "it tells its result")
    assert fleet.wait(task) == ["succeeded"]
    attempts = fleet.task(task)["attempts"]
    assert [(one["exit_code"], one["result"]["message"]) for one in attempts] == [(0, "heard: wait\n")]


def test_a_stopped_agent_was_cancelled_and_nothing_of_it_is_left(
    make_fleet: Callable[..., Fleet], program: Path
) -> None:
    fleet = make_fleet(agent("ada", program))
    task = prompt(fleet, "wait")
    fleet.running(task)
    fleet.ask("stop", tasks=[task])
    assert fleet.wait(task) == ["cancelled"]
    until(lambda: not fleet.processes(), "nothing is left of it")
    assert fleet.ask("agents")["agents"][1]["problem"] is None, "that was no failure of the agent"


def test_each_task_has_a_worktree_of_its_own_where_the_agent_wants_that(
    make_fleet: Callable[..., Fleet], program: Path, tmp_path: Path
) -> None:
    repository = made_repository(tmp_path)
    fleet = make_fleet(agent("ada", program, worktree='"task"', slots=2))
    tasks = fleet.add_all(*[{"prompt": "write", "cwd": str(repository), "batch": "b"}] * 2)
    assert fleet.wait(*tasks) == ["succeeded"] * 2
    assert not (repository / "file").exists()
    assert [one["files_changed"] for one in fleet.ask("results", batch="b")["tasks"]] == [1, 1]
    assert "+written" in fleet.ask("diff", task=tasks[0])["diff"]
    refused = fleet.muxdeck("remove-worktree", str(tasks[0]))
    assert "uncommitted file" in refused.stderr
    assert fleet.muxdeck("remove-worktree", "--force", str(tasks[0])).returncode == 0
    assert not (fleet.home.worktrees / str(tasks[0])).exists()
    outside = prompt(fleet, "write")
    until(lambda: "is in no git repository" in "; ".join(fleet.ask("why", task=outside)["why"]), "it says why")


@pytest.mark.skipif(AGENTS is None, reason=f"the real agents are not installed: {install.USE}")
@pytest.mark.parametrize("kind", ["claude", "codex", "opencode", "gemini"])
def test_a_real_agent_survives_the_engine_and_goes_on_with_its_conversation(
    kind: str, make_fleet: Callable[..., Fleet], tmp_path: Path
) -> None:
    binaries = install.binaries(Path(AGENTS or ""))
    with ModelServer(Hang(), Text("the first answer"), Text("the second answer")) as model:
        env = homes.environment(kind, model.url, tmp_path / "home", binaries)
        fleet = make_fleet(f'[agent.eve]\nkind = "{kind}"\ncommand = ["{binaries / kind}"]\n{_OPTIONS.get(kind, "")}\n')
        cwd = str(tmp_path)
        first = fleet.add_all({"prompt": "say something", "cwd": cwd}, env=env)[0]
        fleet.running(first)
        until(model.hanging.is_set, "the model is asked")
        fleet.kill_engine()
        model.release()
        assert fleet.wait(first) == ["succeeded"]
        told = fleet.task(first)["attempts"][0]["result"]
        assert (told["outcome"], told["message"]) == ("ok", "the first answer")
        assert told["session"]
        second = fleet.add_all({"prompt": "go on", "cwd": cwd, "resume": first}, env=env)[0]
        assert fleet.wait(second) == ["succeeded"]
        again = fleet.task(second)["attempts"][0]["result"]
        assert (again["message"], again["session"]) == ("the second answer", told["session"])


WRITE: dict[str, Callable[[Path], Call]] = {
    "claude": lambda made: Call("Write", {"file_path": str(made), "content": "written"}),
    "codex": lambda made: Call("exec_command", {"cmd": f"echo written > {made}"}),
    "opencode": lambda made: Call("write", {"filePath": str(made), "content": "written"}),
    "gemini": lambda made: Call("write_file", {"file_path": str(made), "content": "written"}),
    "copilot": lambda made: Call("create", {"path": str(made), "file_text": "written"}),
}
"""The tool of each that makes a file."""


@pytest.mark.skipif(AGENTS is None, reason=f"the real agents are not installed: {install.USE}")
@pytest.mark.parametrize("kind", WRITE)
def test_a_real_agent_that_may_edit_changes_its_worktree_and_nothing_else(
    kind: str, make_fleet: Callable[..., Fleet], tmp_path: Path
) -> None:
    binaries, repository = install.binaries(Path(AGENTS or "")), made_repository(tmp_path)
    fleet = make_fleet(
        f'[agent.eve]\nkind = "{kind}"\ncommand = ["{binaries / kind}"]\nworktree = "task"\nedits = true\n'
    )
    made = fleet.home.worktrees / "1" / "made"
    with ModelServer(WRITE[kind](made), Text("it is written")) as model:
        env = homes.environment(kind, model.url, tmp_path / "home", binaries)
        task = fleet.add_all({"prompt": "write", "cwd": str(repository), "batch": "b"}, env=env)[0]
        assert fleet.wait(task) == ["succeeded"], fleet.task(task)["reason"]
    assert made.read_text().strip() == "written"
    assert [one["files_changed"] for one in fleet.ask("results", batch="b")["tasks"]] == [1]
    assert not (repository / "made").exists()


_OPTIONS = {"codex": 'options = ["--skip-git-repo-check"]'}


def test_a_real_program_of_an_agent_is_gone_with_its_attempt(make_fleet: Callable[..., Fleet], program: Path) -> None:
    fleet = make_fleet(agent("ada", program))
    task = prompt(fleet, "wait")
    pid = psutil.Process(fleet.running(task)["pid"])
    fleet.ask("stop", tasks=[task], now=True)
    assert fleet.wait(task) == ["cancelled"]
    until(lambda: has_ended(pid), "it is gone")


def test_an_agent_that_was_just_added_takes_the_next_prompt(make_fleet: Callable[..., Fleet], program: Path) -> None:
    fleet = make_fleet("")
    assert fleet.wait(fleet.add("true")) == ["succeeded"], "an engine runs"
    for name in ("ada", "bob"):
        added = fleet.muxdeck("agents", "add", name, "--kind", "custom", "--program", str(program))
        assert added.returncode == 0, added.stderr
        done = fleet.muxdeck("add", "-a", name, "--prompt", "x", "--wait")
        assert done.returncode == 0, done.stderr
    again = fleet.muxdeck("agents", "add", "ada", "--kind", "custom", "--program", str(program))
    assert (again.returncode, "has an agent ada already" in again.stderr) == (4, True)


def test_a_conversation_goes_on_with_the_agent_that_had_it_and_no_other_kind(
    make_fleet: Callable[..., Fleet], program: Path
) -> None:
    talker = made_talker(program)
    agents = "".join(f'[agent.{name}]\nkind = "codex"\ncommand = ["{talker}"]\n' for name in ("ada", "cid"))
    fleet = make_fleet(agents + f'[agent.bob]\nkind = "opencode"\ncommand = ["{talker}"]\n')
    first = prompt(fleet, "x", agent="cid")
    assert fleet.wait(first) == ["succeeded"], fleet.task(first)["reason"]
    second = prompt(fleet, "y", resume=first)
    assert fleet.wait(second) == ["succeeded"]
    assert fleet.task(second)["attempts"][0]["agent"] == "cid"
    other = prompt(fleet, "y", resume=first, agent="bob")
    assert fleet.wait(other) == ["failed"]
    assert f"the conversation of task {first} is one of codex (agent cid)" in fleet.task(other)["reason"]


def test_a_worktree_is_gone_on_with_merged_and_never_cleaned_away_with_what_is_in_it(
    make_fleet: Callable[..., Fleet], program: Path, tmp_path: Path
) -> None:
    repository = made_repository(tmp_path)
    talker = made_talker(program, "echo $$ >>file\n")
    fleet = make_fleet(f'[agent.ada]\nkind = "codex"\ncommand = ["{talker}"]\nworktree = "task"\n')
    first = prompt(fleet, "x", cwd=str(repository))
    assert fleet.wait(first) == ["succeeded"], fleet.task(first)["reason"]
    second = prompt(fleet, "y", cwd=str(repository), resume=first)
    assert fleet.wait(second) == ["succeeded"]
    trees = [fleet.task(task)["worktree"] for task in (first, second)]
    assert trees[0] == trees[1]
    assert trees[0]["branch"] == f"muxdeck/{first}"
    told = fleet.muxdeck("clean", str(first))
    assert (told.returncode, f"task {first} stays: " in told.stderr) == (1, True), told.stderr
    assert fleet.task(first)["state"] == "succeeded"
    assert "branch muxdeck/" in fleet.muxdeck("show", str(first)).stdout
    refused = fleet.muxdeck("merge", str(first))
    assert "merge it with a message (-m)" in refused.stderr
    assert fleet.muxdeck("merge", str(second), "-m", "Done").returncode == 0
    assert "nothing to merge" in fleet.muxdeck("merge", str(first), "99").stderr
    assert len((repository / "file").read_text().split()) == 2, "both have written there"
    assert fleet.muxdeck("clean", str(first), str(second)).returncode == 0
    assert not (fleet.home.worktrees / str(first)).exists()


def test_two_tasks_that_go_on_with_one_conversation_do_so_one_after_the_other(
    make_fleet: Callable[..., Fleet], program: Path, tmp_path: Path
) -> None:
    repository = made_repository(tmp_path)
    talker = made_talker(program, 'while ! test -e "$HOME/gate"; do sleep 0.05; done\n')
    fleet = make_fleet(f'[agent.ada]\nkind = "codex"\ncommand = ["{talker}"]\nworktree = "task"\nslots = 2\n')
    gate = fleet.home.root / "gate"
    gate.touch()
    first = prompt(fleet, "x", cwd=str(repository))
    assert fleet.wait(first) == ["succeeded"]
    gate.unlink()
    later = [prompt(fleet, text, cwd=str(repository), resume=first) for text in ("y", "z")]
    told = f"task {later[0]} works in its worktree; tries again"
    until(lambda: told in "; ".join(fleet.ask("why", task=later[1])["why"]), "it says for what it waits")
    gate.touch()
    assert fleet.wait(*later) == ["succeeded"] * 2
    began, ended = (fleet.task(later[1])["attempts"][0]["started_at"], fleet.task(later[0])["attempts"][0]["ended_at"])
    assert began >= ended
