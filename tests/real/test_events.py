"""Events that an engine has kept and not matched start their workflows under the next one."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing

from core import messages as m
from core.adapters.reading import Reader
from core.adapters.run_reading import RunReader
from core.adapters.store import SqliteStore
from core.engine.engine import Engine
from core.engine.reports import Reports
from core.engine.ring import Ring
from core.engine.triggers import Triggers
from core.home import Home
from core.settings import Limits, Settings
from core.troubles import Troubles
from tests.fakes import FakeHands

WORKFLOW = """
schema = 1
[on]
event = { topic = "pushed" }
[task.a]
run = ["a"]
"""


async def test_an_event_waits_until_it_is_known_what_it_starts(tmp_path) -> None:
    home = Home(tmp_path / "home", tmp_path / "home" / "config.toml")
    home.make()
    home.workflows.mkdir(parents=True, exist_ok=True)
    (home.workflows / "build.toml").write_text(WORKFLOW)
    with closing(SqliteStore(home.store, "normal")) as before:
        Ring(before, Limits(), time.time()).apply(m.Emit("pushed", None, "somebody"), time.time())
        before.commit()
    with closing(SqliteStore(home.store, "normal")) as store:
        troubles = Troubles()
        engine = Engine(store, Reader(store.db), Settings(), Reports(home.reports, troubles), troubles)
        triggers = Triggers(home, engine, RunReader(store.db))
        await engine.open(FakeHands(engine.post, time.time))
        engine.ask(m.Emit("pushed", None, "somebody else"), "test", lambda _: None)
        triggers.open()
        try:
            async with asyncio.timeout(30):
                while len(engine.world.runs) < 2:
                    await asyncio.sleep(0.01)
        finally:
            triggers.close()
            await engine.finish()
    assert [run.workflow.name for run in engine.world.runs.values()] == ["build", "build"]
