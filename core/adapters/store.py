"""The truth in one SQLite file: a transaction a turn, intent on disk before any effect."""

from __future__ import annotations

import json
import sqlite3
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from core.adapters import rows, salvage
from core.adapters.damage import json_at
from core.adapters.database import Database
from core.adapters.loading import LARGEST, LIVE, Loading, whole
from core.adapters.run_rows import RunRows
from core.model import TaskSpec, TaskState
from core.ports import MAIL_AT_ONCE, Loaded, Recalled, StoredAside

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from core.model import AttemptId, Launch
    from core.ports import StoreFault
    from core.rules.step import Step
    from core.rules.world import Attempt
    from core.runs import StoredRun
    from core.speech import Address, Mail

SCHEMA = "5"
FRESH_AT_MOST = 1024
"""Latest tasks whose launches are kept at hand: most start soon after they were added."""
SMALL_LAUNCH = 1 << 14
"""Characters."""
PROBE_SIZE = 1 << 16
"""Bytes that must find room before the engine takes a full disk for mended."""
_AMONG = "(SELECT value FROM json_each(?))"
_NAMED_AMONG = "(SELECT CAST(value AS TEXT) FROM json_each(?))"


def _is_small(launch: Launch) -> bool:
    """Whether it may be kept at hand: some thousand large ones would fill the memory."""
    return len(launch.prompt_text) + sum(map(len, launch.argv)) < SMALL_LAUNCH


class StoreError(Exception):
    """The file cannot be used; the text says why and what to do."""


_MOVE = "move it and its -wal away, or choose another home"


def _opened(path: Path) -> tuple[Database | None, str]:
    """The connection, or None and what is damaged. StoreError if another version wrote it."""
    foreign = salvage.not_a_store(path)
    if foreign is not None:
        return None, foreign
    db = Database(path)
    try:
        damaged = _prepare(db, path)
    except sqlite3.Error as error:
        db.close()
        if salvage.is_damage(error):
            return None, str(error)
        raise
    except BaseException:
        db.close()
        raise
    if damaged is not None:
        db.close()
        return None, damaged
    return db, ""


def _prepare(db: Database, path: Path) -> str | None:
    """What is damaged, or None. Nothing is written before the file is known to be ours."""
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone() is not None:
        _check_schema(db, path)
        damaged = salvage.damage(db.raw)
        if damaged is not None:
            return damaged
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("PRAGMA temp_store = MEMORY")
    db.execute("PRAGMA wal_autocheckpoint = 0")
    db.executescript(files("core.adapters").joinpath("schema.sql").read_text())
    if db.execute("SELECT 1 FROM meta WHERE name = 'schema'").fetchone() is None:
        db.execute("INSERT INTO meta VALUES ('schema', ?)", (SCHEMA,))
    return None


def _check_schema(db: Database, path: Path) -> None:
    found = db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
    if found is not None and found[0] != SCHEMA:
        raise StoreError(f"{path} has schema {found[0]}, this muxdeck reads {SCHEMA}: use the version that wrote it")


