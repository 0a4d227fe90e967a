"""The worktrees of a batch, looked through some at a time."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from core.adapters import worktrees
from core.engine.trees import AT_ONCE, Trees
from tests.console.stage import Stage

if TYPE_CHECKING:
    from pathlib import Path


async def test_the_figures_of_a_batch_come_in_the_order_of_its_tasks(tmp_path: Path, monkeypatch) -> None:
    stage = Stage(tmp_path)
    home = stage.home
    for name, value in (("NAME", "A"), ("EMAIL", "a@example.org")):
        monkeypatch.setenv(f"GIT_AUTHOR_{name}", value)
        monkeypatch.setenv(f"GIT_COMMITTER_{name}", value)
    repository = tmp_path / "repository"
    subprocess.run(["git", "init", "-q", repository], check=True)
    subprocess.run(["git", "-C", repository, "commit", "-qm.", "--allow-empty"], check=True)
    tasks = range(1, AT_ONCE + 4)
    for task in tasks:
        made = worktrees.create(repository, home.worktrees, task)
        for number in range(task):
            (made.top / f"new{number}").touch()
    shutil.rmtree(worktrees.find(home.worktrees, 2).top)
    stats = await Trees(home, stage.engine).stats([0, *tasks])
    stage.close()
    assert [None if one is None else one.files for one in stats] == [None, 1, None, *tasks[2:]]
