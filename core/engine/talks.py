"""Interactive agents: hooks and screens are read, the prompt is typed once, the end of the turn is noticed."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from core.interactive import hooks, ladder, rulebook, screens, spool
from core.interactive.signals import ASKING, EVIDENCE, RESTING, Signal, Source, State
from core.kinds.result import Result
from core.messages import AgentSeen, TurnEnded
from core.model import Outcome
from core.ports import OutsideError
from core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from core.adapters.folders import Folder
    from core.adapters.tmux.panes import Panes
    from core.interactive.ladder import Ladder, Reading
    from core.interactive.rulebook import Rulebook
    from core.interactive.screens import Screen
    from core.interactive.signals import Choice
    from core.messages import Observation
    from core.model import AttemptId

LOOK_EVERY = 0.3
"""Seconds between two rounds: a state must be right within one second."""
WORKS_ON = 0.7
"""Seconds between two looks at the screen of an agent that works: it is drawn all the time."""
SETTLED = 1.5
"""Seconds without a change after which a screen is what it was."""
SUBMITTED_WITHIN = 4.0
"""Seconds in which a prompt that was typed must have been taken."""
ENDED_AFTER = 2.5
"""Seconds for which an agent without hooks must rest after its prompt, before its turn counts as ended."""
AT_ONCE = 16
"""Screens that are looked at side by side."""
SPOOL = "hooks.spool"
TYPED = "typed"
"""Made just before the prompt is typed: it is never typed twice, whatever happens to the engine."""
_TAKEN = ASKING | {State.WORKING, State.FINISHED}
_ENDS = {State.LIMIT: Outcome.LIMIT, State.ERROR: Outcome.ERROR}


class Plan(NamedTuple):
    """How to talk to an attempt's agent."""

    folder: Path
    prompt: Path
    screens: str
    hooks: str
    """The kind whose events come; empty where none do."""
    session: str
    own_rules: Path


