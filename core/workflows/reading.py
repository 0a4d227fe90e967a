"""From the text of a workflow file, and of those that it calls, to a workflow, or to all that is wrong with them."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from core import tomlfile
from core.model import Policy
from core.workflows import salvage, triggers
from core.workflows.calls import Caller
from core.workflows.collecting import NAME, NAME_WORDS, Collector
from core.workflows.linking import Linker
from core.workflows.model import Param, Workflow
from core.workflows.nodes import Builder
from core.workflows.references import Known, References

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.faults import Problem
    from core.tomlfile import Fault
    from core.workflows.file import WorkflowFile
    from core.workflows.model import Node

_DEFAULTS = Policy()
_DECISIVE = frozenset(
    {"run", "prompt", "call", "choose", "matrix", "map", "reduce", "scatter", "wait", "needs", "output"}
)
"""Keys of a task that decide what others may say of it."""


def read(
    text: str, file: str, call: Callable[[str], str | None], policy: Policy = _DEFAULTS
) -> tuple[Workflow | None, tuple[Fault, ...]]:
    """The workflow that a text describes, or None and every fault of it and of what it calls.

    `file` names the text in faults. `call` has the text of a file that is called, by its path from the folder of this
    one, or None where there is none. What neither a task nor the file says of retries and limits is that of `policy`.
    """
    caller = Caller(call)
    faults: dict[str, tuple[Fault, ...]] = {}

    def one(text: str, path: str, trail: tuple[str, ...]) -> Workflow | None:
        faults[path] = ()
        shown = posixpath.join(posixpath.dirname(file), path)
        written, wrong = tomlfile.parse(text, shown)
        if written is None:
            faults[path] = wrong
            return None
        found, problems = _One(path, policy).workflow(written)
        if found is not None:
            found, more = caller.called(found, path, trail, one)
            problems += more
        if problems:
            faults[path] = tomlfile.located(dict.fromkeys(problems), text, shown)
        return None if problems else found

    found = one(text, posixpath.basename(file), ())
    wrong = tuple(fault for some in faults.values() for fault in some)
    return (None, wrong) if wrong else (found, ())


class _One:
    """Reads one file, without what it calls."""

    def __init__(self, path: str, policy: Policy) -> None:
        self._path = path
        self._policy = policy
        self._collector = Collector()

    def workflow(self, written: dict[str, object]) -> tuple[Workflow | None, list[Problem]]:
        """The workflow as far as it can be read, and all problems."""
        shaped = salvage.shaped(written)
        self._collector.problems += shaped.problems
        file = shaped.file
        if file is None:
            return None, self._collector.problems
        gone = {str(path[0]) for path, _ in shaped.problems if len(path) == 1 or path[0] not in ("task", "finally")}
        on = triggers.triggers(file.on, self._collector, grouped=file.run.group is not None)
        run = triggers.run_settings(file.run, self._collector)
        params = triggers.parameters(file.params, self._collector)
        lost = salvage.names(shaped.problems, "params")
        known_params = params | {name: Param(name, "json") for name in lost}
        faulty = salvage.names(shaped.problems, "task", "finally")
        nodes = self._nodes(file, faulty)
        nodes = Linker(nodes, faulty, self._collector).link(file.task | file.finally_)
        decisive = salvage.names(self._collector.problems, "task", "finally", keys=_DECISIVE)
        known = Known(
            None if "params" in gone and not lost else known_params, None if "on" in gone else on, faulty | decisive
        )
        nodes = References(nodes, known, self._collector).check()
        if not nodes and "task" not in gone and not faulty:
            self._collector.wrong((), "expected at least one task, as in [task.NAME]")
        name = self._name(file)
        return Workflow(name, nodes, params, on, run, {}, file.about), self._collector.problems

    def _name(self, file: WorkflowFile) -> str:
        name = file.name if file.name is not None else posixpath.splitext(posixpath.basename(self._path))[0]
        if not NAME.fullmatch(name):
            self._collector.wrong(("name",), f"expected {NAME_WORDS}")
        return name

    def _nodes(self, file: WorkflowFile, faulty: frozenset[str]) -> dict[str, Node]:
        builder = Builder(self._collector, self._policy, file.defaults)
        nodes = {}
        for final, section, tables in ((False, "task", file.task), (True, "finally", file.finally_)):
            for name, table in tables.items():
                if name in nodes:
                    self._collector.wrong((section, name), f"there is a task of this name already: [task.{name}]")
                    continue
                key = (section, name)
                nodes[name] = builder.node(name, table, key, final=final, whole=name not in faulty)
        return nodes
