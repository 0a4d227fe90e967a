"""How often an interactive agent is looked at: no more than its output gives reason to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.engine.talk import (
    ANYWAY,
    CONFIRMED,
    ENDED_AFTER,
    LEFT_WITHIN,
    PAUSED,
    READY_WITHIN,
    SETTLED,
    SUBMITTED_WITHIN,
    UNSEEN_AFTER,
    WORKS_ON,
    Plan,
    Talk,
)
from core.interactive import ladder
from core.interactive.rulebook import Rulebook, load
from core.interactive.screens import Screen
from core.interactive.signals import Signal, Source, State
from core.model import AttemptId

SOON = WORKS_ON + 0.01


class Agent:
    """One whose screen was looked at, at a time of its own clock."""

    def __init__(self, folder: Path, state: State) -> None:
        self.log = folder / "log"
        plan = Plan(folder, folder / "prompt", "generic", "", "", folder)
        self.talk = Talk(AttemptId(1, 1), plan, ladder.begin(1000.0, state), str(self.log))
        self.talk.typed_at = 990.0
        self.now = 1000.0
        self.log.write_bytes(b"")
        self.draw(b"Working\r\n")
        self.look()

    def draw(self, text: bytes) -> None:
        with self.log.open("ab") as log:
            log.write(text)
        os.utime(self.log, (self.now, self.now))

    def look(self) -> None:
        self.talk.shown = Rulebook(), Screen(("Working",))
        self.talk.written_at, self.talk.looked_at = self.log.stat().st_mtime, self.now
        self.talk.read_to = self.log.stat().st_size

    def is_due(self, after: float, drawn: bytes = b"") -> bool:
        self.now += after
        if drawn:
            self.draw(drawn)
        return self.talk.is_due(self.now)


@pytest.fixture
def working(tmp_path: Path) -> Agent:
    return Agent(tmp_path, State.WORKING)


def test_a_spinner_gives_no_reason_to_look_for_a_while(working: Agent) -> None:
    passed = 0.0
    while passed + SOON < ANYWAY:
        passed += SOON
        assert not working.is_due(SOON, b"\r\xe2\xa0\x99 Working (3s)")
    assert working.is_due(SOON, b"\r\xe2\xa0\x99 Working (4s)")


def test_new_words_are_looked_at_even_where_they_came_before_more_of_the_spinner(working: Agent) -> None:
    assert working.is_due(SOON, b"Allow this command?" + b"\r\xe2\xa0\x99 Working" * 20)


def test_more_than_can_be_read_at_once_is_looked_at(working: Agent) -> None:
    assert working.is_due(SOON, b"\rWorking" * 10_000)


def test_an_agent_that_stops_drawing_is_looked_at(working: Agent) -> None:
    assert not working.is_due(SOON, b"\r\xe2\xa0\x99")
    assert working.is_due(PAUSED + 0.01)


def test_words_are_looked_at_no_more_often_than_they_must_be(working: Agent) -> None:
    assert not working.is_due(WORKS_ON / 2, b"Allow this command?")
    assert working.is_due(WORKS_ON)


def test_a_screen_at_rest_is_asked_again_only_now_and_then(tmp_path: Path) -> None:
    asking = Agent(tmp_path, State.PERMISSION)
    asking.now += SETTLED + 0.1
    asking.look()
    asking.talk.ladder = ladder.begin(asking.now, State.PERMISSION)
    for _ in range(int(CONFIRMED)):
        assert not asking.is_due(0.99)
    assert asking.is_due(1.0)


def test_an_agent_at_rest_is_looked_at_as_soon_as_it_draws_or_is_typed_to(tmp_path: Path) -> None:
    asking = Agent(tmp_path, State.PERMISSION)
    asking.now += SETTLED + 0.1
    asking.look()
    asking.talk.ladder = ladder.begin(asking.now, State.PERMISSION)
    assert not asking.is_due(0.1)
    assert asking.is_due(0.1, b"anything")
    asking.look()
    asking.now += SETTLED + 0.1
    asking.look()
    assert not asking.is_due(0.1)
    asking.talk.typed(asking.now, "x")
    assert asking.is_due(0.1)


def test_a_person_is_called_to_an_agent_that_never_gets_ready(tmp_path: Path) -> None:
    agent = Agent(tmp_path, State.STARTING)
    agent.talk.typed_at, agent.talk.begun_at = None, agent.now
    assert agent.talk.trouble(agent.now + READY_WITHIN) == ""
    late = agent.now + READY_WITHIN + 1
    assert "whether it is ready" in agent.talk.trouble(late)
    agent.talk.said = (Signal(State.TRUST, Source.SCREEN, agent.now, "trust"),)
    assert agent.talk.trouble(late) == "", "its own dialog is shown instead"
    agent.talk.shown = load("generic")[0], Screen(("Welcome", "> "), cursor=(2, 1))
    agent.talk.said = (Signal(State.READY, Source.SCREEN, agent.now, "composer"),)
    assert agent.talk.trouble(late) == "", "it is ready after all"


def test_a_person_is_called_to_a_turn_that_was_interrupted_and_left_its_text(tmp_path: Path) -> None:
    agent = Agent(tmp_path, State.READY)
    agent.talk.taken = True
    agent.talk.shown = load("generic")[0], Screen(("> make a file",), cursor=(13, 0))
    agent.talk.said = (Signal(State.READY, Source.SCREEN, agent.now, "composer"),)
    assert agent.talk.holds_text
    assert agent.talk.trouble(agent.talk.written_at + LEFT_WITHIN) == ""
    assert "was interrupted" in agent.talk.trouble(agent.talk.written_at + LEFT_WITHIN + 1)
    agent.talk.said = (Signal(State.WORKING, Source.SCREEN, agent.now, "spinner"),)
    assert agent.talk.trouble(agent.talk.written_at + LEFT_WITHIN + 1) == "", "it works, with the next prompt in it"


def test_what_an_agent_shows_after_a_no_is_the_no(tmp_path: Path) -> None:
    """An error on the screen of one that was told No is that No."""
    agent = Agent(tmp_path, State.ERROR)
    agent.talk.taken, agent.talk.refusal = True, "No: reject"
    agent.talk.shown = None
    result = agent.talk.end_of_turn(agent.now + ENDED_AFTER + 1)
    assert result is not None
    assert (result.outcome, result.reason) == ("denied", "the operator answered No: reject")


@pytest.mark.parametrize("echoed", [True, False])
def test_without_hooks_a_prompt_was_heard_only_if_the_screen_shows_it(tmp_path: Path, echoed: bool) -> None:
    agent = Agent(tmp_path, State.READY)
    talk, text = agent.talk, "make a file and\nthen say what it is called"
    talk.typed(agent.now, text)
    talk.pasted = True
    said = "> make a file and then say" if echoed else "Welcome"
    talk.shown = load("generic")[0], Screen((said, "what it is called", "", "> "), cursor=(2, 3))
    talk.said = (Signal(State.READY, Source.SCREEN, agent.now, "composer"),)
    talk.ladder = ladder.begin(agent.now, State.READY)
    later = agent.now + SUBMITTED_WITHIN + UNSEEN_AFTER + 1
    result = talk.end_of_turn(later)
    assert (result is not None) is echoed
    assert ("nothing came of it" in talk.trouble(later)) is not echoed
