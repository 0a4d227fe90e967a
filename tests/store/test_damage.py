"""Rows that somebody has damaged: each is named, and no list of others ends for it."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from core import messages as m
from core.adapters import rows
from core.adapters.damage import DamagedRowError
from core.adapters.reading import Only, Reader
from core.adapters.store import SqliteStore
from core.bounds import MAX_ATTEMPTS, MAX_FACTOR
from core.engine.ring import Ring
from core.model import AttemptId, Policy, RetryPolicy
from core.settings import Limits
from tests.build import new

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """Two tasks of different policies that run."""
    with closing(SqliteStore(tmp_path / "db", "normal")) as store:
        ring = Ring(store, Limits(), time.time())
        tasks = (new(retry=RetryPolicy(attempts=2)), new(retry=RetryPolicy(attempts=3)))
        ring.apply(m.Add(tasks), time.time())
        for task in (1, 2):
            ring.apply(m.Started(AttemptId(task, 1), 10 + task, time.time()), time.time())
        store.commit()
        yield store


def _task(store: SqliteStore, task: int) -> object:
    row = store.db.execute(f"{rows.SELECT_TASK} WHERE id = ?", (task,)).fetchone()
    return rows.checked_task(row, (), rows.Shared(store.db))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("state", "asleep"),
        ("priority", "much"),
        ("not_before", float("inf")),
        ("not_before", "soon"),
        ("place", b"\xff"),
        ("attempts", 1.5),
        ("policy", 99),
        ("spawned_by", "nobody"),
        ("run", "three"),
        ("grp", b"\xff"),
    ],
)
def test_a_damaged_task_is_named_and_the_next_one_is_read(store: SqliteStore, column: str, value: Any) -> None:
    store.db.execute(f"UPDATE task SET {column} = ? WHERE id = 1", (value,))
    with pytest.raises(DamagedRowError) as told:
        _task(store, 1)
    assert (told.value.table, told.value.row) == ("task", 1)
    assert str(told.value).startswith("task 1 of the database cannot be read: ")
    _task(store, 2)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"retry": {}}', '{"retry": {"factor": NaN}, "timeouts": {}}', "[" * 5000]
)
def test_a_damaged_policy_is_named(store: SqliteStore, text: str) -> None:
    store.db.execute("UPDATE shared SET text = ? WHERE id = (SELECT policy FROM task WHERE id = 1)", (text,))
    with pytest.raises(DamagedRowError, match="task 1 of the database cannot be read"):
        _task(store, 1)
    _task(store, 2)


def test_what_earlier_versions_took_without_bounds_is_read_within_them(store: SqliteStore) -> None:
    """A factor without end was accepted, and ended each `ls`."""
    text = '{"retry": {"attempts": 99999999, "factor": Infinity, "first": 1e999}, "timeouts": {"run": Infinity}}'
    store.db.execute("UPDATE shared SET text = ? WHERE id = (SELECT policy FROM task WHERE id = 1)", (text,))
    policy: Policy = _task(store, 1).policy  # type: ignore[attr-defined]
    assert (policy.retry.attempts, policy.retry.factor) == (MAX_ATTEMPTS, MAX_FACTOR)
    assert [row.id for row in Reader(store.db).listed(Only(), 10)] == [1, 2]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("state", "asleep"),
        ("ending", "{"),
        ("ending", '["asleep", "", true]'),
        ("result", "3"),
        ("result", '{"outcome": "ok"}'),
        ("told", "[]"),
        ("leftover", "7"),
        ("output", "{"),
        ("exit_code", "none"),
        ("started_at", "soon"),
        ("cpu_seconds", float("inf")),
        ("launcher_pid", "x"),
    ],
)
def test_a_damaged_attempt_is_named(store: SqliteStore, column: str, value: Any) -> None:
    store.db.execute(f"UPDATE attempt SET {column} = ? WHERE task = 1", (value,))
    with pytest.raises(DamagedRowError, match="attempt 1-1 of the database cannot be read"):
        store.attempts_of(1)
    assert len(store.attempts_of(2)) == 1
    shown = Reader(store.db).attempts(1)
    assert [one["attempt"] for one in shown] == ["1-1"]


@pytest.mark.parametrize("text", ["{", "", "[" * 2000, '{"cost": "much"}', '{"cost": 1e999}', "Infinity", "null"])
def test_no_list_ends_for_one_bad_column_of_json(store: SqliteStore, text: str) -> None:
    store.db.execute("UPDATE shared SET text = ? WHERE id = (SELECT policy FROM task WHERE id = 1)", (text,))
    store.db.execute("UPDATE attempt SET result = ?, told = ?, leftover = ? WHERE task = 1", (text, text, text))
    reader = Reader(store.db)
    assert [row.id for row in reader.listed(Only(), 10)] == [1, 2]
    assert [row.id for row in sorted(reader.rows([1, 2]))] == [1, 2]
    assert reader.attempts(1)[0]["attempt"] == "1-1"
    reader.spent("local")
    store.family_cost(1)
    store.ran_on(1)
    reader.runs.totals(1)
    reader.runs.parts(1, 10)
    reader.runs.expected("any")


def test_counts_of_tokens_beyond_what_sql_takes_end_no_sum(store: SqliteStore) -> None:
    store.db.execute("UPDATE task SET run = 7, node = 'a', item = id")
    store.db.execute("UPDATE attempt SET result = ?", ('{"tokens_in": 9223372036854775807, "tokens_out": 1}',))
    assert Reader(store.db).runs.totals(7)["a"].tokens is not None


def test_damaged_mail_agents_groups_and_runs_are_named(store: SqliteStore) -> None:
    db = store.db
    db.execute("INSERT INTO mail VALUES (1, 1.0, 'nobody', NULL, 'operator', '', 'text', NULL, NULL, NULL, NULL)")
    db.execute("INSERT INTO mail VALUES (2, 1.0, NULL, NULL, 'operator', '', 'text', NULL, NULL, NULL, NULL)")
    with pytest.raises(DamagedRowError, match="mail 1 of"):
        store.mail([1])
    assert [one.id for one in Reader(db).mail(10)] == [2]
    with pytest.raises(DamagedRowError, match="agent local of"):
        rows.agent(("local", "asleep", 0, 0, None, None, "[]"))
    with pytest.raises(DamagedRowError, match="grp g of"):
        rows.group(("g", "many", 0))
    db.execute("UPDATE task SET argv = '[3]' WHERE id = 1")
    with pytest.raises(DamagedRowError, match="task 1 of"):
        store.spec(1)
