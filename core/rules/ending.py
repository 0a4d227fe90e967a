"""The end of an attempt: what it means for its task, and whether another follows."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple

from core.due import Due
from core.effects import EndTree, ReleaseSession
from core.kinds.result import Result
from core.model import AttemptState, Outcome, RetryPolicy, TaskState
from core.rules.breaking import FAILOVERS, LIMITS, OWN_FAULT, judge
from core.rules.pauses import capped_growth
from core.rules.queueing import end_task, settle
from core.rules.routing import route
from core.signal_names import signal_name
from core.speech import ReportKind
from core.text import plural

if TYPE_CHECKING:
    from core.messages import Exited, LauncherGone, LeftBehind, TreeEnded, Unreadable
    from core.rules.step import Step
    from core.rules.world import Attempt, Task, World


KILL_AGAIN = 5.0
"""Seconds after which a kill that left the program alive is tried again."""


class End(NamedTuple):
    """How an attempt ended, in the words of its task."""

    state: TaskState
    reason: str | None
    final: bool = False
    """No retry, whatever the policy says."""


def exit_words(code: int) -> str:
    """ "exit 1", or "exit 137 (KILL)" where the code is that of a signal."""
    name = signal_name(code - 128) if code > 128 else None
    return f"exit {code}" if name is None else f"exit {code} ({name.removeprefix('SIG')})"


def retry_delay(policy: RetryPolicy, tries: int, seed: str) -> float:
    """Seconds before try number `tries + 1`: exponential, capped, spread by a jitter that the seed decides."""
    plain = capped_growth(policy.first, policy.factor, tries - 1, policy.cap)
    share = zlib.crc32(seed.encode()) / 0xFFFFFFFF
    return plain * (1 + policy.jitter * (2 * share - 1))


def exited(step: Step, fact: Exited) -> None:
    attempt = step.world.attempt(fact.attempt)
    if attempt is None or attempt.exit_code is not None:
        return
    attempt.exit_code, attempt.ended_at = fact.code, fact.at
    attempt.result = fact.result or attempt.result
    attempt.output = fact.output or attempt.output
    step.touch_attempt(attempt)
    _go_on(step, attempt)


def launcher_gone(step: Step, fact: LauncherGone) -> None:
    """Its exit status will never be known; while processes of it live, it runs on without a terminal."""
    attempt = step.world.attempt(fact.attempt)
    if attempt is None or attempt.exit_code is not None:
        return
    if fact.orphans:
        attempt.reason = "its session is gone, its processes run on"
        step.note(f"task {attempt.id.task} lost its session and runs on", attempt.id.task)
    else:
        attempt.launcher_gone = True
        attempt.ended_at, attempt.result = fact.at, fact.result
        attempt.reason = fact.why
    step.touch_attempt(attempt)
    _go_on(step, attempt)


def tree_ended(step: Step, fact: TreeEnded) -> None:
    if fact.left:
        step.note(f"task {fact.attempt.task}: could not end {', '.join(fact.left)}", fact.attempt.task)
    attempt = step.world.attempt(fact.attempt)
    if attempt is None:
        return
    attempt.tree_ended, attempt.left = True, fact.left
    step.touch_attempt(attempt)
    if fact.left and attempt.exit_code is None:
        step.world.timers.set(step.now + KILL_AGAIN, Due.GRACE_OVER, attempt.id.task, attempt.id.number)
    _go_on(step, attempt)


def unreadable(step: Step, fact: Unreadable) -> None:
    task = step.world.tasks.get(fact.task)
    if task is not None and task.state is TaskState.RUNNING and task.id not in step.world.attempts:
        end_task(step, task, TaskState.LOST, f"the record of its attempt cannot be read: {fact.text}")
        step.note(f"task {task.id} was lost: {task.reason}", task.id)


def left_behind(step: Step, fact: LeftBehind) -> None:
    left = plural(fact.processes, "process")
    step.note(f"attempt {fact.attempt} ended and left {left} running: kill the task to end them", fact.attempt.task)


def _go_on(step: Step, attempt: Attempt) -> None:
    """Finishes the attempt once nothing of it is left to wait for."""
    over = attempt.exit_code is not None or attempt.launcher_gone
    if attempt.ending is None:
        if over:
            finish(step, attempt)
    elif over and attempt.tree_ended:
        finish(step, attempt)
    elif over and not attempt.ending.killing:
        attempt.ending.killing = True
        step.effects.append(EndTree(attempt.id))


def finish(step: Step, attempt: Attempt) -> None:
    world = step.world
    task = world.tasks[attempt.id.task]
    told = attempt.result
    by_itself = attempt.ending is None and attempt.exit_code == 0 and not _has_reported(attempt)
    if task.wanted.prompts and told is None and by_itself:
        attempt.result = Result(Outcome.ERROR, "its program ended before its turn had")
    outcome = _outcome(attempt)
    attempt.state = _attempt_state(attempt)
    attempt.reason = outcome.reason
    del world.attempts[task.id]
    step.touch_attempt(attempt)
    step.effects.append(ReleaseSession(attempt.id, failed=outcome.state is not TaskState.SUCCEEDED))
    agent = world.agents[attempt.agent]
    failed = attempt.ending is None and bool(attempt.exit_code)
    verdict = told or (Result(Outcome.ERROR) if failed else None)
    if agent.limits.prompts and attempt.exit_code is not None and verdict is not None:
        judge(step, agent, verdict)
    if _fails_over(world, task, outcome, attempt):
        world.failovers[task.id] = world.failovers.get(task.id, 0) + 1
        task.tries -= 1
        step.enter(task, TaskState.QUEUED, f"{outcome.reason}; goes on where it can")
        route(step, task, avoided=attempt.agent)
        settle(step, task)
        return
    world.failovers.pop(task.id, None)
    if _retries(task, outcome, attempt):
        delay = retry_delay(task.policy.retry, task.tries, str(attempt.id))
        task.not_before = step.now + delay
        step.enter(task, TaskState.QUEUED, f"{outcome.reason}; tries again")
        if task.wanted.agent is None:
            route(step, task, avoided=attempt.agent if task.policy.retry.elsewhere else None)
        settle(step, task)
    else:
        end_task(step, task, outcome.state, outcome.reason)
        if outcome.state is TaskState.LOST:
            step.note(f"task {task.id} was lost: {outcome.reason}", task.id)


def _outcome(attempt: Attempt) -> End:
    """What it should have left for others counts like its exit status."""
    found, output = _own_outcome(attempt), attempt.output
    if found.state is TaskState.SUCCEEDED and output is not None and output.problem is not None:
        return End(TaskState.FAILED, output.problem)
    return found


def _own_outcome(attempt: Attempt) -> End:
    if attempt.ending is not None:
        return End(attempt.ending.outcome, attempt.ending.reason, attempt.ending.final)
    if attempt.exit_code is None:
        why = attempt.reason or "its launcher ended without a word"
        return End(TaskState.LOST, f"{why}: the exit status is not known")
    told = attempt.result
    if attempt.exit_code == 0 and (told is None or told.outcome in (None, Outcome.OK)):
        return _reported(attempt)
    if told is not None and told.reason and told.outcome is not None:
        return End(TaskState.FAILED, f"{told.outcome}: {told.reason}")
    return End(TaskState.FAILED, exit_words(attempt.exit_code))


def succeeded(attempt: Attempt) -> bool:
    """Of an attempt that is over; one that is not has not."""
    over = attempt.exit_code is not None or attempt.ending is not None
    return over and _outcome(attempt).state is TaskState.SUCCEEDED


def _reported(attempt: Attempt) -> End:
    """Its program has ended well: it counts what it said itself."""
    told = attempt.told
    if told is None or not _has_reported(attempt):
        return End(TaskState.SUCCEEDED, None)
    return End(TaskState.FAILED if told.kind is ReportKind.FAIL else TaskState.SUCCEEDED, f"reported: {told.text}")


def _has_reported(attempt: Attempt) -> bool:
    """That its work is done, or has failed."""
    return attempt.told is not None and attempt.told.kind in (ReportKind.DONE, ReportKind.FAIL)


def _fails_over(world: World, task: Task, outcome: End, attempt: Attempt) -> bool:
    """The agent could not run it, by no fault of the task: it is no try of the task's."""
    told = attempt.result
    if told is None or told.outcome not in OWN_FAULT or outcome.state is not TaskState.FAILED:
        return False
    most = LIMITS if told.outcome == Outcome.LIMIT else FAILOVERS
    return world.failovers.get(task.id, 0) < most


def _attempt_state(attempt: Attempt) -> AttemptState:
    if attempt.ending is not None and attempt.ending.outcome is not TaskState.SUCCEEDED:
        return AttemptState.KILLED
    return AttemptState.LOST if attempt.exit_code is None else AttemptState.EXITED


def _retries(task: Task, outcome: End, attempt: Attempt) -> bool:
    policy = task.policy.retry
    if outcome.final or outcome.state is TaskState.SUCCEEDED or task.tries >= policy.attempts:
        return False
    if policy.on and outcome.state.value not in policy.on:
        return False
    if outcome.state is TaskState.LOST:
        return policy.lost
    return outcome.state is not TaskState.FAILED or attempt.exit_code not in policy.never_exit
