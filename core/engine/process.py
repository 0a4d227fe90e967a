"""Everything that one engine is made of, put together."""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from core.adapters.leftovers import move_aside
from core.adapters.reading import Reader
from core.adapters.run_reading import RunReader
from core.adapters.store import SqliteStore
from core.adapters.tokens import open_tokens
from core.config.reading import read
from core.engine.agents import Agents
from core.engine.background import Background
from core.engine.configuration import Configuration
from core.engine.engine import Engine
from core.engine.hands import RealHands
from core.engine.outputs import Outputs
from core.engine.premises import Loss, Premises
from core.engine.reports import Reports
from core.engine.run_files import prepare
from core.engine.server import Server
from core.engine.service import Service
from core.engine.triggers import Triggers
from core.engine.upkeep import Upkeep
from core.sockets import Listener
from core.troubles import Troubles

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.engine.lock import Lock
    from core.engine.logs import EngineLog
    from core.engine.talk import Plan
    from core.home import Home
    from core.model import AttemptId, Launch

EXIT_HOME, EXIT_LOCKED = 4, 7
log = logging.getLogger("muxdeck")


class Process:
    """ConfigError where the configuration cannot be used, StoreError where the store cannot."""

    def __init__(self, home: Home, lock: Lock, to: EngineLog) -> None:
        _raise_file_limit()
        self._home = home
        self._lock = lock
        self._log = to
        self._log.troubles = self._troubles = Troubles()
        settings = read(home.config)
        self._store = SqliteStore(home.store, settings.engine.durability)
        self._tokens = open_tokens(home.secret)
        self._reports = Reports(home.reports, self._troubles)
        self._engine = Engine(self._store, Reader(self._store.db), settings, self._reports, self._troubles)
        self._agents = Agents(home, settings, self._engine.reader, self._store, self._engine.post)
        self._runs = RunReader(self._store.db)
        self._stopped = asyncio.Event()
        self._loss: Loss | None = None
        self._premises: Premises | None = None

    def stop(self) -> None:
        """Everything that runs goes on running."""
        self._stopped.set()

    async def run(self, ready: Callable[[], None]) -> int:
        asyncio.get_running_loop().set_exception_handler(self._bug)
        engine = self._engine
        outputs = Outputs(engine.world, engine.post)
        hands = RealHands(
            self._home, engine.settings, outputs.post, engine.world.attempts, self._launch, self._plan, engine.metrics
        )
        outputs.printed, outputs.folder = hands.printed, hands.started_in
        configuration = Configuration(self._home.config, engine)
        service = Service(engine, self._runs, self._home, self._tokens, self.stop, configuration.refresh)
        server = Server(engine, service)
        upkeep = Upkeep(self._home, engine, self._store, self._runs, hands, configuration, self._reports)
        upkeep.may_put_back = lambda: self._lock.held
        triggers = Triggers(self._home, engine, self._runs)
        engine.on_configured = self._agents.configure
        engine.on_surveyed = self._set_leftovers_aside
        hands.sessions.servers.troubles = self._troubles
        listener, background = Listener(self._home.socket), Background()
        premises = self._premises = Premises(
            self._home,
            self._lock,
            listener,
            hands.sessions.bell,
            self._troubles,
            on_socket=lambda listening: background.start(server.open(listening)),
            on_loss=self._lose_home,
            hear_again=hands.sessions.hear_again,
            looks=(self._log.look,),
        )
        await server.open(listener.bind())
        ready()
        await engine.open(hands)
        gc.freeze()
        for notice in self._store.notices:
            self._troubles.note("database", notice)
        background.keep(premises.watch)
        upkeep.open()
        triggers.open()
        self._agents.configure(engine.settings)
        log.info("serving %s, %d tasks live", self._home.root, len(engine.world.tasks))
        await self._stopped.wait()
        if self._loss is not None:
            return await self._leave_home(self._loss, server, hands)
        background.cancel()
        upkeep.close()
        triggers.close()
        self._agents.close()
        await server.close()
        await engine.finish()
        await hands.close()
        self._store.close()
        listener.remove()
        log.info("ended")
        return 0

    def _set_leftovers_aside(self) -> None:
        """An older copy of the store does not know what these folders are of, and will use their names again."""
        moved = move_aside(self._home.attempts, self._store.attempts_made, self._engine.world.next_task)
        if moved:
            folders = f"{len(moved)} of attempts that the database does not know"
            self._troubles.note(
                "attempts", f"{self._home.attempts}: folders were moved aside, as {moved[0]}: {folders}"
            )

    def _lose_home(self, loss: Loss) -> None:
        self._loss = loss
        self.stop()

    async def _leave_home(self, loss: Loss, server: Server, hands: RealHands) -> int:
        """Nothing is done by the path of a file: it may be another engine's by now. What was accepted is in the store
        already, and what runs goes on."""
        await server.close()
        servers = hands.sessions.servers
        servers.homeless = loss is Loss.REMOVED
        used = {slot.server.index for slot in hands.sessions.slots.values() if slot.server is not None}
        await servers.disconnect(used if servers.homeless else set(servers.all))
        log.info("ended")
        return EXIT_LOCKED if loss is Loss.TAKEN else EXIT_HOME

    def _launch(self, attempt: AttemptId) -> Launch:
        prepare(self._engine.world, self._runs, attempt.task)
        launch = self._agents.launch(self._engine.world.attempts[attempt.task], self._store.launch(attempt.task))
        part = self._engine.world.tasks[attempt.task].part
        return replace(launch, part=part, token=self._tokens.of(str(attempt)))

    def _plan(self, attempt: AttemptId) -> Plan | None:
        """None also of an attempt that has ended, and only gives its session back."""
        live = self._engine.world.attempt(attempt)
        if live is None or not self._agents.talks(live.agent):
            return None
        return self._agents.plan(live, self._store.launch(attempt.task))

    def _bug(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A failure that nobody expected, outside of any turn: it is reported, and costs what failed alone."""
        doing, error = str(context.get("message")), context.get("exception")
        if self._premises is not None and self._premises.explains(error):
            return
        if isinstance(error, OSError):
            log.warning("%s: %s", doing, error)
        elif isinstance(error, BaseException):
            self._reports.write(doing, error)
        else:
            log.error("%s: %s", doing, context)


def _raise_file_limit() -> None:
    """Each session takes two or three descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else hard
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
