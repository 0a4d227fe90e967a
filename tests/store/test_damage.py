"""A store with odd rows in it is loaded all the same; each odd row is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from core import messages as m
from core.adapters.store import SqliteStore
from core.engine.ring import Ring
from core.model import AttemptId, Need, NeedKind
from core.rules.recovery import restore
from core.rules.world import World
from core.settings import AgentLimits, Limits
from tests.build import add, new
from tests.rules.runs_table import WHERE, definition

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.ports import Loaded

LIMITS = Limits(slots=2, agents=(AgentLimits("local"),))
FLOW = '[task.a]\nrun = ["a"]\n'


class Odd:
    """A store with six tasks, of which the first two run, and a run of a workflow with the seventh."""

    def __init__(self, path: Any) -> None:
        self.path = path
        self.store = SqliteStore(path)
        ring = Ring(self.store, LIMITS, 100.0)
        ring.apply(add(new(), new(), new(ok=(1,)), new(), new(), new(key="k")), 100.0)
        ring.apply(m.Started(AttemptId(1, 1), 33, 100.5), 101.0)
        ring.apply(m.StartRun(definition(FLOW), {}, WHERE, {}, "somebody"), 102.0)
        ring.apply(m.Emit("topic", {"a": 1}, "somebody"), 103.0)
        self.store.commit()

    def execute(self, statement: str, *values: Any) -> None:
        self.store.db.execute("PRAGMA ignore_check_constraints = 1")
        self.store.db.execute(statement, values)

    def load(self) -> tuple[Loaded, World]:
        """As a later engine does it."""
        self.store.close()
        self.store = SqliteStore(self.path)
        loaded = self.store.load()
        world = World(limits=LIMITS)
        restore(world, loaded.tasks, loaded.attempts, 200.0)
        return loaded, world


@pytest.fixture
def odd(tmp_path) -> Iterator[Odd]:
    found = Odd(tmp_path / "db")
    yield found
    found.store.close()


def test_nothing_is_named_where_nothing_is_odd(odd: Odd) -> None:
    loaded, world = odd.load()
    assert loaded.damaged == []
    assert list(world.tasks) == [1, 2, 3, 4, 5, 6, 7]
    assert list(world.attempts) == [1, 2]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("queued_at", "soon"),
        ("queued_at", float("inf")),
        ("place", b"\x00"),
        ("place", 1e300),
        ("not_before", "never"),
        ("priority", "high"),
        ("attempts", "none"),
        ("tries", b"1"),
        ("first_start", "x"),
        ("ahead", float("-inf")),
        ("agent", b"\xff"),
        ("grp", b"\xff"),
        ("reason", b"\xff"),
        ("key", b"k"),
        ("policy", 4711),
        ("policy", "x"),
        ("wanted", 4711),
        ("spawned_by", "somebody"),
        ("spawned_by", "1-x"),
        ("run", "x"),
        ("state", "sleeping"),
    ],
)
def test_an_odd_task_is_passed_over_and_named(odd: Odd, column: str, value: Any) -> None:
    odd.execute(f"UPDATE task SET {column} = ? WHERE id = 4", value)
    loaded, world = odd.load()
    assert list(world.tasks) == [1, 2, 3, 5, 6, 7]
    assert [(one.table, one.id) for one in loaded.damaged] == [("task", "4")]
    assert loaded.damaged[0].text


@pytest.mark.parametrize("text", ["{", "[]", '"x"', "null"])
def test_a_policy_that_cannot_be_read_costs_the_tasks_that_have_it(odd: Odd, text: str) -> None:
    odd.execute("INSERT INTO shared (id, text) VALUES (99, ?)", text)
    odd.execute("UPDATE task SET policy = 99 WHERE id = 5")
    loaded, world = odd.load()
    assert list(world.tasks) == [1, 2, 3, 4, 6, 7]
    assert [(one.table, one.id) for one in loaded.damaged] == [("task", "5")]


def test_bytes_that_are_no_text_do_not_end_the_loading(odd: Odd) -> None:
    odd.execute("UPDATE task SET reason = CAST(x'ff41' AS TEXT) WHERE id = 4")
    _, world = odd.load()
    assert world.tasks[4].reason == "\ufffdA"


def test_a_child_of_an_odd_task_waits_for_a_person(odd: Odd) -> None:
    odd.execute("UPDATE task SET queued_at = 'x' WHERE id = 1")
    _, world = odd.load()
    assert list(world.attempts) == [2]
    assert world.tasks[3].held


@pytest.mark.parametrize("need", [(3, 77, "after-ok", 0), (3, 5, "after-ok", 0), (3, 3, "after-any", 0)])
def test_a_need_of_what_cannot_be_needed_holds_its_task(odd: Odd, need: tuple[Any, ...]) -> None:
    odd.execute("INSERT INTO need VALUES (?, ?, ?, ?)", *need)
    _, world = odd.load()
    assert world.tasks[3].held
    assert world.tasks[3].needs == (Need(1, NeedKind.OK),)


@pytest.mark.parametrize("need", [(3, 2, "after-tea", 0), (3, "x", "after-ok", 0)])
def test_an_odd_need_is_named_and_holds_its_task(odd: Odd, need: tuple[Any, ...]) -> None:
    odd.execute("INSERT INTO need VALUES (?, ?, ?, ?)", *need)
    loaded, world = odd.load()
    assert [one.table for one in loaded.damaged] == ["need"]
    assert world.tasks[3].held


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("state", "asleep"),
        ("placed_at", "x"),
        ("started_at", "x"),
        ("started_at", float("inf")),
        ("server", "x"),
        ("launcher_pid", "x"),
        ("ending", "{"),
        ("ending", "[1]"),
        ("leftover", "["),
        ("result", "{}"),
        ("result", "no"),
        ("told", "[]"),
        ("spawned", "3"),
        ("output", '{"a": 1, "b": 2, "c": 3}x'),
        ("agent", b"\xff"),
        ("max_memory", "x"),
    ],
)
def test_an_odd_attempt_is_passed_over_and_named(odd: Odd, column: str, value: Any) -> None:
    odd.execute(f"UPDATE attempt SET {column} = ? WHERE task = 1", value)
    loaded, world = odd.load()
    assert list(world.attempts) == [2]
    assert ("attempt", "1-1") in [(one.table, one.id) for one in loaded.damaged]


def test_a_running_task_without_its_attempt_is_named_as_a_damaged_attempt(odd: Odd) -> None:
    odd.execute("DELETE FROM attempt WHERE task = 2")
    loaded, _ = odd.load()
    assert [(one.table, one.id) for one in loaded.damaged] == [("attempt", "2-1")]


def test_attempts_without_a_running_task_are_left_alone(odd: Odd) -> None:
    odd.execute("DELETE FROM task WHERE id = 1")
    odd.execute("UPDATE task SET state = 'queued' WHERE id = 2")
    loaded, world = odd.load()
    assert not world.attempts
    assert loaded.damaged == []


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("UPDATE run SET params = '{'", "run"),
        ("UPDATE run SET definition = 4711", "run"),
        ("UPDATE run SET state = 'sleeping'", "run"),
        ("UPDATE run SET queued_at = 'x'", "run"),
        ("UPDATE node SET items = '{'", "run"),
        ("UPDATE node SET name = 'other'", "run"),
        ("UPDATE node SET since = 'x'", "run"),
        ("UPDATE node SET state = 'x'", "run"),
        ("UPDATE shared SET text = 'x' WHERE id = (SELECT definition FROM run)", "run"),
        ("UPDATE event SET data = '{'", "event"),
        ("UPDATE event SET at = 'x'", "event"),
        ("INSERT INTO fired VALUES ('w', 'c', 'x')", "fired"),
        ("INSERT INTO grp VALUES ('g', 'x', 0)", "grp"),
        ("INSERT INTO agent VALUES ('a', 'asleep', 0, 0, NULL, NULL, '[]')", "agent"),
        ("INSERT INTO agent VALUES ('a', 'on', 'x', 0, NULL, NULL, '[]')", "agent"),
        ("INSERT INTO agent VALUES ('a', 'on', 0, 0, NULL, NULL, '[')", "agent"),
        ("INSERT INTO agent VALUES ('a', 'on', 0, 0, 'x', NULL, '[]')", "agent"),
    ],
)
def test_any_other_odd_row_is_passed_over_and_named(odd: Odd, statement: str, table: str) -> None:
    odd.execute(statement)
    loaded, world = odd.load()
    assert [one.table for one in loaded.damaged] == [table]
    assert list(world.tasks) == [1, 2, 3, 4, 5, 6, 7]
    assert loaded.runs == [] if table == "run" else len(loaded.runs) == 1


@pytest.mark.parametrize("value", ["abc", "", "2", "-5", "1e9", "9" * 40, "\x00"])
@pytest.mark.parametrize("name", ["next_task", "next_mail", "last_queued_at", "paused"])
def test_odd_numbers_of_the_store_itself_never_give_a_number_twice(odd: Odd, name: str, value: str) -> None:
    odd.execute("UPDATE meta SET value = ? WHERE name = ?", value, name)
    loaded, _ = odd.load()
    assert loaded.next_task == 8
    assert loaded.next_mail == 1 or (name, value) == ("next_mail", "2")


def test_a_number_that_only_an_attempt_has_is_not_given_again(odd: Odd) -> None:
    odd.execute("UPDATE meta SET value = '1' WHERE name = 'next_task'")
    odd.execute("DELETE FROM task WHERE id > 1")
    loaded, _ = odd.load()
    assert loaded.next_task == 3
