"""Fixtures that several kinds of tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fleet import Fleet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def make_fleet() -> Iterator[Callable[..., Fleet]]:
    """Fleets of a given configuration; all of them are cleared away."""
    made: list[Fleet] = []

    def make(*args: str) -> Fleet:
        made.append(Fleet(*args))
        return made[-1]

    yield make
    for fleet in made:
        fleet.clear()


@pytest.fixture
def fleet(make_fleet: Callable[..., Fleet]) -> Fleet:
    """A real engine with four slots."""
    return make_fleet()
