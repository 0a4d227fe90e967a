"""A store in memory and the one on disk side by side: both have to tell the same of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.adapters.store import SqliteStore
from tests.fakes import MemoryStore

if TYPE_CHECKING:
    from pathlib import Path

    from core.rules.step import Step
    from core.runs import StoredRun


class Twin(MemoryStore):
    """What the disk keeps of a part by its task alone, the memory keeps as it was told."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.disk = SqliteStore(path, "normal")

    def keep(self, step: Step, who: str) -> None:
        super().keep(step, who)
        self.disk.keep(step, who)
        self.disk.commit()

    def agree(self) -> None:
        everything = sorted(self.runs.runs)
        for kept, remembered in zip(self.disk.recall_runs(everything), self.recall_runs(everything), strict=True):
            assert _parts(kept) == _parts(remembered)
        for run in everything:
            assert sorted(self.disk.tasks_of_run(run)) == sorted(self.tasks_of_run(run))


def _parts(run: StoredRun) -> list[object]:
    return sorted(part._replace(kept=True) for part in run.parts)
