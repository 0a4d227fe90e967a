"""Interactive agents: hooks and screens are read, prompts are typed once, the ends of turns are noticed."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from core.adapters.prompts import LONGEST
from core.adapters.writes import Writes
from core.engine import letters
from core.engine.background import Background
from core.engine.checking import checked
from core.engine.talk import Talk, last_written
from core.interactive import hooks, ladder, records, rulebook, screens, spool
from core.interactive.signals import Signal, Source, State
from core.messages import AgentSeen, TurnEnded
from core.model import Outcome
from core.plainfile import in_words, read, write_whole
from core.ports import OutsideError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from core.adapters.folders import Folder
    from core.adapters.tmux.panes import Panes
    from core.engine.talk import Plan
    from core.interactive.ladder import Reading
    from core.interactive.rulebook import Rulebook
    from core.interactive.signals import Choice
    from core.kinds.result import Result
    from core.messages import Observation
    from core.model import AttemptId
    from core.speech import Mail

log = logging.getLogger("muxdeck")
LOOK_EVERY = 0.4
"""Seconds between two rounds: a state must be right within one second."""
RULES_EVERY = 2.0
"""Seconds after which it is asked again whether the rules of a screen have been edited."""
AT_ONCE = 16
"""Screens that are looked at side by side."""
SPOOL = "hooks.spool"
SESSION = "session"
"""Has the id of the conversation, as soon as it is known: what was killed can be gone on with, too."""
TYPED = "typed"
"""Made just before the prompt is typed: it is never typed twice, whatever happens to the engine."""
CHECK = "check.log"
PASTED = "pasted"
"""Made when all of it has been typed."""


class Talks:
    """Begun when an attempt has its session, forgotten with it."""

    def __init__(
        self, panes: Panes, folder: Callable[[AttemptId], Folder], post: Callable[[Observation], None]
    ) -> None:
        self._panes = panes
        self._folder = folder
        self._post = post
        self._talks: dict[AttemptId, Talk] = {}
        self._writes = Writes()
        self._wake = asyncio.Event()
        """Set where the next round cannot wait for its time."""
        self._background = Background()
        self._checks: dict[AttemptId, asyncio.Task[None]] = {}
        self._rules: dict[tuple[str, Path], tuple[float, Rulebook]] = {}
        """Of each agent's screens, and when they were read."""

    def begin(self, attempt: AttemptId, plan: Plan) -> None:
        """Also of one that an earlier engine has talked to: what its hooks told since then is read again."""
        talk = Talk(attempt, plan, ladder.begin(time.time()), self._folder(attempt).log, plan.session)
        with suppress(OSError):
            talk.typed((plan.folder / TYPED).lstat().st_mtime, _text(plan.prompt))
            talk.pasted, talk.entered_again = os.path.lexists(plan.folder / PASTED), True
        talk.letters = letters.unread(plan.folder)
        self._talks[attempt] = talk

    def close(self) -> None:
        self._writes.close()
        self._background.cancel()

    def end(self, attempt: AttemptId) -> None:
        talk = self._talks.pop(attempt, None)
        if talk is not None:
            self._writes.forget(talk.log)
        self._end_check(attempt)

    def _end_check(self, attempt: AttemptId) -> None:
        check = self._checks.pop(attempt, None)
        if check is not None:
            check.cancel()

    async def answer(self, attempt: AttemptId, choice: Choice) -> None:
        """Presses the key of a choice; OutsideError says why not."""
        talk = self._talks.get(attempt)
        if talk is not None:
            says_no = choice.key == "Escape" or choice.label.casefold().startswith("no")
            talk.refusal = choice.label if says_no else ""
        await self._panes.press(attempt, choice.key)

    def hand(self, attempt: AttemptId, mail: tuple[Mail, ...]) -> None:
        """Tells the agent of mail as soon as its composer is free."""
        talk = self._talks.get(attempt)
        if talk is not None:
            talk.unwritten += mail
            self._write_letters(talk)

    def _write_letters(self, talk: Talk) -> None:
        """What the disk refuses now is written at a later look."""
        try:
            letters.write(talk.plan.folder, talk.unwritten)
        except OSError as error:
            log.warning("mail for attempt %s cannot be written: %s", talk.attempt, in_words(error))
            return
        talk.unwritten = ()
        talk.letters, talk.rests_until = letters.unread(talk.plan.folder), 0.0

    async def type_text(self, attempt: AttemptId, text: bytes, *, enter: bool) -> None:
        """What the operator says; OutsideError says why not. Never into a dialog, which may have opened meanwhile:
        Enter would answer it."""
        talk = self._talks.get(attempt)
        if talk is None:
            await self._panes.type_text(attempt, text, enter=enter)
            return
        async with talk.turn:
            await self._check_no_dialog(talk, "nothing was typed")
            await self._panes.type_text(attempt, text, enter=False)
            if enter:
                await self._check_no_dialog(talk, "the text was pasted, and Enter was not pressed")
                await self._panes.type_text(attempt, b"", enter=True)
                if talk.ended:
                    talk.typed(time.time(), text.decode("utf-8", "replace"))
                    talk.pasted = talk.entered_again = True

    async def _check_no_dialog(self, talk: Talk, otherwise: str) -> None:
        talk.shown = None
        await self._read(talk, time.time())
        if not talk.is_seen:
            raise OutsideError(f"its screen cannot be read, {otherwise}: attach and look")
        if talk.asks:
            raise OutsideError(f"it asks something now, {otherwise}: answer that first")

    async def look_again_and_again(self) -> None:
        while True:
            now = time.time()
            self._wake.clear()
            due = [talk for talk in self._talks.values() if talk.is_due(now)]
            for start in range(0, len(due), AT_ONCE):
                await asyncio.gather(*map(self._look, due[start : start + AT_ONCE]))
            for talk in self._talks.values():
                if now < talk.rests_until and not talk.is_watched:
                    self._watch(talk)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), LOOK_EVERY)

    def _watch(self, talk: Talk) -> None:
        """What is written from now on is told, and looked at at once."""
        talk.is_watched = self._writes.tell(talk.log, partial(self._written, talk))
        if last_written(talk.log)[0] != talk.written_at:
            talk.rests_until = 0.0

    def _written(self, talk: Talk) -> None:
        talk.is_watched, talk.rests_until = False, 0.0
        self._wake.set()

    async def heard(self, attempt: AttemptId) -> None:
        """A hook has rung."""
        talk = self._talks.get(attempt)
        if talk is not None:
            await self._look(talk)

    async def _look(self, talk: Talk) -> None:
        async with talk.turn:
            now = time.time()
            await self._read(talk, now)
            with suppress(OutsideError, OSError):
                await self._act(talk, now)

    async def _read(self, talk: Talk, now: float) -> None:
        """All that tells of its state."""
        talk.rests_until = 0.0
        signals = self._hooked(talk)
        await self._look_at_screen(talk, now)
        trouble = talk.trouble(now)
        seen = [Signal(State.QUESTION, Source.SCREEN, now, trouble)] if trouble else talk.said
        signals += (replace(signal, at=now) for signal in seen)
        signals += _registered(talk, now)
        talk.ladder = ladder.fade(ladder.merge(talk.ladder, signals), now, talk.written_at)
        self._tell(talk)

    def _hooked(self, talk: Talk) -> list[Signal]:
        plan = talk.plan
        if not plan.hooks:
            return []
        events, talk.spool_at = spool.read(plan.folder / SPOOL, talk.spool_at)
        prompt = _text(plan.prompt) if events else ""
        told = []
        for event in events:
            known = hooks.Known(talk.session, prompt)
            if session := hooks.session(event, known):
                self._keep_session(talk, session)
            talk.message = hooks.message(event, known) or talk.message
            told.append(hooks.signal(plan.hooks, event, known))
        return [signal for signal in told if signal is not None]

    async def _look_at_screen(self, talk: Talk, now: float) -> None:
        """Not where nothing was written since the latest look: then it is what it was."""
        written_at, size = last_written(talk.log)
        if written_at == talk.written_at and talk.settled and talk.shown is not None:
            return
        try:
            talk.shown = self._rules_of(talk.plan, now), await self._panes.look(talk.attempt)
        except (OutsideError, OSError, ValueError, IndexError):
            talk.shown, talk.said = None, ()
        else:
            talk.said = tuple(screens.read(*talk.shown, now))
        talk.written_at, talk.looked_at, talk.read_to = written_at, now, size

    def _rules_of(self, plan: Plan, now: float) -> Rulebook:
        """A person may edit them while agents run."""
        read_at, rules = self._rules.get(named := (plan.screens, plan.own_rules), (0.0, None))
        if rules is None or now - read_at > RULES_EVERY:
            rules, _ = rulebook.load(*named)
            self._rules[named] = now, rules
        return rules

    def _tell(self, talk: Talk) -> None:
        reading = talk.ladder.reading
        if talk.told is None or _differs(talk.told, reading):
            talk.told = reading
            self._post(AgentSeen(talk.attempt, reading))

    async def _act(self, talk: Talk, now: float) -> None:
        if talk.unwritten:
            self._write_letters(talk)
        if talk.typed_at is None:
            if talk.is_free and talk.is_still(now):
                await self._type_prompt(talk)
            return
        talk.notice_turn(now)
        if talk.plan.records is not None and talk.taken and not talk.session:
            await self._find_session(talk, talk.plan.records, talk.typed_at)
        if talk.stands(now) and not talk.entered_again:
            await self._enter_again(talk)
        result = talk.end_of_turn(now)
        if result is not None:
            talk.ended = True
            if result.outcome != Outcome.OK or not talk.letters:
                await self._conclude(talk, result)
        elif talk.ended and talk.letters and talk.is_free:
            await self._type_note(talk)

    async def _conclude(self, talk: Talk, result: Result) -> None:
        file = talk.plan.records
        if file is not None and talk.session:
            told = await asyncio.to_thread(records.read, file, talk.session)
            cost = None if talk.plan.resumes else told.cost
            result = result._replace(message=told.message, cost=cost, cost_total=told.cost, cost_basis="list price")
        self._post(TurnEnded(talk.attempt, result, bool(talk.plan.check) and result.outcome == Outcome.OK))

    def check(self, attempt: AttemptId, result: Result) -> None:
        """Whether the work of the turn that has just ended is done."""
        talk = self._talks.get(attempt)
        if talk is not None:
            self._end_check(attempt)
            self._checks[attempt] = self._background.hold(self._check(talk, result, talk.turns))

    async def _check(self, talk: Talk, result: Result, turn: int) -> None:
        """What it finds counts where nothing has begun since."""
        plan = talk.plan
        try:
            found = await checked(result, plan.check, plan.cwd, dict(plan.env), plan.folder / CHECK)
        except Exception as error:
            log.exception("a bug: the check of attempt %s did not run", talk.attempt)
            reason = f"the check cannot be run: a bug of muxdeck ({type(error).__name__})"
            found = result._replace(outcome=Outcome.ERROR, reason=reason)
        if talk.turns == turn and self._talks.get(talk.attempt) is talk:
            self._post(TurnEnded(talk.attempt, found))

    async def _find_session(self, talk: Talk, file: Path, typed_at: float) -> None:
        """The id is kept as soon as it is known: also a conversation that is killed can be gone on with."""
        prompt = _text(talk.plan.prompt).strip("\n")
        session = await asyncio.to_thread(records.find, file, talk.plan.cwd, typed_at, prompt)
        if session is not None:
            self._keep_session(talk, session)

    def _keep_session(self, talk: Talk, session: str) -> None:
        talk.session = session
        with suppress(OSError):
            write_whole(talk.plan.folder / SESSION, session.encode("utf-8", "replace"))

    async def _type_prompt(self, talk: Talk) -> None:
        """Only into an empty composer: never over what a person has begun to write."""
        os.close(os.open(talk.plan.folder / TYPED, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        await self._type(talk, _text(talk.plan.prompt).strip("\n"))

    async def _type_note(self, talk: Talk) -> None:
        """Of the oldest mail: the next one waits for the end of the turn that this begins."""
        path = talk.letters[0]
        try:
            letters.mark_read(path)
        except FileExistsError:
            talk.letters.remove(path)
            return
        talk.letters.remove(path)
        os.utime(talk.plan.folder / TYPED)
        await self._type(talk, letters.NOTE.format(path))

    async def _type(self, talk: Talk, text: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(talk.plan.folder / PASTED)
        talk.typed(time.time(), text)
        await self._panes.type_text(talk.attempt, text.encode(errors="surrogateescape"), enter=True)
        talk.pasted = True
        with suppress(OSError):
            write_whole(talk.plan.folder / PASTED, b"")

    async def _enter_again(self, talk: Talk) -> None:
        """Once, where the prompt still stands in the composer; after that a person must look."""
        talk.entered_again = True
        await self._panes.type_text(talk.attempt, b"", enter=True)


def _registered(talk: Talk, now: float) -> list[Signal]:
    registry, said = talk.plan.registry, talk.said
    signal = None if registry is None else registry.signal(said[-1].state if said else State.UNKNOWN, now)
    return [] if signal is None else [signal]


def _differs(old: Reading, new: Reading) -> bool:
    """More than its age, a spinner or a count of seconds."""
    return _told(old) != _told(new)


def _told(reading: Reading) -> tuple[object, ...]:
    letters_only = "".join(filter(str.isalpha, reading.evidence))
    return reading.state, reading.source, letters_only, reading.detail, reading.choices


def _text(path: Path) -> str:
    """Of a prompt; empty if it cannot be read."""
    try:
        return read(path, LONGEST).decode("utf-8", "surrogateescape")
    except OSError:
        return ""
