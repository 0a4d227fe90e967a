"""What sources say, merged."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.interactive.ladder import APART, EARLY, FRESH, GONE_AFTER, Ladder, begin, fade, merge, trusted_until
from core.interactive.signals import Choice, Signal, Source, State

WORDS = {
    "hook": Source.HOOK,
    "title": Source.TITLE,
    "screen": Source.SCREEN,
    "quiet": Source.QUIET,
    "registry": Source.REGISTRY,
}


def told(*words: str) -> Ladder:
    """Each word is `TIME SOURCE STATE`."""
    ladder = begin(0.0)
    for word in words:
        at, source, state = word.split()
        ladder = merge(ladder, [Signal(State(state), WORDS[source], float(at), word)])
    return ladder


@pytest.mark.parametrize(
    ("words", "state", "why"),
    [
        ([], "starting", "nothing was said"),
        (["1 screen working"], "working", "rising is believed at once"),
        (["1 screen ready"], "starting", "one sample of rest is not enough"),
        (["1 screen ready", "1.2 screen ready"], "starting", "two that are too close are one"),
        (["1 screen ready", "1.6 screen ready"], "ready", "two agree"),
        (["1 screen ready", "1.6 screen working", "2 screen ready"], "working", "work between them: they do not agree"),
        (["1 screen working", "2 screen ready", "3 screen finished"], "finished", "both say rest, the later says how"),
        (["1 hook working", "2 hook finished"], "finished", "a hook's word is enough alone"),
        (["1 hook finished", "1.5 screen working"], "finished", "the screen lags behind the hook"),
        (["1 hook finished", "4 screen working"], "working", "somebody has typed a prompt"),
        (["1 hook finished", "4 screen ready", "5 screen ready"], "finished", "rest does not take back the end"),
        (["1 hook error", "4 screen ready", "5 screen finished"], "error", "nor the error"),
        (["1 hook working", "5 screen ready", "6 screen ready"], "working", "a hook that is fresh is stronger"),
        (["1 hook working", "17 screen ready", "18 screen ready"], "ready", "interrupted: no hook tells that"),
        (["1 hook working", "4 screen permission"], "permission", "a dialog is there to see"),
        (["1 hook permission", "4 screen working"], "working", "somebody has answered"),
        (["1 hook permission", "4 screen ready"], "permission", "one sample without the dialog is not enough"),
        (["1 hook permission", "4 screen ready", "5 screen ready"], "ready", "answered with No"),
        (["1 hook permission", "2 hook working"], "working", "the tool ran"),
        (["3 screen working", "2.8 hook finished"], "finished", "a spool is read a little late"),
        (["9 screen working", "2 hook finished"], "working", "too late"),
        (["5 hook working", "4 hook finished"], "working", "out of order"),
        (["1 hook exited", "9 screen ready", "10 screen ready"], "exited", "nothing comes after the end"),
        (["1 hook working", "2 quiet exited"], "exited", "whoever sees the end is right"),
        (["1 title working", "2 screen unknown"], "working", "who does not know has no word"),
        (["1 title permission", "1 screen permission"], "permission", "both"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else None,
)
def test_the_state_is(words: list[str], state: str, why: str) -> None:
    assert told(*words).reading.state == state, why


def test_a_state_that_stays_keeps_its_beginning_and_its_stronger_source() -> None:
    reading = told("1 hook working", "3 screen working", "9 screen working").reading
    assert (reading.since, reading.seen_at, reading.source) == (1.0, 9.0, Source.HOOK)


def test_a_weaker_source_takes_over_when_the_stronger_has_been_silent_for_long() -> None:
    reading = told("1 hook working", "30 screen working").reading
    assert (reading.since, reading.source) == (1.0, Source.SCREEN)


def test_a_fall_began_with_the_first_of_the_samples() -> None:
    assert told("1 screen working", "4 screen ready", "6 screen ready").reading.since == 4.0


def test_the_screen_gives_the_keys_for_what_the_hook_has_told() -> None:
    shown = Signal(State.PERMISSION, Source.SCREEN, 2.0, "screen", "the dialog", (Choice("1", "Yes"),))
    reading = merge(told("1 hook permission"), [shown]).reading
    assert (reading.source, reading.detail, reading.choices) == (Source.HOOK, "the dialog", (Choice("1", "Yes"),))


def test_a_reading_stands_for_as_long_as_the_word_of_its_source() -> None:
    ladder = told("1 screen working")
    assert trusted_until(ladder) == 1.0 + FRESH[Source.SCREEN]
    assert trusted_until(told("1 hook exited")) == math.inf


def test_what_nobody_has_confirmed_for_long_is_not_known_any_more() -> None:
    ladder = told("1 screen working", "2 screen unknown")
    assert fade(ladder, 1.0 + GONE_AFTER, 1.0) is ladder
    faded = fade(ladder, 1.5 + GONE_AFTER, 1.0)
    assert (faded.reading.state, faded.reading.source) == (State.UNKNOWN, Source.QUIET)
    assert faded.reading.evidence == "no output for 1m; it was working by its screen 1m ago"
    assert "its screen is not known" in fade(ladder, 1.5 + GONE_AFTER, 60.0).reading.evidence
    assert fade(faded, 1e6, 1.0) is faded
    assert merge(faded, [Signal(State.WORKING, Source.SCREEN, 70.0, "x")]).reading.state is State.WORKING
    assert fade(told("1 hook exited"), 1e6, 1.0).reading.state is State.EXITED


def test_a_screen_at_rest_confirms_that_the_turn_has_ended() -> None:
    ladder = told("1 hook finished", "70 screen ready")
    assert fade(ladder, 71.0, 1.0).reading.state is State.FINISHED


SIGNALS = st.lists(
    st.builds(
        Signal,
        st.sampled_from(State),
        st.sampled_from(Source),
        st.integers(0, 60).map(lambda tenth: tenth / 2),
        st.sampled_from(["a", "b"]),
    ),
    max_size=20,
)


@given(SIGNALS, st.randoms())
def test_signals_of_one_look_may_come_in_any_order(signals: list[Signal], random) -> None:
    mixed = signals[:]
    random.shuffle(mixed)
    assert merge(begin(0.0), mixed) == merge(begin(0.0), signals)


@given(SIGNALS)
def test_repeating_changes_nothing(signals: list[Signal]) -> None:
    ladder = merge(begin(0.0), signals)
    once = ladder
    for signal in sorted(signals, key=lambda one: one.at):
        last = next((one for one in ladder.latest if one.source is signal.source), signal)
        if signal.at < last.at or signal == last:
            once = merge(once, [signal])
    assert once == ladder


@given(SIGNALS, st.sampled_from(State), st.sampled_from(Source))
def test_what_is_much_older_than_the_reading_never_changes_it(signals, state: State, source: Source) -> None:
    ladder = merge(begin(0.0), signals)
    own = [one.at for one in ladder.latest if one.source is ladder.reading.source]
    late = Signal(state, source, (max(own) if own else 0.0) - EARLY - APART, "late")
    after = merge(ladder, [late]).reading
    assert (after.state, after.since) == (ladder.reading.state, ladder.reading.since)
