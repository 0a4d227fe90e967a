"""The real agents, each with a model on loopback that answers by a script: no account, no network."""

from __future__ import annotations

import os
import signal
import subprocess
import uuid
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from core.kinds.catalogue import load
from core.kinds.kind import argv_of
from core.kinds.probing import probe
from tests.kinds import homes, install
from tests.kinds.bench import PATIENCE, Bench, Run
from tests.kinds.model_server import ModelServer
from tests.kinds.wires import Call, Failure, Hang, Text, Turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.kinds.result import Result

AGENTS = os.environ.get(install.VARIABLE)
pytestmark = pytest.mark.skipif(AGENTS is None, reason=f"the real agents are not installed: {install.USE}")
KINDS = ("claude", "codex", "gemini", "opencode", "copilot")
ALL = (*KINDS, "aider")
"""aider has no tools and no sessions: what it writes is in its answer."""


@dataclass(frozen=True)
class Agent:
    """How a kind is made to do the same as the others."""

    options: tuple[str, ...]
    write: tuple[str, str, str]
    """Its tool that writes a file, and the names of the arguments for path and content."""


AGENT = {
    "claude": Agent(("--permission-mode", "acceptEdits"), ("Write", "file_path", "content")),
    "codex": Agent(("-s", "danger-full-access", "--skip-git-repo-check"), ("exec_command", "cmd", "")),
    "gemini": Agent(("--approval-mode", "auto_edit"), ("write_file", "file_path", "content")),
    "opencode": Agent((), ("write", "filePath", "content")),
    "copilot": Agent(("--allow-all-tools",), ("create", "path", "file_text")),
    "aider": Agent((), ("", "", "")),
}


class Stage:
    """One kind in a home of its own."""

    def __init__(self, kind: str, folder: Path, home: Path) -> None:
        self.kind = kind
        self.bench = Bench(folder)
        self._home = home

    def run(
        self,
        *turns: Turn,
        options: tuple[str, ...] | None = None,
        session: str | None = None,
        resume: str | None = None,
        before: Result | None = None,
        meanwhile: Callable[[ModelServer, int], None] | None = None,
    ) -> Run:
        kind = load()[self.kind]
        with ModelServer(*turns, tools=self.kind != "aider") as model:
            env = homes.environment(self.kind, model.url, self._home, install.binaries(Path(AGENTS or "")))
            argv = argv_of(
                kind,
                kind.headless,
                program=(),
                options=AGENT[self.kind].options if options is None else options,
                model=None,
                session=session if kind.headless.session else None,
                resume=resume,
                prompt=self.bench.prompt,
            )
            spec: dict[str, Any] = {"reader": kind.headless.reader, "cost_basis": kind.headless.cost}
            spec |= {"cumulative": kind.headless.cumulative, "session": resume or session}
            if before is not None:
                spec |= {"cost_before": before.cost_total or 0.0, "tokens_before": before.tokens_total}
            told = None if meanwhile is None else partial(meanwhile, model)
            run = self.bench.run(list(argv), {**env, **kind.headless.env}, meanwhile=told, **spec)
        keep(self, run)
        return run

    def writing(self, path: Path) -> Call:
        tool, where, what = AGENT[self.kind].write
        if not what:
            return Call(tool, {where: f"echo made > '{path}'"})
        return Call(tool, {where: str(path), what: "made\n"})


def keep(stage: Stage, run: Run) -> None:
    """Leaves the stream where MUXDECK_KEEP_STREAMS says: to make tests/kinds/streams afresh."""
    if (folder := os.environ.get("MUXDECK_KEEP_STREAMS")) is not None:
        name = os.environ["PYTEST_CURRENT_TEST"].split("::")[1].split(" ")[0].replace("[", "-").rstrip("]")
        number = len(list(Path(folder).glob(f"{name}*")))
        Path(folder, f"{name}-{number}.jsonl").write_bytes(run.stream)


