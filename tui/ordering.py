"""Which tasks a list shows, and in which order; kept as they change, without sorting again."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from core.wire import TaskRow

Key = tuple[Any, ...]

NEEDS_YOU, FAILED, RUNNING, QUEUED, ENDED = range(5)


def rank(row: TaskRow) -> int:
    """What needs a person first, then what went wrong, what runs, what waits, what is over."""
    if row.state == "running":
        return NEEDS_YOU if row.attempt_state in ("waiting", "unknown") else RUNNING
    if row.state == "queued":
        return QUEUED
    if row.state == "lost":
        return NEEDS_YOU
    return FAILED if row.state in ("failed", "timed_out") else ENDED


def _by_problem(row: TaskRow) -> Key:
    place = rank(row)
    if place == QUEUED:
        return place, row.place
    return place, -(row.ended_at or row.started_at or 0.0)


class Sort(NamedTuple):
    word: str
    key: Callable[[TaskRow], Key]


SORTS = {
    "problems": Sort("problems first", _by_problem),
    "number": Sort("by number", lambda _: ()),
    "name": Sort("by name", lambda row: (row.name.casefold(),)),
    "age": Sort("latest first", lambda row: (-(row.started_at or row.place),)),
    "state": Sort("by state", lambda row: (rank(row), row.state)),
    "queue": Sort("in order of starting", lambda row: (row.state != "queued", row.place)),
}


class Ordered:
    """Numbers of the rows that pass the filter, sorted. The rows are the replica's own."""

    def __init__(self, rows: Mapping[int, TaskRow]) -> None:
        self._rows = rows
        self._ids: list[int] = []
        self._key: Callable[[TaskRow], Key] = _by_problem
        self._passes: Callable[[TaskRow], bool] | None = None

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, index: int) -> int:
        return self._ids[index]

    def all(self) -> Iterable[int]:
        return tuple(self._ids)

    def arrange(self, sort: str, passes: Callable[[TaskRow], bool] | None) -> None:
        """Sorts and filters afresh: the person asked for another view."""
        self._key, self._passes = SORTS[sort].key, passes
        rows = self._rows.values() if passes is None else filter(passes, self._rows.values())
        self._ids = [row.id for row in sorted(rows, key=self._place)]

    def index(self, row: TaskRow) -> int | None:
        """Where a row stands, as it was when it was put in; None where it is not shown."""
        at = self._at(row)
        return at if at < len(self._ids) and self._ids[at] == row.id else None

    def add(self, row: TaskRow) -> None:
        """The row must be in the replica already."""
        if self._passes is not None and not self._passes(row):
            return
        if not self._ids or self._place(self._rows[self._ids[-1]]) < self._place(row):
            self._ids.append(row.id)
        else:
            self._ids.insert(self._at(row), row.id)

    def remove(self, row: TaskRow) -> None:
        """The row must still be in the replica as it was put in."""
        at = self.index(row)
        if at is not None:
            del self._ids[at]

    def _at(self, row: TaskRow) -> int:
        return bisect_left(self._ids, self._place(row), key=lambda id_: self._place(self._rows[id_]))

    def _place(self, row: TaskRow) -> Key:
        return (*self._key(row), row.id)
