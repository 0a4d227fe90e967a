"""The machine of random news and wishes once more, while rules, starts and the store fail at random points."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import rule

from core import messages as m
from core.engine.reports import Reports
from core.engine.turns import Entry, Turns
from core.rules import decide as deciding
from core.rules import placing
from core.troubles import Troubles
from tests.fakes import MemoryStore
from tests.rules.test_machine import Fleet

PLACES = ("rule", "start", "keep", "half kept", "commit", "disk", "disk at commit")


class FaultyStore(MemoryStore):
    """Fails once at the chosen place; nothing of that turn is to be found afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.breaks = ""

    def broken(self, *places: str) -> bool:
        if self.breaks not in places:
            return False
        self.breaks = ""
        return True

    def keep(self, step: Any, who: str) -> None:
        if self.broken("keep"):
            raise ValueError("a bug that was put here")
        super().keep(step, who)
        if self.broken("half kept"):
            raise ValueError("a bug that was put here")
        if self.broken("disk"):
            raise OSError(28, "No space left on device")

    def rollback(self) -> None:
        breaks = self.breaks
        super().rollback()
        self.breaks = breaks

    def commit(self) -> None:
        if self.broken("commit"):
            raise ValueError("a bug that was put here")
        if self.broken("disk at commit"):
            raise OSError(28, "No space left on device")
        super().commit()


class FaultyFleet(Fleet):
    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.advance, self.begin = deciding.advance, placing.begin
        super().__init__()
        deciding.advance, placing.begin = self.advanced, self.begun_with_faults

    def new_store(self) -> MemoryStore:
        return FaultyStore()

    def reopen(self) -> None:
        super().reopen()
        troubles = Troubles()
        self.turns = Turns(self.ring, Reports(Path(self.folder.name), troubles), troubles, self.now)

    def advanced(self, step: Any) -> None:
        """The rule has changed the world already."""
        if self.store.broken("rule"):
            raise ValueError("a bug that was put here")
        self.advance(step)

    def begun_with_faults(self, step: Any, task: Any) -> None:
        self.begin(step, task)
        if self.store.broken("start"):
            raise ValueError("a bug that was put here")

    @rule(place=st.sampled_from(PLACES))
    def break_next(self, place: str) -> None:
        self.store.breaks = place

    def tell(self, message: m.Message) -> Any:
        """What is set aside is tried again until it is taken in, and what a bug refused is asked again: the faults are
        of one moment."""
        if not isinstance(message, m.Command):
            return self.given(Entry(message, "test", self.now, None))
        entry = Entry(message, "test", self.now, lambda _: None)
        given = self.given(entry)
        if isinstance(given, m.RefusedError) and given.code in ("bug", "failed"):
            given = self.given(entry)
        return None if isinstance(given, m.RefusedError) else given

    def given(self, entry: Entry) -> Any:
        """The answer, once nothing is left to do."""
        self.turns.inbox.append(entry)
        given = None
        for _ in range(40):
            for done in self.turns.take(self.now):
                if done.step is not None:
                    self.carry_out(done.step.effects)
                if done.entry is entry:
                    given = done.given
            if not self.turns.inbox and self.turns.next_at is None:
                return given
            self.now = max(self.now, min(self.turns.next_at or self.now, self.now + 1000.0))
        raise AssertionError("the turns never come to rest")

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            deciding.advance, placing.begin = self.advance, self.begin
            self.folder.cleanup()


TestFaultyFleet = FaultyFleet.TestCase
TestFaultyFleet.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
