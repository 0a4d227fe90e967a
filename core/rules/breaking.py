"""The breaker of an agent: opened by failures of its own, closed again by a task that went well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.due import Due
from core.model import Outcome
from core.rules.pauses import capped_growth
from core.text import duration

if TYPE_CHECKING:
    from core.kinds.result import Result
    from core.rules.step import Step
    from core.rules.world import Agent

FAILURES = 3
"""In a row, after which nothing is started for a while."""
PAUSES = {Outcome.ERROR: 60.0, Outcome.LIMIT: 900.0, Outcome.AUTH: 600.0}
"""Seconds until the next try, doubled at each opening that follows without a success."""
LONGEST_PAUSE = 3600.0
OWN_FAULT = frozenset({Outcome.LIMIT, Outcome.AUTH})
"""The task has done nothing wrong: somebody else may run it."""
FAILOVERS = 5
"""Times in a row that a task goes on because its agent could not run it."""
LIMITS = 25
"""The same where that had reached a limit: limits end, some of them after days."""


def judge(step: Step, agent: Agent, result: Result) -> None:
    """What the end of an attempt tells about the agent that ran it."""
    breaker = agent.breaker
    outcome = Outcome(result.outcome) if result.outcome is not None else Outcome.ERROR
    if outcome is Outcome.OK:
        if breaker.until is not None and breaker.until > step.now:
            return  # it began before: what opened the breaker came later
        if breaker.until is not None:
            step.note(f"agent {agent.name} works again")
        breaker.failures, breaker.openings, breaker.until, breaker.reason = 0, 0, None, None
        step.agents[agent.name] = agent
    elif outcome in PAUSES:
        breaker.failures += 1
        if outcome in OWN_FAULT or breaker.failures >= FAILURES or breaker.until is not None:
            _open(step, agent, outcome, result)
        step.agents[agent.name] = agent


def _open(step: Step, agent: Agent, outcome: Outcome, result: Result) -> None:
    breaker = agent.breaker
    pause = capped_growth(PAUSES[outcome], 2.0, breaker.openings, LONGEST_PAUSE)
    until = step.now + pause
    if outcome is Outcome.LIMIT and result.retry_at is not None and result.retry_at > step.now:
        until = result.retry_at
    if breaker.until is None or breaker.until <= step.now:
        breaker.openings += 1
    breaker.until = max(until, breaker.until or until)
    breaker.reason = result.reason or str(outcome)
    step.world.timers.set(breaker.until, Due.WAKE, 0)
    step.note(f"agent {agent.name} starts nothing for {duration(breaker.until - step.now)}: {breaker.reason}")


def close(agent: Agent) -> None:
    """By the operator's wish."""
    agent.breaker.failures, agent.breaker.openings = 0, 0
    agent.breaker.until, agent.breaker.reason = None, None
