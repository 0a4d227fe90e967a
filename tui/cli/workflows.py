"""workflow: files of workflows, checked and drawn without an engine."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.text import one_line
from tui.cli.codes import Exit
from tui.cli.output import document, line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from core.home import Home
    from core.tomlfile import Fault
    from core.workflows.model import Workflow


def workflow(options: argparse.Namespace, home: Home) -> int:
    verbs = {"check": _check, "graph": _graph, "schema": _schema}
    return verbs[options.workflow_verb](options, home)


def _check(options: argparse.Namespace, _home: Home) -> int:
    from core.workflows.loading import load

    found = {name: load(Path(name)).faults for name in options.files}
    faulty = any(found.values())
    if options.json:
        files = [{"file": name, "faults": [fault._asdict() for fault in faults]} for name, faults in found.items()]
        document({"schema": 1, "files": files})
        return Exit.USAGE if faulty else Exit.OK
    for name, faults in found.items():
        _complain(faults)
        if not faults:
            line(f"{name}: nothing is wrong")
    return Exit.USAGE if faulty else Exit.OK


def _complain(faults: Iterable[Fault]) -> None:
    for fault in faults:
        print(one_line(str(fault), 4096), file=sys.stderr)


def _graph(options: argparse.Namespace, _home: Home) -> int:
    from core.workflows.graph import dot, draw, mermaid
    from core.workflows.loading import load

    loaded = load(Path(options.file))
    found = loaded.workflow
    if found is None:
        _complain(loaded.faults)
        return Exit.USAGE
    if options.format == "json":
        document(_as_json(found))
    elif options.format == "text":
        print("\n".join(draw(found)))
    else:
        print({"mermaid": mermaid, "dot": dot}[options.format](found), end="")
    return Exit.OK


def _as_json(found: Workflow) -> dict[str, Any]:
    from core.workflows.graph import layers

    depth = {name: place for place, names in enumerate(layers(found)) for name in names}
    nodes = [
        {
            "name": node.name,
            "does": type(node.work).__name__.lower() if node.work is not None else None,
            "needs": list(node.needs),
            "start": node.start.value,
            "layer": depth[node.name],
            "final": node.final,
        }
        for node in found.nodes.values()
    ]
    return {"schema": 1, "name": found.name, "nodes": nodes}


def _schema(_options: argparse.Namespace, _home: Home) -> int:
    from core.workflows.schema import schema

    print(json.dumps(schema(), indent=2))
    return Exit.OK
