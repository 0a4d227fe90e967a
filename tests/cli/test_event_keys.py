"""A key that SQLite would not find again is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.client import AnswerError

if TYPE_CHECKING:
    from tests.fleet import Fleet


def test_a_key_with_a_nul_is_refused_by_field(fleet: Fleet) -> None:
    with pytest.raises(AnswerError, match="key: expected a text without a NUL byte"):
        fleet.ask("emit", topic="a", key="a\0b")
    assert fleet.ask("emit", topic="a", key="ab") == fleet.ask("emit", topic="a", key="ab")
