"""One conversation with an interactive agent: what is remembered of it, and what follows from that."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from core.interactive import ladder, screens
from core.interactive.signals import ASKING, RESTING, Source, State
from core.kinds.result import Result
from core.model import Outcome
from core.plainfile import read_part, size

if TYPE_CHECKING:
    from pathlib import Path

    from core.interactive.ladder import Ladder, Reading
    from core.interactive.registry import Registry
    from core.interactive.rulebook import Rulebook
    from core.interactive.screens import Composer, Screen
    from core.interactive.signals import Signal
    from core.model import AttemptId
    from core.speech import Mail

WORKS_ON = 0.55
"""Least seconds between two looks at the screen of an agent that works: it is drawn all the time."""
PAUSED = 0.35
"""Seconds without output after which an agent that works may have stopped: no spinner is slower."""
ANYWAY = 5.0
"""Seconds after which its screen is looked at though it goes on drawing what stands there."""
MOST_READ = 1 << 14
"""Bytes of output that are looked through for new text; where there are more, the screen is."""
CONFIRMED = 20.0
"""Seconds after which a screen that has not changed is asked again."""
SUBMITTED_WITHIN = 4.0
"""Seconds in which a prompt that was typed must have been taken."""
SETTLED = 1.5
"""Seconds without a change after which a screen is what it was."""
READY_WITHIN = 60.0
"""Seconds after which a person must look at an agent that has not been found ready to be typed to."""
LEFT_WITHIN = 5.0
"""Seconds for which an agent may rest in the middle of its turn with text in its composer: it was interrupted."""
ENDED_AFTER = 2.5
"""Seconds for which an agent without hooks must rest after its prompt, before its turn counts as ended."""
STILL = 1.0
"""Seconds without output after which an agent has done what it was about."""
STILL_ENOUGH = 5.0
"""Seconds in one state after which that is believed of one that goes on drawing."""
UNSEEN_AFTER = 10.0
"""The same where it was never seen to work: its turn was shorter than a look, or no engine ran then. Where an agent
has hooks they would have told of it, and where it has none its screen shows the prompt: else that was lost."""
ECHOED = 24
"""Characters of a prompt by which it is known on a screen, blanks left out."""
_ENDS = {State.LIMIT: Outcome.LIMIT, State.ERROR: Outcome.ERROR}
_BUSY = ASKING | {State.WORKING}
_IDLE = RESTING | _ENDS.keys()


class Plan(NamedTuple):
    """How to talk to an attempt's agent."""

    folder: Path
    prompt: Path
    screens: str
    hooks: str
    """The kind whose events come; empty where none do."""
    session: str
    """The id of the conversation, where it was known before it began."""
    own_rules: Path
    registry: Registry | None = None
    records: Path | None = None
    """Where its agent keeps its conversations, where it can be asked there."""
    resumes: bool = False
    """It goes on with a conversation that had cost something before."""
    check: tuple[str, ...] = ()
    """argv of what decides whether the work is done."""
    cwd: str = "/"
    env: tuple[tuple[str, str], ...] = ()
    """Of the check."""


