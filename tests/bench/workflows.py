"""How long a large workflow file takes to check."""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING

import tomli

from core.workflows.reading import read
from tests.bench.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TASKS, EDGES = 10_000, 50_000
TURNS = 3
GOAL = 2.0
"""Seconds of CPU."""


def figures() -> Iterator[Figure]:
    text = large(TASKS, EDGES)
    _check(large(1, 1))
    whole, parsing = zip(
        *((_cpu(lambda: _check(text)), _cpu(lambda: tomli.loads(text))) for _ in range(TURNS)), strict=True
    )
    yield Figure(
        f"check of a workflow of {TASKS:,} tasks, {EDGES:,} needs",
        min(whole),
        "s CPU",
        GOAL,
        min(parsing),
        "tomli alone",
    )


def _check(text: str) -> None:
    found, faults = read(text, "w.toml", lambda _: None)
    assert found is not None, faults[:3]


def _cpu(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return time.process_time() - began


def large(tasks: int, edges: int) -> str:
    """A file whose tasks need up to five of those before them, and speak of their outputs."""
    chance = random.Random(1)
    lines = ["schema = 1", "[params]", 'p = { default = "x" }']
    for number in range(tasks):
        needs = [f"n{one}" for one in chance.sample(range(max(0, number - 200), number), min(number, edges // tasks))]
        words = ["work", "--name=${params.p}", *(f"${{{need}.out.x}}" for need in needs[:1])]
        lines += [
            f"[task.n{number}]",
            f"needs = {json.dumps(needs)}",
            f"run = {json.dumps(words)}",
            'output = { json = "-" }',
        ]
    return "\n".join(lines)
