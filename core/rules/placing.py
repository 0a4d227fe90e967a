"""Which queued task goes next, and the start of its attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.due import Due
from core.effects import Start
from core.model import AttemptId, AttemptState, TaskState
from core.rules.mailing import put_back
from core.rules.pauses import capped_growth
from core.rules.queueing import end_task, settle
from core.rules.routing import balance, warm_up
from core.rules.watching import rejudge
from core.rules.world import Attempt, Task

if TYPE_CHECKING:
    from core.messages import Barred, NotPlaced, Placed, Started
    from core.rules.step import Step

PLACING_PAUSE = 1.0
"""Seconds before a start is tried again where no session could be made; doubled up to LONGEST_PAUSE."""
LONGEST_PAUSE = 30.0
MOST_TRIES = {"machine": 2000, "task": 20}
"""Starts that fail one after the other, until the task has failed: hours for what may heal by itself, minutes for what
a person has to mend."""


def dispatch(step: Step) -> None:
    """Starts whatever may start now. Every step ends with it."""
    world = step.world
    while True:
        while (task_id := world.ready.pick(world.free_agents(step.now), world.may_start_in)) is not None:
            step.starting = task_id
            begin(step, world.tasks[task_id])
        step.starting = None
        if not balance(step):
            break


def begin(step: Step, task: Task) -> None:
    """Places the next attempt of a queued task; the engine starts it once this is on disk."""
    world = step.world
    world.offer(task, step.now, ready=False)
    task.attempts += 1
    task.tries += 1
    attempt = Attempt(
        id=AttemptId(task.id, task.attempts),
        agent=task.agent,
        group=task.group,
        placed_at=step.now,
        cause_at=step.cause_at,
    )
    world.attempts[task.id] = attempt
    if task.affinity is not None:
        warm_up(world.agents[task.agent], task.affinity)
        step.agents[task.agent] = world.agents[task.agent]
    step.enter(task, TaskState.RUNNING)
    step.touch_attempt(attempt)
    step.effects.append(Start(attempt.id))


def unbar(step: Step, fact: Barred) -> None:
    """A task that a bug kept from being started may be tried again."""
    step.world.barred.discard(fact.task)
    task = step.world.tasks.get(fact.task)
    if task is not None:
        settle(step, task)


def placed(step: Step, fact: Placed) -> None:
    attempt = step.world.attempt(fact.attempt)
    if attempt is None:
        return
    attempt.server, attempt.slot, attempt.launcher = fact.server, fact.slot, fact.launcher
    if attempt.state is AttemptState.PLACED:
        attempt.state = AttemptState.STARTING
    step.touch_attempt(attempt)


def not_placed(step: Step, fact: NotPlaced) -> None:
    """Nothing ran: the attempt is taken back and the task waits a little for its place, where there is hope."""
    world = step.world
    attempt = world.attempt(fact.attempt)
    if attempt is None:
        return
    task = world.tasks[fact.attempt.task]
    del world.attempts[task.id]
    step.attempts.pop(attempt.id, None)
    step.withdrawn.append(attempt.id)
    put_back(step)
    task.attempts -= 1
    task.tries -= 1
    if attempt.ending is not None:
        end_task(step, task, attempt.ending.outcome, attempt.ending.reason)
        return
    if fact.hopeless:
        end_task(step, task, TaskState.FAILED, f"could not be started: {fact.reason}")
        return
    times = world.misplaced[task.id] = world.misplaced.get(task.id, 0) + 1
    most = MOST_TRIES.get(fact.cause)
    if most is not None and times >= most:
        del world.misplaced[task.id]
        words = f"could not be started in {times:,} tries: {fact.reason}; mend that, then muxdeck retry {task.id}"
        end_task(step, task, TaskState.FAILED, words)
        return
    task.not_before = step.now + capped_growth(PLACING_PAUSE, 2.0, times - 1, LONGEST_PAUSE)
    step.enter(task, TaskState.QUEUED, f"could not be started: {fact.reason}; tries again")
    if times == 1:
        step.note(f"task {task.id} could not be started: {fact.reason}", task.id)
    settle(step, task)


def started(step: Step, fact: Started) -> None:
    world = step.world
    attempt = world.attempt(fact.attempt)
    if attempt is None or attempt.started_at is not None:
        return
    task = world.tasks[fact.attempt.task]
    attempt.started_at, attempt.pid = fact.at, fact.pid
    if attempt.state in (AttemptState.PLACED, AttemptState.STARTING):
        attempt.state = AttemptState.RUNNING
    step.touch_attempt(attempt)
    if attempt.told is not None:
        rejudge(step, attempt, afresh=True)
    world.misplaced.pop(task.id, None)
    run, idle = world.run_limit(task), world.idle_limit(task)
    if run is not None:
        world.timers.set(fact.at + run, Due.RUN_LIMIT, task.id, attempt.id.number)
    if idle is not None:
        world.timers.set(fact.at + idle, Due.IDLE_LIMIT, task.id, attempt.id.number)
    if task.first_start is None:
        task.first_start = fact.at
        step.tasks[task.id] = task
        total = task.policy.timeouts.total
        if total is not None:
            world.timers.set(fact.at + total, Due.TOTAL_LIMIT, task.id)
