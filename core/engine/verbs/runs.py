"""The verbs of workflows and their runs."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

from core import messages as m
from core import requests as r
from core.boundary import BadInputError
from core.engine import workflow_files
from core.engine.documents import document
from core.engine.run_documents import SHOWN_PARTS, dry_document, run_document, run_line
from core.faults import Problem
from core.messages import RefusedError
from core.rules.routing import check_wanted
from core.rules.runs.releasing import wanted_of
from core.rules.runs.state import Part
from core.text import duration, one_line
from core.workflows.binding import bind
from core.workflows.model import Command, Prompt, RunState, Shell

if TYPE_CHECKING:
    from core.adapters.run_reading import RunReader
    from core.engine.engine import Engine
    from core.engine.verbs import Verbs
    from core.home import Home
    from core.runs import Definition
    from core.workflows.model import Workflow

RUN_STATES = tuple(state.value for state in RunState)


class RunVerbs:
    """`runs` reads what the store knows of them."""

    def __init__(self, engine: Engine, runs: RunReader, home: Home) -> None:
        self._engine = engine
        self._runs = runs
        self._home = home

    def verbs(self) -> Verbs:
        return {
            "run": (r.StartRun, self._start),
            "runs": (r.Runs, self._list),
            "run-show": (r.OneRun, self._show),
            "run-file": (r.OneRun, self._file),
            "run-wait": (r.WaitRun, self._wait),
            "run-cancel": (r.SomeRuns, self._cancel),
            "run-pause": (r.SomeRuns, self._pause),
            "run-resume": (r.SomeRuns, self._resume),
            "run-retry": (r.RetryRun, self._retry),
            "run-clean": (r.SomeRuns, self._clean),
            "gate": (r.Gate, self._gate),
            "events": (r.Events, self._events),
        }

    async def _start(self, wish: r.StartRun, who: str) -> object:
        definition = await self._load(wish.file)
        workflow = definition.workflow
        params, problems = bind(workflow, wish.params)
        if params is None:
            raise BadInputError([Problem(("params", *one.path), one.text) for one in problems])
        self._check_agents(workflow)
        expected = self._runs.expected(workflow.name)
        if wish.dry_run:
            return document(**dry_document(workflow, params, expected))
        where = wish.context
        surroundings = workflow_files.surroundings(self._home, where.cwd, where.env, where.umask)
        number = await self._engine.wish(m.StartRun(definition, params, surroundings, expected, "the operator"), who)
        return document(run=number, workflow=workflow.name)

    async def _load(self, file: str) -> Definition:
        path = workflow_files.find(self._home, file)
        definition, faults = await asyncio.to_thread(workflow_files.load, path, self._engine.settings)
        if definition is None:
            raise BadInputError([Problem((), str(fault)) for fault in faults])
        if not definition.workflow.on.manual:
            raise RefusedError("refused", f"{definition.workflow.name} is not started by hand: [on] manual = false")
        return definition

    def _check_agents(self, workflow: Workflow) -> None:
        """Before anything starts: a task that no agent could ever run."""
        problems = []
        for name, node in workflow.nodes.items():
            if not isinstance(node.work, (Command, Shell, Prompt)):
                continue
            for wish in range(len(node.fallback) + 1):
                try:
                    check_wanted(self._engine.world, wanted_of(node, Part(wish=wish)))
                except RefusedError as refused:
                    problems.append(Problem(("task", name, "agent"), str(refused)))
        if problems:
            raise BadInputError(problems)

    async def _list(self, wish: r.Runs, _who: str) -> object:
        if wish.state is not None and wish.state not in RUN_STATES:
            word = one_line(wish.state, 40)
            raise RefusedError("usage", f"{word!r} is not a state of runs: {', '.join(RUN_STATES)}")
        lines = self._runs.listed(wish.limit, state=wish.state, workflow=wish.workflow)
        return document(runs=list(map(run_line, lines)))

    async def _show(self, wish: r.OneRun, _who: str) -> object:
        run = self._engine.run(wish.run)
        lines, totals = self._runs.parts(run.id, SHOWN_PARTS), self._runs.totals(run.id)
        return document(run=run_document(self._engine.world, run, lines, totals, time.time()))

    async def _file(self, wish: r.OneRun, _who: str) -> object:
        """The workflow as it stood when the run was asked for, with what it calls."""
        kept = json.loads(self._engine.run(wish.run).definition.source)
        return document(run=wish.run, file=kept["file"], text=kept["text"], calls=kept["calls"])

    async def _wait(self, wish: r.WaitRun, _who: str) -> object:
        self._engine.run(wish.run)
        try:
            async with asyncio.timeout(wish.timeout):
                await self._engine.run_ended(wish.run)
        except TimeoutError:
            raise RefusedError("failed", f"still not ended after {duration(wish.timeout or 0)}") from None
        return document(run=run_line(self._runs.lines([wish.run])[0]))

    async def _cancel(self, wish: r.SomeRuns, who: str) -> object:
        return await self._engine.wish(m.CancelRuns(wish.runs), who)

    async def _pause(self, wish: r.SomeRuns, who: str) -> object:
        return await self._engine.wish(m.PauseRuns(wish.runs, paused=True), who)

    async def _resume(self, wish: r.SomeRuns, who: str) -> object:
        return await self._engine.wish(m.PauseRuns(wish.runs, paused=False), who)

    async def _retry(self, wish: r.RetryRun, who: str) -> object:
        return await self._engine.wish(m.RetryRun(wish.run, wish.node), who)

    async def _clean(self, wish: r.SomeRuns, who: str) -> object:
        return await self._engine.wish(m.CleanRuns(wish.runs), who)

    async def _gate(self, wish: r.Gate, who: str) -> object:
        return await self._engine.wish(m.AnswerGate(wish.run, wish.node, wish.approved, wish.text), who)

    async def _events(self, wish: r.Events, _who: str) -> object:
        return document(events=self._runs.events(wish.limit))
