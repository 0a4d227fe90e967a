"""The truth in one SQLite file: a transaction a turn, intent on disk before any effect."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from contextlib import closing
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from core.adapters import rows
from core.adapters.damage import json_at
from core.adapters.run_rows import RunRows
from core.model import TaskSpec, TaskState
from core.ports import MAIL_AT_ONCE, Loaded, Recalled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from core.model import AttemptId, Launch
    from core.rules.step import Step
    from core.rules.world import Attempt, Task
    from core.runs import StoredRun
    from core.speech import Address, Mail

SCHEMA = "5"
FRESH_AT_MOST = 1024
"""Latest tasks whose launches are kept at hand: most start soon after they were added."""
_LIVE = "state IN ('queued', 'running')"
_AMONG = "(SELECT value FROM json_each(?))"
_NAMED_AMONG = "(SELECT CAST(value AS TEXT) FROM json_each(?))"


class StoreError(Exception):
    """The file cannot be used; the text says why and what to do."""


class SqliteStore:
    """`core.ports.Store` over a file. Owned by one thread of one process: the engine's lock sees to it."""

    def __init__(self, path: Path, durability: str = "full") -> None:
        self._path = path
        self._db = sqlite3.connect(path, isolation_level=None, cached_statements=256)
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise
        self._shared = rows.Shared(self._db)
        self._runs = RunRows(self._db, self._shared)
        self._fresh: dict[int, Launch] = {}
        self._open = False
        self._journal = os.open(f"{path}-wal", os.O_RDONLY | os.O_CLOEXEC) if durability == "full" else -1

    def _prepare(self) -> None:
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("PRAGMA temp_store = MEMORY")
            self._db.execute("PRAGMA wal_autocheckpoint = 0")
            self._db.executescript(files("core.adapters").joinpath("schema.sql").read_text())
            self._check_schema()
        except sqlite3.Error as error:
            raise StoreError(
                f"{self._path} cannot be used: {error}; move it and its -wal away, or choose another home"
            ) from error

    def _check_schema(self) -> None:
        found = self._meta("schema")
        if found is None:
            self._db.execute("INSERT INTO meta VALUES ('schema', ?)", (SCHEMA,))
        elif found != SCHEMA:
            raise StoreError(
                f"{self._path} has schema {found}, this muxdeck reads {SCHEMA}: use the version that wrote it"
            )

    @property
    def db(self) -> sqlite3.Connection:
        """For the reading side; nobody else writes."""
        return self._db

    def close(self) -> None:
        if self._journal >= 0:
            os.close(self._journal)
        self._db.close()

    def checkpoint(self) -> None:
        """Folds the journal into the file, over a connection of its own: may run in another thread."""
        with closing(sqlite3.connect(self._path, isolation_level=None, timeout=0)) as folding:
            folding.execute("PRAGMA wal_checkpoint(PASSIVE)")

    # Writing

    def keep(self, step: Step, who: str) -> None:
        if not self._open:
            self._db.execute("BEGIN IMMEDIATE")
            self._open = True
        self._keep_tasks(step)
        self._keep_attempts(step)
        self._keep_mail(step)
        self._many("INSERT OR REPLACE INTO grp VALUES (?, ?, ?)", map(rows.of_group, step.groups.values()))
        self._many(
            "INSERT OR REPLACE INTO agent VALUES (?, ?, ?, ?, ?, ?, ?)", map(rows.of_agent, step.agents.values())
        )
        self._runs.keep(step)
        if step.paused_all:
            self._set_meta("paused", "1" if step.world.paused else "0")
        notes = [(step.now, who, note.task, note.text) for note in step.notes]
        self._many("INSERT INTO note (at, who, task, text) VALUES (?, ?, ?, ?)", notes)

    def _keep_mail(self, step: Step) -> None:
        if step.mail:
            self._many(rows.PUT_MAIL, map(rows.of_mail, step.mail.values()))
            self._set_meta("next_mail", str(step.world.next_mail))
        if step.forgotten:
            self._db.execute(f"DELETE FROM mail WHERE id IN {_AMONG}", (json.dumps(step.forgotten),))

    def _many(self, statement: str, values: Iterable[tuple[Any, ...]]) -> None:
        for row in values:
            self._db.execute(statement, row)

    def _keep_tasks(self, step: Step) -> None:
        added = {task.id for task, _ in step.added}
        if added:
            self._insert_tasks(step)
        changed = [task for task_id, task in step.tasks.items() if task_id not in added]
        self._many(rows.UPDATE_TASK, [rows.of_changed_task(task, step.now) for task in changed])
        needs = [(child, parent, kind.value, met) for (child, parent), (kind, met) in step.needs.items()]
        self._many("INSERT OR REPLACE INTO need VALUES (?, ?, ?, ?)", needs)
        for task_id, spec in step.edited.items():
            self._fresh.pop(task_id, None)
            self._db.execute(rows.UPDATE_SPEC, (*self._shared.of_spec(spec), task_id))
        if step.removed:
            self._fresh.clear()
            self._runs.forget_tasks(step.removed)
            among = json.dumps(step.removed)
            for table, column in (("task", "id"), ("attempt", "task"), ("need", "child"), ("note", "task")):
                self._db.execute(f"DELETE FROM {table} WHERE {column} IN {_AMONG}", (among,))
            self._db.execute(f"DELETE FROM mail WHERE kind = 'task' AND name IN {_NAMED_AMONG}", (among,))

    def _insert_tasks(self, step: Step) -> None:
        self._db.executemany(
            rows.INSERT_TASK,
            [(*rows.of_new_task(task, step.now), *self._shared.of_spec(spec)) for task, spec in step.added],
        )
        if len(self._fresh) + len(step.added) > FRESH_AT_MOST:
            self._fresh.clear()
        self._fresh.update((task.id, spec.launch) for task, spec in step.added[:FRESH_AT_MOST])
        self._set_meta("last_queued_at", repr(step.world.last_queued_at))
        self._set_meta("next_task", str(step.world.next_task))

    def _keep_attempts(self, step: Step) -> None:
        self._many(rows.PUT_ATTEMPT, map(rows.of_attempt, step.attempts.values()))
        self._many("DELETE FROM attempt WHERE task = ? AND number = ?", step.withdrawn)

    def commit(self) -> None:
        if self._open:
            self._db.execute("COMMIT")
            self._open = False

    @property
    def syncs(self) -> bool:
        return self._journal >= 0

    def sync(self) -> None:
        """SQLite itself waits for the disk only when it folds the journal; here whoever must be sure does."""
        os.fdatasync(self._journal)

    # Reading back

    def load(self) -> Loaded:
        return Loaded(
            tasks=self._live_tasks(),
            attempts=self._live_attempts(),
            groups=[rows.group(row) for row in self._db.execute("SELECT * FROM grp")],
            agents=[rows.agent(row) for row in self._db.execute("SELECT * FROM agent")],
            counts=self._counts(),
            next_task=int(self._meta("next_task") or 1),
            next_mail=int(self._meta("next_mail") or 1),
            last_queued_at=float(self._meta("last_queued_at") or 0),
            paused=self._meta("paused") == "1",
            runs=self._runs.live(),
            next_run=self._runs.following("run"),
            next_event=self._runs.following("event"),
            unmatched=self._runs.unmatched(),
            fired=self._runs.fired(),
        )

    def _live_tasks(self) -> Iterator[Task]:
        needs = self._needs(f"met = 0 AND child IN (SELECT id FROM task WHERE {_LIVE})")
        for row in self._db.execute(f"{rows.SELECT_TASK} WHERE {_LIVE} ORDER BY id"):
            yield rows.task(row, needs.get(row[0], ()), self._shared)

    def _live_attempts(self) -> list[Attempt]:
        live = "state NOT IN ('exited', 'killed', 'lost')"
        among = f"task IN (SELECT id FROM task WHERE {_LIVE})"
        return [rows.attempt(row) for row in self._db.execute(f"{rows.SELECT_ATTEMPT} WHERE {among} AND {live}")]

    def _needs(self, where: str, *args: str) -> dict[int, tuple[Any, ...]]:
        found: dict[int, tuple[Any, ...]] = {}
        for child, parent, kind in self._db.execute(f"SELECT child, parent, kind FROM need WHERE {where}", args):
            found[child] = (*found.get(child, ()), rows.need(parent, kind))
        return found

    def _counts(self) -> Counter[TaskState]:
        counted = self._db.execute("SELECT state, count(*) FROM task WHERE ended_at IS NOT NULL GROUP BY state")
        return Counter({TaskState(state): count for state, count in counted})

    def states(self, tasks: Iterable[int]) -> dict[int, TaskState]:
        found = self._db.execute(f"SELECT id, state FROM task WHERE id IN {_AMONG}", (json.dumps(list(tasks)),))
        return {task_id: TaskState(state) for task_id, state in found}

    def ran_on(self, task: int) -> str | None:
        query = f"""SELECT agent FROM attempt WHERE task = ?
                    ORDER BY {json_at("result", "$.session")} IS NULL, number DESC LIMIT 1"""
        found = self._db.execute(query, (task,))
        row = found.fetchone()
        return None if row is None else str(row[0])

    def by_key(self, keys: Sequence[str]) -> dict[str, int]:
        return dict(self._db.execute(f"SELECT key, id FROM task WHERE key IN {_AMONG}", (json.dumps(keys),)))

    def recall(self, tasks: Iterable[int], *, stopped: bool) -> Recalled:
        among = json.dumps(list(tasks))
        ids = [row[0] for row in self._db.execute(_STOPPED_BELOW if stopped else _ENDED_AMONG, (among,))]
        if not ids:
            return Recalled()
        among = json.dumps(ids)
        needs = self._needs(f"child IN {_AMONG}", among)
        selected = self._db.execute(f"{rows.SELECT_TASK} WHERE id IN {_AMONG} ORDER BY id", (among,))
        recalled = [rows.task(row, needs.get(row[0], ()), self._shared) for row in selected]
        parents = {need.parent for of_task in needs.values() for need in of_task}
        return Recalled(
            tasks=recalled, ended={id_: state for id_, state in self.states(parents).items() if state.ended}
        )

    def waiting_mail(self, to: Sequence[Address], now: float) -> list[Mail]:
        where = " OR ".join(["(kind = ? AND name = ?)"] * len(to))
        query = f"""{rows.SELECT_MAIL} WHERE taken_at IS NULL AND ({where})
                    AND (expires_at IS NULL OR expires_at > ?) ORDER BY id LIMIT ?"""
        names = [part for address in to for part in address]
        return [rows.mail(row) for row in self._db.execute(query, (*names, now, MAIL_AT_ONCE))]

    def mail(self, ids: Sequence[int]) -> list[Mail]:
        found = self._db.execute(f"{rows.SELECT_MAIL} WHERE id IN {_AMONG} ORDER BY id", (json.dumps(ids),))
        return list(map(rows.mail, found))

    def mail_of(self, reader: str) -> list[Mail]:
        return list(map(rows.mail, self._db.execute(f"{rows.SELECT_MAIL} WHERE taken_by = ? ORDER BY id", (reader,))))

    def taken_before(self, attempt: AttemptId) -> list[Mail]:
        among = json.dumps([str(attempt._replace(number=number)) for number in range(1, attempt.number)])
        query = f"{rows.SELECT_MAIL} WHERE taken_by IN {_AMONG} AND acked_at IS NULL ORDER BY id"
        return list(map(rows.mail, self._db.execute(query, (among,))))

    def spent_mail(self, before: int, now: float) -> list[int]:
        return [row[0] for row in self._db.execute(_SPENT, (before, now))]

    def attempts_of(self, task: int) -> list[Attempt]:
        found = self._db.execute(f"{rows.SELECT_ATTEMPT} WHERE task = ? ORDER BY number", (task,))
        return list(map(rows.attempt, found))

    def family_cost(self, root: int) -> float:
        query = f"""SELECT sum({json_at("result", "$.cost")}) FROM attempt
                   WHERE result IS NOT NULL AND task IN (SELECT ? UNION ALL SELECT id FROM task WHERE root = ?)"""
        return float(self._db.execute(query, (root, root)).fetchone()[0] or 0)

    def launch(self, task: int) -> Launch:
        fresh = self._fresh.get(task)
        return self.spec(task).launch if fresh is None else fresh

    def spec(self, task: int) -> TaskSpec:
        row = self._db.execute(f"{rows.SELECT_SPEC} WHERE id = ?", (task,)).fetchone()
        if row is None:
            raise KeyError(task)
        return rows.spec(row, self._shared, task)

    def recall_runs(self, runs: Sequence[int]) -> list[StoredRun]:
        return self._runs.recall(runs)

    def runs_of(self, tasks: Sequence[int]) -> list[int]:
        return self._runs.of_tasks(tasks)

    def tasks_of_run(self, run: int) -> list[int]:
        return self._runs.latest_tasks(run)

    def runs_by_key(self, keys: Sequence[str]) -> dict[str, int]:
        return self._runs.by_key("run", keys)

    def events_by_key(self, keys: Sequence[str]) -> dict[str, int]:
        return self._runs.by_key("event", keys)

    def cleanable(self, before: float | None, keep: int) -> list[int]:
        limit = "AND ended_at <= ?" if before is not None else "AND ? IS NULL"
        found = self._db.execute(_CLEANABLE.format(limit=limit), (before, keep))
        return [row[0] for row in found][::-1]

    def inputs(self) -> set[str]:
        """The files that tasks read from."""
        read = self._db.execute("SELECT DISTINCT stdin FROM task WHERE stdin IS NOT NULL")
        prompts = self._db.execute("SELECT DISTINCT prompt FROM task WHERE prompt IS NOT NULL")
        return {json.loads(row[0]) for row in read} | {row[0] for row in prompts}

    def _meta(self, name: str) -> str | None:
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def _set_meta(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))