@dataclass(slots=True)
class Talk:
    """All that is remembered of one conversation while the engine lives."""

    attempt: AttemptId
    plan: Plan
    ladder: Ladder
    log: str
    session: str = ""
    """The id of the conversation, where it is known."""
    message: str = ""
    """What the agent has said last, as far as its hooks tell."""
    begun_at: float = field(default_factory=time.time)
    """Unix time since when it is looked at."""
    spool_at: int = 0
    written_at: float = -1.0
    """Unix time of the latest output that was noticed; 0 before there is any."""
    read_to: int = 0
    """Bytes of its output that the latest look has seen, or that had nothing which was not on that screen."""
    looked_at: float = 0.0
    rests_until: float = 0.0
    """Unix time until which nothing but new output gives reason to look."""
    is_watched: bool = False
    """While it rests somebody tells of new output: it need not be asked."""
    shown: tuple[Rulebook, Screen] | None = None
    """The screen at the latest look."""
    said: tuple[Signal, ...] = ()
    """What that screen says."""
    finished_before: frozenset[str] = frozenset()
    """What told of the end of a turn on its screen when it was typed to: it tells nothing of the turn after."""
    typed_at: float | None = None
    """Unix time at which its prompt, or the latest that came after it, was typed."""
    text: str = ""
    """What was typed."""
    turns: int = 0
    """Turns that have begun."""
    pasted: bool = False
    """All of it has gone to the terminal."""
    entered_again: bool = False
    taken: bool = False
    """It was seen to work, or to ask, after the prompt was typed."""
    refusal: str = ""
    """The operator's last answer, where that was a No."""
    told: Reading | None = None
    ended: bool = False
    """Its turn; another one begins when it is seen to work, or is typed to."""
    letters: list[Path] = field(default_factory=list)
    """Mail that it has to be told of."""
    unwritten: tuple[Mail, ...] = ()
    """Mail for which there was no room on the disk."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def _composer(self) -> Composer | None:
        return None if self.shown is None else screens.composer(*self.shown)

    @property
    def _composer_is_free(self) -> bool:
        """It is there and empty: nobody writes, and no dialog is open."""
        place = self._composer
        return place is not None and place.empty

    @property
    def _looks_at_rest(self) -> bool:
        """Its screen says so, and nothing else."""
        return bool(self.said) and all(signal.state in RESTING for signal in self.said)

    @property
    def is_free(self) -> bool:
        """It rests, and its composer is free."""
        return self.ladder.reading.state in _IDLE and self._composer_is_free

    @property
    def holds_text(self) -> bool:
        """Something stands in its composer."""
        place = self._composer
        return place is not None and not place.empty

    def stands(self, now: float) -> bool:
        """What was typed was not submitted."""
        return self._is_late(now) and self.pasted and self.holds_text

    def trouble(self, now: float) -> str:
        """Why a person must look, though no dialog is open; empty where nobody must."""
        if any(signal.state in ASKING for signal in self.said):
            return ""
        if self.entered_again and self.stands(now - SUBMITTED_WITHIN):
            return "text stands in its composer and was not taken: attach and look"
        if self._is_late(now) and not self.pasted:
            return "nobody can tell whether its prompt was typed: attach and look"
        if self._is_late(now - UNSEEN_AFTER) and self.is_free and (self.plan.hooks or not self._is_echoed):
            return "its prompt was typed, and nothing came of it: attach and look"
        awaits_prompt = self._looks_at_rest and self._composer_is_free
        if self.typed_at is None and now - self.begun_at > READY_WITHIN and not awaits_prompt:
            return "nobody can tell whether it is ready for its prompt: attach and look"
        if self._was_left(now):
            return "its turn was interrupted, and text stands in its composer: attach, and send or clear it"
        return ""

    def _was_left(self, now: float) -> bool:
        """Its screen says that it rests, in the middle of a turn, with a text that nobody sends."""
        left = now - self.written_at > LEFT_WITHIN
        return self.taken and not self.ended and left and self._looks_at_rest and self.holds_text

    def _is_late(self, now: float) -> bool:
        """Nothing that was seen shows that the prompt was taken."""
        waits = self.typed_at is not None and now - self.typed_at > SUBMITTED_WITHIN
        finished = any(signal.state is State.FINISHED and self._is_news(signal.evidence) for signal in self.said)
        return waits and not (self.taken or self.ended or finished)

    def _is_news(self, evidence: str) -> bool:
        return evidence not in self.finished_before

    @property
    def _is_echoed(self) -> bool:
        """What was typed stands on the screen, and no longer in the composer: the conversation has it."""
        began = "".join(self.text.split())[:ECHOED]
        return self.shown is not None and began in "".join(self.shown[1].text.split())

    def typed(self, at: float, text: str) -> None:
        """A turn begins: what the screen said of the one before it counts no more."""
        self.text = text
        self.turns += 1
        self.finished_before = frozenset(one.evidence for one in self.said if one.state is State.FINISHED)
        self.typed_at, self.refusal, self.rests_until = at, "", 0.0
        self.pasted = self.taken = self.ended = self.entered_again = False
        self.ladder = ladder.begin(at, State.READY, "it was typed to")

    def notice_turn(self, now: float) -> None:
        """Whether the prompt was taken, or a person has begun another turn."""
        reading = self.ladder.reading
        if self.typed_at is None or reading.state not in _BUSY or reading.seen_at < self.typed_at:
            return
        if self.trouble(now):
            return
        self.taken = True
        if self.ended and reading.state is State.WORKING:
            self.ended = False
            self.turns += 1

    def end_of_turn(self, now: float) -> Result | None:
        """What the turn came to; None while it goes on, or where nobody can say."""
        reading = self.ladder.reading
        if self.typed_at is None or self.ended or reading.seen_at < self.typed_at or reading.state not in _IDLE:
            return None
        rested = now - reading.since > ENDED_AFTER and not self.holds_text
        if self.refusal and reading.state is not State.LIMIT:
            over = self.taken and rested
            return self._result(Outcome.DENIED, f"the operator answered {self.refusal}") if over else None
        if reading.state in _ENDS:
            return self._result(_ENDS[reading.state], reading.evidence) if rested else None
        finished = reading.state is State.FINISHED and (self.taken or self._is_news(reading.evidence))
        known = finished and (self.taken or reading.source is Source.HOOK) and self.is_still(now)
        over = rested and (finished or self.taken)
        unseen = not self.plan.hooks and self._is_echoed and self.pasted and self.is_free
        unseen_long = unseen and now - reading.since > UNSEEN_AFTER
        return self._result(Outcome.OK, "") if known or over or unseen_long else None

    def is_still(self, now: float) -> bool:
        """It has done what it was about. What is typed while it still draws its first screen may be lost; what is
        ended while it draws its last has not written its conversation down."""
        return now - self.written_at > STILL or now - self.ladder.reading.since > STILL_ENOUGH

    def _result(self, outcome: Outcome, reason: str) -> Result:
        return Result(outcome, reason, self.session or None, message=self.message)

    @property
    def is_seen(self) -> bool:
        """Its screen could be read at the latest look."""
        return self.shown is not None

    @property
    def asks(self) -> bool:
        """A dialog is open; not where only a person is wanted who looks."""
        reading = self.ladder.reading
        told = reading.state in ASKING and reading.source is not Source.SCREEN
        return told or any(signal.state in ASKING for signal in self.said)

    @property
    def settled(self) -> bool:
        """Nothing had been written for a while when its screen was looked at last."""
        return self.looked_at > self.written_at + SETTLED

    def is_due(self, now: float) -> bool:
        """Something was written lately, something was not believed yet, or nobody has confirmed the state for a
        while."""
        if now < self.rests_until:
            return not self.is_watched and last_written(self.log)[0] != self.written_at
        written_at, _ = last_written(self.log)
        trusted_until = self._trusted_until
        if now > trusted_until or self._has_more_to_come:
            return True
        if self.settled and written_at == self.written_at:
            self.rests_until = trusted_until
            return False
        if self.ladder.reading.state is not State.WORKING:
            return True
        return now - self.looked_at > WORKS_ON and (now - written_at > PAUSED or self._may_have_changed(now))

    @property
    def _trusted_until(self) -> float:
        """Unix time until which its state needs nobody to confirm it. A screen that has not changed says the same."""
        by_screen_alone = self.settled and not self.plan.hooks and self.plan.registry is None
        least = self.ladder.reading.seen_at + CONFIRMED if by_screen_alone else 0.0
        return max(ladder.trusted_until(self.ladder), least)

    @property
    def _has_more_to_come(self) -> bool:
        """It has yet to be believed, to begin or end its turn, or to be told of its mail."""
        if self.shown is None or self.ladder.fall is not None:
            return True
        rests = self.typed_at is not None and self.ladder.reading.state in _IDLE
        return bool(self.letters or self.unwritten) if self.ended else rests

    def _may_have_changed(self, now: float) -> bool:
        """A spinner and a clock draw all the time, and nothing that would say something else."""
        if now - self.looked_at > ANYWAY or self.shown is None:
            return True
        if size(self.log) < self.read_to:
            return True  # it was rotated meanwhile
        try:
            drawn = read_part(self.log, self.read_to, MOST_READ)
        except OSError:
            return True
        self.read_to += len(drawn)
        return len(drawn) == MOST_READ or screens.has_new_text(drawn, self.shown[1])


def last_written(log: str) -> tuple[float, int]:
    """Unix time of the latest output and bytes of all of it; 0 before there is any."""
    try:
        found = os.stat(log)
    except OSError:
        return 0.0, 0
    return found.st_mtime, found.st_size
