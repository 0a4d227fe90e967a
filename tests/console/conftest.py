"""Fixtures of the console's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.console.stage import Stage
from tests.console.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def make_terminal() -> Iterator[Callable[..., Terminal]]:
    made: list[Terminal] = []

    def make(columns: int = 130, rows: int = 36) -> Terminal:
        made.append(Terminal(columns, rows))
        return made[-1]

    yield make
    for terminal in made:
        terminal.close()


@pytest.fixture
def make_stage(tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    made: list[Stage] = []

    def make(*args: Any, **options: Any) -> Stage:
        made.append(Stage(tmp_path, *args, **options))
        return made[-1]

    yield make
    for stage in made:
        stage.close()


@pytest.fixture
def stage(make_stage: Callable[..., Stage]) -> Stage:
    return make_stage()
