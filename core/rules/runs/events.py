"""Events: kept before anything comes of them, matched once, with whatever waits for them and whatever they start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.effects import MatchEvent
from core.messages import RefusedError, Send
from core.model import RunId
from core.rules.mailing import send
from core.rules.runs.scope import scope_of
from core.rules.runs.working import hear
from core.runs import Event
from core.speech import parse_address
from core.text import one_line, storable
from core.workflows.expressions import MissingError
from core.workflows.model import NodeState

if TYPE_CHECKING:
    from core.messages import Emit
    from core.rules.runs.state import Progress, Run
    from core.rules.step import Step
    from core.workflows.expressions import Expression

LONGEST_CHAIN = 16
"""Events that may follow one from the other by starting runs that emit them."""


def emit(step: Step, wish: Emit) -> None:
    """A known key gives the event that there is."""
    known = None if wish.key is None else step.world.event_keys.get(wish.key)
    if known is not None:
        step.reply = known
        return
    event = keep(step, wish.topic, wish.data, wish.source, key=wish.key, to=wish.to)
    step.note(f"event {event.id} {one_line(wish.topic, 60)} from {wish.source}")
    step.reply = event.id


def keep(
    step: Step,
    topic: str,
    data: Any,  # noqa: ANN401 - a JSON value
    source: str,
    *,
    key: str | None = None,
    to: str | None = None,
    hops: int = 0,
) -> Event:
    """It is on disk before it is matched, and matched though the engine ends in between."""
    world = step.world
    event = Event(world.next_event, step.now, storable(topic), data, storable(source), key, to, hops)
    world.next_event += 1
    step.events.append(event)
    step.effects.append(MatchEvent(event))
    return event


def tell_waiting(step: Step, event: Event) -> None:
    """Nodes that wait for it, or will once their turn comes."""
    for run in list(step.world.runs.values()):
        if run.state.ended:
            continue
        for name in run.plan.waits.get(event.topic, ()):
            progress = run.nodes[name]
            if progress.state.ended or progress.event is not None or progress.waited:
                continue
            where = progress.node.wait.where if progress.node.wait is not None else None
            if matches(step, where, event, {"params": run.params}, f"run {run.id}: {name}"):
                hear(step, run, progress, event.scope())
                step.stir(run)


def matches(step: Step, where: Expression | None, event: Event, scope: dict[str, Any], of: str) -> bool:
    """A condition that cannot be judged does not hold, and the history says why."""
    if where is None:
        return True
    try:
        return where.holds(scope | {"event": event.scope()})
    except MissingError as error:
        step.note(f"{of}: event {event.id} {one_line(event.topic, 60)} is passed over: {error}")
        return False


def speak(step: Step, run: Run, progress: Progress) -> None:
    """What the success of a node tells others."""
    node = progress.node
    if progress.state is not NodeState.SUCCEEDED or not (node.emit or node.send):
        return
    scope, hops = scope_of(run, progress), run.hops + 1
    for one in node.emit:
        if hops > LONGEST_CHAIN:
            step.note(f"run {run.id}: {node.name} emits nothing: {LONGEST_CHAIN} events follow one from the other")
            break
        try:
            data = None if one.data is None else one.data.value(scope)
        except MissingError as error:
            step.note(f"run {run.id}: {node.name} emits {one.topic} without its data: {error}")
            data = None
        keep(step, one.topic, data, f"run {run.id}", hops=hops)
    for message in node.send:
        before = step.reply
        try:
            to, text = parse_address(message.to.text_of(scope)), message.text.text_of(scope)
            send(step, Send(RunId(run.id), to, text))
        except (MissingError, RefusedError, ValueError) as error:
            step.note(f"run {run.id}: {node.name} could not send its message: {error}")
        step.reply = before
