"""The console on a stage: the real screens over a real engine whose hands are fake, with no socket in between."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.events import Key

from core.adapters.reading import Reader
from core.adapters.run_reading import RunReader
from core.adapters.store import SqliteStore
from core.adapters.tokens import Tokens
from core.boundary import BadInputError
from core.client import AnswerError, NoEngineError
from core.engine.engine import Engine
from core.engine.reports import Reports
from core.engine.service import Service
from core.home import Home
from core.messages import RefusedError, Sampled
from core.ports import OutsideError
from core.settings import AgentSettings, EngineSettings, Settings
from core.troubles import Troubles
from core.vitals import Health, HealthState, Vital
from tests.fakes import FakeHands
from tui.app import Console

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from textual.pilot import Pilot

SETTINGS = Settings(engine=EngineSettings(slots=3), agent={"build": AgentSettings(slots=2)})


class StageLink:
    """`tui.link.Link` without a socket: documents pass through JSON all the same."""

    def __init__(self, stage: Stage, on_feed: Callable[..., None], on_state: Callable[[bool, str], None]) -> None:
        self._stage = stage
        self._on_feed = on_feed
        self._on_state = on_state
        self.there = True
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def run(self) -> None:
        await self._stage.open()
        while True:
            self._on_state(True, "")
            changes = self._stage.engine.feed.join()
            while self.there:
                if changes.waiting:
                    self._on_feed(_by_json(self._stage.engine.feed.message(changes)))
                await asyncio.sleep(0.005)
            self._stage.engine.feed.leave(changes)
            self._on_state(False, "the engine ended")
            while not self.there:
                await asyncio.sleep(0.01)

    async def ask(self, do: str, **parameters: Any) -> Any:
        import json

        if not self.there:
            raise NoEngineError("the engine is gone")
        if do not in ("show", "screen"):
            self.asked.append((do, parameters))
        try:
            return _by_json(await self._stage.service.answer(do, json.dumps(parameters), "console"))
        except RefusedError as error:
            raise AnswerError(error.code, str(error), []) from None
        except OutsideError as error:
            raise AnswerError("failed", str(error), []) from None
        except BadInputError as error:
            problems = [{"path": list(problem.path), "text": problem.text} for problem in error.problems]
            raise AnswerError("usage", str(error), problems) from None


def _by_json(value: Any) -> Any:
    import json

    return json.loads(json.dumps(value))


class Stage:
    def __init__(self, folder: Path, settings: Settings = SETTINGS, name: str = "fleet", **options: Any) -> None:
        self.home = Home(folder / name, folder / name / "config.toml")
        self.home.make()
        self.store = SqliteStore(self.home.store, "normal")
        troubles = Troubles()
        reports = Reports(self.home.reports, troubles)
        self.engine = Engine(self.store, Reader(self.store.db), settings, reports, troubles)
        self.hands = FakeHands(self.engine.post, time.time)
        self.service = Service(self.engine, RunReader(self.store.db), self.home, Tokens(b""), lambda: None)
        self.console = Console(self.home, **({"read_only": False, "plain": False} | options))
        self.link = StageLink(self, self.console._feed, self.console._state)
        self.console.link = self.console._fleet.link = self.link
        self._opened = False

    async def open(self) -> None:
        if not self._opened:
            self._opened = True
            await self.engine.open(self.hands)

    @asynccontextmanager
    async def run(self, size: tuple[int, int] = (140, 40)) -> AsyncIterator[Actor]:
        async with self.console.run_test(size=size, notifications=True) as pilot:
            actor = Actor(self, pilot)
            await actor.until(lambda: self.console.replica.complete, "the first picture is complete")
            yield actor

    def close(self) -> None:
        self.store.close()


class Actor:
    """Presses keys, looks at the screen as text, and waits for what it should show."""

    def __init__(self, stage: Stage, pilot: Pilot[Any]) -> None:
        self.stage = stage
        self.pilot = pilot
        self.hands = stage.hands
        self.console = stage.console

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self._taken()

    async def type_ahead(self, *keys: str) -> None:
        """All of them in one moment, as a terminal sends what was typed while nobody listened."""
        for key in keys:
            sign = {"space": " ", "slash": "/", "question_mark": "?"}.get(key, key)
            self.console.post_message(Key(key, sign if len(sign) == 1 else None))
        await self._taken()

    async def _taken(self) -> None:
        """Every key has come to the console, and what it has begun has ended or waits for the person."""
        arrived = asyncio.Event()
        self.console.call_later(arrived.set)
        await self.until(arrived.is_set, "the keys have arrived")
        await self.until(lambda: self.console.keyboard.at_rest, "the keys have been taken")
        await self.pilot.pause()

    async def write(self, text: str) -> None:
        names = {
            " ": "space",
            "-": "minus",
            "=": "equals_sign",
            "!": "exclamation_mark",
            "_": "underscore",
            ".": "full_stop",
        }
        await self.press(*(names.get(sign, sign) for sign in text))

    async def add(self, *tasks: dict[str, Any]) -> list[int]:
        context = {"cwd": "/", "env": {"PATH": "/bin"}}
        ids = await self.stage.link.ask("add", tasks=list(tasks), context=context)
        await self.until(lambda: all(task in self.console.replica.tasks for task in ids), "the tasks are here")
        return list(ids)

    async def choose(self, task: int) -> None:
        """The cursor of the queue stands on it."""
        queue = self.console._fleet.queue
        await self.until(lambda: queue.choose(task), f"task {task} is in the list")

    def sample(self, task: int, state: HealthState, reason: str = "seen") -> None:
        """A look at the processes of a running task finds it so."""
        vital = Vital(time.time(), 41.0, 3.0, 312 << 20, 4, 9, 0, 0, None, True, None, False, None)
        health = Health(state, reason, time.time() - 12)
        self.stage.engine.post(Sampled({self.hands.running[task]: (vital, health)}))

    @property
    def text(self) -> str:
        """The screen, line by line."""
        screen = self.console.screen
        strips = screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in strips)

    async def until(self, holds: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + 15
        while not (value := holds()):
            assert time.monotonic() < deadline, f"never happened: {what}\n{self.text}"
            await self.pilot.pause(0.01)
        return value

    async def sees(self, *words: str) -> str:
        await self.until(lambda: all(word in self.text for word in words), f"the screen shows {words}")
        return self.text

    async def misses(self, *words: str) -> str:
        await self.until(lambda: not any(word in self.text for word in words), f"the screen shows none of {words}")
        return self.text
