"""What the feed tells of runs: one row a message, from the engine while they live and from the store afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.console.runs_story import NIGHTLY, begin, end
from tests.console.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MANY = """
schema = 1
name = "many"
[params]
shards = { type = "list", default = [SHARDS] }
[task.work]
map = { over = "${params.shards}", as = "shard" }
run = ["work", "${shard}"]
[task.end]
needs = ["work"]
gate = { ask = "Done?" }
"""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.close()


def rows(message: dict[str, Any]) -> list[Any]:
    return [(row.id, row.state, row.ended, row.nodes, row.failed) for row in message.get("runs", [])]


async def test_what_happens_to_many_parts_between_two_messages_is_one_row(stage: Stage) -> None:
    async with stage.run() as actor:
        changes = stage.engine.feed.join()
        while changes.waiting:
            stage.engine.feed.message(changes)
        run = await begin(actor, "many", MANY.replace("SHARDS", ", ".join(map(str, range(600)))))
        await actor.until(lambda: len(actor.hands.running) == 3, "three run")
        for task in list(actor.hands.running):
            actor.hands.end(task, 0)
        await actor.until(lambda: stage.engine.run(run).nodes["work"].ended == 3, "three have ended")
        assert list(changes.runs) == [run]
        (row,) = stage.engine.feed.message(changes)["runs"]
        assert (row.parts, row.parts_ended, row.ended, row.nodes) == (600, 3, 0, 2)
        assert row.done == pytest.approx(3 / 600 / 2, abs=1e-4)
        stage.engine.feed.leave(changes)


async def test_a_run_is_told_of_after_its_end_and_after_a_restart_of_the_console(stage: Stage) -> None:
    async with stage.run() as actor:
        good = await begin(actor, "nightly", NIGHTLY)
        for node in ("deploy", "chrome", "firefox", "summary"):
            await end(actor, good, node)
        bad = await begin(actor, "nightly", NIGHTLY)
        await end(actor, bad, "deploy", code=1)
        known = actor.console.replica.runs
        await actor.until(lambda: known[bad].state == "failed", "the console knows of the end")
        first = stage.engine.feed.message(stage.engine.feed.join())
        assert sorted(rows(first)) == [(good, "succeeded", 4, 4, 0), (bad, "failed", 4, 4, 4)]
        assert sorted(rows(first)) == sorted(
            (row.id, row.state, row.ended, row.nodes, row.failed) for row in known.values()
        )


async def test_a_forgotten_run_leaves_the_console(stage: Stage) -> None:
    async with stage.run() as actor:
        run = await begin(actor, "nightly", NIGHTLY)
        await end(actor, run, "deploy", code=1)
        await actor.until(lambda: actor.console.replica.runs[run].ended_at, "it has ended")
        await actor.stage.link.ask("run-clean", runs=[run])
        await actor.until(lambda: run not in actor.console.replica.runs, "it is gone")


async def test_gates_that_ask_are_counted_wherever_they_were_heard_of(stage: Stage) -> None:
    async with stage.run() as actor:
        run = await begin(actor, "many", MANY.replace("SHARDS", "1"))
        await end(actor, run, "work")
        await actor.until(lambda: actor.console.replica.gates() == [(run, "end")], "the console knows")
        assert stage.engine.feed.runs.asking == 1
        await actor.stage.link.ask("run-cancel", runs=[run])
        await actor.until(lambda: not actor.console.replica.gates(), "nobody is asked any more")
        assert stage.engine.feed.runs.asking == 0


async def test_a_document_of_many_parts_shows_some_and_counts_all(stage: Stage) -> None:
    async with stage.run() as actor:
        run = await begin(actor, "many", MANY.replace("SHARDS", ", ".join(map(str, range(600)))))
        await actor.until(lambda: len(actor.console.replica.tasks) == 600, "the console has them all")
        document = (await actor.stage.link.ask("run-show", run=run))["run"]
        (work, _) = document["nodes"]
        assert len(work["parts"]) == 500
        assert work["counts"]["all"] == 600
        assert work["started_at"] is not None
