"""What the looks at processes and tmux servers mean for running attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.interactive.signals import ASKING, State
from core.model import AttemptState, TaskState
from core.rules.stopping import begin_ending
from core.rules.world import Ending
from core.text import duration, size
from core.vitals import HealthState

if TYPE_CHECKING:
    from core.interactive.ladder import Reading
    from core.messages import Sampled, ServerBack, ServerSilent
    from core.rules.step import Step
    from core.rules.world import Attempt

NEEDS_PERSON = frozenset({HealthState.WAITING, HealthState.STUCK})
NEEDS_ANSWER = ASKING | {State.LIMIT, State.ERROR}
"""Of interactive agents: somebody has to look, or to answer."""


def sampled(step: Step, fact: Sampled) -> None:
    for attempt_id, (vital, health) in fact.looks.items():
        attempt = step.world.attempt(attempt_id)
        if attempt is None:
            continue
        attempt.vital, attempt.health = vital, health
        attempt.max_memory = max(attempt.max_memory, vital.memory)
        attempt.cpu_seconds = max(attempt.cpu_seconds, vital.cpu_seconds)
        _check_memory(step, attempt, vital.memory)
        rejudge(step, attempt)


def _check_memory(step: Step, attempt: Attempt, used: int) -> None:
    limit = step.world.agents[attempt.agent].limits.memory
    if limit is not None and used > limit and attempt.ending is None and attempt.exit_code is None:
        reason = f"used {size(used)} of memory, more than {size(limit)}"
        begin_ending(step, attempt, Ending(TaskState.FAILED, reason, final=False), now=False)


def server_silent(step: Step, fact: ServerSilent) -> None:
    step.world.silent.setdefault(fact.server, fact.since)
    for attempt in step.world.attempts.values():
        if attempt.server == fact.server:
            rejudge(step, attempt)


def server_back(step: Step, fact: ServerBack) -> None:
    if step.world.silent.pop(fact.server, None) is None:
        return
    for attempt in step.world.attempts.values():
        if attempt.server == fact.server:
            rejudge(step, attempt)


def rejudge(step: Step, attempt: Attempt, *, afresh: bool = False) -> None:
    """RUNNING, WAITING and UNKNOWN follow the evidence; the other states have their own messages.

    `afresh` is for news of the attempt itself: they count though the state stays.
    """
    if afresh:
        step.touch_attempt(attempt)
    if attempt.started_at is None or not attempt.state.live:
        return
    state, reason = _judged(step, attempt)
    if (attempt.state, attempt.reason) != (state, reason):
        attempt.state, attempt.reason = state, reason
        step.touch_attempt(attempt)


def _judged(step: Step, attempt: Attempt) -> tuple[AttemptState, str | None]:
    """What the task itself says goes before what it is seen to do."""
    told = attempt.told
    silent_since = step.world.silent.get(attempt.server) if attempt.server is not None else None
    if silent_since is not None:
        return AttemptState.UNKNOWN, f"its tmux server has not answered for {duration(step.now - silent_since)}"
    if told is not None and told.asks:
        return AttemptState.WAITING, f"{told.words} (its turn has ended)" if attempt.resting else told.words
    if attempt.reading is not None and attempt.reading.state in NEEDS_ANSWER:
        return AttemptState.WAITING, words(attempt.reading)
    unread = attempt.reading is None or attempt.reading.state is State.UNKNOWN
    if unread and attempt.health is not None and attempt.health.state in NEEDS_PERSON:
        return AttemptState.WAITING, attempt.health.reason
    return AttemptState.RUNNING, None if told is None or told.answered else told.words


def words(reading: Reading) -> str:
    """State, source and evidence of what an interactive agent does."""
    return f"{reading.state} · {reading.source}: {reading.evidence}"
