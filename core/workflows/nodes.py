"""From the table of a task to a node."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.model import Policy
from core.workflows import clashes, policies, waits, works
from core.workflows.collecting import NAME, NAME_WORDS, RESERVED, Collector, Key
from core.workflows.model import AgentWish, Node
from core.workflows.parts import Parts
from core.workflows.tasktable import many

if TYPE_CHECKING:
    from core.workflows.expressions import Template
    from core.workflows.file import DefaultsTable
    from core.workflows.tasktable import TaskTable

_NO_POLICY = Policy()
_ANYBODY = AgentWish()


class Builder:
    """Makes the nodes of one file. What is wrong with each of them alone goes to the collector."""

    def __init__(self, collector: Collector, base: Policy, defaults: DefaultsTable) -> None:
        self._collector = collector
        self._policies = policies.Policies(base, defaults)
        self._defaults = defaults

    def node(self, name: str, task: TaskTable, key: Key, *, final: bool, whole: bool) -> Node:
        """`whole` is False where faulty keys were left out: what goes together is not known then."""
        parts = Parts(self._collector, name, key)
        if not NAME.fullmatch(name) or name in RESERVED:
            parts.wrong(
                "expressions use this name for something else" if name in RESERVED else f"expected {NAME_WORDS}"
            )
        if whole:
            parts.tell(clashes.clashes(task))
        parts.tell(policies.faults(task))
        programmed = task.run is not None or task.prompt is not None
        policy, lost = self._policies.of(task) if programmed else (_NO_POLICY, "hold")
        return Node(
            name=name,
            work=works.work(parts, task),
            needs=tuple(dict.fromkeys(many(task.needs))),
            start=task.start,
            when=None if task.when is None else parts.condition(task.when, "when"),
            fan=works.fan(parts, task),
            scatter=works.scatter(parts, task),
            reduce=works.reduce(parts, task),
            gate=waits.gate(parts, task),
            wait=waits.wait(parts, task),
            emit=waits.emit(parts, task),
            send=waits.send(parts, task),
            cwd=self._cwd(parts, task) if programmed else None,
            env=self._env(parts, task) if programmed else (),
            agent=self._agent(parts, task) if programmed else _ANYBODY,
            fallback=parts.fallback(task),
            affinity=None if task.affinity is None else parts.template(task.affinity, "affinity"),
            pool=parts.word(task.pool, "pool"),
            priority=task.priority,
            policy=policy,
            lost=lost,
            output=parts.output(task),
            expect=task.expect,
            final=final,
        )

    def _cwd(self, parts: Parts, task: TaskTable) -> Template | None:
        if task.cwd is not None:
            return parts.template(task.cwd, "cwd")
        return None if self._defaults.cwd is None else parts.default(self._defaults.cwd, ("defaults", "cwd"))

    def _env(self, parts: Parts, task: TaskTable) -> tuple[tuple[str, Template], ...]:
        found = {
            name: parts.default(value, ("defaults", "env", name))
            for name, value in self._defaults.env.items()
            if name not in task.env
        }
        for name, value in task.env.items():
            found[name] = parts.variable(name, value)
        return tuple(found.items())

    def _agent(self, parts: Parts, task: TaskTable) -> AgentWish:
        own = parts.wish(task.agent, (*parts.key, "agent"))
        wish = parts.wish(self._defaults.agent, ("defaults", "agent")) if own is None else own
        if task.scatter is not None and task.scatter.needs:
            needs = (wish or _ANYBODY).needs | frozenset(many(task.scatter.needs))
            return replace(wish or _ANYBODY, needs=needs)
        return wish or _ANYBODY
