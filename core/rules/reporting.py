"""What attempts tell about themselves, and what is said to those that ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.messages import RefusedError
from core.rules.watching import rejudge
from core.speech import ReportKind, Told
from core.text import one_line

if TYPE_CHECKING:
    from core.messages import Forged, Report, Typed
    from core.model import AttemptId
    from core.rules.step import Step
    from core.rules.world import Attempt

LONGEST_REPORT = 500
"""Characters."""


def report(step: Step, wish: Report) -> None:
    attempt = speaking(step, wish.attempt)
    text = one_line(wish.text.strip(), LONGEST_REPORT)
    if not text:
        raise RefusedError("usage", "a report has a text: muxdeck report progress|done|fail|ask TEXT")
    attempt.told = Told(wish.kind, text, step.now)
    if wish.kind is not ReportKind.PROGRESS:
        step.note(f"task {attempt.id.task} {_VERBS[wish.kind]}: {text}", attempt.id.task)
    rejudge(step, attempt, afresh=True)


_VERBS = {ReportKind.DONE: "reports that it is done", ReportKind.FAIL: "reports a failure", ReportKind.ASK: "asks"}


def typed(step: Step, fact: Typed) -> None:
    attempt = step.world.attempt(fact.attempt)
    if attempt is not None:
        answer(step, attempt)


def answer(step: Step, attempt: Attempt) -> None:
    """Somebody has spoken to it: it does not wait for a person any more."""
    if attempt.told is not None and attempt.told.asks:
        attempt.told = attempt.told._replace(answered=True)
        rejudge(step, attempt, afresh=True)


def forged(step: Step, fact: Forged) -> None:
    step.note(f"{one_line(fact.verb, 40)}: somebody who is not attempt {one_line(fact.attempt, 40)} said to be it")


def speaking(step: Step, attempt_id: AttemptId) -> Attempt:
    """The attempt that acts; RefusedError where it is over."""
    attempt = step.world.attempt(attempt_id)
    if attempt is None:
        raise RefusedError("refused", f"attempt {attempt_id} is over: it may not act any more")
    return attempt
