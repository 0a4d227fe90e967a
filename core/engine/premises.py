"""What an engine stands on: its home, its lock, its folders, its socket and its bell, looked at again and again.

What a cleaner of temporary files has swept is made anew. An engine whose home is gone, or is another's, ends: a new
one at the same path must never meet it.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import time
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from core import inotify
from core.engine.handles import Handles
from core.home import HomeError
from core.inotify import Inotify
from core.plainfile import in_words

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from core.adapters.tmux.bell import Bell
    from core.engine.lock import Lock
    from core.home import Home
    from core.sockets import Listener
    from core.troubles import Troubles

LOOK_EVERY = 1.0
HEAR_EVERY = 15.0
"""Seconds between two looks for ends that nobody heard: a bell may ring while its file cannot be read."""
ALARM = 1.0
"""Seconds for which the home is watched closely after something in it was removed: it may be removed as a whole."""
LOOK_EVERY_IN_ALARM = 0.02
_REMOVALS = inotify.DELETED | inotify.MOVED_FROM | inotify.SELF_DELETED | inotify.SELF_MOVED
log = logging.getLogger("muxdeck")


class Loss(Enum):
    """Why an engine has no home any more; the value is its last word."""

    REMOVED = "the home was removed: the engine ends; programs that run go on by themselves, and nobody hears of them"
    MOVED = "the home was moved: the engine ends, and what runs goes on; one that is started for the new place takes it"
    TAKEN = "another engine has the lock of the home: this one ends, and what runs goes on"


class Premise(NamedTuple):
    """A file that others have to find at its path."""

    subject: str
    missing: str
    """What is wrong without it, in words."""
    is_there: Callable[[], bool]
    mend: Callable[[], None]
    """OSError or HomeError if it cannot be made now."""


class Premises:
    """`on_socket` gets each new listening socket, which replaces the one before; `on_loss` is called once at most."""

    def __init__(
        self,
        home: Home,
        lock: Lock,
        listener: Listener,
        bell: Bell,
        troubles: Troubles,
        on_socket: Callable[[socket.socket], None],
        on_loss: Callable[[Loss], None],
        hear_again: Callable[[], None],
        looks: tuple[Callable[[], None], ...] = (),
    ) -> None:
        """`hear_again` looks for what the bell should have told; `looks` are called with every look of its own."""
        self._home = home
        self._lock = lock
        self._troubles = troubles
        self._on_loss = on_loss
        self._folder = os.open(home.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._handles = Handles(troubles)
        self._looks = looks
        self._hear_again = hear_again
        self._hear_at = time.monotonic() + HEAR_EVERY
        self._missing: set[str] = set()
        self._not_ours = 0
        """Looks in a row that have found another engine's lock."""
        self._alarm_until = 0.0
        self._woken = asyncio.Event()
        self._premises = (
            Premise(
                "folders",
                "a folder of the home was removed",
                lambda: all(folder.is_dir() for folder in home.folders),
                home.make,
            ),
            Premise("lock", f"{home.lock} was removed or replaced", lambda: lock.held, self._lock_again),
            Premise(
                "socket",
                f"{home.socket} was removed or replaced, and new clients cannot connect",
                lambda: listener.is_there,
                lambda: on_socket(listener.bind()),
            ),
            Premise(
                "bell",
                f"{home.bell} was removed or replaced, and the ends of tasks are not heard",
                lambda: bell.is_there,
                bell.mend,
            ),
        )

    async def watch(self) -> None:
        """Until the home is lost."""
        alarm: Inotify | None = None
        try:
            while True:
                alarm = alarm or self._alarmed()
                if self._is_lost():
                    return
                if time.monotonic() >= self._alarm_until:
                    self._look()
                await self._rest()
        finally:
            if alarm is not None:
                alarm.close()
            os.close(self._folder)

    def explains(self, error: BaseException | None) -> bool:
        """Whether a failure only tells that no file handle is left."""
        return self._handles.explains(error)

    async def _rest(self) -> None:
        in_alarm = time.monotonic() < self._alarm_until
        try:
            async with asyncio.timeout(LOOK_EVERY_IN_ALARM if in_alarm else LOOK_EVERY):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()
        await asyncio.sleep(LOOK_EVERY_IN_ALARM)

    def _alarmed(self) -> Inotify | None:
        """A new engine at the same path needs longer to start than this one to hear that it has lost its home."""
        try:
            alarm = Inotify(self._wake)
        except OSError:
            return None
        try:
            alarm.add(os.fspath(self._home.root), _REMOVALS)
        except OSError:
            alarm.close()
            return None
        return alarm

    def _wake(self, _event: inotify.Event) -> None:
        self._alarm_until = time.monotonic() + ALARM
        self._woken.set()

    def _is_lost(self) -> bool:
        loss = self._loss()
        if loss is None:
            return False
        log.error("%s: %s", self._home.root, loss.value)
        self._on_loss(loss)
        return True

    def _loss(self) -> Loss | None:
        if self._not_ours > 1:
            return Loss.TAKEN
        ours = os.fstat(self._folder)
        try:
            if os.path.samestat(os.stat(self._home.root), ours):
                self._troubles.clear("home")
                return None
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                self._troubles.note("home", f"{self._home.root} cannot be looked at: {in_words(error)}")
                return None
        return Loss.MOVED if ours.st_nlink else Loss.REMOVED

    def _look(self) -> None:
        if self._handles.look() or time.monotonic() >= self._hear_at:
            self._hear_at = time.monotonic() + HEAR_EVERY
            self._hear_again()
        for look in self._looks:
            look()
        for premise in self._premises:
            try:
                self._look_at(premise)
            except (OSError, HomeError) as error:
                why = str(error) if isinstance(error, HomeError) else in_words(error)
                self._troubles.note(premise.subject, f"{premise.missing}; it cannot be made anew: {why}")

    def _look_at(self, premise: Premise) -> None:
        """Mends at the second look: whoever removes the whole home must not find new files in it."""
        if premise.is_there():
            self._missing.discard(premise.subject)
        elif premise.subject not in self._missing:
            self._missing.add(premise.subject)
            self._troubles.note(premise.subject, f"{premise.missing}: it is made anew")
            return
        else:
            premise.mend()
            log.warning("%s: made anew", premise.missing)
        self._troubles.clear(premise.subject)

    def _lock_again(self) -> None:
        """A look of a client locks the file for an instant: only a second look in a row says that it is another's."""
        self._not_ours = 0 if self._lock.renew() else self._not_ours + 1
        if self._not_ours:
            raise HomeError("another process has it")
