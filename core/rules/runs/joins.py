"""Joins: when the needs of a node let it begin, and what the end of a node means for those that need it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.text import plural
from core.workflows.model import Choose, NodeState, StartRule

if TYPE_CHECKING:
    from core.rules.runs.state import Progress, Run
    from core.rules.step import Step


def verdict(run: Run, progress: Progress) -> NodeState | None:
    """RUNNING where it may begin, another state where it never will, None while its needs may still end either way."""
    total = len(run.plan.needs[progress.node.name])
    if not total and progress.node.follows is not None:  # its start rule is asked for each of its parts
        return NodeState.RUNNING
    over, failed = progress.needs_ended == total, progress.needs_failed
    stopped = NodeState.UPSTREAM_FAILED if failed else NodeState.SKIPPED
    match progress.node.start:
        case StartRule.ALL_SUCCESS:
            if failed or (over and progress.needs_skipped):
                return stopped
            return NodeState.RUNNING if over else None
        case StartRule.NONE_FAILED:
            return stopped if failed else NodeState.RUNNING if over else None
        case StartRule.ANY_SUCCESS:
            if progress.needs_succeeded:
                return NodeState.RUNNING
            return stopped if over else None
        case StartRule.ANY_FAILED:
            if failed:
                return NodeState.RUNNING
            return NodeState.SKIPPED if over else None
        case StartRule.ALL_DONE | StartRule.ALWAYS:
            return NodeState.RUNNING if over else None


def part_verdict(rule: StartRule, source: NodeState) -> NodeState:
    """The same for a part that follows one part of another node, which has ended."""
    match rule:
        case StartRule.ALL_DONE | StartRule.ALWAYS:
            return NodeState.RUNNING
        case StartRule.ANY_FAILED:
            return NodeState.RUNNING if source.failed else NodeState.SKIPPED
        case StartRule.NONE_FAILED:
            return NodeState.UPSTREAM_FAILED if source.failed else NodeState.RUNNING
        case StartRule.ALL_SUCCESS | StartRule.ANY_SUCCESS:
            if source is NodeState.SKIPPED:
                return NodeState.SKIPPED
            return NodeState.UPSTREAM_FAILED if source.failed else NodeState.RUNNING


def as_seen_by(child: Progress, parent: Progress) -> NodeState:
    """The state of an ended need, as this one of its dependents takes it."""
    name, choose, reduce = child.node.name, parent.node.work, child.node.reduce
    if isinstance(choose, Choose) and parent.state is NodeState.SUCCEEDED and name in choose.targets:
        return NodeState.SUCCEEDED if name in parent.out["chosen"] else NodeState.SKIPPED
    if reduce is not None and reduce.source == parent.node.name and parent.state.failed:
        return NodeState.SUCCEEDED if _succeeded_enough(parent, reduce.min_success) else parent.state
    return parent.state


def _succeeded_enough(parent: Progress, share: float) -> bool:
    return bool(parent.items) and parent.succeeded / len(parent.parts) >= share


def count_need(child: Progress, parent: Progress) -> None:
    state = as_seen_by(child, parent)
    child.needs_ended += 1
    child.needs_succeeded += state is NodeState.SUCCEEDED
    child.needs_skipped += state is NodeState.SKIPPED
    child.needs_failed += state.failed


def end_node(step: Step, run: Run, progress: Progress, state: NodeState, reason: str | None = None) -> None:
    """The dependents are looked at next; nothing but the run's counts changes before."""
    name = progress.node.name
    progress.state, progress.reason, progress.since = state, reason, step.now
    progress.due.clear()
    step.touch_node(run, progress)
    if progress.node.final:
        run.open_final -= 1
    else:
        run.open -= 1
        if not run.open:
            run.agenda.extend(last for last, one in run.nodes.items() if one.node.final)
    for dependent in run.plan.dependents[name]:
        count_need(run.nodes[dependent], progress)
        run.agenda.append(dependent)
    run.agenda.extend(run.plan.followers.get(name, ()))
    step.ended_nodes.append((run, progress))


def stopped_words(run: Run, progress: Progress, state: NodeState) -> str:
    """Why a node never begins: by which of its needs."""
    wrong = [
        f"{need} {as_seen_by(progress, run.nodes[need])}".replace("_", " ")
        for need in run.plan.needs[progress.node.name]
        if run.nodes[need].state.ended and as_seen_by(progress, run.nodes[need]) is not NodeState.SUCCEEDED
    ]
    if state is NodeState.SKIPPED and progress.node.start is StartRule.ANY_FAILED:
        return "nothing that it needs has failed"
    shown = ", ".join(wrong[:3])
    return shown if len(wrong) <= 3 else f"{shown} and {plural(len(wrong) - 3, 'more')}"


def end_words(progress: Progress) -> str:
    """How a node has ended, and why."""
    words = f"{progress.node.name} {progress.state}".replace("_", " ")
    return f"{words}: {progress.reason}" if progress.reason else words


def is_tolerated(run: Run, progress: Progress) -> bool:
    """A failed node whose failed parts were taken into account, or those of one that followed it or that it follows."""
    return progress.state.failed and (
        _is_taken(run, progress) or _source_is_taken(run, progress) or _follower_is_taken(run, progress)
    )


def may_be_tolerated(run: Run, progress: Progress) -> bool:
    """Whether that cannot be told yet: one that goes through its parts has not ended, and something may take those."""
    followers = [run.nodes[name] for name in run.plan.followers.get(progress.node.name, ())]
    return any(
        may_be_tolerated(run, one) or (not one.state.ended and one.node.name in run.plan.tolerated) for one in followers
    )


def _is_taken(run: Run, progress: Progress) -> bool:
    return progress.state.failed and any(
        as_seen_by(run.nodes[reduce], progress) is NodeState.SUCCEEDED
        for reduce in run.plan.tolerated.get(progress.node.name, ())
    )


def _source_is_taken(run: Run, progress: Progress) -> bool:
    """It has failed by nothing but its source."""
    source = run.source(progress)
    if source is None or progress.state is not NodeState.UPSTREAM_FAILED:
        return False
    return _is_taken(run, source) or _source_is_taken(run, source)


def _follower_is_taken(run: Run, progress: Progress) -> bool:
    followers = [run.nodes[name] for name in run.plan.followers.get(progress.node.name, ())]
    return any(one.state.failed and (_is_taken(run, one) or _follower_is_taken(run, one)) for one in followers)
