"""A busy afternoon, told on the stage: for the screenshots, and for the tests of whole screens."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from core.messages import Sampled
from core.settings import AgentSettings, EngineSettings, GroupSettings, Settings
from core.vitals import Health, HealthState, Vital

if TYPE_CHECKING:
    from tests.console.stage import Actor

SETTINGS = Settings(
    engine=EngineSettings(slots=9),
    agent={"builder": AgentSettings(slots=3), "reviewer": AgentSettings(slots=2)},
    group={"downloads": GroupSettings(limit=2), "tests": GroupSettings()},
)
MINUTE = 60.0

FAILED = (
    ("e2e chrome", "tests", "local", 1, 74),
    ("pytest web", "tests", "local", 1, 41),
    ("build docs", "default", "builder", 2, 19),
)
RUNNING: tuple[tuple[str, str, str, float, HealthState, float, int, int], ...] = (
    # name, group, agent, age, health, cpu, memory, processes
    ("migrate auth db", "default", "local", 3 * MINUTE, HealthState.WAITING, 0.0, 48 << 20, 2),
    ("pytest api", "tests", "local", 2 * MINUTE, HealthState.WORKING, 98.0, 1100 << 20, 17),
    ("build wheels", "default", "builder", 52.0, HealthState.WORKING, 187.0, 640 << 20, 9),
    ("review parser", "default", "reviewer", 8 * MINUTE, HealthState.WORKING, 12.0, 310 << 20, 6),
    ("train tokenizer", "default", "local", 47 * MINUTE, HealthState.WORKING, 199.0, 3200 << 20, 4),
    ("crawl sitemap", "default", "local", 26 * MINUTE, HealthState.STOPPED, 0.0, 96 << 20, 1),
    ("fetch corpus 03", "downloads", "local", 21.0, HealthState.WORKING, 7.0, 22 << 20, 1),
    ("fetch corpus 04", "downloads", "local", 9.0, HealthState.WORKING, 6.0, 21 << 20, 1),
    ("lint", "tests", "builder", 4.0, HealthState.WORKING, 64.0, 180 << 20, 3),
)
REASONS = {
    HealthState.WAITING: "reads its terminal: it waits for somebody to type",
    HealthState.STOPPED: "all of its processes are stopped by a signal",
}
QUESTION = (
    "\033[1mmigrate-auth\033[0m: 3 migrations to apply on \033[36mauth-staging\033[0m\n\n"
    "  \033[32m✓\033[0m 0041_sessions_index      2.1 s\n"
    "  \033[32m✓\033[0m 0042_tokens_expiry       0.4 s\n"
    "  \033[33m●\033[0m 0043_drop_legacy_login   drops \033[31m1 table, 18 204 rows\033[0m\n\n"
    "Apply 0043_drop_legacy_login? [y/N] "
)
FAILURE = (
    b"collected 214 items\n\n"
    b"tests/web/test_login.py ........................\x1b[31mF\x1b[0m.......   [ 15%]\n"
    b"tests/web/test_cart.py ..............................          [ 30%]\n\n"
    b"=================================== FAILURES ===================================\n"
    b"\x1b[31m_________________________ test_login_keeps_the_cart ____________________________\x1b[0m\n\n"
    b"    def test_login_keeps_the_cart(client, cart):\n"
    b'        client.post("/login", data={"user": "ada"})\n'
    b'>       assert client.get("/cart").json() == cart\n'
    b"\x1b[31mE       AssertionError: assert {'items': []} == {'items': [7, 12]}\x1b[0m\n\n"
    b"tests/web/test_login.py:41: AssertionError\n"
    b"\x1b[31m=================== 1 failed, 213 passed in 38.42s ============================\x1b[0m\n"
)


async def tell(actor: Actor) -> None:
    """Three have failed, nine run, one of them asks and one is stopped, more waits for its turn."""
    hands, now = actor.hands, time.time()
    await actor.add(*(_task(name, group, agent) for name, group, agent, _, _ in FAILED))
    for number, (*_, code, lasted) in enumerate(FAILED, start=1):
        hands.logs[number] = FAILURE
        await _ended(actor, number, code, now - lasted)
    numbers = await actor.add(*(_task(name, group, agent) for name, group, agent, *_ in RUNNING))
    hands.screens = {numbers[0]: QUESTION}
    await actor.until(lambda: set(numbers) <= set(hands.running), "they run")
    look(actor, numbers, now)
    await actor.add(
        *(_task(f"pytest shard {shard:02}", "tests", "local") for shard in range(1, 15)),
        *(_task(f"fetch corpus {part:02}", "downloads", "local") for part in range(5, 12)),
        _task("deploy staging", "default", "local", after_ok=[numbers[1], numbers[2]], priority=5),
        _task("nightly report", "default", "local", hold=True),
        _task("review api", "default", "reviewer", delay="20m"),
    )
    began = {number: now - age for number, (_, _, _, age, *_) in zip(numbers, RUNNING, strict=True)}
    _backdate(actor, began)
    figures(actor)
    await actor.sees("◆ 1 need", "✗ 3 failed", "7m")


def _task(name: str, group: str, agent: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "command": name.split(), "group": group, "agent": agent} | fields


async def _ended(actor: Actor, number: int, code: int, began: float) -> None:
    await actor.until(lambda: number in actor.hands.running, "it runs")
    actor.stage.engine.world.attempts[number].started_at = began
    actor.hands.end(number, code)
    await actor.until(lambda: number not in actor.stage.engine.world.attempts, "it has ended")


def look(actor: Actor, numbers: list[int], now: float) -> None:
    """What a look at the processes of the running ones finds."""
    looks = {}
    for number, (_, _, _, age, state, cpu, memory, processes) in zip(numbers, RUNNING, strict=True):
        vital = Vital(now, cpu, age, memory, processes, processes + 2, 0, 0, None, True, now - 2, False, 1 << 20)
        reason = REASONS.get(state, f"{cpu:.0f}% of a core")
        looks[actor.hands.running[number]] = (vital, Health(state, reason, now - min(age, 190)))
    actor.stage.engine.post(Sampled(looks))


def _backdate(actor: Actor, began: dict[int, float]) -> None:
    """The afternoon is told in a moment, and should not look so."""
    engine, store = actor.stage.engine, actor.stage.store
    for number, at in began.items():
        engine.world.attempts[number].started_at = at
        store.db.execute("UPDATE attempt SET started_at = ? WHERE task = ?", (at, number))
    store.db.execute("UPDATE task SET queued_at = queued_at - 430, place = place - 430")
    for client in engine.feed._clients:
        client.tasks.update(dict.fromkeys(engine.world.tasks))


def figures(actor: Actor) -> None:
    """Latencies as a quiet machine has them."""
    metrics = actor.stage.engine.metrics
    for latency, usual in ((metrics.start, 0.0027), (metrics.creation, 0.0035), (metrics.commit, 0.0011)):
        latency.samples.clear()
        for turn in range(200):
            latency.add(usual * (1 + (turn * 7919 % 31) / 60))
    metrics.cpu = 0.4
