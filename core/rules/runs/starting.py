"""New runs: one for a key, in the order of their group; what events start, and what nodes call."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from core.messages import RefusedError, StartRun
from core.model import PartId
from core.rules.runs.counting import rebuild
from core.rules.runs.events import matches, tell_waiting
from core.rules.runs.groups import QUEUED, callers, group_limit
from core.rules.runs.plan import plan
from core.rules.runs.reviving import set_deadline
from core.rules.runs.state import Progress, Run
from core.runs import Definition
from core.text import one_line
from core.workflows.binding import bind
from core.workflows.expressions import MissingError
from core.workflows.model import Call, RunState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.messages import Match
    from core.rules.step import Step
    from core.rules.world import World
    from core.runs import Armed, Event
    from core.workflows.expressions import Template
    from core.workflows.model import Workflow

LONGEST_LABEL = 200
"""Characters of a run's key and of its group."""


def start(step: Step, wish: StartRun) -> None:
    """Reply: its number; that of the run that there is where its key is known."""
    known = step.world.run_keys.get(key_of(wish) or "")
    step.reply = known if known is not None else _begin(step, wish).id


def key_of(wish: StartRun) -> str | None:
    """None also where it names the event and none began the run. RefusedError where another value is not there."""
    written = wish.definition.workflow.run.key
    if written is None or wish.parent is not None:
        return None
    if wish.event is None and any(reference[0] == "event" for reference in written.references):
        return None
    return _label(written, wish.params, wish.event, "key")


def group_of(workflow: Workflow, params: Mapping[str, Any], event: Event | None) -> str | None:
    """RefusedError where a value that it names is not there."""
    written = workflow.run.group
    return None if written is None else _label(written, params, event, "group")


def _label(template: Template, params: Mapping[str, Any], event: Event | None, what: str) -> str:
    scope = {"params": params, "event": None if event is None else event.scope()}
    try:
        return _unique_line(template.text_of(scope))
    except MissingError as error:
        raise RefusedError("usage", f"[run] {what}: {error}") from error


def _unique_line(text: str) -> str:
    """A line for people. If it does not show the whole text, a digest keeps it apart from that of another text."""
    line = one_line(text, LONGEST_LABEL)
    if line == text:
        return line
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{one_line(text, LONGEST_LABEL - len(digest) - 1)} {digest}"


def _begin(step: Step, wish: StartRun) -> Run:
    world, workflow = step.world, wish.definition.workflow
    run = Run(
        id=world.next_run,
        definition=wish.definition,
        plan=plan(workflow, wish.expected),
        expected=wish.expected,
        surroundings=wish.surroundings,
        params=wish.params,
        event=None if wish.event is None else wish.event.scope(),
        key=key_of(wish),
        group=wish.group or group_of(workflow, wish.params, wish.event),
        queued_at=step.now,
        started_by=wish.started_by,
        parent=wish.parent,
        hops=wish.hops,
        nodes={name: Progress(node, index) for index, (name, node) in enumerate(workflow.nodes.items())},
    )
    world.next_run += 1
    world.runs[run.id] = run
    if run.key is not None:
        world.run_keys[run.key] = run.id
    step.new_runs.append(run)
    step.note(f"run {run.id} of {workflow.name}, started by {run.started_by}")
    begin_pending(step, run.group, run)
    return run


def begin_pending(step: Step, group: str | None, new: Run | None = None) -> None:
    """The oldest runs of a group that wait for their turn begin as far as its limit lets them."""
    if group is None:
        if new is not None:
            _run_now(step, new)
        return
    members = [run for run in step.world.runs.values() if run.group == group and not run.state.ended]
    running = sum(run.state is not RunState.PENDING for run in members)
    for run in members:
        most = group_limit(run)
        if run.state is RunState.PENDING and (most is None or running - callers(step.world, run) < most):
            running += 1
            _run_now(step, run)


def _run_now(step: Step, run: Run) -> None:
    run.state, run.started_at = RunState.RUNNING, step.now
    rebuild(run)
    step.touch_run(run)
    step.stir(run)
    set_deadline(step.world, run)


# Events


def match(step: Step, fact: Match) -> None:
    """An event meets what waits for it, once: in the step that also says that it has."""
    event = fact.event
    step.matched.append(event.id)
    if event.to is None:
        tell_waiting(step, event)
    for armed in step.world.armed.values():
        if _fires(step, armed, event):
            _start_by_event(step, armed, event)


def wishes_of(world: World, event: Event) -> list[StartRun]:
    """What the event may start, whatever its conditions say: their keys have to be known."""
    found = [armed.definition.workflow for armed in world.armed.values() if event.to in (None, armed.name)]
    keyed = [world.armed[workflow.name] for workflow in found if workflow.run.key is not None]
    return [_wish(armed, event, bind(armed.definition.workflow, {})[0] or {}) for armed in keyed]


def _fires(step: Step, armed: Armed, event: Event) -> bool:
    if event.to is not None:
        return event.to == armed.name
    return any(
        trigger.topic == event.topic and matches(step, trigger.where, event, {}, armed.name)
        for trigger in armed.definition.workflow.on.events
    )


def _start_by_event(step: Step, armed: Armed, event: Event) -> None:
    name, before = armed.name, step.reply
    params, problems = bind(armed.definition.workflow, {})
    if params is None:
        step.note(f"event {event.id} does not start {name}: {'; '.join(map(str, problems))}")
        return
    wish = _wish(armed, event, params)
    overlap = _overlap(step, armed, event)
    if overlap == "skip":
        step.note(f"{name} is not started by {event.source}: the run before has not ended")
        return
    try:
        start(step, replace(wish, group=f"{QUEUED}{name}") if overlap == "queue" else wish)
    except RefusedError as error:
        step.note(f"event {event.id} does not start {name}: {error}")
    step.reply = before


def _wish(armed: Armed, event: Event, params: dict[str, Any]) -> StartRun:
    return StartRun(
        armed.definition,
        params,
        armed.surroundings,
        armed.expected,
        started_by=event.source if event.to is not None else f"event {event.id} {one_line(event.topic, 60)}",
        event=event,
        hops=event.hops,
    )


def _overlap(step: Step, armed: Armed, event: Event) -> str:
    """What a schedule wants where a run of it has not ended: skip, queue or allow."""
    if event.to is None or event.key is None or not event.source.startswith("schedule"):
        return "allow"
    wanted = str(event.data["overlap"])
    live = any(run.workflow.name == armed.name and not run.state.ended for run in step.world.runs.values())
    return wanted if live or wanted == "queue" else "allow"


# Calls


def begin_calls(step: Step) -> None:
    """Runs for the parts that call other workflows and have begun."""
    calls, step.calls = step.calls, []
    for parent, progress, index, params in calls:
        call = progress.node.work
        assert isinstance(call, Call)
        part = progress.part(index)
        wish = StartRun(
            Definition(parent.workflow.calls[call.file], _source_of(parent.definition.source, call.file)),
            params,
            parent.surroundings,
            {},
            started_by=f"run {parent.id}",
            parent=PartId(parent.id, progress.node.name, index),
            hops=parent.hops,
        )
        part.task = _begin(step, wish).id
        step.touch_part(parent, progress, index)


def _source_of(source: str, file: str) -> str:
    """The called workflow, from the text that holds it and all that it calls."""
    whole = json.loads(source)
    return json.dumps({**whole, "file": file, "text": whole["calls"][file]})
