"""Three coding agents at work on a batch, told on the stage: one asks for a permission, one has reached its limit."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from core.interactive.ladder import Reading
from core.interactive.signals import Choice, Source, State
from core.kinds.result import Result
from core.messages import AgentSeen, Exited
from core.settings import AgentSettings, EngineSettings, Settings
from tests.console.story import figures

if TYPE_CHECKING:
    from tests.console.stage import Actor

REVIEW = frozenset({"review"})
SETTINGS = Settings(
    engine=EngineSettings(slots=9),
    agent={
        "ada": AgentSettings(kind="claude", slots=3, capabilities=REVIEW, mode="interactive"),
        "bob": AgentSettings(kind="codex", slots=2, capabilities=REVIEW),
        "cleo": AgentSettings(kind="opencode", slots=2, capabilities=REVIEW),
    },
)
MODULES = ("wire", "ring", "queue", "timers", "router", "store", "feed", "locks", "paths", "shell", "themes", "keys")
DIALOG = (
    "Bash command\n\n"
    "   alembic upgrade head\n"
    "   Apply the new migration to the scratch database\n\n"
    "Do you want to proceed?\n"
    "❯ 1. Yes\n"
    "  2. Yes, and don't ask again for alembic commands\n"
    "  3. No, and tell Claude what to do differently (esc)\n"
)
CHOICES = (
    Choice("1", "Yes"),
    Choice("2", "Yes, and don't ask again for alembic commands"),
    Choice("3", "No, and tell Claude what to do differently"),
)


async def tell(actor: Actor) -> int:
    """The number of the task that asks."""
    prompts = [
        {"prompt": f"Review src/{name}.py and fix what is wrong in it.", "name": f"review {name}.py", "batch": "tidy",
         "capabilities": ["review"]}
        for name in MODULES
    ]  # fmt: skip
    numbers = await actor.add(*prompts)
    await actor.until(lambda: len(actor.hands.running) == 7, "they run")
    world = actor.stage.engine.world
    limited = next(number for number in numbers if world.tasks[number].agent == "cleo")
    told = Result("limit", "429: weekly limit reached", retry_at=time.time() + 2 * 3600)
    actor.stage.engine.post(Exited(actor.hands.running[limited], 71, time.time(), told))
    asking, *others = [one.id for one in world.attempts.values() if one.agent == "ada"]
    actor.hands.screens = {asking.task: f"\033[1m● Bash\033[0m(alembic upgrade head)\n\n{DIALOG}"}
    now = time.time()
    actor.stage.engine.post(
        AgentSeen(
            asking, Reading(State.PERMISSION, Source.HOOK, now - 12, now, "Bash: alembic upgrade head", DIALOG, CHOICES)
        )
    )
    for attempt in others:
        actor.stage.engine.post(AgentSeen(attempt, Reading(State.WORKING, Source.HOOK, now - 40, now, "Edit: src")))
    figures(actor)
    await actor.sees("◆ 1 need", "in 1h")
    return int(asking.task)
