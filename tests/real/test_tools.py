"""Real coding agents that are given the tools of `muxdeck mcp`, by the options that the README names."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.kinds import homes, install
from tests.kinds.model_server import ModelServer
from tests.kinds.wires import Call, Text

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fleet import Fleet

AGENTS = os.environ.get(install.VARIABLE)
README = Path(__file__).parents[2] / "README.md"
pytestmark = pytest.mark.skipif(AGENTS is None, reason=f"the real agents are not installed: {install.USE}")
OWN_OPTIONS = {"claude": "", "codex": ', "--skip-git-repo-check"'}
GIVEN = {"kind": "done", "text": "told by a tool"}
CALLS = {
    "claude": Call("mcp__muxdeck__report", GIVEN),
    "codex": Call("report", GIVEN, namespace="mcp__muxdeck"),
}


def documented(kind: str) -> str:
    """The options that the README gives to an agent of that kind."""
    (found,) = re.findall(rf'kind = "{kind}"\n +(options = \[.*?\n +\])', README.read_text(), re.DOTALL)
    return str(found)


@pytest.mark.parametrize("kind", ["claude", "codex"])
def test_a_real_agent_reports_by_its_tool(kind: str, make_fleet: Callable[..., Fleet], tmp_path: Path) -> None:
    binaries = install.binaries(Path(AGENTS or ""))
    with ModelServer(CALLS[kind], Text("I have told it.")) as model:
        env = homes.environment(kind, model.url, tmp_path / "home", binaries)
        env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env["PATH"]])
        options = documented(kind).removesuffix("]") + OWN_OPTIONS[kind] + "]"
        fleet = make_fleet(f'[agent.eve]\nkind = "{kind}"\ncommand = ["{binaries / kind}"]\n{options}\n')
        task = fleet.add_all({"prompt": "report it", "cwd": str(tmp_path)}, env=env)[0]
        assert fleet.wait(task) == ["succeeded"]
    assert any(name.startswith("mcp__muxdeck") for name in model.tools()), "it has them in its first turn"
    assert fleet.task(task)["reason"] == "reported: told by a tool", fleet.log(task).decode()
