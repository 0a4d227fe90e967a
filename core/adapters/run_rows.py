"""Runs as rows of the store, and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from core.adapters import damage
from core.adapters.loading import check_numbers, whole
from core.model import PartId
from core.runs import Event, StoredNode, StoredPart, StoredRun, Surroundings
from core.workflows.model import NodeState, RunState
from core.workflows.source import unpack

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from core.adapters.database import Database
    from core.adapters.loading import Loading
    from core.adapters.rows import Shared
    from core.rules.runs.state import Part, Progress, Run
    from core.rules.step import Step

Row = tuple[Any, ...]

_RUN = (
    "id, workflow, definition, params, event, expected, cwd, env, umask, folder, key, grp, queued_at, started_by, "
    "parent_run, parent_node, parent_item, hops, state, reason, started_at, ended_at, stopping"
)
_INSERT_RUN = f"INSERT INTO run ({_RUN}) VALUES ({', '.join('?' * 23)})"
_UPDATE_RUN = "UPDATE run SET state = ?, reason = ?, started_at = ?, ended_at = ?, stopping = ? WHERE id = ?"
_NODE = "run, name, state, reason, since, approved, waited, after, event, items, out"
_PUT_NODE = f"INSERT OR REPLACE INTO node ({_NODE}) VALUES ({', '.join('?' * 11)})"
_AMONG = "(SELECT value FROM json_each(?))"
_PART = "run, node, item, state, task, reason, wish, agent, held"
_PUT_PART = f"""
INSERT INTO part ({_PART}) VALUES ({", ".join("?" * 9)}) ON CONFLICT (run, node, item) DO UPDATE SET
(state, task, reason, wish, agent, held) =
(excluded.state, excluded.task, excluded.reason, excluded.wish, excluded.agent, excluded.held)
"""
_KEEP_PARTS = f"INSERT INTO part ({_PART}, out) SELECT {_PART}, out FROM told_part WHERE task IN {_AMONG}"
_EVENT = "id, at, topic, data, source, key, target, hops"
_FORGET_EVENTS = "DELETE FROM event WHERE matched = 1 AND id <= CASE WHEN key IS NULL THEN ? ELSE ? END"
KEPT_EVENTS = 10_000
KEPT_KEYS = 100_000
"""Events with a key are remembered longer: that is what makes a second one none."""
EVENTS_AT_ONCE = 1000
"""So many come before old ones are looked for."""


class RunRows:
    """The runs, nodes, parts and events of a step, within the store's transaction."""

    def __init__(self, db: Database, shared: Shared) -> None:
        self._db = db
        self._shared = shared

    def keep(self, step: Step) -> None:
        self._keep_parts(step)
        if step.runs or step.new_runs or step.nodes or step.removed_runs:
            self._keep_runs(step)
        if step.events or step.matched or step.fired:
            self._keep_events(step)

    def _keep_parts(self, step: Step) -> None:
        if step.cleared:
            self._many("DELETE FROM part WHERE run = ? AND node = ?", step.cleared)
        if step.parts:
            self._many(_PUT_PART, [_of_part(of, part) for of, part in step.parts.items() if part.kept])
        if step.outputs:
            outputs = [(_json(value), *of) for of, value in step.outputs.items()]
            self._many("UPDATE part SET out = ? WHERE run = ? AND node = ? AND item = ?", outputs)

    def forget_tasks(self, tasks: Sequence[int]) -> None:
        """Before they go: what only they tell of the parts of runs is kept."""
        self._db.execute(_KEEP_PARTS, (json.dumps(tasks),))

    def _keep_runs(self, step: Step) -> None:
        new = {run.id for run in step.new_runs}
        self._many(_INSERT_RUN, [self._of_run(run) for run in step.new_runs])
        self._many(_UPDATE_RUN, [(*_changing(run), run.id) for run in step.runs.values() if run.id not in new])
        self._many(_PUT_NODE, [_of_node(run, progress) for (run, _), progress in step.nodes.items()])
        if step.removed_runs:
            among = json.dumps(step.removed_runs)
            for table, column in (("run", "id"), ("node", "run"), ("part", "run")):
                self._db.execute(f"DELETE FROM {table} WHERE {column} IN {_AMONG}", (among,))

    def _keep_events(self, step: Step) -> None:
        rows = [
            (one.id, one.at, one.topic, _json(one.data), one.source, one.key, one.to, one.hops) for one in step.events
        ]
        self._many(f"INSERT INTO event ({_EVENT}, matched) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)", rows)
        self._many("UPDATE event SET matched = 1 WHERE id = ?", [(number,) for number in step.matched])
        fired = [(*of, at) for of, at in step.fired.items()]
        self._many("INSERT OR REPLACE INTO fired (workflow, cron, at) VALUES (?, ?, ?)", fired)
        for event in step.events:
            if event.id % EVENTS_AT_ONCE == 0:
                self._db.execute(_FORGET_EVENTS, (event.id - KEPT_EVENTS, event.id - KEPT_KEYS))

    def _many(self, statement: str, values: Iterable[Row]) -> None:
        for row in values:
            self._db.execute(statement, row)

    def _of_run(self, run: Run) -> Row:
        where, parent = run.surroundings, run.parent or (None, None, None)
        return (
            run.id,
            run.workflow.name,
            self._shared.put(run.definition.source),
            json.dumps(run.params),
            None if run.event is None else json.dumps(run.event),
            json.dumps(run.expected),
            json.dumps(where.cwd),
            self._shared.env_id(where.env),
            where.umask,
            json.dumps(where.folder),
            run.key,
            run.group,
            run.queued_at,
            run.started_by,
            *parent,
            run.hops,
            *_changing(run),
        )

    # Reading back

    def live(self, loading: Loading) -> list[StoredRun]:
        found = loading.fetch(f"SELECT {_RUN} FROM run WHERE ended_at IS NULL ORDER BY id")
        return list(loading.each("run", lambda row: _sound(self._run(row)), found))

    def recall(self, ids: Sequence[int]) -> list[StoredRun]:
        """Those of the runs that exist, and the runs that wait, or waited, for them."""
        return self._runs(f"id IN ({_WITH_PARENTS})", json.dumps(list(ids)))

    def of_tasks(self, tasks: Sequence[int]) -> list[int]:
        """The runs that these tasks are of."""
        query = f"SELECT DISTINCT run FROM task WHERE run IS NOT NULL AND id IN {_AMONG}"
        return [row[0] for row in self._db.execute(query, (json.dumps(list(tasks)),))]

    def latest_tasks(self, run: int) -> list[int]:
        """The tasks that its parts have now."""
        query = """SELECT task.id FROM every_part AS part JOIN task
                   ON task.id = part.task AND task.run = part.run AND task.node = part.node WHERE part.run = ?"""
        return [row[0] for row in self._db.execute(query, (run,))]

    def by_key(self, table: str, keys: Sequence[str]) -> dict[str, int]:
        """Runs, or events, with one of these keys."""
        return dict(self._db.execute(f"SELECT key, id FROM {table} WHERE key IN {_AMONG}", (json.dumps(list(keys)),)))

    def unmatched(self, loading: Loading) -> list[Event]:
        """The oldest first."""
        found = loading.fetch(f"SELECT {_EVENT} FROM event WHERE matched = 0 ORDER BY id")
        return list(loading.each("event", _event, found))

    def fired(self, loading: Loading) -> dict[tuple[str, str], float]:
        found = loading.fetch("SELECT workflow, cron, at FROM fired")
        return dict(loading.each("fired", lambda row: ((row[0], row[1]), float(row[2])), found, key=2))

    def latest(self, table: str) -> int:
        """The latest number of a run, or of an event, as SQLite remembers it: whatever was forgotten since."""
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
        return 0 if row is None else whole(row[0])

    def _runs(self, where: str, *args: object) -> list[StoredRun]:
        found = self._db.execute(f"SELECT {_RUN} FROM run WHERE {where} ORDER BY id", args).fetchall()
        return [damage.read("run", row[0], self._run, row) for row in found]

    def _run(self, row: Row) -> StoredRun:
        id_, workflow, definition, params, event, expected, cwd, env, umask, folder, *rest = row
        key, grp, queued_at, started_by, *parent, hops, state, reason, started_at, ended_at, stopping = rest
        return StoredRun(
            id=id_,
            workflow=workflow,
            source=self._shared.text(definition),
            params=json.loads(params),
            event=None if event is None else json.loads(event),
            expected=json.loads(expected),
            surroundings=Surroundings(json.loads(cwd), self._shared.env(env), umask, json.loads(folder)),
            key=key,
            group=grp,
            queued_at=queued_at,
            started_by=started_by,
            parent=None if parent[0] is None else PartId(*parent),
            hops=hops,
            state=state,
            reason=reason,
            started_at=started_at,
            ended_at=ended_at,
            stopping=None if stopping is None else tuple(json.loads(stopping)),
            nodes=self._nodes(id_),
            parts=self._parts(id_),
        )

    def _nodes(self, run: int) -> list[StoredNode]:
        columns = _NODE.removeprefix("run, ")
        return [
            StoredNode(name, state, reason, since, bool(approved), bool(waited), after, *map(_parsed, texts))
            for name, state, reason, since, approved, waited, after, *texts in self._db.execute(
                f"SELECT {columns} FROM node WHERE run = ?", (run,)
            )
        ]

    def _parts(self, run: int) -> list[StoredPart]:
        columns = _PART.removeprefix("run, ")
        return [
            StoredPart(node, item, state, task, reason, wish, agent, bool(held), bool(kept), _parsed(out))
            for node, item, state, task, reason, wish, agent, held, kept, out in self._db.execute(
                f"SELECT {columns}, kept, out FROM every_part WHERE run = ? ORDER BY item", (run,)
            )
        ]


