"""What all sources say about one agent, merged: the strongest that is fresh, with its age."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.interactive.signals import ASKING, RESTING, Choice, Signal, Source, State
from core.text import duration

if TYPE_CHECKING:
    from collections.abc import Iterable

FRESH = {
    Source.HOOK: 15.0,
    Source.REGISTRY: 10.0,
    Source.TITLE: 3.0,
    Source.SCREEN: 5.0,
    Source.QUIET: 5.0,
}
"""Seconds for which a source's word stands against weaker ones. An agent that is interrupted, or is told No, calls no
hook at all: what its hook said before must wear off."""
APART = 0.5
"""Least seconds between two samples that agree."""
EARLY = 2.0
"""Seconds by which a weaker source must be later to contradict an event that is fresh: a screen lags behind it."""
_TOLD = frozenset({Source.HOOK})
"""Sources that tell an event as it happens; the others are samples of what is there."""
GONE_AFTER = 60.0
"""Seconds for which a reading stands that no source confirms."""
_LASTING = frozenset({State.EXITED, State.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Reading:
    """The state of an agent."""

    state: State
    source: Source
    since: float
    """Unix time of the first signal of this state without another between."""
    seen_at: float
    """Unix time of the latest signal that confirms it."""
    evidence: str
    detail: str = ""
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Ladder:
    """All that must be remembered of the signals of one agent."""

    reading: Reading
    latest: tuple[Signal, ...] = ()
    """Of each source the latest, the strongest source first."""
    fall: Signal | None = None
    """The first sample that says the turn, or the dialog, is over; a second one has to agree."""


def begin(at: float, state: State = State.STARTING, evidence: str = "just started") -> Ladder:
    return Ladder(Reading(state, Source.QUIET, at, at, evidence))


def merge(ladder: Ladder, signals: Iterable[Signal]) -> Ladder:
    """The signals in the order of their times. One that is repeated, or older than what its source or the reading
    already says, changes nothing."""
    for signal in sorted(signals, key=_order):
        ladder = _heard(ladder, signal)
    return ladder


def _order(signal: Signal) -> tuple[float, int, str, str]:
    """Equal times: the weaker first, so that the stronger has the last word."""
    return signal.at, -signal.source.rank, signal.state, signal.evidence


def trusted_until(ladder: Ladder) -> float:
    """Unix time until which the reading stands without a source that confirms it."""
    reading = ladder.reading
    return math.inf if reading.state in _LASTING else reading.seen_at + FRESH[reading.source]


def fade(ladder: Ladder, now: float, written_at: float) -> Ladder:
    """The same, or what is left when every source has long been silent: that nobody knows. `written_at` is the Unix
    time of its last output."""
    reading = ladder.reading
    if reading.state in _LASTING or now - reading.seen_at <= GONE_AFTER:
        return ladder
    quiet = now - written_at
    why = f"no output for {duration(quiet)}" if quiet > GONE_AFTER else "its screen is not known"
    words = f"{why}; it was {reading.state} by its {reading.source} {duration(now - reading.seen_at)} ago"
    return Ladder(Reading(State.UNKNOWN, Source.QUIET, now, now, words), ladder.latest)


def _heard(ladder: Ladder, signal: Signal) -> Ladder:
    before = _own(ladder, signal.source)
    if ladder.reading.state is State.EXITED or (before is not None and _is_late(signal, before)):
        return ladder
    authority = _own(ladder, ladder.reading.source)
    others = [one for one in ladder.latest if one.source is not signal.source]
    known = replace(ladder, latest=tuple(sorted([*others, signal], key=lambda one: one.source.rank)))
    if signal.state is State.UNKNOWN:
        return known
    spoke_at = ladder.reading.seen_at if authority is None else authority.at
    if signal.state is ladder.reading.state:
        return _confirmed(known, signal, spoke_at)
    if _is_no_news(ladder.reading, signal):
        return replace(known, reading=replace(ladder.reading, seen_at=max(ladder.reading.seen_at, signal.at)))
    if _is_outranked(ladder.reading, signal, spoke_at):
        return known
    if _needs_another(signal) and not _agrees(ladder.fall, signal):
        return known if ladder.fall is not None else replace(known, fall=signal)
    begun = ladder.fall.at if ladder.fall is not None and signal.state in RESTING else signal.at
    return Ladder(_reading(signal, min(begun, signal.at)), known.latest)


def _own(ladder: Ladder, source: Source) -> Signal | None:
    """The latest word of a source."""
    return next((one for one in ladder.latest if one.source is source), None)


def _is_late(signal: Signal, before: Signal) -> bool:
    return signal.at < before.at or signal == before


def _is_no_news(reading: Reading, signal: Signal) -> bool:
    """A screen at rest neither takes back that a turn has ended, nor knows better how."""
    ended = reading.state in (State.FINISHED, State.LIMIT, State.ERROR)
    return ended and signal.state in RESTING and signal.source not in _TOLD


def _is_outranked(reading: Reading, signal: Signal, spoke_at: float) -> bool:
    """What the reading stands on is later, or stronger and still fresh. A strong word may be a little late: a spool is
    read after the screen was. A weak one has to be a little later, and to show something that is there to see."""
    age = signal.at - spoke_at
    if signal.source.rank <= reading.source.rank or signal.state is State.EXITED:
        return age < (-EARLY if signal.source.rank < reading.source.rank else 0.0)
    if age > FRESH[reading.source]:
        return False
    shows = signal.state in ASKING or signal.state is State.WORKING or reading.state in ASKING
    lag = EARLY if reading.source in _TOLD else 0.0
    return age <= lag or not shows


def _needs_another(signal: Signal) -> bool:
    """Only rising is believed at once: a redraw in the middle looks like rest."""
    return signal.state in RESTING and signal.source not in _TOLD


def _agrees(first: Signal | None, signal: Signal) -> bool:
    return first is not None and signal.at - first.at >= APART


def _confirmed(ladder: Ladder, signal: Signal, spoke_at: float) -> Ladder:
    """The same state again: the stronger source keeps its name while its word stands, the latest dialog is shown."""
    old = ladder.reading
    wins = signal.source.rank <= old.source.rank or signal.at - spoke_at > FRESH[old.source]
    kept = replace(
        old,
        source=signal.source if wins else old.source,
        seen_at=max(old.seen_at, signal.at),
        evidence=signal.evidence if wins else old.evidence,
        detail=signal.detail or old.detail,
        choices=signal.choices or old.choices,
    )
    return replace(ladder, reading=kept, fall=None)


def _reading(signal: Signal, since: float) -> Reading:
    return Reading(signal.state, signal.source, since, signal.at, signal.evidence, signal.detail, signal.choices)
