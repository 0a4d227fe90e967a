"""What the engine does beside its work: prompts reach the disk in another thread, old mail is forgotten."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from core import messages as m
from core import requests as r
from core.adapters.prompts import PromptFiles
from core.adapters.run_reading import RunReader
from core.engine import wishes
from core.engine.configuration import Configuration
from core.engine.upkeep import Upkeep
from core.settings import Settings
from core.speech import Address, Recipient
from tests.console.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    settings = Settings()
    made = Stage(tmp_path, replace(settings, engine=replace(settings.engine, keep_ended=2)))
    yield made
    made.close()


async def test_of_old_mail_only_what_somebody_may_still_get_is_kept(stage: Stage) -> None:
    await stage.open()
    engine = stage.engine
    configuration = Configuration(stage.home.config, engine)
    upkeep = Upkeep(
        stage.home,
        engine,
        stage.store,
        RunReader(stage.store.db),
        cast("Any", stage.hands),
        configuration,
        engine.reports,
    )
    for to in (Recipient.OPERATOR, Recipient.GROUP, Recipient.OPERATOR, Recipient.OPERATOR):
        name = "default" if to is Recipient.GROUP else ""
        await engine.wish(m.Send(None, Address(to, name), "x", None), "test")
    await upkeep._forget_mail(2)
    assert [mail.id for mail in engine.reader.mail(9)] == [1, 2, 3, 4], "all of it waits"
    await engine.wish(m.Collect(None), "test")
    await upkeep._forget_mail(2)
    assert [mail.id for mail in engine.reader.mail(9)] == [2, 3, 4]
    await upkeep._forget_mail(0)
    assert [mail.id for mail in engine.reader.mail(9)] == [2]


class Watched(PromptFiles):
    """Knows which threads have written."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._files = folder
        self.writers: list[int] = []

    def keep(self, text: str, at: tuple[str | int, ...]) -> str:
        before = set(self._files.iterdir())
        path = super().keep(text, at)
        if set(self._files.iterdir()) != before:
            self.writers.append(threading.get_ident())
        return path


@pytest.mark.parametrize("verb", ["add", "spawn"])
async def test_no_prompt_is_written_by_the_thread_of_the_loop(stage: Stage, verb: str) -> None:
    prompts = Watched(stage.home.inputs)
    tasks, context = (r.TaskRequest(prompt="one"), r.TaskRequest(prompt="two")), r.Context("/", {})
    wish = r.Add(tasks, context) if verb == "add" else r.Spawn(None, tasks, context)
    asked = await wishes.asked_tasks(wish, stage.engine, prompts)
    assert [Path(str(task.spec.launch.prompt)).read_text() for task in asked.tasks] == ["one", "two"]
    assert len(prompts.writers) == 2
    assert threading.get_ident() not in prompts.writers