@pytest.fixture(scope="module")
def homes_of_all(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home is made once: some agents take seconds to fill a new one."""
    return tmp_path_factory.mktemp("homes")


def of(*kinds: str) -> pytest.MarkDecorator:
    """The kinds that can show it, where these are not those that have tools."""
    return pytest.mark.parametrize("stage", kinds, indirect=True)


@pytest.fixture(params=KINDS)
def stage(request: pytest.FixtureRequest, tmp_path: Path, homes_of_all: Path) -> Stage:
    return Stage(request.param, tmp_path, homes_of_all / request.param)


@of(*ALL)
def test_it_tells_its_version(stage: Stage) -> None:
    found = probe(load()[stage.kind], (str(install.binaries(Path(AGENTS or "")) / stage.kind),))
    assert found.usable
    assert found.version is not None


def test_it_writes_a_file_and_says_so_and_its_session_goes_on(stage: Stage) -> None:
    made = stage.bench.work / "made.txt"
    pinned = str(uuid.uuid4())
    first = stage.run(stage.writing(made), Text("It is made."), session=pinned)
    assert (first.exit, first.result.outcome, first.result.reason) == (0, "ok", ""), first.screen
    assert made.read_text() == "made\n"
    assert first.result.message == "It is made."
    assert first.result.session is not None
    if load()[stage.kind].headless.session:
        assert first.result.session == pinned
    assert "It is made." in first.screen
    assert "✓ ok" in first.screen

    before = first.result.cost_total
    second = stage.run(Text("Once more."), resume=first.result.session, before=first.result)
    assert (second.exit, second.result.outcome, second.result.message) == (0, "ok", "Once more."), second.screen
    assert second.result.session == first.result.session
    if before is not None:
        assert first.result.cost == pytest.approx(before)
        assert second.result.cost == pytest.approx(before / 2)
        assert second.result.cost_total == pytest.approx(before * 1.5)
    if first.result.tokens_in is not None:
        assert (first.result.tokens_in, first.result.tokens_out) == (240, 60)
        assert (second.result.tokens_in, second.result.tokens_out) == (120, 30)


@of("aider")
def test_one_without_tools_writes_a_file_and_commits_nothing(stage: Stage) -> None:
    made = stage.bench.work / "made.txt"
    subprocess.run(["git", "init", "--quiet"], cwd=stage.bench.work, check=True)
    run = stage.run(Text("made.txt\n```\nmade\n```\nIt is made."))
    assert (run.exit, run.result.outcome, run.result.reason) == (0, "ok", ""), run.screen
    assert made.read_text() == "made\n"
    assert run.result.message.endswith("It is made.")
    assert (run.result.tokens_in, run.result.tokens_out, run.result.turns) == (120, 30, 1)
    assert run.result.cost == pytest.approx(120 * 10e-6 + 30 * 20e-6)
    assert "✓ ok" in run.screen
    commits = subprocess.run(["git", "rev-list", "--all"], cwd=stage.bench.work, capture_output=True, check=True)
    assert commits.stdout == b""


@of("claude", "codex", "gemini", "copilot", "aider")  # the slowest has its recorded stream
def test_a_login_that_is_refused_is_told_from_an_error(stage: Stage) -> None:
    run = stage.run(Failure(401, "a failure by script", "authentication_error"))
    assert (run.exit, run.result.outcome) == (72, "auth"), run.screen


@of("claude", "codex", "aider")
def test_a_question_that_is_refused_is_an_error(stage: Stage) -> None:
    run = stage.run(Failure(400, "a failure by script", "invalid_request_error"))
    assert (run.exit, run.result.outcome) == (1, "error"), run.screen
    assert "a failure by script" in run.result.reason


@of("claude", "codex")  # others try again for a minute, or without end
def test_a_limit_is_told_from_an_error(stage: Stage) -> None:
    run = stage.run(Failure(429, "a limit by script", "rate_limit_error"))
    assert (run.exit, run.result.outcome) == (71, "limit"), run.screen


@of("claude", "codex")
def test_a_server_that_fails_is_an_error(stage: Stage) -> None:
    run = stage.run(Failure(500, "a failure by script", "api_error"))
    assert (run.result.outcome, run.exit != 0) == ("error", True), run.screen


DENIED = {
    "claude": ((), Call("Bash", {"command": "touch denied", "description": "x"})),
    "codex": (
        ("-s", "workspace-write", "--skip-git-repo-check"),
        Call("exec_command", {"cmd": "id", "sandbox_permissions": "require_escalated", "justification": "x"}),
    ),
    "opencode": ((), Call("read", {"filePath": "/etc/hostname"})),
    "copilot": (("--deny-tool=shell",), Call("bash", {"command": "touch denied", "description": "x"})),
}


@of(*DENIED)
def test_what_it_was_not_allowed_to_do_is_no_success(stage: Stage) -> None:
    options, call = DENIED[stage.kind]
    run = stage.run(call, Text("I could not."), options=options)
    assert (run.exit, run.result.outcome) == (70, "denied"), run.screen
    assert len(run.result.denials) == 1


@of(*ALL)
def test_one_that_is_ended_is_cancelled(stage: Stage) -> None:
    def end(model: ModelServer, pid: int) -> None:
        assert model.hanging.wait(PATIENCE)
        os.kill(pid, signal.SIGTERM)

    run = stage.run(Hang(), meanwhile=end)
    assert (run.exit, run.result.outcome) == (143, "cancelled"), run.screen


@of("claude", "codex")
def test_a_session_that_there_is_none_of_is_an_error(stage: Stage) -> None:
    run = stage.run(Text("never"), resume=str(uuid.uuid4()))
    assert (run.result.outcome, run.exit != 0) == ("error", True), run.screen
