"""How a run ends: by itself, by a wish, by its deadline; and what that means for runs that wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.effects import RemoveRunFolders
from core.messages import RefusedError
from core.rules.queueing import settle
from core.rules.runs.joins import end_node, end_words, is_tolerated
from core.rules.runs.parts import end_part, give_up
from core.rules.runs.reviving import known_run
from core.rules.runs.scope import out_of
from core.rules.runs.state import Stopping
from core.text import duration, plural
from core.workflows.model import Call, NodeState, RunState, StartRule

if TYPE_CHECKING:
    from core.messages import CancelRuns, CleanRuns, PauseRuns
    from core.rules.runs.state import Progress, Run
    from core.rules.step import Step


def cancel(step: Step, wish: CancelRuns) -> None:
    runs = [known_run(step, number) for number in wish.runs]
    live = [run for run in runs if not run.state.ended]
    if not live:
        raise RefusedError("refused", f"{_named(runs)} ended already")
    for run in live:
        step.note(f"cancel run {run.id}")
        again = run.stopping is not None
        stop(step, run, Stopping(RunState.CANCELLED, "cancelled by the operator"))
        if again:
            _stop_nodes(step, run, "cancelled by the operator", final=True)
    step.reply = [run.id for run in live]


def pause(step: Step, wish: PauseRuns) -> None:
    """Nothing of it, nor of the runs that it calls, begins until it is resumed; what runs, runs on."""
    runs = [known_run(step, number) for number in wish.runs]
    wrong = [run for run in runs if run.state is not (RunState.RUNNING if wish.paused else RunState.PAUSED)]
    if wrong:
        raise RefusedError("refused", f"run {wrong[0].id} is {wrong[0].state}")
    for run in runs:
        step.note(f"{'pause' if wish.paused else 'resume'} run {run.id}")
        _set_paused(step, run, paused=wish.paused)
    step.reply = [run.id for run in runs]


def _set_paused(step: Step, run: Run, *, paused: bool) -> None:
    before, after = (RunState.RUNNING, RunState.PAUSED) if paused else (RunState.PAUSED, RunState.RUNNING)
    if run.state is not before:
        return
    run.state = after
    step.touch_run(run)
    step.stir(run)
    for progress in run.nodes.values():
        for part in progress.parts.values():
            called = step.world.runs.get(part.task or 0) if isinstance(progress.node.work, Call) else None
            task = None if isinstance(progress.node.work, Call) else step.world.tasks.get(part.task or 0)
            if called is not None:
                _set_paused(step, called, paused=paused)
            elif task is not None:
                settle(step, task)


def clean(step: Step, wish: CleanRuns) -> None:
    live = [number for number in wish.runs if number in step.world.runs]
    if live:
        raise RefusedError("refused", f"run {live[0]} has not ended: only ended runs can be cleaned")
    step.removed_runs = wish.runs
    if wish.runs:
        step.effects.append(RemoveRunFolders(wish.runs))
        step.note(f"clean {plural(len(wish.runs), 'ended run')}")
    step.reply = list(wish.runs)


def stop(step: Step, run: Run, stopping: Stopping) -> None:
    """Ends what runs and what waits; what comes last still runs."""
    if run.state is RunState.PENDING:
        _end(step, run, stopping.outcome, stopping.reason)
        return
    if run.stopping is None:
        run.stopping, run.state = stopping, RunState.CANCELLING
        step.touch_run(run)
        _stop_nodes(step, run, stopping.reason, final=False)
    step.stir(run)


def _stop_nodes(step: Step, run: Run, reason: str, *, final: bool) -> None:
    for progress in run.nodes.values():
        if progress.state.ended or (progress.node.final and not final):
            continue
        if progress.state is NodeState.RUNNING and progress.items is not None:
            give_up(step, run, progress, reason)
        elif progress.node.start is not StartRule.ALWAYS or final:
            end_node(step, run, progress, NodeState.CANCELLED, reason)
    step.stir(run)


def settle_end(step: Step, run: Run) -> None:
    """Ends a run of which nothing is left."""
    if run.open or run.open_final or not run.state.live:
        return
    if run.stopping is not None:
        _end(step, run, *run.stopping)
    else:
        failed = [one for one in run.nodes.values() if one.state.failed and not is_tolerated(run, one)]
        _end(step, run, RunState.FAILED if failed else RunState.SUCCEEDED, _why_failed(failed))


def _why_failed(failed: list[Progress]) -> str | None:
    first = [one for one in failed if one.state is not NodeState.UPSTREAM_FAILED] or failed
    if not first:
        return None
    words = end_words(first[0])
    return words if len(first) == 1 else f"{words}; and {plural(len(first) - 1, 'other node')}"


def _end(step: Step, run: Run, state: RunState, reason: str | None) -> None:
    run.state, run.reason, run.ended_at = state, reason, step.now
    step.touch_run(run)
    step.note(f"run {run.id} of {run.workflow.name} {state}".replace("_", " ") + (f": {reason}" if reason else ""))
    if run.parent is not None:
        _tell_parent(step, run)
    step.ended_runs.append(run)


def _tell_parent(step: Step, run: Run) -> None:
    assert run.parent is not None
    parent = step.world.runs.get(run.parent.run)
    progress = None if parent is None else parent.nodes[run.parent.node]
    part = None if progress is None else progress.parts.get(run.parent.item)
    if parent is None or progress is None or part is None or part.task != run.id or part.state is not NodeState.RUNNING:
        return
    outs = {name: out_of(one) for name, one in run.nodes.items() if one.node.output is not None}
    step.outputs[run.parent] = outs
    part.out = outs
    reason = None if run.state is RunState.SUCCEEDED else f"run {run.id} {run.state}: {run.reason or ''}".rstrip(": ")
    end_part(step, parent, progress, run.parent.item, NodeState(run.state.value), reason)
    step.stir(parent)


def deadline_over(step: Step, run: Run) -> None:
    limit = run.workflow.run.deadline
    if limit is not None and run.started_at is not None and step.now >= run.started_at + limit:
        stop(step, run, Stopping(RunState.TIMED_OUT, f"took longer than {duration(limit)}"))


def _named(runs: list[Run]) -> str:
    return f"run {runs[0].id}" if len(runs) == 1 else f"all {len(runs)} runs"
