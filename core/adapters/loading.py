"""What a world is restored from, read from the store in bulk; a row that cannot be read is named and passed over."""

from __future__ import annotations

import gc
import sqlite3
import sys
from collections import Counter
from itertools import repeat
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeVar

from core.adapters import rows
from core.model import AttemptId, Need, NeedKind, Origin, PartId, Policy, TaskState, Wanted
from core.ports import Damaged
from core.rules.world import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from core.adapters.rows import Row, Shared
    from core.rules.world import Agent, Attempt, Group

AT_ONCE = 500
"""Tasks that are read together: about three milliseconds of work, between which others are answered."""
LARGEST = 1e15
"""No number of a task is larger; a clock or a heap that meets a larger one was given a damaged row."""
UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError, sqlite3.DataError)
"""What reading a row raises if a value in it is not what was written."""
LIVE = "state IN ('queued', 'running')"
_ODD = "state NOT IN ('queued', 'running')"
_OVER = "state IN ('exited', 'killed', 'lost')"
_LIVE_TASKS = f"{rows.SELECT_TASK} INDEXED BY task_live WHERE id > ? AND id <= ? AND {LIVE} ORDER BY id LIMIT {AT_ONCE}"
_UNMET = "SELECT child, parent, kind FROM need WHERE met = 0 AND child BETWEEN ? AND ?"
_OF_RUNNING = f"{rows.SELECT_ATTEMPT} WHERE task IN (SELECT id FROM task WHERE state = 'running') AND NOT {_OVER}"
_WITHOUT_ATTEMPT = f"""
SELECT id, attempts FROM task WHERE state = 'running' AND NOT EXISTS
(SELECT 1 FROM attempt WHERE attempt.task = task.id AND attempt.number = task.attempts AND NOT attempt.{_OVER})
"""
_NUMBERS_OF_ATTEMPT = (6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 19, 20)
UNKNOWN_NEED = Need(0, NeedKind.ANY)
"""Stands for one that cannot be read: no task has that number, so a person has to release the child."""
_STATES = {state.value: state for state in (TaskState.QUEUED, TaskState.RUNNING)}
_Read = TypeVar("_Read")


class Loading:
    """One reading of everything that is live. `damaged` grows while `tasks` is drained."""

    def __init__(self, db: sqlite3.Connection, shared: Shared) -> None:
        self._db = db
        self._shared = shared
        self.damaged: list[Damaged] = []
        self._policies: dict[int, Policy] = _Once(lambda number: _sound(shared.policy(number)))
        self._wanted: dict[int, Wanted] = _Once(lambda number: _sound_wanted(shared.wanted(number)))
        self._names: dict[str, str] = _Once(_name)

    def each(self, table: str, read: Callable[[Row], _Read], found: Iterable[Row], key: int = 1) -> Iterator[_Read]:
        """Reads row by row. The first `key` columns name the row."""
        for row in found:
            try:
                yield read(row)
            except UNREADABLE as error:
                self.note(table, "-".join(map(str, row[:key])), error)

    def note(self, table: str, key: object, error: object) -> None:
        words = str(error) or type(error).__name__
        self.damaged.append(Damaged(table, str(key), words))

    # Tasks

    def tasks(self) -> Iterator[Task]:
        """Live ones, the lowest number first. Those that are added after the call do not come.

        The cycle collector is off until the last one was taken: it would walk a million objects again and again, none
        of which is garbage.
        """
        self._name_unknown_states()
        last = self.highest("task")
        collects = gc.isenabled()
        gc.disable()
        try:
            yield from self._chunks(last)
        finally:
            if collects:
                # Both together make everything old at no cost: else the next collection would walk all of it at once.
                gc.freeze()
                gc.unfreeze()
                gc.enable()

    def _chunks(self, last: int) -> Iterator[Task]:
        after = -sys.maxsize
        while chunk := self.fetch(_LIVE_TASKS, (after, last)):
            needs = self._unmet(chunk[0][0], chunk[-1][0])
            after = chunk[-1][0]
            try:
                read = self._read(chunk, needs)
            except UNREADABLE:
                yield from self.each("task", lambda row, unmet=needs: self._read([row], unmet)[0], chunk)  # type: ignore[misc]
            else:
                yield from read

    def _read(self, chunk: Sequence[Row], needs: dict[int, tuple[Need, ...]]) -> list[Task]:
        """Column by column: that costs a fourth of what it costs row by row."""
        ids, states, reasons, agents, groups, priorities, queued, orders, held, not_before, *rest = zip(
            *chunk, strict=True
        )
        attempts, tries, first_starts, _, keys, policies, wanted, affinities, by, roots, depths, *rest = rest
        runs, nodes, items, ahead = rest
        check_numbers(priorities, queued, orders, held, not_before, attempts, tries, ahead)
        check_numbers(filter(None, first_starts))
        _check_texts(reasons, keys, affinities)
        return list(
            map(
                Task,
                ids,
                map(self._policies.__getitem__, policies),
                map(self._names.__getitem__, groups),
                map(self._names.__getitem__, agents),
                map(self._wanted.__getitem__, wanted),
                priorities,
                queued,
                [time if time == order else order for time, order in zip(queued, orders, strict=True)],
                map(_STATES.__getitem__, states),
                reasons,
                map(bool, held),
                [time or 0.0 for time in not_before],
                [needs.get(number, ()) for number in ids] if needs else repeat(()),
                repeat(False),
                attempts,
                tries,
                first_starts,
                keys,
                affinities,
                map(_origin, by, roots, depths) if any(by) else repeat(None),
                map(_part, runs, nodes, items) if any(runs) else repeat(None),
                [seconds or 0.0 for seconds in ahead],
            )
        )

    def _unmet(self, first: int, last: int) -> dict[int, tuple[Need, ...]]:
        found: dict[int, tuple[Need, ...]] = {}
        for row in self.fetch(_UNMET, (first, last)):
            read = list(self.each("need", lambda row: rows.need(int(row[1]), row[2]), [row], key=2))
            found[row[0]] = (*found.get(row[0], ()), *(read or [UNKNOWN_NEED]))
        return found

    def _name_unknown_states(self) -> None:
        for number, state in self.fetch(f"SELECT id, state FROM task WHERE ended_at IS NULL AND {_ODD}"):
            self.note("task", number, f"its state is {str(state)[:40]!r}, which is none")

    # Everything else

    def attempts(self) -> list[Attempt]:
        """The latest of each running task, if it is live."""
        for number, latest in self.fetch(_WITHOUT_ATTEMPT):
            self.note("attempt", f"{number}-{latest}", "there is no live attempt of a running task")
        return list(self.each("attempt", _attempt, self.fetch(_OF_RUNNING), key=2))

    def groups(self) -> list[Group]:
        return list(self.each("grp", _group, self.fetch("SELECT * FROM grp")))

    def agents(self) -> list[Agent]:
        return list(self.each("agent", _agent, self.fetch("SELECT * FROM agent")))

    def counts(self) -> Counter[TaskState]:
        """Of ended tasks. One whose state is none is only named."""
        counts: Counter[TaskState] = Counter()
        found = self.fetch("SELECT state, count(*) FROM task WHERE ended_at IS NOT NULL GROUP BY state")
        for state, count in found:
            for known in self.each("task", lambda row: TaskState(row[0]), [(state,)]):
                counts[known] = count
        return counts

    def following(self, latest: int, *used: tuple[str, str]) -> int:
        """The number that comes next: above the latest and above every one in use, whatever copy the file is."""
        return max(latest, *(self.highest(table, column) for table, column in used)) + 1

    def highest(self, table: str, column: str = "id") -> int:
        whole = f"{column} IS NOT NULL AND typeof({column}) = 'integer'"
        return int(self._db.execute(f"SELECT max({column}) FROM {table} WHERE {whole}").fetchone()[0] or 0)

    def fetch(self, query: str, args: Sequence[object] = ()) -> list[Row]:
        """All rows. Bytes that are no UTF-8 become question marks."""
        try:
            return self._db.execute(query, args).fetchall()
        except sqlite3.OperationalError as error:
            if "decode" not in str(error):
                raise
        self._db.text_factory = lambda text: text.decode("utf-8", "replace")
        try:
            return self._db.execute(query, args).fetchall()
        finally:
            self._db.text_factory = str


