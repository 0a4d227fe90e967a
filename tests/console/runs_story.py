"""Runs of workflows, told on the stage: one that waits for a person half done, one that failed, one that went well."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from core.settings import AgentSettings, EngineSettings, Settings

if TYPE_CHECKING:
    from tests.console.stage import Actor

SETTINGS = Settings(
    engine=EngineSettings(slots=40),
    agent={
        "ada": AgentSettings(slots=4, capabilities=frozenset({"review"})),
        "bob": AgentSettings(slots=3, capabilities=frozenset({"review"})),
        "builder": AgentSettings(slots=6, capabilities=frozenset({"build"})),
    },
)
REVIEW = """
schema = 1
name = "review-repo"
about = "Reviews every changed file, and releases what passes"

[task.fetch]
run = "git clone --depth=1 $REPO src"

[task.plan]
needs = ["fetch"]
agent = "ada"
run = "list the files worth reviewing"

[task.review]
needs = ["plan"]
agent = { needs = ["review"] }
matrix = { file = [FILES] }
run = ["review", "${matrix.file}"]

[task.lint]
needs = ["fetch"]
run = "make lint"

[task.build]
needs = ["fetch"]
agent = "builder"
matrix = { python = ["3.11", "3.12", "3.13"] }
run = ["make", "wheel", "PYTHON=${matrix.python}"]

[task.report]
needs = ["review", "lint"]
agent = "ada"
run = "merge the findings into one report"

[task.release]
needs = ["build"]
gate = { ask = "Publish 2.4.0 to the staging index?" }
run = "make publish"

[task.announce]
needs = ["report", "release"]
run = "make announce"

[finally.cleanup]
run = "rm -rf src"
"""
NIGHTLY = """
schema = 1
name = "nightly-e2e"

[task.deploy]
run = "make deploy-test"
[task.chrome]
needs = ["deploy"]
run = "make e2e BROWSER=chrome"
[task.firefox]
needs = ["deploy"]
run = "make e2e BROWSER=firefox"
[task.summary]
needs = ["chrome", "firefox"]
run = "make summary"
"""
MINUTE = 60.0


async def begin(actor: Actor, name: str, text: str, **params: Any) -> int:
    """Starts a run of a workflow from its text."""
    file = actor.stage.home.root / f"{name}.toml"
    file.write_text(text)
    context = {"cwd": "/", "env": {"PATH": "/bin"}}
    found = await actor.stage.link.ask("run", file=str(file), params=params, context=context)
    await actor.until(lambda: found["run"] in actor.console.replica.runs, "the run is here")
    return int(found["run"])


async def end(actor: Actor, run: int, node: str, items: int = 1, code: int = 0) -> list[int]:
    """The first tasks of a node begin and end."""
    engine = actor.stage.engine
    parts = engine.run(run).nodes[node].parts
    await actor.until(lambda: len(engine.run(run).nodes[node].parts) >= items, f"{node} has its parts")
    tasks = []
    for item in range(items):
        parts = engine.run(run).nodes[node].parts
        task = await actor.until(lambda item=item, parts=parts: parts[item].task, f"{node} has its task")
        await actor.until(lambda task=task: task in actor.hands.running, f"task {task} runs")
        actor.hands.end(task, code)
        tasks.append(task)
    live = engine.world.tasks
    await actor.until(lambda: not any(task in live for task in tasks), f"{node} is done")
    return tasks


async def tell(actor: Actor) -> int:
    """The number of the run that waits at its gate."""
    old = await begin(actor, "nightly", NIGHTLY)
    for node in ("deploy", "chrome", "firefox", "summary"):
        await end(actor, old, node)
    failed = await begin(actor, "nightly", NIGHTLY)
    await end(actor, failed, "deploy")
    await end(actor, failed, "chrome")
    await end(actor, failed, "firefox", code=1)
    files = ", ".join(f'"{part:02}.py"' for part in range(20))
    run = await begin(actor, "review", REVIEW.replace("FILES", files))
    await end(actor, run, "fetch")
    await end(actor, run, "plan")
    await end(actor, run, "build", 3)
    await end(actor, run, "review", 9)
    await actor.until(lambda: actor.console.replica.runs[run].asking == "release", "the gate asks")
    await actor.until(lambda: sum(one.task > 15 for one in actor.hands.running.values()) >= 7, "reviews run")
    _backdate(actor, old, failed, run)
    return run


def _backdate(actor: Actor, *runs: int) -> None:
    """The afternoon is told in a moment, and should not look so."""
    engine, store, now = actor.stage.engine, actor.stage.store, time.time()
    old, failed, run = runs
    db = store.db
    for ended, began, over in ((old, 9240, 8500), (failed, 2040, 1480)):
        times = (now - began, now - began, now - over, ended)
        db.execute("UPDATE run SET started_at = ?, queued_at = ?, ended_at = ? WHERE id = ?", times)
    live = engine.world.runs[run]
    live.started_at = live.queued_at = now - 11 * MINUTE
    spans = {"fetch": (0, 20), "plan": (20, 95), "lint": (20, None), "build": (20, 150)}
    for task, node, item in db.execute("SELECT id, node, item FROM task WHERE run = ? ORDER BY id", (run,)).fetchall():
        first, last = spans.get(node, (95 + 30 * (item % 7) + (item // 7) * 190, None))
        if node == "review" and item < 9:
            last = first + 150 + 37 * (item % 4)
        if node == "build":
            last = 80 + 35 * item
        base = now - 11 * MINUTE
        db.execute("UPDATE attempt SET started_at = ? WHERE task = ?", (base + first, task))
        ended = "UPDATE attempt SET ended_at = ? WHERE task = ? AND ended_at IS NOT NULL"
        db.execute(ended, (base + (last or 0), task))
        db.execute("UPDATE task SET queued_at = ? WHERE id = ?", (base + max(first - 5, 0), task))
    ends = {"fetch": 20, "plan": 95, "build": 150, "release": 150, "review": 95, "lint": 20}
    for node, at in ends.items():
        live.nodes[node].since = base + at
    for client in engine.feed._clients:
        client.runs.update(dict.fromkeys(runs))
