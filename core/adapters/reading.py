"""Questions to the store that change nothing: rows for lists, whole documents, the history."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from core.adapters.damage import DamagedRowError, json_at, parsed
from core.adapters.rows import SELECT_MAIL, mail
from core.adapters.run_reading import RunReader
from core.kinds.result import Result
from core.model import AttemptState
from core.speech import Told
from core.wire import LONGEST_ROW_NAME, TaskRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from core.adapters.database import Database
    from core.speech import Mail

_ROW = f"""
SELECT task.id, task.state, substr(task.name, 1, {LONGEST_ROW_NAME}), task.agent, task.grp, task.priority, task.place,
    task.held, nullif(task.not_before, 0), task.attempts, task.tries,
    coalesce((SELECT {json_at("text", "$.retry.attempts")} FROM shared WHERE shared.id = task.policy), 1),
    attempt.started_at, task.ended_at, attempt.exit_code, attempt.state,
    CASE WHEN task.state = 'queued' THEN
        (SELECT group_concat(parent) FROM need WHERE need.child = task.id AND NOT need.met) END,
    coalesce(attempt.reason, task.reason)
FROM task LEFT JOIN attempt ON attempt.task = task.id AND attempt.number = task.attempts
"""
PAGE = 2000
_AMONG = "(SELECT value FROM json_each(?))"


class Only(NamedTuple):
    """Which tasks are meant: all that pass everything that is said."""

    states: tuple[str, ...] = ()
    group: str | None = None
    text: str | None = None
    """Found in the name or in the command."""
    after: int = 0
    """Only higher numbers."""
    ended_before: float | None = None
    """Unix time."""

    def as_sql(self) -> tuple[str, tuple[object, ...]]:
        said: list[tuple[str, tuple[object, ...]]] = [("task.id > ?", (self.after,))]
        if self.states:
            said.append((f"task.state IN {_AMONG}", (json.dumps(self.states),)))
        if self.group is not None:
            said.append(("task.grp = ?", (self.group,)))
        if self.text is not None:
            said.append(("(instr(task.name, ?) OR instr(task.argv, ?))", (self.text, self.text)))
        if self.ended_before is not None:
            said.append(("task.ended_at <= ?", (self.ended_before,)))
        return " AND ".join(where for where, _ in said), tuple(value for _, values in said for value in values)


class Reader:
    """Shares the connection of the store: sees everything that was kept."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.runs = RunReader(db)

    def rows(self, tasks: Iterable[int]) -> list[TaskRow]:
        """Those that exist, in no particular order."""
        found = self._db.execute(f"{_ROW} WHERE task.id IN {_AMONG}", (json.dumps(list(tasks)),))
        return list(map(TaskRow._make, found))

    def beside(self, queued: int, ended: int) -> Iterator[int]:
        """What a console shows beside the running tasks: the failed, the next `queued`, the latest `ended`."""
        yield from self._ids("state IN ('failed', 'timed_out', 'lost') ORDER BY ended_at DESC LIMIT ?", (ended,))
        yield from self._queued(queued)
        others = "ended_at IS NOT NULL AND state NOT IN ('failed', 'timed_out', 'lost') ORDER BY ended_at DESC LIMIT ?"
        yield from self._ids(others, (ended,))

    def _queued(self, most: int) -> Iterator[int]:
        """By pages: to read a hundred thousand at once would be felt by everybody else."""
        query = """SELECT place, id FROM task WHERE state = 'queued' AND (place, id) > (?, ?)
                   ORDER BY place, id LIMIT ?"""
        last: tuple[float, int] = (float("-inf"), 0)
        while most > 0 and (page := self._db.execute(query, (*last, min(most, PAGE))).fetchall()):
            yield from (task for _, task in page)
            last = page[-1]
            most -= len(page)

    def _ids(self, where: str, args: tuple[object, ...]) -> list[int]:
        return [row[0] for row in self._db.execute(f"SELECT id FROM task WHERE {where}", args)]

    def listed(self, only: Only, limit: int) -> list[TaskRow]:
        """The latest `limit` of them, in order of their numbers."""
        where, args = only.as_sql()
        found = self._db.execute(f"{_ROW} WHERE {where} ORDER BY task.id DESC LIMIT ?", (*args, limit))
        return sorted(map(TaskRow._make, found))

    def chosen(self, only: Only) -> tuple[int, ...]:
        where, args = only.as_sql()
        return tuple(self._ids(f"{where} ORDER BY id", args))

    def spent(self, agent: str) -> tuple[int, float | None]:
        """Attempts of an agent that told what they cost, and US dollars; None where none did."""
        cost_of = json_at("result", "$.cost")
        query = f"SELECT count(*), sum({cost_of}) FROM attempt WHERE agent = ? AND {cost_of} IS NOT NULL"
        count, cost = self._db.execute(query, (agent,)).fetchone()
        return count, cost

    def batches(self, limit: int) -> list[tuple[str, str, int]]:
        """How many tasks of each batch are in each state, the latest batches last."""
        query = """SELECT batch, state, count(*) FROM task JOIN (
                     SELECT batch, max(id) AS latest FROM task WHERE batch IS NOT NULL
                     GROUP BY batch ORDER BY latest DESC LIMIT ?
                   ) USING (batch) GROUP BY batch, state ORDER BY latest, state"""
        return list(self._db.execute(query, (limit,)))

    def of_batch(self, batch: str) -> list[int]:
        return self._ids("batch = ? ORDER BY id", (batch,))

    def needs(self, task: int) -> list[dict[str, Any]]:
        """What a task needs, all of it, and whether each need is met."""
        query = """SELECT parent, kind, met, state FROM need JOIN task ON task.id = parent
                   WHERE child = ? ORDER BY parent"""
        found = self._db.execute(query, (task,))
        return [{"task": parent, "kind": kind, "met": bool(met), "state": state} for parent, kind, met, state in found]

    def dependents(self, task: int) -> list[dict[str, Any]]:
        query = "SELECT child, kind, state FROM need JOIN task ON task.id = child WHERE parent = ? ORDER BY child"
        return [
            {"task": child, "kind": kind, "state": state} for child, kind, state in self._db.execute(query, (task,))
        ]

    def attempts(self, task: int) -> list[dict[str, Any]]:
        """The documents of a task's attempts, the first one first."""
        query = """SELECT number, state, reason, agent, placed_at, started_at, ended_at, exit_code, pid, server,
                   max_memory, cpu_seconds, leftover, result, told FROM attempt WHERE task = ? ORDER BY number"""
        return [_attempt(task, row) for row in self._db.execute(query, (task,))]

    def notes(self, task: int | None, limit: int) -> list[dict[str, Any]]:
        """The history, the latest last."""
        where = "WHERE task = ?" if task is not None else "WHERE ? IS NULL"
        query = f"SELECT at, who, task, text FROM note {where} ORDER BY id DESC LIMIT ?"
        found = self._db.execute(query, (task, limit)).fetchall()
        return [{"at": at, "who": who, "task": of, "text": text} for at, who, of, text in reversed(found)]

    def origin(self, task: int) -> tuple[str | None, int | None, int | None]:
        """The attempt that added a task, the head of its family and the generation; all None where a person did."""
        row = self._db.execute("SELECT spawned_by, root, depth FROM task WHERE id = ?", (task,)).fetchone()
        return row[0], row[1], row[2]

    def waiting_for_operator(self, now: float) -> int:
        """Messages that nobody has read."""
        query = """SELECT count(*) FROM mail WHERE kind = 'operator' AND taken_at IS NULL
                   AND coalesce(expires_at > ?, 1)"""
        return int(self._db.execute(query, (now,)).fetchone()[0])

    def mail(self, limit: int) -> list[Mail]:
        """All of it, the latest last."""
        found = self._db.execute(f"{SELECT_MAIL} ORDER BY id DESC LIMIT ?", (limit,)).fetchall()
        return [one for row in reversed(found) if (one := _readable(row)) is not None]

    def times(self, task: int) -> tuple[float, float | None]:
        """When a task was queued, and when it ended."""
        row = self._db.execute("SELECT queued_at, ended_at FROM task WHERE id = ?", (task,)).fetchone()
        return row[0], row[1]


def _readable(row: tuple[Any, ...]) -> Mail | None:
    try:
        return mail(row)
    except DamagedRowError:
        return None


_LIVE_STATES = frozenset(state.value for state in AttemptState if state.live)
_NO_RESULT = Result()._asdict()


def _of_result(written: object) -> dict[str, Any] | None:
    """With all of its keys, whatever became of the row."""
    return _NO_RESULT | written if isinstance(written, dict) else None


def _attempt(task: int, row: tuple[Any, ...]) -> dict[str, Any]:
    number, state, reason, agent, placed_at, started_at, ended_at, exit_code, pid, server, *rest = row
    memory, cpu, leftover, result, told = rest
    return {
        "attempt": f"{task}-{number}",
        "number": number,
        "state": state,
        "reason": reason,
        "agent": agent,
        "placed_at": placed_at,
        "started_at": started_at,
        "ended_at": ended_at,
        "exit_code": exit_code,
        "pid": pid,
        "server": server,
        "max_memory": memory if state not in _LIVE_STATES or memory else None,
        "cpu_seconds": cpu,
        "left": parsed(leftover, []),
        "result": _of_result(parsed(result)),
        "told": dict(zip(Told._fields, report, strict=False)) if isinstance(report := parsed(told), list) else None,
    }
