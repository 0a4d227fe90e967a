"""Makes the pictures of this folder from a scripted story:  python -m screenshots"""

from __future__ import annotations

import asyncio
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.console import agents_story, runs_story, story
from tests.console.stage import Actor, Stage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.settings import Settings

HERE = Path(__file__).parent
SIZE = (160, 42)


async def overview(actor: Actor) -> None:
    await actor.choose(4)
    await actor.sees("Apply 0043", "waits for somebody")


async def triage(actor: Actor) -> None:
    await actor.press("exclamation_mark")
    await actor.sees("problems only")
    await actor.choose(2)
    await actor.press("l")
    await actor.sees("output of", "test_login_keeps_the_cart")


async def dispatch(actor: Actor) -> None:
    await actor.press("n")
    await actor.sees("new task")
    await actor.write("make test")


async def help_(actor: Actor) -> None:
    await actor.press("question_mark")
    await actor.sees("keys")


async def agents(actor: Actor) -> None:
    asking = await agents_story.tell(actor)
    await actor.choose(asking)
    await actor.press("i")
    await actor.sees("Do you want to proceed?", "Yes, and don't ask again")


async def runs(actor: Actor) -> None:
    await runs_story.tell(actor)
    story.figures(actor)
    await actor.press("W")
    await actor.sees("review 9/20", "◆ release")
    await actor.press("enter")
    await actor.sees("Publish 2.4.0")


async def busy(actor: Actor, scene: Callable[[Actor], Awaitable[None]]) -> None:
    await story.tell(actor)
    await scene(actor)


async def picture(
    name: str, scene: Callable[[Actor], Awaitable[None]], settings: Settings = story.SETTINGS, theme: str = "harbour"
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder), settings, name="api-fleet")
        try:
            async with stage.run(SIZE) as actor:
                stage.console.wear(theme)
                await scene(actor)
                await actor.pilot.pause(0.5)
                svg = stage.console.export_screenshot(title="muxdeck")
        finally:
            stage.close()
    lines = [line.rstrip() for line in svg.splitlines()]
    (HERE / f"{name}.svg").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{name}.svg")


async def main() -> None:
    for name, scene in (("overview", overview), ("triage", triage), ("dispatch", dispatch), ("help", help_)):
        await picture(name, partial(busy, scene=scene))
    await picture("agents", agents, agents_story.SETTINGS)
    await picture("runs", runs, runs_story.SETTINGS)
    for theme in sorted(path.stem for path in (HERE.parent / "themes").glob("*.toml")):
        await picture(f"theme-{theme}", partial(busy, scene=overview), theme=theme)


if __name__ == "__main__":
    asyncio.run(main())
