"""A run whose engine dies at every step, over the store on disk: whatever was lost, it comes to the same end.

An engine may die before a step is on disk, after that but before anything comes of it, and once everything has come of
it but nothing of that was heard. The programs live on outside: they have begun, ended, or were never told to begin.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter, deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from core import messages as m
from core.adapters.store import SqliteStore
from core.effects import MatchEvent, Start
from core.engine.ring import Ring
from core.model import Captured, PartId, Policy, ProcessId
from core.runs import Definition, Surroundings
from core.settings import Limits
from core.workflows.model import NodeState
from core.workflows.reading import read
from core.workflows.source import pack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.model import AttemptId
    from core.rules.step import Step

WORKFLOW = """
schema = 1
[run]
key = "once"
[defaults]
retry = { attempts = 2, first = "1s" }
[task.list]
run = ["list"]
output = { json = "-" }
[task.each]
needs = ["list"]
map = { over = "${list.out}" }
run = ["each", "${item}"]
output = { json = "-" }
[task.follow]
map = { each = "each" }
run = ["follow", "${item.out}"]
[task.join]
needs = ["each", "follow"]
reduce = { from = "each" }
run = ["join", "${each.out}"]
output = { json = "-" }
[task.route]
needs = ["join"]
choose = { on = "${join.out.way}", cases = { left = ["left"], right = ["right"] } }
[task.left]
needs = ["route"]
run = ["left"]
emit = { topic = "gone.left", data = { way = "${join.out.way}" } }
[task.right]
needs = ["route"]
run = ["right"]
[task.merge]
needs = ["left", "right"]
start = "none_failed"
call = { file = "inner.toml", with = { of = "${join.out.way}" } }
[task.ask]
needs = ["merge"]
gate = { ask = "Go on?" }
run = ["ask"]
[task.hear]
needs = ["merge"]
wait = { event = "said", where = "event.word == 'go'" }
[task.own]
needs = ["merge"]
wait = { event = "gone.left" }
[task.last]
needs = ["ask", "hear", "own"]
run = ["last", "${hear.out.word}"]
[finally.clean]
run = ["clean"]
"""
INNER = """
schema = 1
params.of = { type = "string", required = true }
[task.one]
run = ["one"]
[task.two]
needs = ["one"]
run = ["two", "${params.of}"]
output = { json = "-" }
"""
CALLS = {"inner.toml": INNER}
OUTPUTS: dict[str, Any] = {"list": [10, 20, 30], "each": 7, "join": {"way": "left"}, "two": 2}
TWICE = PartId(1, "each", 1)
"""Fails the first time."""
DEATHS = ("before it is on disk", "before anything comes of it", "before anything of it is heard")


def definition() -> Definition:
    workflow, faults = read(WORKFLOW, "outer.toml", CALLS.get)
    assert workflow is not None, faults
    return Definition(workflow, pack(WORKFLOW, "outer.toml", CALLS, Policy()))


class DeathError(Exception):
    pass


class Outside:
    """The programs. They begin when they are told to, and end one by one, the oldest first."""

    def __init__(self) -> None:
        self.begun: dict[AttemptId, PartId] = {}
        self.codes: dict[AttemptId, int] = {}
        self.runs: Counter[PartId] = Counter()

    def begin(self, attempt: AttemptId, part: PartId) -> None:
        assert attempt not in self.begun, "an attempt begins once"
        assert part not in self.alive(), f"{part} runs twice at once"
        self.begun[attempt] = part
        self.runs[part] += 1

    def alive(self) -> dict[PartId, AttemptId]:
        return {part: attempt for attempt, part in self.begun.items() if attempt not in self.codes}

    def end_one(self) -> AttemptId | None:
        alive = self.alive()
        for part, attempt in alive.items():
            self.codes[attempt] = int(part == TWICE and self.runs[part] == 1)
            return attempt
        return None

    def news(self, attempt: AttemptId, now: float) -> list[m.Message]:
        """What there is to find out about an attempt."""
        if attempt not in self.begun:
            return [m.NotPlaced(attempt, "the engine ended before it could start it")]
        found: list[m.Message] = [
            m.Placed(attempt, 0, attempt.task, ProcessId(1, 1.0, "b")),
            m.Started(attempt, 1, now),
        ]
        if attempt in self.codes:
            found.append(self.end_of(attempt, now))
        return found

    def end_of(self, attempt: AttemptId, now: float) -> m.Message:
        name, code = self.begun[attempt].node, self.codes[attempt]
        return m.Exited(attempt, code, now, None, Captured(OUTPUTS[name]) if name in OUTPUTS and code == 0 else None)


class Life:
    """Engines one after the other, over one file. The given step of the first one is its last."""

    def __init__(self, path: Path, definition: Definition, dies_at: int | None, how: str) -> None:
        self._path, self._definition, self._dies_at, self._how = path, definition, dies_at, how
        self.steps, self.deaths, self.now = 0, 0, 1000.0
        self.outside = Outside()
        self._open()

    def _open(self) -> None:
        self.store = SqliteStore(self._path, "normal")
        self.ring = Ring(self.store, Limits(slots=3), self.now)
        self.inbox: deque[m.Message] = deque([m.Ticked()])
        for attempt in self.ring.world.attempts.values():
            self.inbox += self.outside.news(attempt.id, self.now)
        self.inbox += [m.Match(event) for event in self.ring.unmatched]
        self._survey = len(self.inbox)

    def live(self) -> None:
        """Until nothing is left to happen."""
        while True:
            try:
                while (message := self._next()) is not None:
                    self._step(message)
                return
            except DeathError:
                self.deaths += 1
                self.store._db.close()
                self._open()

    def _next(self) -> m.Message | None:
        if self.inbox:
            return self.inbox.popleft()
        ended = self.outside.end_one()
        if ended is not None:
            return self.outside.end_of(ended, self.now)
        wish = self._wish()
        due = self.ring.world.timers.next_at
        if wish is None and due is not None:
            self.now = max(self.now, due)
            return m.Ticked()
        return wish

    def _wish(self) -> m.Message | None:
        """What the operator wants, as far as anybody can see that it has not been done."""
        run = self.ring.run(1)
        if run is None:
            return m.StartRun(self._definition, {}, Surroundings("/", (), 0o022, "/runs"), {}, "the operator")
        if run.nodes["ask"].state is NodeState.ASKING:
            return m.AnswerGate(1, "ask", True, "")
        if run.nodes["hear"].state is NodeState.WAITING:
            return m.Emit("said", {"word": "go"}, "the operator", "only")
        return None

    def _step(self, message: m.Message) -> None:
        self.steps += 1
        self._survey -= 1
        dies = self._survey < 0 if self._dies_at == ALWAYS else self.steps == self._dies_at
        step = self.ring.apply(message, self.now)
        if dies and self._how == DEATHS[0]:
            raise DeathError
        self.store.commit()
        if dies and self._how == DEATHS[1]:
            raise DeathError
        self._act(step)
        if dies:
            raise DeathError

    def _act(self, step: Step) -> None:
        for effect in step.effects:
            if isinstance(effect, Start):
                part = self.ring.world.tasks[effect.attempt.task].part
                assert part is not None
                self.outside.begin(effect.attempt, part)
                self.inbox += self.outside.news(effect.attempt, self.now)
            elif isinstance(effect, MatchEvent):
                self.inbox.append(m.Match(effect.event))

    def outcome(self) -> object:
        """Everything that must be the same however often the engine died."""
        runs = [run for run in map(self.ring.run, (1, 2, 3)) if run is not None]
        states = [(run.state, {name: one.state for name, one in run.nodes.items()}) for run in runs]
        parts = [(run.id, name, sorted(one.parts)) for run in runs for name, one in run.nodes.items()]
        tasks = self.store._db.execute("SELECT run, node, item, state FROM task ORDER BY run, node, item").fetchall()
        events = [(event["topic"], event["data"]) for event in self._events()]
        return states, parts, tasks, self.outside.runs, sorted(events, key=str)

    def _events(self) -> list[dict[str, Any]]:
        found = self.store._db.execute("SELECT topic, data FROM event WHERE matched = 1")
        return [{"topic": topic, "data": data} for topic, data in found]


ALWAYS = -1


def life(path: Path, definition: Definition, dies_at: int | None = None, how: str = DEATHS[2]) -> Life:
    path.mkdir()
    found = Life(path / "db", definition, dies_at, how)
    found.live()
    return found


@pytest.fixture(scope="module")
def workflow() -> Definition:
    return definition()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where the host has such a place: what is on disk here outlives an engine, no power cut."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="mx-", dir=memory) as made:
        yield Path(made)


def test_the_run_without_a_death_is_what_it_should_be(workflow: Definition, folder: Path) -> None:
    whole = life(folder / "whole", workflow)
    states, _, tasks, runs, events = whole.outcome()  # type: ignore[misc]
    whole.store.close()
    assert [state for state, _ in states] == ["succeeded", "succeeded"]
    assert {name: state for name, state in states[0][1].items() if state != "succeeded"} == {"right": "skipped"}
    assert runs == Counter({PartId(*part): 1 for *part, _ in tasks}) + Counter({TWICE: 1})
    assert len(tasks) == 14
    assert [topic for topic, _ in events] == ["gone.left", "said"]


@pytest.mark.parametrize("how", DEATHS)
def test_a_death_at_any_step_changes_nothing_of_what_a_run_comes_to(
    how: str, workflow: Definition, folder: Path
) -> None:
    whole = life(folder / "whole", workflow)
    expected = whole.outcome()
    whole.store.close()
    assert whole.steps > 50
    for step in range(1, whole.steps + 1):
        found = life(folder / str(step), workflow, step, how)
        assert found.deaths == 1
        assert found.outcome() == expected, f"step {step}"
        found.store.close()


def test_engines_that_die_one_step_after_they_came_back_come_to_the_same_end(
    workflow: Definition, folder: Path
) -> None:
    whole = life(folder / "whole", workflow)
    expected = whole.outcome()
    whole.store.close()
    found = life(folder / "always", workflow, ALWAYS)
    assert found.deaths > 15
    assert found.outcome() == expected
    found.store.close()
