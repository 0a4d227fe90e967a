"""The real agents in their terminals, over a real engine: typed to, asking, killed, and noticed when they are done."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from core.kinds import catalogue
from tests.console.terminal import Terminal, open_console
from tests.fleet import Fleet, has_ended, until
from tests.kinds import homes, install
from tests.kinds.model_server import ModelServer
from tests.kinds.wires import Call, Failure, Hang, Text
from tests.real.test_talks import dialog

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kinds.wires import Turn

AGENTS = os.environ.get(install.VARIABLE)
KINDS = ("claude", "codex", "opencode", "gemini", "copilot")
pytestmark = pytest.mark.skipif(AGENTS is None, reason=f"the real agents are not installed: {install.USE}")
TOUCH = {
    "claude": ("Bash", "command", {"description": "make a file"}),
    "codex": ("exec_command", "cmd", {"sandbox_permissions": "require_escalated", "justification": "to make a file"}),
    "opencode": ("bash", "command", {"description": "make a file"}),
    "gemini": ("run_shell_command", "command", {"description": "make a file"}),
    "copilot": ("bash", "command", {"description": "make a file", "mode": "sync"}),
}
"""Its tool that runs a command: name, argument, and what it wants besides."""
ASKS_BY = {"claude": "hook", "codex": "title", "opencode": "screen", "gemini": "title", "copilot": "hook"}
"""The strongest source that tells of a dialog."""
SLOW = 90.0
"""Seconds: opencode takes ten to start, and several of these may run."""


class Stage:
    """One agent of a kind, in a home where it knows the model and trusts the project."""

    def __init__(self, kind: str, make_fleet: Callable[..., Fleet], folder: Path) -> None:
        self.kind, self.project, self.made = kind, folder / "project", folder / "project" / "made"
        self._home = folder / "home"
        self._env: dict[str, str] = {}
        self._binaries = install.binaries(Path(AGENTS or ""))
        self.project.mkdir()
        program = self._binaries / kind
        self.fleet = make_fleet(f'[agent.eve]\nkind = "{kind}"\nmode = "interactive"\ncommand = ["{program}"]\n')

    def prompt(self, model: ModelServer, text: str = "make a file\nand say so", **fields: Any) -> int:
        if not self._env:
            env = homes.environment(self.kind, model.url, self._home, self._binaries)
            homes.trust(self.kind, self._home, self.project)
            self._env = {name: value for name, value in env.items() if name not in ("TERM", "NO_COLOR")}
        return self.fleet.add_all({"prompt": text, "cwd": str(self.project)} | fields, env=self._env)[0]

    def touch(self) -> Turn:
        tool, argument, more = TOUCH[self.kind]
        return Call(tool, {argument: f"touch {self.made}", **more})

    def ends(self, task: int) -> str:
        until(lambda: self.fleet.state(task) not in ("queued", "running"), "it ends", SLOW)
        return self.fleet.state(task)


@pytest.fixture(params=KINDS)
def stage(request: pytest.FixtureRequest, make_fleet: Callable[..., Fleet], tmp_path: Path) -> Stage:
    return Stage(request.param, make_fleet, tmp_path)


def test_a_real_prompt_is_submitted_and_its_turn_ends(stage: Stage) -> None:
    with ModelServer(Text("it is done")) as model:
        task = stage.prompt(model)
        assert stage.ends(task) == "succeeded"
        assert len(model.work()) == 1
        assert "make a file\\nand say so" in str(model.work()[0].body)
    result = stage.fleet.task(task)["attempts"][0]["result"]
    assert result["outcome"] == "ok"


def test_a_real_dialog_is_shown_and_answered(stage: Stage) -> None:
    with ModelServer(stage.touch(), Text("it is made")) as model:
        task = stage.prompt(model)
        asked = dialog(stage.fleet, task, SLOW)
        session = stage.fleet.running(task)
        assert session["state"] == "waiting"
        assert session["reason"].startswith(f"permission · {ASKS_BY[stage.kind]}: ")
        assert f"touch {stage.made}"[:40] in asked["detail"]
        assert not stage.made.exists()
        stage.fleet.ask("answer", task=task, key=asked["choices"][0][0], since=asked["since"])
        assert stage.ends(task) == "succeeded"
    assert stage.made.exists()


def test_a_real_dialog_is_answered_in_the_console(stage: Stage) -> None:
    terminal = Terminal(80, 24)
    try:
        with ModelServer(stage.touch(), Text("it is made")) as model:
            task = stage.prompt(model)
            key, _ = dialog(stage.fleet, task, SLOW)["choices"][0]
            open_console(terminal, stage.fleet)
            terminal.sees("◆ 1 needs you")
            terminal.press("w", "i")
            shown = terminal.sees(f"{task} make a file asks", "leave it open", "↵  choose")
            assert "touch " in shown
            assert not stage.made.exists()
            terminal.press("Down", "Enter")
            terminal.sees(f"answered {task} with {key}")
            assert stage.ends(task) == "succeeded"
        assert stage.made.exists()
    finally:
        terminal.close()


def test_a_real_conversation_goes_on_in_another_task(stage: Stage) -> None:
    with ModelServer(Text("the first word was otter"), Text("it was otter")) as model:
        first = stage.prompt(model, "say a word")
        assert stage.ends(first) == "succeeded"
        second = stage.prompt(model, "say it again", resume=first)
        assert stage.ends(second) == "succeeded", stage.fleet.task(second)["reason"]
        assert "the first word was otter" in str(model.work()[-1].body)


def test_a_real_session_that_is_killed_leaves_nothing(stage: Stage) -> None:
    with ModelServer(Hang()) as model:
        task = stage.prompt(model)
        until(model.hanging.is_set, "the model is asked", SLOW)
        program = psutil.Process(stage.fleet.running(task)["pid"])
        stage.fleet.ask("stop", tasks=[task], now=True)
        assert stage.ends(task) == "cancelled"
        until(lambda: has_ended(program) and not stage.fleet.processes(), "nothing is left of it")


def test_a_real_conversation_whose_task_was_killed_goes_on(make_fleet: Callable[..., Fleet], tmp_path: Path) -> None:
    stage = Stage("claude", make_fleet, tmp_path)
    with ModelServer(Text("otter"), Hang(), Text("it was otter")) as model:
        first = stage.prompt(model, "say a word")
        assert stage.ends(first) == "succeeded"
        second = stage.prompt(model, "take your time", resume=first)
        until(model.hanging.is_set, "the model is asked", SLOW)
        stage.fleet.ask("stop", tasks=[second], now=True)
        assert stage.ends(second) == "cancelled"
        third = stage.prompt(model, "say it again", resume=second)
        assert stage.ends(third) == "succeeded"
        assert "say a word" in str(model.work()[-1].body), "it goes on with what its agent had written down"


def test_a_real_turn_that_ends_while_no_engine_runs_is_noticed(stage: Stage) -> None:
    with ModelServer(Hang(), Text("it is done")) as model:
        task = stage.prompt(model)
        until(model.hanging.is_set, "the model is asked", SLOW)
        until(lambda: stage.fleet.running(task)["health"] == "working", "it is seen to work")
        stage.fleet.kill_engine()
        model.release()
        until(lambda: model.answered, "the model has answered")
        assert stage.ends(task) == "succeeded"
        assert len(model.work()) == 1, "nothing was typed twice"
    assert len(stage.fleet.task(task)["attempts"]) == 1


def test_an_error_of_the_model_is_an_error_of_the_turn(stage: Stage) -> None:
    with ModelServer(Failure(400, "scripted trouble")) as model:
        task = stage.prompt(model)
        assert stage.ends(task) == "failed"
    assert stage.fleet.task(task)["attempts"][0]["result"]["outcome"] == "error"


def test_the_registry_of_claude_tells_where_no_hook_does(make_fleet: Callable[..., Fleet], tmp_path: Path) -> None:
    stage = Stage("claude", make_fleet, tmp_path)
    own = stage.fleet.home.config.parent / "kinds" / "claude.toml"
    own.parent.mkdir()
    own.write_text(re.sub("(?m)^hooks = .*", "", Path(catalogue.__file__).with_name("claude.toml").read_text()))
    with ModelServer(Hang(), stage.touch(), Text("it is made")) as model:
        task = stage.prompt(model)
        until(lambda: "working · registry" in stage.fleet.running(task)["health_reason"], "it works", SLOW)
        model.release()
        asked = dialog(stage.fleet, task, SLOW)
        until(lambda: "permission · registry" in str(stage.fleet.running(task)["reason"]), "it waits")
        stage.fleet.ask("answer", task=task, key=asked["choices"][0][0], since=asked["since"])
        assert stage.ends(task) == "succeeded"
