"""The console's copy: whatever comes in whatever order, its list is the sorted and filtered one."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.wire import TaskRow
from tui.ordering import SORTS
from tui.replica import Replica

STATES = ("queued", "running", "succeeded", "failed", "timed_out", "lost", "cancelled")


@st.composite
def rows(draw: st.DrawFn) -> TaskRow:
    state = draw(st.sampled_from(STATES))
    at = float(draw(st.integers(0, 5)))
    return TaskRow(
        id=draw(st.integers(1, 12)),
        state=state,
        name=draw(st.sampled_from(["a", "B", "b", "c"])),
        agent="local",
        group="default",
        priority=0,
        place=at,
        held=0,
        not_before=None,
        attempts=0,
        tries=0,
        max_tries=1,
        started_at=None if state == "queued" else at,
        ended_at=None if state in ("queued", "running") else at + 1,
        exit_code=None,
        attempt_state=draw(st.sampled_from([None, "waiting", "running"])) if state == "running" else None,
        needs=None,
        reason=None,
    )


def message(changed: list[TaskRow], removed: list[int]) -> dict[str, Any]:
    head = {"counts": {}}
    return {"tasks": [list(row) for row in changed], "removed": removed, "sessions": [], "gone": [], "head": head,
            "complete": True}  # fmt: skip


CHANGES = st.lists(st.tuples(st.lists(rows(), max_size=5), st.lists(st.integers(1, 12), max_size=2)), max_size=8)


@settings(max_examples=300)
@given(CHANGES, st.sampled_from(sorted(SORTS)), st.booleans(), CHANGES)
def test_the_list_is_always_sorted_and_filtered(before: Any, sort: str, only_failed: bool, after: Any) -> None:
    replica, model = Replica(), dict[int, TaskRow]()

    def passes(row: TaskRow) -> bool:
        return not only_failed or row.state == "failed"

    def tell(changes: Any) -> None:
        for changed, removed in changes:
            replica.apply(message(changed, removed))
            model.update({row.id: row for row in changed})
            for number in removed:
                model.pop(number, None)

    tell(before)
    replica.order.arrange(sort, passes if only_failed else None)
    tell(after)
    key = SORTS[sort].key
    wanted = sorted(filter(passes, model.values()), key=lambda row: (*key(row), row.id))
    assert list(replica.order.all()) == [row.id for row in wanted]
    assert [replica.order.index(row) for row in wanted] == list(range(len(wanted)))
