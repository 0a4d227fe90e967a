"""The hands of the engine: carries effects to tmux and to the process table, and watches over what runs."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, assert_never

from core import effects as e
from core.adapters import folders, worktrees
from core.adapters.folders import Place
from core.adapters.foreign import ForeignSession, ForeignSessions
from core.adapters.git import GitError
from core.adapters.members import Tenant
from core.adapters.tmux.adoption import Adoption, Known
from core.adapters.tmux.sessions import Sessions
from core.adapters.vitals import Watch
from core.engine.background import Background
from core.engine.talks import Talks
from core.messages import LauncherGone, NotPlaced, OutputSeen, Sampled, TreeEnded
from core.plainfile import in_words
from core.ports import HopelessError, NotYetError, OutsideError
from core.rules.health import BUSY_CPU, Thresholds, judge
from core.wire import ForeignRow

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

    from core.adapters.processes import Process
    from core.adapters.tmux.slots import Slot
    from core.engine.metrics import Metrics
    from core.engine.talk import Plan
    from core.home import Home
    from core.interactive.signals import Choice
    from core.messages import Observation
    from core.model import AttemptId, Launch, ProcessId
    from core.ports import AttachTarget
    from core.rules.world import Attempt
    from core.settings import Settings
    from core.vitals import Health, Vital

log = logging.getLogger("muxdeck")
LOOK_EVERY = 2.0
"""Seconds between two looks at the process table, at least; more where they would exceed the budget."""
LOOK_EVERY_WATCHED = 1.0
"""The same while a console is open."""
UNWATCHED_SHARE = 0.2
"""Of the budget, while none is."""
SERVERS_EVERY = 1.0
SEARCH_AGAIN = 1.0
ORPHAN_GRACE = 0.5
"""Seconds in which the processes of an attempt whose launcher is gone may still be ending by the same cause."""


class RealHands:
    """`core.ports.Hands` over tmux and /proc."""

    def __init__(
        self,
        home: Home,
        settings: Settings,
        post: Callable[[Observation], None],
        attempts: Mapping[int, Attempt],
        launch: Callable[[AttemptId], Launch],
        plan: Callable[[AttemptId], Plan | None],
        metrics: Metrics,
    ) -> None:
        self._home = home
        self._post = post
        self._attempts = attempts
        self._launch = launch
        self._metrics = metrics
        self._watch = Watch(home.root)
        self._due = asyncio.Event()
        """Set where the next look cannot wait for its time."""
        self.sessions = Sessions(
            home,
            settings,
            post,
            on_slot=self._slot_changed,
            on_launcher_gone=lambda attempt, why: self._background.start(self._tell_gone(attempt, why)),
            on_terminals_gone=self._due.set,
            leftovers=self._watch.leftovers,
            on_made=metrics.creation.add,
            on_hook=lambda attempt: self._background.start(self._talks.heard(attempt)),
        )
        self._plan = plan
        self._talks = Talks(self.sessions.panes, self.sessions.folder, post)
        self._foreign = ForeignSessions(home.run)
        self._foreign_health: dict[tuple[str, str], Health] = {}
        self._adoption = Adoption(self.sessions, post)
        self.sessions.on_server_back = lambda server: self._background.start(self._adoption.sweep(server))
        self._last_work: dict[AttemptId, float] = {}
        self._orphaned: set[AttemptId] = set()
        self._background = Background()
        self._watched = False
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        engine = settings.engine
        self._budget = engine.budget / 100
        self._thresholds = Thresholds(engine.quiet_after, engine.stuck_after)
        self.sessions.configure(settings)

    @property
    def watched(self) -> bool:
        """A console is open: look more often."""
        return self._watched

    @watched.setter
    def watched(self, watched: bool) -> None:
        if watched and not self._watched:
            self._due.set()
        self._watched = watched

    async def open(self, attempts: Sequence[Attempt]) -> None:
        known = [Known(attempt.id, _place(attempt), attempt.started_at is not None) for attempt in attempts]
        await self._adoption.run(known)
        self._background.keep(self._look_again_and_again)
        self._background.keep(self._check_servers)
        self._background.keep(self._talks.look_again_and_again)
        self.sessions.open()

    def carry_out(self, effect: e.Outside) -> None:
        match effect:
            case e.Start(attempt):
                self._start(attempt)
            case e.Withdraw(attempt):
                self.sessions.withdraw(attempt)
            case e.SignalTree(attempt, number):
                self._background.start(self._watch.signal_tree(attempt, number))
            case e.EndTree(attempt):
                self._background.start(self._end_tree(attempt))
            case e.CheckOutput(attempt):
                at = self.sessions.folder(attempt).last_output()
                self._post(OutputSeen(attempt, at or 0.0))
            case e.ReleaseSession(attempt, failed):
                self._orphaned.discard(attempt)
                if not self.sessions.release(attempt, failed=failed):
                    self._watch.drop(attempt)
            case e.RemoveFolders(tasks):
                self._background.start(asyncio.to_thread(folders.remove_all, self._home.attempts, tasks))
            case e.RemoveRunFolders(runs):
                self._background.start(asyncio.to_thread(folders.remove_runs, self._home.runs, runs))
            case e.CheckWork(attempt, result):
                self._talks.check(attempt, result)
            case e.HandMail(attempt, mail):
                self._talks.hand(attempt, mail)
            case _:
                assert_never(effect)

    def _start(self, attempt: AttemptId) -> None:
        """Answered in any case: the rules wait for it."""
        try:
            launch = self._launch(attempt)
            if launch.worktree is None:
                self.sessions.start(attempt, launch)
            else:
                work = self._start_in_worktree(attempt, launch, Path(launch.worktree))
                self._background.start(self._placed_or_told(attempt, work))
        except OutsideError as error:
            cause: Literal["task", "turn"] = "turn" if isinstance(error, NotYetError) else "task"
            self._post(NotPlaced(attempt, str(error), isinstance(error, HopelessError), cause))
        except OSError as error:
            self._post(NotPlaced(attempt, in_words(error)))
        except Exception as error:
            log.exception("a bug: attempt %s is not started", attempt)
            self._post(NotPlaced(attempt, _bug(error)))

    async def _placed_or_told(self, attempt: AttemptId, work: Awaitable[None]) -> None:
        try:
            await work
        except OSError as error:
            self._post(NotPlaced(attempt, in_words(error)))
        except Exception as error:
            log.exception("a bug: attempt %s is not started", attempt)
            self._post(NotPlaced(attempt, _bug(error)))

    async def _start_in_worktree(self, attempt: AttemptId, launch: Launch, root: Path) -> None:
        try:
            tree = await asyncio.to_thread(worktrees.create, Path(launch.cwd), root, attempt.task, launch.resume)
        except GitError as error:
            self._post(NotPlaced(attempt, str(error), cause="task"))
            return
        found = self._attempts.get(attempt.task)
        if found is None or found.id != attempt or found.ending is not None:
            self._post(NotPlaced(attempt, "taken back before it began", cause="turn"))
        elif (other := worktrees.at_work(root, tree, self._begun_beside(attempt))) is not None:
            self._post(NotPlaced(attempt, f"task {other} works in its worktree", cause="turn"))
        else:
            self.sessions.start(attempt, replace(launch, cwd=str(tree.path)))

    def _begun_beside(self, attempt: AttemptId) -> Iterator[int]:
        """The other tasks that have a session and are not over."""
        return (other.task for other in self.sessions.slots if other != attempt and other.task in self._attempts)

    async def capture(self, attempt: AttemptId, lines_above: int) -> bytes:
        return await self.sessions.panes.capture(attempt, lines_above)

    def last_screen(self, attempt: AttemptId) -> bytes:
        return self.sessions.folder(attempt).last_screen()

    def output_stamp(self, attempt: AttemptId) -> str:
        return self.sessions.folder(attempt).output_stamp()

    async def type_text(self, attempt: AttemptId, text: bytes, *, enter: bool) -> None:
        await self._talks.type_text(attempt, text, enter=enter)

    async def answer(self, attempt: AttemptId, choice: Choice) -> None:
        await self._talks.answer(attempt, choice)

    async def log_complete(self, attempt: AttemptId) -> None:
        await self.sessions.log_complete(attempt)

    async def printed(self, attempt: AttemptId, limit: int) -> tuple[bytes, int]:
        """The end of what a program that has ended has printed, at most `limit` bytes, and how much it is in all."""
        await self.sessions.drained(attempt)
        content, _, length = self.sessions.folder(attempt).read_log(-limit, limit)
        return content, length

    def started_in(self, attempt: AttemptId) -> str | None:
        return self.sessions.folder(attempt).started_in()

    def read_log(self, attempt: AttemptId, offset: int, limit: int) -> tuple[bytes, int, int]:
        return self.sessions.folder(attempt).read_log(offset, limit)

    async def attach_target(self, attempt: AttemptId) -> AttachTarget:
        return await self.sessions.panes.attach_target(attempt)

    async def foreign(self) -> list[ForeignRow]:
        before, self._foreign_health = self._foreign_health, {}
        rows = []
        for session in await self._foreign.look():
            name, vital = (session.socket, session.id), session.vital
            last = max(vital.last_output or 0.0, vital.at if vital.cpu >= BUSY_CPU else 0.0)
            health = judge(vital, started_at=0.0, last_work=last, before=before.get(name), limits=self._thresholds)
            self._foreign_health[name] = health
            rows.append(_foreign_row(session, health))
        return rows

    async def kill_foreign(self, socket: str, session: str) -> None:
        await self._foreign.kill(socket, session)

    def servers(self) -> list[dict[str, object]]:
        return [
            {
                "index": server.index,
                "socket": str(server.path),
                "pid": server.pid,
                "sessions": server.sessions,
                "silent_since": server.silent_since,
            }
            for server in self.sessions.servers.all.values()
        ]

    async def close(self) -> None:
        self._background.cancel()
        self._talks.close()
        await self.sessions.close()

    # Processes

    def _slot_changed(self, attempt: AttemptId, slot: Slot | None) -> None:
        if slot is None:
            self._talks.end(attempt)
            self._watch.drop(attempt)
            self._last_work.pop(attempt, None)
            self._orphaned.discard(attempt)
        else:
            self._watch.add(attempt, Tenant(slot.launcher, slot.tty, slot.log))
            plan = self._plan(attempt)
            if plan is not None:
                self._talks.begin(attempt, plan)

    async def _end_tree(self, attempt: AttemptId) -> None:
        """Also of an attempt that ended long ago: its marks still tell what belongs to it. Answered in any case."""
        known = self._watch.knows(attempt)
        if not known:
            self._watch.add(attempt, Tenant(None, "", self.sessions.folder(attempt).log))
        try:
            left = await self._watch.end_tree(attempt)
        except OSError as error:
            left = (f"its processes ({in_words(error)})",)
        except Exception as error:
            log.exception("a bug: the processes of attempt %s are not ended", attempt)
            left = (f"its processes: {_bug(error)}",)
        finally:
            if not known:
                self._watch.drop(attempt)
        self._post(TreeEnded(attempt, left))

    async def _tell_gone(self, attempt: AttemptId, why: str | None) -> None:
        """The launcher has ended without a word. What hung on its terminal ends now too; what does not lives on."""
        if not self._watch.knows(attempt):
            self._watch.add(attempt, Tenant(None, "", self.sessions.folder(attempt).log))
        deadline = time.monotonic() + ORPHAN_GRACE
        orphans = await self._search(attempt)
        while orphans and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
            orphans = await self._search(attempt)
        if orphans:
            self._orphaned.add(attempt)
        self._post(self._gone(attempt, tuple(process.identity for process in orphans), why))

    async def _search(self, attempt: AttemptId) -> list[Process]:
        """Its living processes: asked until the kernel has told."""
        while True:
            try:
                return await self._watch.search(attempt)
            except OSError as error:
                log.warning("cannot look for the processes of attempt %s: %s", attempt, in_words(error))
                await asyncio.sleep(SEARCH_AGAIN)

    def _gone(self, attempt: AttemptId, orphans: tuple[ProcessId, ...] = (), why: str | None = None) -> LauncherGone:
        folder = self.sessions.folder(attempt)
        return LauncherGone(attempt, orphans, time.time(), folder.result(), why or folder.why_unknown())

    async def _look_again_and_again(self) -> None:
        while True:
            alone = set(self._orphaned)
            try:
                async for vitals in self._watch.sample():
                    self._post(
                        Sampled({attempt: (vital, self._judge(attempt, vital)) for attempt, vital in vitals.items()})
                    )
                    alone -= {attempt for attempt, vital in vitals.items() if vital.living}
            except OSError as error:
                log.warning("cannot look at the processes: %s", in_words(error))
                alone.clear()
            self._metrics.count_cpu()
            for attempt in alone & self._orphaned:
                if not await self._search(attempt):
                    self._orphaned.discard(attempt)
                    self._post(self._gone(attempt))
            least, share = (LOOK_EVERY_WATCHED, 1.0) if self.watched else (LOOK_EVERY, UNWATCHED_SHARE)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), max(least, self._watch.cost / (self._budget * share)))
            self._due.clear()

    def _judge(self, attempt_id: AttemptId, vital: Vital) -> Health:
        attempt = self._attempts.get(attempt_id.task)
        before, started_at = (attempt.health, attempt.started_at) if attempt is not None else (None, None)
        last = max(self._last_work.get(attempt_id, started_at or vital.at), vital.last_output or 0.0)
        if vital.cpu >= BUSY_CPU:
            last = vital.at
        self._last_work[attempt_id] = last
        return judge(
            vital,
            started_at=started_at,
            last_work=last,
            before=before,
            limits=self._thresholds,
            has_terminal=self.sessions.has_terminal(attempt_id),
        )

    async def _check_servers(self) -> None:
        while True:
            await asyncio.sleep(SERVERS_EVERY)
            self.sessions.check_servers()


def _bug(error: Exception) -> str:
    return f"a bug of muxdeck ({type(error).__name__}): see the log of the engine"


def _place(attempt: Attempt) -> Place | None:
    if attempt.server is None or attempt.slot is None or attempt.launcher is None:
        return None
    return Place(attempt.server, attempt.slot, attempt.launcher)


def _foreign_row(session: ForeignSession, health: Health) -> ForeignRow:
    return ForeignRow(
        socket=session.socket,
        id=session.id,
        name=session.name,
        windows=session.windows,
        attached=session.attached,
        command=session.command,
        health=health.state,
        health_reason=health.reason,
        since=health.since,
        cpu=round(session.vital.cpu, 1),
        memory=session.vital.memory,
        processes=session.vital.processes,
    )
