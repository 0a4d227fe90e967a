"""A few telling screens as a whole. MUXDECK_WRITE_SCREENS=1 writes them afresh: look at what has changed."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.console import runs_story
from tests.console.stage import Stage
from tests.console.story import SETTINGS, tell

if TYPE_CHECKING:
    from tests.console.stage import Actor

SCREENS = Path(__file__).parent / "screens"
_AGES = re.compile(r" *\b\d+(\.\d+)?(s|m|h)\b( ago)?")
_FIGURES = re.compile(r" *util .*")


async def question(actor: Actor) -> None:
    await actor.choose(4)
    await actor.sees("Apply 0043", "reads its")


async def failure(actor: Actor) -> None:
    await actor.choose(2)
    await actor.sees("it failed: exit 1", "1 failed, 213 passed")


async def problems(actor: Actor) -> None:
    await actor.press("exclamation_mark")
    await actor.sees("problems only")
    await question(actor)


async def retry_all(actor: Actor) -> None:
    await question(actor)
    await actor.press("R")
    await actor.sees("retry all 3 that failed?")


async def runs_graph(actor: Actor) -> None:
    await actor.press("W")
    await actor.sees("review 9/20", "◆ release")
    await actor.press("enter")
    await actor.sees("Publish 2.4.0")


async def runs_nodes(actor: Actor) -> None:
    await runs_graph(actor)
    await actor.press("3")
    await actor.sees("builder", "ada, bob")


async def too_small(actor: Actor) -> None:
    await actor.sees("muxdeck needs 60x15")
    await actor.misses("migrate")


@pytest.mark.parametrize(
    ("name", "scene", "size"),
    [
        ("runs-graph-160x42", runs_graph, (160, 42)),
        ("runs-nodes-160x42", runs_nodes, (160, 42)),
        ("runs-80x24", runs_graph, (80, 24)),
    ],
)
async def test_the_screen_of_runs_is_as_it_was(name: str, scene, size: tuple[int, int], tmp_path: Path) -> None:
    stage = Stage(tmp_path, runs_story.SETTINGS)
    try:
        async with stage.run() as actor:
            await runs_story.tell(actor)
            await actor.pilot.resize_terminal(*size)
            await scene(actor)
            await looks(actor, name)
    finally:
        stage.close()


@pytest.mark.parametrize(
    ("name", "scene", "size"),
    [
        ("question-160x42", question, (160, 42)),
        ("failure-120x36", failure, (120, 36)),
        ("problems-80x24", problems, (80, 24)),
        ("retry-all-112x30", retry_all, (112, 30)),
        ("smallest-60x15", question, (60, 15)),
        ("too-small-50x12", too_small, (50, 12)),
    ],
)
async def test_the_screen_is_as_it_was(name: str, scene, size: tuple[int, int], tmp_path: Path) -> None:
    stage = Stage(tmp_path, SETTINGS)
    try:
        async with stage.run() as actor:
            await tell(actor)
            await actor.pilot.resize_terminal(*size)
            await scene(actor)
            await looks(actor, name)
    finally:
        stage.close()


async def looks(actor: Actor, name: str) -> None:
    """As the file says."""
    file = SCREENS / f"{name}.txt"
    if os.environ.get("MUXDECK_WRITE_SCREENS"):
        await actor.pilot.pause(1.5)
        file.write_text(masked(actor.text))
    wanted = file.read_text()
    await actor.until(lambda: masked(actor.text) == wanted, f"the screen looks like\n{wanted}")


def masked(text: str) -> str:
    """Without what depends on the moment: ages, and the figures of the header."""
    lines = (_AGES.sub(" #", _FIGURES.sub("  util …", line)).rstrip() for line in text.splitlines())
    return "\n".join(lines) + "\n"
