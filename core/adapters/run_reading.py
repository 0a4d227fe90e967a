"""Questions about runs to the store that change nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from core.adapters.damage import json_at, parsed
from core.wire import RunRow
from core.workflows.model import FAILED_NODES

if TYPE_CHECKING:
    from core.adapters.database import Database

LEARNT_FROM = 5
"""Latest runs of a workflow from which the lengths of its nodes are learnt."""


class RunLine(NamedTuple):
    """A run in a list. Times are Unix seconds."""

    id: int
    workflow: str
    state: str
    reason: str | None
    key: str | None
    group: str | None
    started_by: str
    queued_at: float
    started_at: float | None
    ended_at: float | None
    parent: int | None
    nodes: str
    """JSON: how many of its nodes stand in which state."""


class PartLine(NamedTuple):
    """One of the times that a node worked, with the latest attempt of its task."""

    node: str
    item: int
    state: str
    reason: str | None
    task: int | None
    agent: str | None
    attempts: int | None
    queued_at: float | None
    started_at: float | None
    ended_at: float | None
    cost: float | None
    """US dollars over all attempts of its tasks; None where none told of any."""
    tokens: int | None
    out: str | None
    """JSON."""


class Totals(NamedTuple):
    """What a node came to, over all of its attempts."""

    started_at: float | None
    """The first of them, in Unix seconds."""
    cost: float | None
    """US dollars; None where none told of any."""
    tokens: int | None


class RunReader:
    """Shares the connection of the store: sees everything that was kept."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def listed(self, limit: int, *, state: str | None = None, workflow: str | None = None) -> list[RunLine]:
        """The latest ones, the latest last."""
        query = f"{_LINE} WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR workflow = ?2) ORDER BY id DESC LIMIT ?3"
        return [RunLine(*row) for row in self._db.execute(query, (state, workflow, limit))][::-1]

    def lines(self, runs: list[int]) -> list[RunLine]:
        found = self._db.execute(f"{_LINE} WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(runs),))
        return [RunLine(*row) for row in found]

    def latest_ended(self, most: int) -> list[int]:
        """The latest first."""
        return [row[0] for row in self._db.execute(_LATEST_ENDED, (most,))]

    def rows(self, runs: list[int]) -> list[RunRow]:
        """Of runs that have ended."""
        return [RunRow._make(row) for row in self._db.execute(_ROW, (json.dumps(runs),))]

    def parts(self, run: int, most: int) -> list[PartLine]:
        """The first `most` of each node."""
        return [PartLine(*row) for row in self._db.execute(_PARTS, (run, most))]

    def totals(self, run: int) -> dict[str, Totals]:
        """Of all attempts of a node, by its name; a node without any is left out."""
        return {node: Totals(*rest) for node, *rest in self._db.execute(_TOTALS, (run,))}

    def outputs(self, run: int, node: str, *, by_end: bool) -> list[tuple[int, str, Any]]:
        """Index, state and output of every part, by their index or in the order in which they ended."""
        order = "task.ended_at, part.item" if by_end else "part.item"
        found = self._db.execute(f"{_OUTPUTS} ORDER BY {order}", (run, node))
        return [(item, state, parsed(out)) for item, state, out in found]

    def expected(self, workflow: str) -> dict[str, float]:
        """Seconds that the tasks of its nodes took lately, on average."""
        return dict(self._db.execute(_EXPECTED, (workflow, LEARNT_FROM)))

    def forgettable(self, keep: int) -> list[int]:
        """Ended runs whose tasks are all forgotten, without the `keep` latest runs."""
        query = """SELECT id FROM (SELECT id, ended_at FROM run ORDER BY id DESC LIMIT -1 OFFSET ?)
                   WHERE ended_at IS NOT NULL AND id NOT IN (SELECT run FROM task WHERE run IS NOT NULL)"""
        return [row[0] for row in self._db.execute(query, (keep,))]

    def events(self, limit: int) -> list[dict[str, Any]]:
        """The latest ones, the latest last."""
        query = "SELECT id, at, topic, data, source FROM event ORDER BY id DESC LIMIT ?"
        found = self._db.execute(query, (limit,)).fetchall()
        return [
            {"id": id_, "at": at, "topic": topic, "data": parsed(data), "source": source}
            for id_, at, topic, data, source in reversed(found)
        ]


_LINE = """
SELECT id, workflow, state, reason, key, grp, started_by, queued_at, started_at, ended_at, parent_run,
    (SELECT json_group_object(state, count) FROM
        (SELECT state, count(*) AS count FROM node WHERE node.run = run.id GROUP BY state))
FROM run
"""
_FAILED = ", ".join(f"'{state}'" for state in sorted(FAILED_NODES))
_ROW = f"""
SELECT run.id, workflow, run.state, run.reason, started_by, queued_at, started_at, ended_at,
    count(node.name), count(node.name), coalesce(sum(node.state IN ({_FAILED})), 0), 0, '', 1.0, NULL, NULL
FROM run LEFT JOIN node ON node.run = run.id
WHERE run.id IN (SELECT value FROM json_each(?)) GROUP BY run.id
"""
_LATEST_ENDED = "SELECT id FROM run WHERE ended_at IS NOT NULL ORDER BY id DESC LIMIT ?"
_ITS_TASK = """
LEFT JOIN task ON task.id = part.task AND task.run = part.run AND task.node = part.node
"""
"""The part of a call has a run instead: its number may be that of a task of anything else."""
_OUTPUTS = (
    f"SELECT part.item, part.state, part.out FROM every_part AS part {_ITS_TASK} WHERE part.run = ? AND part.node = ?"
)
_COST = json_at("result", "$.cost")
_IN, _OUT = json_at("result", "$.tokens_in"), json_at("result", "$.tokens_out")
_TOKENS = f"CAST(sum(1.0 * coalesce({_IN}, 0) + coalesce({_OUT}, 0)) AS INTEGER)"
"""By floats: a sum of whole numbers that overflows ends the query."""
_PARTS = f"""
SELECT part.node, part.item, part.state, coalesce(part.reason, task.reason), part.task,
    coalesce(attempt.agent, part.agent), task.attempts, task.queued_at, attempt.started_at, attempt.ended_at,
    (SELECT sum({_COST}) FROM attempt AS one JOIN task AS of ON of.id = one.task
        WHERE of.run = part.run AND of.node = part.node AND of.item = part.item),
    (SELECT {_TOKENS}
        FROM attempt AS one JOIN task AS of ON of.id = one.task
        WHERE of.run = part.run AND of.node = part.node AND of.item = part.item AND result IS NOT NULL),
    part.out
FROM every_part AS part
{_ITS_TASK}
LEFT JOIN attempt ON attempt.task = task.id AND attempt.number = task.attempts
WHERE part.run = ? AND part.item < ? ORDER BY part.node, part.item
"""
_TOTALS = f"""
SELECT task.node, min(started_at), sum({_COST}), {_TOKENS}
FROM task JOIN attempt ON attempt.task = task.id WHERE task.run = ? GROUP BY task.node
"""
_EXPECTED = """
SELECT task.node, avg(attempt.ended_at - attempt.started_at)
FROM task JOIN attempt ON attempt.task = task.id AND attempt.number = task.attempts
WHERE task.run IN (SELECT id FROM run WHERE workflow = ? ORDER BY id DESC LIMIT ?)
AND task.state = 'succeeded' AND attempt.started_at IS NOT NULL
GROUP BY task.node
"""