@dataclass(slots=True)
class Talk:
    """All that is remembered of one conversation while the engine lives."""

    attempt: AttemptId
    plan: Plan
    ladder: Ladder
    log: str
    spool_at: int = 0
    written_at: float = -1.0
    """Unix time of the latest output that was noticed; 0 before there is any."""
    looked_at: float = 0.0
    shown: tuple[Rulebook, Screen] | None = None
    """The screen at the latest look."""
    said: tuple[Signal, ...] = ()
    """What that screen says."""
    typed_at: float | None = None
    """Unix time at which the prompt was typed."""
    entered_again: bool = False
    taken: bool = False
    """It was seen to work, or to ask, after the prompt was typed."""
    refusal: str = ""
    """The operator's last answer, where that was a No."""
    told: Reading | None = None
    ended: bool = False
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Talks:
    """Begun when an attempt has its session, forgotten with it."""

    def __init__(
        self, panes: Panes, folder: Callable[[AttemptId], Folder], post: Callable[[Observation], None]
    ) -> None:
        self._panes = panes
        self._folder = folder
        self._post = post
        self._talks: dict[AttemptId, Talk] = {}

    def begin(self, attempt: AttemptId, plan: Plan) -> None:
        typed = plan.folder / TYPED
        talk = Talk(attempt, plan, ladder.begin(time.time()), self._folder(attempt).log)
        with suppress(OSError):
            talk.typed_at = typed.stat().st_mtime
        self._talks[attempt] = talk

    def end(self, attempt: AttemptId) -> None:
        self._talks.pop(attempt, None)

    async def answer(self, attempt: AttemptId, choice: Choice) -> None:
        """Presses the key of a choice; OutsideError says why not."""
        talk = self._talks.get(attempt)
        if talk is not None:
            says_no = choice.key == "Escape" or choice.label.casefold().startswith("no")
            talk.refusal = choice.label if says_no else ""
        await self._panes.press(attempt, choice.key)

    async def look_again_and_again(self) -> None:
        while True:
            now = time.time()
            due = [talk for talk in self._talks.values() if _is_due(talk, now)]
            for start in range(0, len(due), AT_ONCE):
                await asyncio.gather(*map(self._look, due[start : start + AT_ONCE]))
            await asyncio.sleep(LOOK_EVERY)

    async def heard(self, attempt: AttemptId) -> None:
        """A hook has rung."""
        talk = self._talks.get(attempt)
        if talk is not None:
            await self._look(talk)

    async def _look(self, talk: Talk) -> None:
        async with talk.turn:
            now = time.time()
            signals = self._hooked(talk)
            await self._look_at_screen(talk, now)
            signals += (replace(signal, at=now) for signal in talk.said)
            talk.ladder = ladder.merge(talk.ladder, signals)
            self._tell(talk)
            with suppress(OutsideError, OSError):
                await self._act(talk, talk.shown, now)

    def _hooked(self, talk: Talk) -> list[Signal]:
        plan = talk.plan
        if not plan.hooks:
            return []
        events, talk.spool_at = spool.read(plan.folder / SPOOL, talk.spool_at)
        known = hooks.Known(plan.session, _text(plan.prompt) if events else "")
        told = [hooks.signal(plan.hooks, event, known) for event in events]
        return [signal for signal in told if signal is not None]

    async def _look_at_screen(self, talk: Talk, now: float) -> None:
        """Not where nothing was written since the latest look: then it is what it was."""
        written_at = _written_at(talk.log)
        unchanged = written_at == talk.written_at and talk.looked_at > written_at + SETTLED
        if unchanged and talk.shown is not None:
            return
        book, _ = rulebook.load(talk.plan.screens, talk.plan.own_rules)
        try:
            talk.shown = book, await self._panes.look(talk.attempt)
        except (OutsideError, OSError, ValueError, IndexError):
            talk.shown, talk.said = None, ()
        else:
            talk.said = tuple(screens.read(*talk.shown, now))
        talk.written_at, talk.looked_at = written_at, now

    def _tell(self, talk: Talk) -> None:
        reading = talk.ladder.reading
        if talk.told is None or _differs(talk.told, reading):
            talk.told = reading
            self._post(AgentSeen(talk.attempt, reading))

    async def _act(self, talk: Talk, shown: tuple[Rulebook, Screen] | None, now: float) -> None:
        reading = talk.ladder.reading
        if talk.typed_at is None:
            if shown is not None and reading.state is State.READY:
                await self._type(talk, *shown)
            return
        talk.taken = talk.taken or (reading.state in _TAKEN and reading.seen_at >= talk.typed_at)
        if not talk.taken and shown is not None and now - talk.typed_at > SUBMITTED_WITHIN:
            await self._enter_again(talk, *shown)
        self._notice_end(talk, reading, now)

    async def _type(self, talk: Talk, book: Rulebook, seen: Screen) -> None:
        """Only into an empty composer: never over what a person has begun to write."""
        place = screens.composer(book, seen)
        if place is None or not place.empty:
            return
        os.close(os.open(talk.plan.folder / TYPED, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        talk.typed_at = time.time()
        await self._panes.type_text(talk.attempt, _text(talk.plan.prompt).strip("\n").encode(), enter=True)

    async def _enter_again(self, talk: Talk, book: Rulebook, seen: Screen) -> None:
        """Once, where the prompt still stands in the composer; after that a person must look."""
        place = screens.composer(book, seen)
        if place is None or place.empty:
            return
        if not talk.entered_again:
            talk.entered_again = True
            await self._panes.type_text(talk.attempt, b"", enter=True)
        elif talk.ladder.reading.state is not State.QUESTION:
            words = one_line("the prompt stands in its composer and was not taken: attach and look", EVIDENCE)
            signal = Signal(State.QUESTION, Source.STREAM, time.time(), words)
            talk.ladder = ladder.merge(talk.ladder, [signal])
            self._tell(talk)

    def _notice_end(self, talk: Talk, reading: Reading, now: float) -> None:
        assert talk.typed_at is not None
        if talk.ended or reading.seen_at < talk.typed_at:
            return
        rests = reading.state in RESTING and talk.taken
        rested = now - reading.since > ENDED_AFTER
        if reading.state in _ENDS and rested:
            self._end(talk, _ENDS[reading.state], reading.evidence)
        elif talk.refusal and rests and rested:
            self._end(talk, Outcome.DENIED, f"the operator answered {talk.refusal}")
        elif reading.state is State.FINISHED or (rests and rested):
            self._end(talk, Outcome.OK, "")

    def _end(self, talk: Talk, outcome: Outcome, reason: str) -> None:
        talk.ended = True
        self._post(TurnEnded(talk.attempt, Result(outcome, reason, talk.plan.session or None)))


def _is_due(talk: Talk, now: float) -> bool:
    """Something was written lately, something was not believed yet, or nobody has confirmed the state for a while."""
    if ladder.stale(talk.ladder, now) or talk.ladder.fall is not None or talk.shown is None:
        return True
    if talk.typed_at is not None and not talk.ended and talk.ladder.reading.state in (*RESTING, *_ENDS):
        return True
    written_at = _written_at(talk.log)
    if written_at == talk.written_at and talk.looked_at > written_at + SETTLED:
        return False
    return talk.ladder.reading.state is not State.WORKING or now - talk.looked_at > WORKS_ON


def _written_at(log: str) -> float:
    try:
        return os.stat(log).st_mtime
    except OSError:
        return 0.0


def _differs(old: Reading, new: Reading) -> bool:
    """More than its age."""
    return (old.state, old.source, old.evidence, old.detail, old.choices) != (
        new.state,
        new.source,
        new.evidence,
        new.detail,
        new.choices,
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