_WITH_PARENTS = f"""
WITH RECURSIVE up (id) AS (
    SELECT id FROM run WHERE id IN {_AMONG}
    UNION SELECT run.parent_run FROM up JOIN run ON run.id = up.id WHERE run.parent_run IS NOT NULL
)
SELECT id FROM up
"""


def _event(row: Row) -> Event:
    id_, at, topic, data, *rest = row
    damage.numbers(at=at)
    damage.texts(topic=topic)
    return Event(id_, at, topic, _parsed(data), *rest)


def _changing(run: Run) -> Row:
    stopping = None if run.stopping is None else json.dumps(run.stopping)
    return run.state.value, run.reason, run.started_at, run.ended_at, stopping


def _of_node(run: int, progress: Progress) -> Row:
    return (
        run,
        progress.node.name,
        progress.state.value,
        progress.reason,
        progress.since,
        progress.approved,
        progress.waited,
        progress.after,
        _json(progress.event),
        _json(progress.items),
        _json(progress.out),
    )


def _of_part(of: PartId, part: Part) -> Row:
    return (*of, part.state.value, part.task, part.reason, part.wish, part.agent, part.held)


def _sound(run: StoredRun) -> StoredRun:
    """Raises what `loading.UNREADABLE` has if no world could take the run in."""
    workflow = unpack(run.source)
    RunState(run.state)
    if run.stopping is not None:
        RunState(run.stopping[0])
    check_numbers((run.queued_at, run.hops, run.started_at or 0))
    for state in (*(node.state for node in run.nodes), *(part.state for part in run.parts)):
        NodeState(state)
    check_numbers([number for node in run.nodes for number in (node.since, node.after)])
    check_numbers([number for part in run.parts for number in (part.item, part.wish, part.task or 0)])
    odd = {*(node.name for node in run.nodes), *(part.node for part in run.parts)} - workflow.nodes.keys()
    if odd:
        raise ValueError(f"its workflow has no {min(map(str, odd))[:40]!r}")
    return run


def _json(value: object) -> str | None:
    return None if value is None else json.dumps(value)


def _parsed(text: str | None) -> Any:  # noqa: ANN401 - a JSON value
    return None if text is None else json.loads(text)
