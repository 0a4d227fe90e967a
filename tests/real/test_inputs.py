"""Small inputs that once ended the engine: each is refused or handled, and the same engine goes on."""

from __future__ import annotations

import pytest

from tests.trials.input_requests import Input
from tests.trials.inputs import INPUTS, wrongs


@pytest.mark.parametrize("one", [one for one in INPUTS if not one.slow], ids=lambda one: one.name)
def test_the_engine_holds_against(one: Input) -> None:
    assert wrongs(one) == []
