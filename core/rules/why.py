"""Why a task stands where it stands: every obstacle of a waiting one, the evidence for a running one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.model import AgentMode, AttemptState, TaskState
from core.rules.ending import exit_words
from core.rules.queueing import ENDED_WORDS
from core.rules.routing import candidates
from core.rules.watching import words
from core.text import duration, plural

if TYPE_CHECKING:
    from core.model import Need
    from core.rules.routing import Candidate
    from core.rules.world import Attempt, Task, World


def why(world: World, task: Task, now: float) -> list[str]:
    """Sentences, the one that matters most first. Needs of the task must be live or recalled to be named by state."""
    if task.state is TaskState.QUEUED:
        return _obstacles(world, task, now) or ["it is next: it starts as soon as the engine gets to it"]
    if task.state is TaskState.RUNNING:
        return _evidence(world.attempts[task.id], now)
    word = ENDED_WORDS[task.state]
    return [f"it {word}: {task.reason}" if task.reason else f"it {word}"]


def _obstacles(world: World, task: Task, now: float) -> list[str]:
    return [*_own(task, now), *_needs(world, task), *_places(world, task, now), *_routes(world, task, now)]


def _own(task: Task, now: float) -> list[str]:
    reasons = []
    if task.held:
        reasons.append("it is held: release it to let it start")
    if task.not_before > now:
        wait = duration(task.not_before - now)
        reasons.append(f"{task.reason} in {wait}" if task.reason else f"it is delayed: it may start in {wait}")
    if task.tries:
        reasons.append(f"try {task.tries + 1} of {task.policy.retry.attempts} comes next")
    return reasons


def _needs(world: World, task: Task) -> list[str]:
    return [f"it waits for {need.parent} ({need.kind}): {_parent(world, need)}" for need in task.needs]


def _parent(world: World, need: Need) -> str:
    parent = world.tasks[need.parent]
    if parent.state is TaskState.RUNNING:
        return "it is running"
    return "it is held" if parent.held else "it is queued"


def _routes(world: World, task: Task, now: float) -> list[str]:
    """How the agents that could run it stand, the best first."""
    if task.wanted.agent is not None:
        return []
    found = sorted(candidates(world, task.wanted, task.affinity, now))
    if not found:
        return ["no agent that could run it takes work"]
    return [f"routed to {task.agent}, among {'; '.join(map(_score, found))}"]


def _score(one: Candidate) -> str:
    words = ["warm"] * (not one.cold) + [f"load {one.load:.1f}"] + ["starts nothing"] * one.hindered
    return f"{one.name} ({', '.join(words)})"


def _places(world: World, task: Task, now: float) -> list[str]:
    group, agent, limit = world.groups[task.group], world.agents[task.agent], world.limits.slots
    reasons = []
    if world.paused:
        reasons.append("everything is paused")
    if group.paused:
        reasons.append(f"its group {group.name} is paused")
    if group.limit and group.running >= group.limit:
        reasons.append(f"its group {group.name} is full: {group.running} of {group.limit} run")
    if not agent.configured:
        reasons.append(f"its agent {agent.name} is not in the configuration")
    if agent.mode is not AgentMode.ON:
        reasons.append(f"its agent {agent.name} is {agent.mode}")
    if agent.unusable is not None:
        reasons.append(f"its agent {agent.name} cannot run: {agent.unusable}")
    if agent.breaker.until is not None:
        wait = agent.breaker.until - now
        word = f"starts nothing until a try in {duration(wait)}" if wait > 0 else "is tried with one task first"
        reasons.append(f"its agent {agent.name} {word}: {agent.breaker.reason}")
    if agent.slots and agent.running >= agent.slots:
        reasons.append(f"its agent {agent.name} is full: {agent.running} of {plural(agent.slots, 'slot')} taken")
    if limit and world.running >= limit:
        reasons.append(f"all slots are taken: {world.running} of {limit}")
    return reasons


def _evidence(attempt: Attempt, now: float) -> list[str]:
    reasons = []
    if attempt.exit_code is not None:
        reasons.append(f"its program has ended ({exit_words(attempt.exit_code)}); what it left behind is being ended")
    if attempt.ending is not None:
        how = "being killed" if attempt.ending.killing else "asked to end (TERM), in its time of grace"
        reasons.append(f"{attempt.ending.reason}: {how}")
    if attempt.left:
        reasons.append(f"could not be ended: {', '.join(attempt.left)}")
    told = attempt.told
    if told is not None:
        reasons.append(f"{told.words}, {duration(now - told.at)} ago")
    said = [] if told is None else [told.words]
    said += [] if attempt.health is None else [attempt.health.reason]
    said += [] if attempt.reading is None else [words(attempt.reading)]
    if attempt.reason and attempt.reason not in said:
        reasons.append(attempt.reason)
    if attempt.state is AttemptState.PLACED:
        reasons.append("it waits for a session")
    elif attempt.started_at is None:
        reasons.append("its session is there, its program has not begun yet")
    elif attempt.reading is not None:
        reading = attempt.reading
        reasons.append(f"{words(reading)} (for {duration(now - reading.since)})")
        reasons.extend(reading.detail.splitlines())
    elif attempt.health is not None:
        health = attempt.health
        reasons.append(f"{health.state}: {health.reason} (for {duration(now - health.since)})")
    else:
        reasons.append(f"it runs for {duration(now - attempt.started_at)}")
    return reasons
