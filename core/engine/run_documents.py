"""The documents about runs. Times are Unix seconds; what is not known is null."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from core.adapters.run_reading import Totals
from core.rules.runs.scope import part_count, scope_of
from core.rules.runs.state import Progress
from core.rules.runs.why import node_why
from core.workflows.expressions import MissingError
from core.workflows.graph import ranks, topological
from core.workflows.model import Call, Choose, Command, NodeState, Prompt, Shell

if TYPE_CHECKING:
    from core.adapters.run_reading import PartLine, RunLine
    from core.rules.runs.state import Run
    from core.rules.world import World
    from core.workflows.model import Workflow

SHOWN_OUT = 4000
"""Characters of an output as JSON."""
SHOWN_PARTS = 500
"""Of each node; what is said of all of them counts the rest too."""


def run_line(line: RunLine) -> dict[str, Any]:
    """A run in a list, with counts of its nodes by state."""
    return line._asdict() | {"nodes": json.loads(line.nodes)}


def run_document(
    world: World, run: Run, lines: list[PartLine], totals: dict[str, Totals], now: float
) -> dict[str, Any]:
    """Everything about one run: each node with its parts, why it stands as it does, and what came of it."""
    of_node: dict[str, list[PartLine]] = defaultdict(list)
    for line in lines:
        of_node[line.node].append(line)
    none = Totals(None, None, None)
    nodes = [
        _node(world, run, progress, of_node[name], totals.get(name, none), now) for name, progress in run.nodes.items()
    ]
    by_name = {node["name"]: node for node in nodes}
    critical = critical_path(run, by_name)
    for node in nodes:
        node["critical"] = node["name"] in critical
    costs = [node["cost"] for node in nodes if node["cost"] is not None]
    return {
        "id": run.id,
        "workflow": run.workflow.name,
        "about": run.workflow.about,
        "state": run.state.value,
        "reason": run.reason,
        "key": run.key,
        "group": run.group,
        "started_by": run.started_by,
        "parent": None if run.parent is None else run.parent._asdict(),
        "params": dict(run.params),
        "event": run.event,
        "queued_at": run.queued_at,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "folder": run.folder,
        "cwd": run.surroundings.cwd,
        "cost": round(sum(costs), 6) if costs else None,
        "critical_path": critical,
        "nodes": nodes,
    }


def _node(
    world: World, run: Run, progress: Progress, lines: list[PartLine], total: Totals, now: float
) -> dict[str, Any]:
    node = progress.node
    began = [line.started_at for line in lines if line.started_at is not None]
    many = node.fan is not None or node.scatter is not None
    return {
        "name": node.name,
        "does": _does(progress),
        "state": progress.state.value,
        "reason": progress.reason,
        "why": node_why(world, run, progress, now),
        "asks": _asks(run, progress),
        "since": progress.since or None,
        "started_at": min(began, default=total.started_at),
        "ended_at": progress.since if progress.state.ended else None,
        "needs": list(node.needs),
        "start": node.start.value,
        "final": node.final,
        "many": many,
        "expected": node.expect or run.expected.get(node.name),
        "counts": {
            "all": part_count(progress),
            "ended": progress.ended,
            "succeeded": progress.succeeded,
            "failed": progress.failed,
            "active": progress.active,
        },
        "cost": None if total.cost is None else round(total.cost, 6),
        "tokens": total.tokens or None,
        "out": _shown(progress, lines),
        "parts": [_part(line) for line in lines],
    }


def _does(progress: Progress) -> str:
    """One word for what the node is."""
    node = progress.node
    match node.work:
        case Command() | Shell():
            word = "command"
        case Prompt():
            word = "prompt"
        case Call():
            word = "call"
        case Choose():
            word = "choose"
        case None:
            word = "gate" if node.gate is not None else "wait" if node.wait is not None else "signal"
    return word


def _asks(run: Run, progress: Progress) -> str | None:
    gate = progress.node.gate
    if gate is None or progress.state is not NodeState.ASKING:
        return None
    try:
        return gate.ask.text_of(scope_of(run, progress))
    except MissingError as error:
        return f"{gate.ask.text} ({error})"


def _shown(progress: Progress, lines: list[PartLine]) -> str | None:
    """Its output as JSON, or the beginning of it."""
    if progress.out is not None:
        return json.dumps(progress.out)[:SHOWN_OUT]
    if progress.node.fan is not None or progress.node.scatter is not None:
        outs = [line.out for line in lines if line.out is not None]
        return f"[{', '.join(outs)}]"[:SHOWN_OUT] if outs else None
    return lines[0].out[:SHOWN_OUT] if lines and lines[0].out is not None else None


def _part(line: PartLine) -> dict[str, Any]:
    return {
        "item": line.item,
        "state": line.state,
        "reason": line.reason,
        "task": line.task,
        "agent": line.agent,
        "attempts": line.attempts,
        "queued_at": line.queued_at,
        "started_at": line.started_at,
        "ended_at": line.ended_at,
        "cost": line.cost,
    }


def critical_path(run: Run, nodes: dict[str, dict[str, Any]]) -> list[str]:
    """The nodes that decided when the run ended, or decide it now: back from the last one, each by its latest need."""
    begun = [name for name, node in nodes.items() if node["started_at"] is not None and not node["final"]]
    if not begun:
        return []
    path = [max(begun, key=lambda name: _end(nodes[name]))]
    while True:
        needs = [need for need in run.workflow.nodes[path[-1]].needs if _end(nodes[need]) > 0]
        if not needs:
            return path[::-1]
        path.append(max(needs, key=lambda name: _end(nodes[name])))


def _end(node: dict[str, Any]) -> float:
    if node["state"] in ("skipped", "upstream_failed", "pending"):
        return 0.0
    return float(node["ended_at"] or "inf")


def dry_document(workflow: Workflow, params: dict[str, Any], expected: dict[str, float]) -> dict[str, Any]:
    """What a run would do, in an order in which it could, with the seconds that are left from each node on."""
    left = ranks(workflow, expected)
    nodes = [
        {
            "name": name,
            "does": _does(Progress(workflow.nodes[name], 0)),
            "needs": list(workflow.nodes[name].needs),
            "start": workflow.nodes[name].start.value,
            "many": workflow.nodes[name].fan is not None or workflow.nodes[name].scatter is not None,
            "left": left[name],
        }
        for name in topological(workflow)
    ]
    return {"workflow": workflow.name, "params": params, "nodes": nodes}