class _Once(dict[Any, Any]):
    """Reads each key once; one that cannot be read raises every time."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, key: Any) -> Any:  # noqa: ANN401 - whatever the row has there
        value = self[key] = self._read(key)
        return value


def check_numbers(*columns: Iterable[Any]) -> None:
    """TypeError for text and NULL, ValueError for what no clock takes."""
    for column in columns:
        values = tuple(column)
        if values and not -LARGEST < min(values) <= max(values) < LARGEST:
            raise ValueError("a number is out of bounds")


def _check_texts(*columns: Sequence[Any]) -> None:
    for column in columns:
        odd = set(map(type, column)) - {str, type(None)}
        if odd:
            raise TypeError(f"{odd.pop().__name__} instead of text")


def _name(text: object) -> str:
    if not isinstance(text, str):
        raise TypeError(f"{type(text).__name__} instead of a name")
    return sys.intern(text)


def _origin(by: str | None, root: int, depth: int) -> Origin | None:
    if by is None:
        return None
    check_numbers((root, depth))
    return Origin(AttemptId.parse(by), root, depth)


def _part(run: int | None, node: str, item: int) -> PartId | None:
    if run is None:
        return None
    check_numbers((run, item))
    return PartId(run, _name(node), item)


def _sound(policy: Policy) -> Policy:
    for of in (policy.retry, policy.timeouts):
        for name in of.__dataclass_fields__:
            value = getattr(of, name)
            if not (value is None or isinstance(value, frozenset) or isfinite(value)):
                raise ValueError(f"its policy has {name} = {value}")
    return policy


def _sound_wanted(wanted: Wanted) -> Wanted:
    _check_texts((wanted.agent, *wanted.capabilities))
    return wanted


def _attempt(row: Row) -> Attempt:
    check_numbers([row[index] for index in _NUMBERS_OF_ATTEMPT if row[index] is not None])
    _check_texts((row[3], row[12]), (_name(row[4]), _name(row[5])))
    return rows.attempt(row)


def _group(row: Row) -> Group:
    check_numbers((row[1], row[2]))
    return rows.group(row)


def _agent(row: Row) -> Agent:
    check_numbers([number for number in row[2:5] if number is not None])
    return rows.agent(row)


def whole(written: object) -> int:
    """0 for what is no number, or one that no table can have."""
    try:
        number = int(str(written))
    except ValueError:
        return 0
    return number if 0 <= number < LARGEST else 0
