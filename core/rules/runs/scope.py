"""The values that a node's templates may name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.rules.runs.state import Progress, Run

Scope = dict[str, Any]


def scope_of(run: Run, progress: Progress) -> Scope:
    """What is the same for all parts of the node; of other nodes only those that it names."""
    found: Scope = {
        "params": run.params,
        "event": run.event,
        "run": {
            "id": run.id,
            "key": run.key,
            "name": run.workflow.name,
            "folder": run.folder,
            "started_at": run.started_at,
        },
        "inputs_file": inputs_file(run, progress),
    }
    for root in run.plan.references[progress.node.name]:
        named = run.nodes.get(root)
        if named is not None:
            found[root] = {"out": out_of(named), "state": named.state.value, "error": named.reason}
    return found


def part_scope(run: Run, progress: Progress, common: Scope, index: int) -> Scope:
    fan, items = progress.node.fan, progress.items
    if fan is None or items is None:
        return common
    return common | {fan.name: item_of(run, progress, index), "index": index}


def item_of(run: Run, progress: Progress, index: int) -> Any:  # noqa: ANN401 - a JSON value
    """What a part of a fan runs for: an element, a list of them, or how the part that it follows went."""
    source, value = run.source(progress), element(progress, index)
    if source is None:
        return value
    part = source.parts[index]
    return {"index": index, "value": value, "out": part.out, "state": part.state.value}


def element(progress: Progress, index: int) -> Any:  # noqa: ANN401 - a JSON value
    """What a part has of the node's list: one element, or a list of those that it takes at a time."""
    fan, items = progress.node.fan, progress.items
    assert items is not None
    if fan is None or fan.batch == 1:
        return items[index]
    return items[index * fan.batch : (index + 1) * fan.batch]


def part_count(progress: Progress) -> int:
    """How many parts the node has; 0 before it is known."""
    if progress.items is None:
        return 0
    fan = progress.node.fan
    return len(progress.items) if fan is None or fan.batch == 1 else -(-len(progress.items) // fan.batch)


def out_of(progress: Progress) -> Any:  # noqa: ANN401 - a JSON value
    """The output of a node: of one that runs many times the list of its parts', of several agents their answers."""
    node, parts = progress.node, progress.parts
    if node.scatter is not None:
        return _answers([parts[index].out for index in sorted(parts) if parts[index].out is not None])
    if node.fan is not None:
        return [parts[index].out if index in parts else None for index in range(part_count(progress))]
    return parts[0].out if 0 in parts else progress.out


def _answers(outs: list[Any]) -> Scope:
    """`results`, `count`, and `KEY_count` of the answers in which KEY is true."""
    tables = [out for out in outs if isinstance(out, dict)]
    counts = {f"{key}_count": 0 for table in tables for key, value in table.items() if isinstance(value, bool)}
    for table in tables:
        for key, value in table.items():
            if value is True:
                counts[f"{key}_count"] += 1
    return {**counts, "results": outs, "count": len(outs)}


def inputs_file(run: Run, progress: Progress) -> str | None:
    """Where the outputs that a reducing node gathers are written before its task begins."""
    return f"{run.folder}/{progress.node.name}.inputs.json" if progress.node.reduce is not None else None
