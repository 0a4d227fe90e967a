"""Random graphs, news and wishes: runs end, as a second, naive opinion says; nothing begins twice, nothing is lost."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core import messages as m
from core.effects import EndTree, Start
from core.kinds.result import Result
from core.model import AttemptId, Captured, TaskState
from core.rules.runs.state import Run
from core.workflows.model import NodeState, RunState
from tests.rules.random_flows import SUB, flows
from tests.rules.run_model import RunModel
from tests.rules.runs_table import WHERE, RunTable, definition
from tests.store.twin import Twin

LISTS = ([], [1], [1, 2, 3])
MOST_RUNS = 3


class Runs(RuleBasedStateMachine):
    @initialize(text=flows(), slots=st.sampled_from([1, 2, 100]))
    def begin(self, text: str, slots: int) -> None:
        self.folder = TemporaryDirectory()
        self.store = Twin(Path(self.folder.name, "db"))
        self.table = RunTable(store=self.store, slots=slots)
        self.what = definition(text.removeprefix("schema = 1\n"), sub=SUB.removeprefix("schema = 1\n"))
        self.said: dict[Any, Any] = {}
        self.touched: set[int] = set()
        """Runs with which somebody has interfered, with those around them."""
        self.retried: set[int] = set()
        self.ending: list[AttemptId] = []
        self.old: list[AttemptId] = []
        self.start()

    def tell(self, message: m.Message) -> Any:
        table = self.table
        before = {number for number, run in table.ring.world.runs.items() if run.state is RunState.PAUSED}
        try:
            reply = table.tell(message)
        except m.RefusedError as refused:
            assert str(refused)
            return None
        for effect in table.effects:
            match effect:
                case Start(attempt):
                    part = table.store.tasks[attempt.task].part
                    run = None if part is None else table.ring.world.runs.get(part.run)
                    still = run is not None and run.id in before and run.state is RunState.PAUSED
                    assert not still, "something of a paused run starts"
                case EndTree(attempt):
                    self.ending.append(attempt)
        return reply

    # What there is

    @property
    def live(self) -> dict[int, Run]:
        return self.table.ring.world.runs

    def some_run(self, pick: int) -> int:
        known = sorted(self.table.store.runs.runs)
        return known[pick % len(known)]

    def touch(self, run: int) -> None:
        """Those that it calls and that call it too."""
        every = self.table.store.runs.runs
        todo = [run]
        while todo:
            one = todo.pop()
            if one in self.touched:
                continue
            self.touched.add(one)
            todo += [other.id for other in every.values() if other.parent is not None and other.parent.run == one]
            todo += [parent.run] if (parent := every[one].parent) is not None else []

    # Rules

    @precondition(lambda self: sum(run.parent is None for run in self.live.values()) < MOST_RUNS)
    @rule()
    def start(self) -> None:
        self.tell(m.StartRun(self.what, {"no": False}, WHERE, {}, "the operator"))

    @precondition(lambda self: self.table.ring.world.attempts)
    @rule(
        pick=st.integers(0, 99),
        news=st.sampled_from(["ok", "ok", "ok", "ok", "failed", "failed", "started", "lost", "not placed"]),
        items=st.sampled_from(LISTS),
        text=st.sampled_from(["x", "y"]),
    )
    def news(self, pick: int, news: str, items: Any, text: str) -> None:
        attempts = sorted(attempt.id for attempt in self.table.ring.world.attempts.values())
        self.happen(attempts[pick % len(attempts)], news, items, text)

    def happen(self, attempt: AttemptId, news: str, items: Any = (), text: str = "x") -> None:
        now = self.table.now
        leaves = self.table.store.specs[attempt.task].launch.leaves
        match news:
            case "ok":
                kind = None if leaves is None else leaves.kind
                value = None if kind is None else list(items) if kind == "json" else text
                self.said[attempt.task] = value
                self.old.append(attempt)
                told = Result("ok") if self.table.store.specs[attempt.task].wanted.prompts else None
                self.tell(m.Exited(attempt, 0, now, told, None if kind is None else Captured(value)))
            case "failed":
                self.old.append(attempt)
                self.tell(m.Exited(attempt, 1, now))
            case "started":
                self.tell(m.Started(attempt, 6, now))
            case "lost":
                self.old.append(attempt)
                self.tell(m.LauncherGone(attempt, (), now))
            case "not placed" if self.table.ring.world.attempts[attempt.task].started_at is None:
                self.tell(m.NotPlaced(attempt, "no tmux"))

    @precondition(lambda self: self.ending)
    @rule(pick=st.integers(0, 99))
    def tree_ended(self, pick: int) -> None:
        attempt = self.ending.pop(pick % len(self.ending))
        self.tell(m.TreeEnded(attempt, ()))

    @precondition(lambda self: self.old)
    @rule(pick=st.integers(0, 99), code=st.sampled_from([0, 1]))
    def late_news(self, pick: int, code: int) -> None:
        attempt = self.old[pick % len(self.old)]
        current = self.table.ring.world.attempts.get(attempt.task)
        if current is None or current.id != attempt:
            self.tell(m.Exited(attempt, code, self.table.now))
            self.tell(m.Started(attempt, 6, self.table.now))

    @precondition(lambda self: self.asking())
    @rule(pick=st.integers(0, 99), approved=st.booleans())
    def answer(self, pick: int, approved: bool) -> None:
        asking = self.asking()
        run, name = asking[pick % len(asking)]
        self.said[run, name] = approved
        self.tell(m.AnswerGate(run, name, approved))

    def asking(self) -> list[tuple[int, str]]:
        return [
            (run.id, name)
            for run in self.live.values()
            for name, progress in run.nodes.items()
            if progress.state is NodeState.ASKING
        ]

    @rule(pick=st.integers(0, 99))
    def cancel(self, pick: int) -> None:
        if pick % 4 == 0:
            self.touch(self.some_run(pick))
            self.tell(m.CancelRuns((self.some_run(pick),)))

    @rule(pick=st.integers(0, 99), paused=st.booleans())
    def pause(self, pick: int, paused: bool) -> None:
        self.tell(m.PauseRuns((self.some_run(pick),), paused))

    @rule(pick=st.integers(0, 99), node=st.integers(-1, 6))
    def retry_run(self, pick: int, node: int) -> None:
        if pick % 3 == 0:
            run = self.some_run(pick)
            self.touch(run)
            self.tell(m.RetryRun(run, None if node < 0 else f"n{node}"))
            self.touch(run)

    @rule(pick=st.integers(0, 99), count=st.integers(1, 3))
    def retry_task(self, pick: int, count: int) -> None:
        ended = [task.id for task in self.table.store.tasks.values() if task.state.ended]
        if ended and pick % 3 == 0:
            tasks = {ended[(pick + place * 7) % len(ended)] for place in range(count)}
            for task in tasks:
                part = self.table.store.tasks[task].part
                assert part is not None
                self.touch(part.run)
            self.retried |= self.touched
            self.tell(m.Retry(tuple(tasks)))

    @precondition(lambda self: self.table.ring.world.tasks)
    @rule(pick=st.integers(0, 99), now=st.booleans())
    def stop_task(self, pick: int, now: bool) -> None:
        tasks = sorted(self.table.ring.world.tasks)
        if pick % 3 == 0:
            self.tell(m.Stop((tasks[pick % len(tasks)],), now))

    @rule(seconds=st.sampled_from([0.0, 1.0, 20.0]))
    def wait(self, seconds: float) -> None:
        self.table.now += seconds
        self.tell(m.Ticked())

    @rule()
    def restart(self) -> None:
        self.table.restart()

    @rule(pick=st.integers(0, 99))
    def clean(self, pick: int) -> None:
        """What the tasks of ended runs had told is known without them."""
        tasks = self.store.cleanable(None, 0)
        if tasks and pick % 5 == 0:
            some = tasks[pick % len(tasks) :]
            for run in self.store.runs_of(some):
                self.touch(run)
            self.tell(m.Clean(tuple(some)))

    # What must hold

    @invariant()
    def limits_are_held(self) -> None:
        for run in self.live.values():
            most = run.workflow.run.max_active
            if run.id in self.retried:
                continue
            assert most is None or run.active <= most
            for progress in run.nodes.values():
                fan = progress.node.fan
                assert fan is None or fan.parallel is None or progress.active <= fan.parallel

    @invariant()
    def the_disk_knows_every_part(self) -> None:
        if hasattr(self, "store"):
            self.store.agree()

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        try:
            self._come_to_an_end()
        finally:
            self.store.disk.close()
            self.folder.cleanup()

    def _come_to_an_end(self) -> None:
        """Once everything goes well, every run comes to its end."""
        for _ in range(300):
            if not self.live:
                break
            self._go_on()
        assert not self.live, "a run never ended"
        assert not self.table.ring.world.tasks, "a task never ended"
        self._compare()

    def _go_on(self) -> None:
        table = self.table
        for number, run in list(self.live.items()):
            if run.state is RunState.PAUSED:
                self.tell(m.PauseRuns((number,), False))
            elif any(part.held for progress in run.nodes.values() for part in progress.parts.values()):
                self.touch(number)
                self.tell(m.CancelRuns((number,)))
        for run, name in self.asking():
            self.said[run, name] = True
            self.tell(m.AnswerGate(run, name, True))
        for attempt in [one.id for one in table.ring.world.attempts.values()]:
            self.tell(m.TreeEnded(attempt, ()))
            if table.ring.world.attempt(attempt) is not None:
                self.happen(attempt, "ok", [1, 2])
            self.tell(m.TreeEnded(attempt, ()))
        table.now += 40
        self.tell(m.Ticked())

    def _gave_up(self, run: Run) -> bool:
        """Itself, or one that had called it, or somebody has stopped that: then it was stopped in the middle."""
        caller = None if run.parent is None else self.table.of(run.parent.run)
        itself = run.workflow.run.on_failure == "cancel" and run.state is not RunState.SUCCEEDED
        return itself or (caller is not None and (caller.id in self.touched or self._gave_up(caller)))

    def _compare(self) -> None:
        store = self.table.store
        for number in sorted(store.runs.runs.keys() - self.touched):
            run = self.table.of(number)
            model = RunModel(store, run.workflow, number, self.said)
            if self._gave_up(run):
                continue
            states = {name: progress.state.value for name, progress in run.nodes.items()}
            expected = {name: model.state(name) for name in states}
            assert states == expected, f"run {number}"
            assert run.state.value == model.outcome(), f"run {number}: {run.reason}"
            for name, progress in run.nodes.items():
                for item in progress.parts:
                    assert len(model.tasks(name, item)) <= 1 + len(progress.node.fallback)
            tasks = [task for task in store.tasks.values() if task.part is not None and task.part.run == number]
            assert all(task.state is not TaskState.QUEUED for task in tasks)


TestRuns = Runs.TestCase
TestRuns.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
