"""Rings of runs, each test with one that goes on and with one whose engine ends after every message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.rules.runs_table import RunTable

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(params=["going on", "restarting"])
def make_table(request: pytest.FixtureRequest) -> Callable[..., RunTable]:
    def make(**limits: Any) -> RunTable:
        return RunTable(restarting=request.param == "restarting", **limits)

    return make


@pytest.fixture
def table(make_table: Callable[..., RunTable]) -> RunTable:
    return make_table()