_ENDED_AMONG = f"SELECT id FROM task WHERE id IN {_AMONG} AND ended_at IS NOT NULL"
_STOPPED_BELOW = f"""
WITH RECURSIVE below (id) AS (
    {_ENDED_AMONG}
    UNION
    SELECT task.id FROM below
    JOIN need ON need.parent = below.id
    JOIN task ON task.id = need.child AND task.state IN ('skipped', 'upstream_failed')
)
SELECT id FROM below
"""
_SPENT = f"""
SELECT id FROM mail
WHERE id < ? AND CASE
    WHEN taken_at IS NULL THEN coalesce(expires_at <= ?, 0)
    ELSE acked_at IS NOT NULL
        OR NOT EXISTS (SELECT 1 FROM task WHERE task.id = CAST(mail.taken_by AS INTEGER) AND task.{_LIVE})
END
ORDER BY id
"""
_CLEANABLE = """
SELECT id FROM task AS ended
WHERE ended_at IS NOT NULL {limit}
AND (run IS NULL OR run NOT IN (SELECT id FROM run WHERE ended_at IS NULL))
AND NOT EXISTS (
    SELECT 1 FROM need JOIN task ON task.id = need.child
    WHERE need.parent = ended.id AND task.state IN ('queued', 'running', 'skipped', 'upstream_failed')
)
ORDER BY ended_at DESC, id DESC LIMIT -1 OFFSET ?
"""
