"""Runs as they come back from the store: their counts are made anew, their limits count on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.due import Due
from core.rules.runs.counting import rebuild
from core.rules.runs.plan import plan
from core.rules.runs.reviving import set_deadline
from core.rules.runs.state import Part, Progress, Run, Stopping
from core.runs import Definition
from core.workflows.model import NodeState, RunState

if TYPE_CHECKING:
    from core.rules.world import World
    from core.runs import StoredRun
    from core.workflows.model import Workflow


def run_of(stored: StoredRun, workflow: Workflow) -> Run:
    run = Run(
        id=stored.id,
        definition=Definition(workflow, stored.source),
        plan=plan(workflow, stored.expected),
        expected=stored.expected,
        surroundings=stored.surroundings,
        params=stored.params,
        event=stored.event,
        key=stored.key,
        group=stored.group,
        queued_at=stored.queued_at,
        started_by=stored.started_by,
        parent=stored.parent,
        hops=stored.hops,
        nodes={name: Progress(node, index) for index, (name, node) in enumerate(workflow.nodes.items())},
        state=RunState(stored.state),
        reason=stored.reason,
        started_at=stored.started_at,
        ended_at=stored.ended_at,
        stopping=None if stored.stopping is None else Stopping(RunState(stored.stopping[0]), stored.stopping[1]),
    )
    _fill(run, stored)
    if run.started_at is not None:
        rebuild(run)
    return run


def _fill(run: Run, stored: StoredRun) -> None:
    for one in stored.nodes:
        progress = run.nodes[one.name]
        progress.state, progress.reason, progress.since = NodeState(one.state), one.reason, one.since
        progress.approved, progress.waited, progress.event = one.approved, one.waited, one.event
        progress.items, progress.out, progress.after = one.items, one.out, one.after
    for part in stored.parts:
        out = part.out if run.keeps(part.node) else None
        run.nodes[part.node].parts[part.item] = Part(
            NodeState(part.state), part.task, part.reason, part.wish, out, part.agent, part.held, part.kept
        )


def set_limits_of_run(world: World, run: Run) -> None:
    set_deadline(world, run)
    world.timers.set(0.0, Due.RUN_GOES_ON, run.id)
    for progress in run.nodes.values():
        if not progress.state.ended and progress.state is not NodeState.PENDING:
            world.timers.set(_limit(progress), Due.NODE_LIMIT, run.id, progress.index)


def _limit(progress: Progress) -> float:
    """When the gate, the wait or the scattering of a node is over; now where it has no limit."""
    node = progress.node
    if progress.state is NodeState.ASKING:
        limit = None if node.gate is None else node.gate.within
    elif progress.state is NodeState.WAITING:
        limit = None if node.wait is None else node.wait.seconds if node.wait.seconds is not None else node.wait.within
    else:
        limit = None if node.scatter is None else node.scatter.within
    return progress.since + (limit or 0.0)
