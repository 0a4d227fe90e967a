"""Both stores, as a later engine finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.adapters.store import SqliteStore
from tests.fakes import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.ports import Store


@pytest.fixture(params=["memory", "sqlite"])
def reopen(request: pytest.FixtureRequest, tmp_path) -> Iterator[Callable[[], Store]]:
    """The store as a later engine finds it."""
    opened: list[SqliteStore] = []
    store = MemoryStore()

    def again() -> SqliteStore:
        while opened:
            opened.pop().close()
        opened.append(SqliteStore(tmp_path / "db"))
        return opened[0]

    yield again if request.param == "sqlite" else lambda: store
    for left in opened:
        left.close()
