"""Which agent a task goes to: one that fits what it wants, the warm one before others, then the least loaded.

A task is routed when it is queued, so that everybody can see where it stands; it is not bound by that. An agent with
nothing to do takes work from the most loaded one that could do it too: what would have gone last, half of what that
one cannot start at once.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from core.due import Due
from core.messages import RefusedError
from core.model import LOCAL_AGENT, AgentMode, Wanted
from core.text import one_line

if TYPE_CHECKING:
    from core.rules.ready import Lane
    from core.rules.step import Step
    from core.rules.world import Agent, Task, World

AFFINITY_PATIENCE = 30.0
"""Seconds for which a task waits for the agent that is warm for it, while others are idle."""
KEPT_WARM = 16
"""Affinities for which an agent is warm, the latest."""
MOVED_AT_ONCE = 32
"""Tasks that an idle agent takes at a time: no step may cost what the queue is long."""
LOOKED_AT = 64


class Candidate(NamedTuple):
    """How an agent stands to a task: the smallest goes first."""

    hindered: bool
    """It starts nothing as things are."""
    cold: bool
    load: float
    name: str


def check_wanted(world: World, wanted: Wanted) -> None:
    """RefusedError where no agent of the configuration could ever run it."""
    if wanted.agent is not None:
        check_agent(world, wanted.agent)
        if world.agent(wanted.agent).limits.prompts is not wanted.prompts:
            takes, given = ("commands", "a prompt") if wanted.prompts else ("prompts", "a command")
            raise RefusedError("usage", f"agent {wanted.agent} takes {takes}, and this is {given}")
        return
    if any(agent.configured and agent.fits(wanted) for agent in world.agents.values()):
        return
    kind = "prompts" if wanted.prompts else "commands"
    of_kind = [agent for agent in world.agents.values() if agent.configured and agent.limits.prompts is wanted.prompts]
    if not of_kind:
        raise RefusedError("not-found", "no agent takes prompts: the configuration needs an [agent.NAME] with a kind")
    have = sorted({capability for agent in of_kind for capability in agent.limits.capabilities})
    asked = ", ".join(sorted(one_line(capability, 40) for capability in wanted.capabilities))
    known = ", ".join(have) or "none"
    raise RefusedError("not-found", f"no agent that takes {kind} has all of: {asked}; known capabilities: {known}")


def check_agent(world: World, name: str) -> None:
    known = world.agents.get(name)
    if name != LOCAL_AGENT and (known is None or not known.configured):
        have = ", ".join(sorted(agent.name for agent in world.agents.values() if agent.configured))
        raise RefusedError("not-found", f"there is no agent {one_line(name, 60)!r}; the configuration has: {have}")


def candidates(world: World, wanted: Wanted, affinity: str | None, now: float) -> list[Candidate]:
    """All agents that fit, in no particular order."""
    return [
        Candidate(not agent.works(now), affinity is None or affinity not in agent.warm, agent.load, agent.name)
        for agent in world.agents.values()
        if agent.configured and agent.mode is not AgentMode.DRAINING and agent.fits(wanted)
    ]


def choose(world: World, wanted: Wanted, affinity: str | None, now: float, avoided: str | None = None) -> str | None:
    """The agent that a task goes to; None where none fits as things are."""
    if wanted.agent is not None:
        return wanted.agent
    found = candidates(world, wanted, affinity, now)
    others = [candidate for candidate in found if candidate.name != avoided]
    return min(others or found).name if found else None


def route(step: Step, task: Task, avoided: str | None = None) -> None:
    """Gives a queued task to the agent that should have it now; where none fits, it stays where it is."""
    chosen = choose(step.world, task.wanted, task.affinity, step.now, avoided)
    if chosen is not None:
        give(step, task, chosen)


def give(step: Step, task: Task, agent: str) -> None:
    ready = task.ready
    if ready:
        step.world.offer(task, step.now, ready=False)
    step.disown(task)
    task.agent = step.world.agent(agent).name
    step.adopt(task)
    if ready:
        step.world.offer(task, step.now, ready=True)
    if task.affinity is not None and task.wanted.agent is None:
        step.world.timers.set(step.now + AFFINITY_PATIENCE, Due.WAKE, task.id)


def warm_up(agent: Agent, affinity: str) -> None:
    """The agent has begun a task of that affinity."""
    agent.warm.pop(affinity, None)
    agent.warm[affinity] = None
    if len(agent.warm) > KEPT_WARM:
        del agent.warm[next(iter(agent.warm))]


def balance(step: Step) -> bool:
    """Agents that have nothing to start take work from others; False where nothing moved."""
    world = step.world
    if not world.ready.shared or not world.limits.steal:
        return False
    lanes = [lane for lane in world.ready.shared.values() if world.may_start_in(lane.group)]
    idle = [world.agents[name] for name in world.free_agents(step.now)] if lanes else []
    moved = False
    for thief in idle:
        takeable = [lane for lane in lanes if lane.tail and lane.agent != thief.name and thief.fits(lane.wanted)]
        takeable.sort(key=lambda lane: world.agents[lane.agent].load, reverse=True)
        # A lane may hold nothing any more but tasks that have gone elsewhere.
        moved |= any(_take(step, thief, lane) for lane in takeable)
    return moved


def _take(step: Step, thief: Agent, lane: Lane) -> bool:
    """From the tail, half of what the other cannot start at once; all of it where the other starts nothing."""
    victim = step.world.agents[lane.agent]
    works = victim.works(step.now)
    waiting = min(len(lane.heap), len(lane.tail))
    most = min((waiting + 1) // 2 if works else waiting, MOVED_AT_ONCE)
    taken: list[Task] = []
    staying: list[int] = []
    for task_id in islice(step.world.ready.from_tail(lane), LOOKED_AT):
        task = step.world.tasks[task_id]
        if works and _is_bound(step, victim, task):
            staying.append(task_id)
        else:
            taken.append(task)
        if len(taken) >= most:
            break
    step.world.ready.put_back(lane, staying)
    for task in taken:
        give(step, task, thief.name)
    return bool(taken)


def _is_bound(step: Step, victim: Agent, task: Task) -> bool:
    """It waits for the agent that is warm for it, and has not waited too long; or another one has failed to do it."""
    if task.policy.retry.elsewhere and task.tries:
        return True
    warm = task.affinity is not None and task.affinity in victim.warm
    return warm and step.now - task.queued_at < AFFINITY_PATIENCE
