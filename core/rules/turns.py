"""What an interactive agent is seen to do, and the end of its turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.effects import CheckWork
from core.interactive.signals import State
from core.model import Outcome, TaskState
from core.rules.mailing import hand_over
from core.rules.reporting import answer
from core.rules.stopping import begin_ending
from core.rules.watching import rejudge
from core.rules.world import Ending
from core.text import one_line

if TYPE_CHECKING:
    from core.messages import AgentSeen, NoteDeed, TurnEnded
    from core.rules.step import Step
    from core.rules.world import Attempt


def agent_seen(step: Step, fact: AgentSeen) -> None:
    attempt = step.world.attempt(fact.attempt)
    if attempt is None:
        return
    attempt.reading = fact.reading
    step.touch_attempt(attempt)
    if attempt.resting and fact.reading.state is State.WORKING:
        attempt.resting = False
        answer(step, attempt)
    rejudge(step, attempt)


def note_deed(step: Step, wish: NoteDeed) -> None:
    step.note(f"task {wish.task}: {one_line(wish.deed, 120)}", wish.task)


def turn_ended(step: Step, fact: TurnEnded) -> None:
    """The work of the task is done, or failed, and its program is asked to end. It goes on where mail waits for
    it, and stays where it has asked and nobody has answered; otherwise the check has the last word."""
    attempt = step.world.attempt(fact.attempt)
    if attempt is None or attempt.ending is not None or attempt.exit_code is not None:
        return
    if fact.result.outcome == Outcome.OK and (hand_over(step, attempt) or _stays(step, attempt)):
        return
    if fact.unchecked:
        step.effects.append(CheckWork(attempt.id, fact.result))
        return
    attempt.result = fact.result
    if fact.result.outcome == Outcome.OK:
        ending = Ending(TaskState.SUCCEEDED, "its turn has ended", final=True)
    else:
        ending = Ending(TaskState.FAILED, f"{fact.result.outcome}: {fact.result.reason}", final=False)
    begin_ending(step, attempt, ending, now=False)


def _stays(step: Step, attempt: Attempt) -> bool:
    """Until somebody writes to it, or types."""
    attempt.resting = attempt.told is not None and attempt.told.asks
    rejudge(step, attempt)
    return attempt.resting