class SqliteStore:
    """`core.ports.Store` over a file. Owned by one thread of one process: the engine's lock sees to it."""

    def __init__(self, path: Path, durability: str = "full") -> None:
        self._path = path
        self._syncs = durability == "full"
        self.notices: list[str] = []
        """What a person has to know of the file since it was opened."""
        self._is_damaged = False
        self._db = self._opened()
        self._db.opened()
        self._shared = rows.Shared(self._db)
        self._runs = RunRows(self._db, self._shared)
        self._fresh: dict[int, Launch] = {}
        self._open = False
        self._sync_failed = False

    def _opened(self) -> Database:
        """A damaged file is replaced by what can be read of it, once."""
        try:
            db, damaged = _opened(self._path)
            if db is None:
                self.notices.append(salvage.salvage(self._path, damaged))
                db, damaged = _opened(self._path)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{self._path} cannot be used: {error}; {_MOVE}") from error
        if db is None:
            raise StoreError(f"{self._path} is damaged again right after it was salvaged: {damaged}; {_MOVE}")
        return db

    @property
    def db(self) -> Database:
        """For the reading side; nobody else writes."""
        return self._db

    def close(self) -> None:
        self._db.close()

    def checkpoint(self) -> None:
        """Folds the journal into the file, over a connection of its own: may run in another thread."""
        self._db.checkpoint()

    def keep_in_place(self) -> str | None:
        """To be called now and then: puts the database back if its files were removed or replaced, and says so."""
        if self._open or self._db.is_in_place:
            return None
        told = self._db.write_anew(lambda: _prepare(self._db, self._path))
        self._forget_what_is_known()
        return told

    def fault(self, error: BaseException) -> StoreFault | None:
        self._is_damaged = self._is_damaged or self._db.is_damaged_by(error)
        return self._db.fault(error)

    # Writing

    def begin(self) -> None:
        if not self._open:
            self._db.execute("BEGIN IMMEDIATE")
            self._open = True

    def keep(self, step: Step, who: str) -> None:
        self.begin()
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
        self._fresh.update(
            (task.id, spec.launch) for task, spec in step.added[:FRESH_AT_MOST] if _is_small(spec.launch)
        )
        self._set_meta("last_queued_at", repr(step.world.last_queued_at))
        self._set_meta("next_task", str(step.world.next_task))

    def _keep_attempts(self, step: Step) -> None:
        self._many(rows.PUT_ATTEMPT, map(rows.of_attempt, step.attempts.values()))
        self._many("DELETE FROM attempt WHERE task = ? AND number = ?", step.withdrawn)

    def commit(self) -> None:
        if self._open:
            self._db.execute("COMMIT")
            self._open = False

    def rollback(self) -> None:
        self._open = False
        self._db.rollback()
        self._forget_what_is_known()

    def _forget_what_is_known(self) -> None:
        """What was remembered of rows may be of a transaction that is taken back."""
        self._shared.forget()
        self._fresh.clear()

    def mend(self) -> str | None:
        if not self._is_damaged:
            return None
        self._db.close()
        told = salvage.salvage(self._path, "found while the engine ran")
        self._db.open()
        _prepare(self._db, self._path)
        self._db.opened()
        self._forget_what_is_known()
        self._is_damaged = False
        return told

    def probe(self) -> None:
        self.begin()
        self._set_meta("probe", "0" * PROBE_SIZE)
        self.commit()
        self._db.sync_by_folding()
        self.begin()
        self._set_meta("probe", "")
        self.commit()

    def put_aside(self, one: StoredAside) -> None:
        self.begin()
        self._db.execute("INSERT OR REPLACE INTO aside VALUES (?, ?, ?, ?, ?)", one)

    def forget_aside(self, keys: Sequence[str]) -> None:
        self.begin()
        self._db.execute(f"DELETE FROM aside WHERE key IN {_AMONG}", (json.dumps(list(keys)),))

    def asides(self) -> list[StoredAside]:
        return list(map(StoredAside._make, self._db.execute("SELECT * FROM aside ORDER BY key")))

    @property
    def syncs(self) -> bool:
        return self._syncs

    def sync(self) -> None:
        """SQLite itself waits for the disk only when it folds the journal; here whoever must be sure does."""
        try:
            if self._sync_failed:
                self._db.sync_by_folding()
            else:
                self._db.sync()
        except BaseException:
            self._sync_failed = True
            raise
        self._sync_failed = False

    # Reading back

    def load(self) -> Loaded:
        loading = Loading(self._db.raw, self._shared)
        return Loaded(
            tasks=loading.tasks(),
            attempts=loading.attempts(),
            groups=loading.groups(),
            agents=loading.agents(),
            counts=loading.counts(),
            next_task=loading.following(whole(self._meta("next_task")) - 1, ("task", "id"), ("attempt", "task")),
            next_mail=loading.following(whole(self._meta("next_mail")) - 1, ("mail", "id")),
            last_queued_at=_seconds(self._meta("last_queued_at")),
            paused=self._meta("paused") == "1",
            runs=self._runs.live(loading),
            next_run=loading.following(self._runs.latest("run"), ("run", "id"), ("node", "run"), ("task", "run")),
            next_event=loading.following(self._runs.latest("event"), ("event", "id")),
            unmatched=self._runs.unmatched(loading),
            fired=self._runs.fired(loading),
            damaged=loading.damaged,
        )

    def _needs(self, where: str, *args: str) -> dict[int, tuple[Any, ...]]:
        found: dict[int, tuple[Any, ...]] = {}
        for child, parent, kind in self._db.execute(f"SELECT child, parent, kind FROM need WHERE {where}", args):
            found[child] = (*found.get(child, ()), rows.need(parent, kind))
        return found

    def states(self, tasks: Iterable[int]) -> dict[int, TaskState]:
        found = self._db.execute(f"SELECT id, state FROM task WHERE id IN {_AMONG}", (json.dumps(list(tasks)),))
        return {task_id: TaskState(state) for task_id, state in found}

    def attempts_made(self, tasks: Iterable[int]) -> dict[int, int]:
        """The number of the latest attempt of each of the tasks that exist; 0 if there was none."""
        query = f"SELECT id, attempts FROM task WHERE id IN {_AMONG}"
        return dict(self._db.execute(query, (json.dumps(list(tasks)),)))

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
        recalled = [rows.checked_task(row, needs.get(row[0], ()), self._shared) for row in selected]
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


def _seconds(written: str | None) -> float:
    """0 for what is no time."""
    try:
        found = float(written or 0)
    except ValueError:
        return 0.0
    return found if 0 <= found < LARGEST else 0.0


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
        OR NOT EXISTS (SELECT 1 FROM task WHERE task.id = CAST(mail.taken_by AS INTEGER) AND task.{LIVE})
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
