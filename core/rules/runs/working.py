"""What a node does once its needs let it: asks whether it should, waits at its gate, waits for its event, works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.due import Due
from core.rules.runs.joins import end_node, stopped_words, verdict
from core.rules.runs.parts import follow_part, make_due
from core.rules.runs.scope import element, part_count, scope_of
from core.text import duration
from core.workflows.expressions import MissingError
from core.workflows.model import Choose, Each, Matrix, NodeState, Over, Prompt, RunState, StartRule

if TYPE_CHECKING:
    from core.rules.runs.state import Progress, Run
    from core.rules.step import Step
    from core.workflows.model import Fan, Node


def look_at(step: Step, run: Run, progress: Progress) -> None:
    """Something that a node waits for has changed."""
    if progress.state is NodeState.RUNNING:
        _catch_up(step, run, progress)
        return
    if progress.state is not NodeState.PENDING or (progress.node.final and run.open):
        return
    if run.state is RunState.CANCELLING and not (progress.node.final or progress.node.start is StartRule.ALWAYS):
        return
    state = verdict(run, progress)
    if state is NodeState.RUNNING:
        state = _source_verdict(run, progress)
    if state is NodeState.RUNNING:
        _enter(step, run, progress)
    elif state is not None:
        end_node(step, run, progress, state, stopped_words(run, progress, state))


def _source_verdict(run: Run, progress: Progress) -> NodeState | None:
    """Of a node that follows another one part by part: that one must know its parts."""
    source = run.source(progress)
    if source is None or source.items is not None:
        return NodeState.RUNNING
    if not source.state.ended:
        return None
    return NodeState.SKIPPED if source.state is NodeState.SKIPPED else NodeState.UPSTREAM_FAILED


def _enter(step: Step, run: Run, progress: Progress) -> None:
    node = progress.node
    try:
        if node.when is not None and not asks_each(node) and not node.when.holds(scope_of(run, progress)):
            end_node(step, run, progress, NodeState.SKIPPED, f"when: {node.when.text} is false")
            return
    except MissingError as error:
        end_node(step, run, progress, NodeState.FAILED, f"when: {error}")
        return
    go_on(step, run, progress)


def asks_each(node: Node) -> bool:
    """Whether its condition is about the element of each part."""
    if node.when is None or node.fan is None:
        return False
    return any(reference[0] in (node.fan.name, "index") for reference in node.when.references)


def go_on(step: Step, run: Run, progress: Progress) -> None:
    """To whatever comes next: its gate, its wait, its work."""
    gate, wait = progress.node.gate, progress.node.wait
    if gate is not None and not progress.approved:
        _stay(step, run, progress, NodeState.ASKING, gate.within)
    elif wait is not None and not progress.waited and (wait.topic is None or progress.event is None):
        _stay(step, run, progress, NodeState.WAITING, wait.within if wait.seconds is None else wait.seconds)
    else:
        _work(step, run, progress)


def _stay(step: Step, run: Run, progress: Progress, state: NodeState, limit: float | None) -> None:
    progress.state, progress.since = state, step.now
    step.touch_node(run, progress)
    set_limit(step, run, progress, limit)


def set_limit(step: Step, run: Run, progress: Progress, limit: float | None) -> None:
    if limit is not None:
        step.world.timers.set(progress.since + limit, Due.NODE_LIMIT, run.id, progress.index)


def answer(step: Step, run: Run, progress: Progress, *, approved: bool, reason: str) -> None:
    """A gate has its answer."""
    if approved:
        progress.approved, progress.reason = True, reason
        step.touch_node(run, progress)
        go_on(step, run, progress)
    else:
        end_node(step, run, progress, NodeState.FAILED, reason)


def hear(step: Step, run: Run, progress: Progress, event: Any) -> None:  # noqa: ANN401 - a JSON value
    """The event that the node waits for, or will wait for."""
    progress.event = event
    if progress.node.work is None:
        progress.out = event
    step.touch_node(run, progress)
    if progress.state is NodeState.WAITING:
        progress.waited = True
        go_on(step, run, progress)


def limit_over(step: Step, run: Run, progress: Progress) -> None:
    """A time that was set for the node has come; one that was set for an earlier state means nothing."""
    gate, wait = progress.node.gate, progress.node.wait
    passed = step.now - progress.since
    if progress.state is NodeState.ASKING and gate is not None and gate.within is not None and passed >= gate.within:
        _gate_unanswered(step, run, progress, gate.on_timeout, gate.within)
    elif progress.state is NodeState.WAITING and wait is not None:
        if wait.seconds is not None and passed >= wait.seconds:
            progress.waited = True
            go_on(step, run, progress)
        elif wait.seconds is None and wait.within is not None and passed >= wait.within:
            state = NodeState.SKIPPED if wait.on_timeout == "skip" else NodeState.TIMED_OUT
            end_node(step, run, progress, state, f"no event {wait.topic} within {duration(wait.within)}")


def _gate_unanswered(step: Step, run: Run, progress: Progress, then: str, within: float) -> None:
    words = f"nobody answered within {duration(within)}"
    if then == "approve":
        answer(step, run, progress, approved=True, reason=words)
    else:
        end_node(step, run, progress, NodeState.SKIPPED if then == "skip" else NodeState.TIMED_OUT, words)


# Work


def _work(step: Step, run: Run, progress: Progress) -> None:
    node = progress.node
    progress.state, progress.since = NodeState.RUNNING, step.now
    step.touch_node(run, progress)
    try:
        if node.work is None:
            end_node(step, run, progress, NodeState.SUCCEEDED)
        elif isinstance(node.work, Choose):
            _choose(step, run, progress, node.work)
        elif node.scatter is not None:
            _scatter(step, run, progress)
        else:
            progress.items = [None] if node.fan is None else _items(run, progress, node.fan)
            _expanded(step, run, progress)
    except MissingError as error:
        end_node(step, run, progress, NodeState.FAILED, str(error))


def _choose(step: Step, run: Run, progress: Progress, choose: Choose) -> None:
    value = choose.on.text_of(scope_of(run, progress))
    chosen = dict(choose.cases).get(value, choose.otherwise)
    progress.out = {"value": value, "chosen": list(chosen)}
    end_node(step, run, progress, NodeState.SUCCEEDED, f"{value!r:.60} chose {', '.join(chosen) or 'nothing'}")


def _items(run: Run, progress: Progress, fan: Fan) -> list[Any]:
    match fan.source:
        case Matrix(rows):
            return list(rows)
        case Each(node):
            return [element(run.nodes[node], index) for index in range(part_count(run.nodes[node]))]
        case Over(items):
            value = items.value(scope_of(run, progress))
    if not isinstance(value, list):
        raise MissingError(f"{items.text} is not a list")
    if len(value) > fan.max_items:
        raise MissingError(f"{items.text} has {len(value)} elements, max_items is {fan.max_items}")
    return value


def _expanded(step: Step, run: Run, progress: Progress) -> None:
    """Its parts are known: they are due, or follow those of another node."""
    count = part_count(progress)
    run.agenda.extend(run.plan.followers.get(progress.node.name, ()))
    if count == 0:
        end_node(step, run, progress, NodeState.SUCCEEDED, "there was nothing to do")
    elif progress.node.follows is not None:
        _catch_up(step, run, progress)
    else:
        for index in range(count):
            make_due(run, progress, index)


def _catch_up(step: Step, run: Run, progress: Progress) -> None:
    """Parts whose source had ended before they were known; those of a source that will have no more parts."""
    source = run.source(progress)
    if source is None or progress.items is None:
        return
    for index in range(part_count(progress)):
        known = source.parts.get(index)
        if known is not None and known.state.ended and not known.held and not progress.state.ended:
            follow_part(step, run, progress, index)


def _scatter(step: Step, run: Run, progress: Progress) -> None:
    """The same to several agents that can do it, those with the least to do first."""
    scatter, wish = progress.node.scatter, progress.node.agent
    assert scatter is not None
    prompts = isinstance(progress.node.work, Prompt)
    fitting = sorted(
        (not agent.works(step.now), agent.load, agent.name)
        for agent in step.world.agents.values()
        if agent.configured and agent.limits.prompts is prompts and wish.needs <= agent.limits.capabilities
    )
    names = [name for _, _, name in fitting]
    if len(names) < scatter.agents and (prompts or not names):
        words = f"{scatter.agents} agents are wanted, {len(names)} can do it: {', '.join(names) or 'none'}"
        end_node(step, run, progress, NodeState.FAILED, words)
        return
    progress.items = [names[index % len(names)] for index in range(scatter.agents)]
    for index, name in enumerate(progress.items):
        progress.part(index).agent = name
        step.touch_part(run, progress, index)
    if scatter.within is not None:
        set_limit(step, run, progress, scatter.within)
    _expanded(step, run, progress)
