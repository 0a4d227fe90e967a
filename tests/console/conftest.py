"""Fixtures of the console's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.console.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def make_terminal() -> Iterator[Callable[..., Terminal]]:
    made: list[Terminal] = []

    def make(columns: int = 130, rows: int = 36) -> Terminal:
        made.append(Terminal(columns, rows))
        return made[-1]

    yield make
    for terminal in made:
        terminal.close()
