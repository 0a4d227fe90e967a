"""What the looks at processes and tmux servers mean for running attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.model import AttemptState
from core.text import duration
from core.vitals import HealthState

if TYPE_CHECKING:
    from core.messages import Sampled, ServerBack, ServerSilent
    from core.rules.step import Step
    from core.rules.world import Attempt

NEEDS_PERSON = frozenset({HealthState.WAITING, HealthState.STUCK})


def sampled(step: Step, fact: Sampled) -> None:
    for attempt_id, (vital, health) in fact.looks.items():
        attempt = step.world.attempt(attempt_id)
        if attempt is None:
            continue
        attempt.vital, attempt.health = vital, health
        attempt.max_memory = max(attempt.max_memory, vital.memory)
        attempt.cpu_seconds = max(attempt.cpu_seconds, vital.cpu_seconds)
        _rejudge(step, attempt)


def server_silent(step: Step, fact: ServerSilent) -> None:
    step.world.silent.setdefault(fact.server, fact.since)
    for attempt in step.world.attempts.values():
        if attempt.server == fact.server:
            _rejudge(step, attempt)


def server_back(step: Step, fact: ServerBack) -> None:
    if step.world.silent.pop(fact.server, None) is None:
        return
    for attempt in step.world.attempts.values():
        if attempt.server == fact.server:
            _rejudge(step, attempt)


def _rejudge(step: Step, attempt: Attempt) -> None:
    """RUNNING, WAITING and UNKNOWN follow the evidence; the other states have their own messages."""
    if attempt.started_at is None or not attempt.state.live:
        return
    silent_since = step.world.silent.get(attempt.server) if attempt.server is not None else None
    if silent_since is not None:
        state, reason = (
            AttemptState.UNKNOWN,
            f"its tmux server has not answered for {duration(step.now - silent_since)}",
        )
    elif attempt.health is not None and attempt.health.state in NEEDS_PERSON:
        state, reason = AttemptState.WAITING, attempt.health.reason
    else:
        state, reason = AttemptState.RUNNING, None
    if attempt.state is not state:
        attempt.state, attempt.reason = state, reason
        step.touch_attempt(attempt)
