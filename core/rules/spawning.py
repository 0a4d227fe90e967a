"""Tasks that tasks add, within what their agent's configuration lets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.messages import RefusedError
from core.model import Origin
from core.rules.adding import accept, count_new
from core.rules.reporting import speaking
from core.text import one_line, plural

if TYPE_CHECKING:
    from core.messages import Spawn
    from core.rules.step import Step
    from core.rules.world import Attempt

MINUTE = 60.0


def spawn(step: Step, wish: Spawn) -> None:
    attempt = speaking(step, wish.parent)
    before = step.world.tasks[attempt.id.task].origin
    root, depth = (attempt.id.task, 1) if before is None else (before.root, before.depth + 1)
    _check(step, attempt, depth, count_new(step.world, wish.tasks))
    step.reply = accept(step, wish.tasks, Origin(attempt.id, root, depth))
    fresh = step.added
    if not fresh:
        return
    attempt.spawned += (step.now,) * len(fresh)
    step.touch_attempt(attempt)
    named = f" {one_line(fresh[0][1].name, 60)}" if len(fresh) == 1 else ""
    text = f"task {attempt.id.task} added {plural(len(fresh), 'task')} from {fresh[0][0].id}{named}"
    step.note(text, attempt.id.task)
    for task, _ in fresh:
        step.note(f"task {task.id} was added by attempt {attempt.id}", task.id)


def _check(step: Step, attempt: Attempt, depth: int, count: int) -> None:
    """RefusedError names the limit that stands against it and where to raise it."""
    may = step.world.agents[attempt.agent].limits.may
    total = len(attempt.spawned) + count
    lately = sum(at > step.now - MINUTE for at in attempt.spawned) + count
    cost = step.world.family_cost
    if total > may.spawn:
        _refuse(attempt, "spawn", f"may add {plural(may.spawn, 'task')} in all, this would be {total}")
    if depth > may.depth:
        _refuse(attempt, "depth", f"may add tasks down to generation {may.depth}, this would be {depth}")
    if lately > may.per_minute:
        _refuse(attempt, "per_minute", f"may add {plural(may.per_minute, 'task')} a minute, this would be {lately}")
    if may.cost is not None and cost >= may.cost:
        _refuse(attempt, "cost", f"may add tasks until its family costs {may.cost:g} USD, it has cost {cost:g}")


def _refuse(attempt: Attempt, limit: str, text: str) -> None:
    where = f"raise {limit} in [agent.{attempt.agent}.may] of the configuration file"
    raise RefusedError("refused", f"attempt {attempt.id} {text}: {where}")
