"""The screen of runs by its keys, over an engine with fake hands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.workflows.model import NodeState, RunState
from tests.console.runs_story import NIGHTLY, begin, end
from tests.console.stage import Stage
from tui.actions import RUN_ACTIONS, RUN_BY_KEY, Tier
from tui.screens.runs import RunsScreen

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.console.stage import Actor

GATED = """
schema = 1
name = "release"
about = "Ships [bold]it[/bold]"
[task.build]
run = "make"
[task.publish]
needs = ["build"]
gate = { ask = "Publish [red]now[/red]?\\u001b[31m" }
run = "publish"
[task.tell]
needs = ["publish"]
run = "tell"
"""


def state(actor: Actor, run: int, node: str) -> NodeState:
    return actor.stage.engine.run(run).nodes[node].state


async def gated(actor: Actor) -> int:
    """A run whose gate asks, and the screen of runs on it."""
    run = await begin(actor, "gated", GATED)
    await end(actor, run, "build")
    await actor.until(lambda: state(actor, run, "publish") is NodeState.ASKING, "the gate asks")
    await actor.press("W")
    await actor.sees("publish", "graph", f"run {run} release")
    return run


async def test_without_runs_the_screen_teaches_how_to_start_one(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.press("W")
        await actor.sees("No workflow has run yet", "muxdeck run FILE", "folder workflows")
        await actor.press("escape")
        await actor.sees("Nothing is queued yet")


async def test_a_run_is_a_row_with_its_progress_and_a_graph_of_its_nodes(stage: Stage) -> None:
    async with stage.run() as actor:
        run = await begin(actor, "nightly", NIGHTLY)
        await end(actor, run, "deploy")
        await actor.press("W")
        shown = await actor.sees("nightly-e2e", "1/4", "✓ deploy", "● chrome", "○ summary")
        assert "the operator" in shown
        await end(actor, run, "chrome", code=1)
        await actor.sees("3/4", "✗ chrome", "⊘ summary")


async def test_a_gate_is_counted_among_what_needs_somebody(stage: Stage) -> None:
    async with stage.run() as actor:
        run = await gated(actor)
        await actor.sees("◆ 1 needs you", "publish: y approves")
        assert actor.stage.engine.head()["needs_you"] == 1
        await actor.press("y")
        await actor.until(lambda: state(actor, run, "publish") is NodeState.RUNNING, "it is approved")
        await actor.sees("◆ 0 need you", "publish approved")
        assert actor.stage.engine.head()["needs_you"] == 0


async def test_a_gate_is_rejected_with_a_reason_and_not_without_an_answer(stage: Stage) -> None:
    async with stage.run() as actor:
        run = await gated(actor)
        await actor.press("N")
        await actor.sees("reject publish of run")
        await actor.press("escape")
        assert state(actor, run, "publish") is NodeState.ASKING
        await actor.press("N")
        await actor.write("not today")
        await actor.press("enter")
        await actor.until(lambda: state(actor, run, "publish") is NodeState.FAILED, "it is rejected")
        await actor.press("enter")
        await actor.sees("rejected by the operator: not today")


async def test_what_has_failed_runs_again(stage: Stage) -> None:
    async with stage.run() as actor:
        run = await begin(actor, "gated", GATED)
        await actor.press("W")
        await actor.sees("build")
        await actor.press("r")
        await actor.sees(f"nothing in run {run} has failed")
        await end(actor, run, "build", code=1)
        await actor.until(lambda: stage.console.replica.runs[run].failed == 3, "it has failed")
        await actor.press("r")
        await actor.sees("retry 3 nodes", "build")
        await actor.press("y")
        await actor.until(lambda: state(actor, run, "build") is NodeState.RUNNING, "it runs again")


async def test_from_a_node_on_everything_runs_again_after_it_was_named(stage: Stage) -> None:
    async with stage.run() as actor:
        run = await begin(actor, "nightly", NIGHTLY)
        for node in ("deploy", "chrome", "firefox", "summary"):
            await end(actor, run, node)
        await actor.press("W", "F")
        await actor.sees("no node is chosen")
        await actor.sees("✓ summary")
        await actor.press("enter", "G", "F")
        await actor.sees("run summary of run", "1 node:")
        await actor.press("escape", "g", "F")
        await actor.sees("run deploy of run", "4 nodes:", "summary")
        await actor.press("y")
        await actor.until(lambda: state(actor, run, "deploy") is NodeState.RUNNING, "it runs again")
        assert state(actor, run, "summary") is NodeState.PENDING


async def test_a_run_is_paused_and_goes_on_with_the_same_key(stage: Stage) -> None:
    async with stage.run() as actor:
        run = await begin(actor, "nightly", NIGHTLY)
        await actor.press("W", "p")
        await actor.until(lambda: stage.engine.run(run).state is RunState.PAUSED, "it is paused")
        await actor.until(lambda: stage.console.replica.runs[run].state == "paused", "the console knows")
        await actor.press("p")
        await actor.until(lambda: stage.engine.run(run).state is RunState.RUNNING, "it goes on")


async def test_a_run_is_cancelled_only_after_what_dies_was_shown(stage: Stage) -> None:
    async with stage.run() as actor:
        run = await begin(actor, "nightly", NIGHTLY)
        await end(actor, run, "deploy")
        await actor.press("W")
        await actor.sees("● chrome")
        await actor.press("x")
        await actor.sees("cancel run", "2 tasks end: chrome, firefox", "type 2 to cancel it")
        await actor.press("escape")
        assert stage.engine.run(run).state is RunState.RUNNING
        await actor.press("x")
        await actor.write("2")
        await actor.press("enter")
        await actor.until(lambda: stage.engine.run(run).state.ended, "it is over")
        await actor.press("x")
        await actor.sees(f"run {run} has ended")


async def test_enter_on_a_node_goes_to_its_task_in_the_queue(stage: Stage) -> None:
    async with stage.run() as actor:
        run = await gated(actor)
        await actor.press("enter", "g")
        await actor.sees("build · command")
        await actor.press("enter")
        task = stage.engine.run(run).nodes["build"].parts[0].task
        await actor.until(lambda: not isinstance(stage.console.screen, RunsScreen), "the queue is back")
        await actor.until(lambda: stage.console._fleet.chosen() is not None, "a task is chosen")
        assert stage.console._fleet.chosen().id == task


async def test_w_opens_the_run_whose_gate_asks_and_goes_on_to_the_failed(stage: Stage) -> None:
    async with stage.run() as actor:
        run = await begin(actor, "gated", GATED)
        await end(actor, run, "build")
        await actor.until(stage.console.replica.gates, "the gate asks")
        (failed,) = await actor.add({"command": ["false"], "name": "breaks"})
        await actor.until(lambda: failed in actor.hands.running, "it runs")
        actor.hands.end(failed, 1)
        await actor.until(lambda: stage.console.replica.count("failed") == 1, "it has failed")
        await actor.choose(failed)
        await actor.press("w")
        await actor.sees("publish · command", "asks")
        await actor.press("w")
        await actor.until(lambda: not isinstance(stage.console.screen, RunsScreen), "the queue is back")
        await actor.until(lambda: stage.console._fleet.chosen().id == failed, "the failed task is chosen")


async def test_three_views_show_the_same_node(stage: Stage) -> None:
    async with stage.run() as actor:
        await gated(actor)
        await actor.press("enter", "tab")
        shown = await actor.sees("timeline", "╷0", "publish · command", "it waits for publish")
        assert "▇" in shown
        await actor.press("3")
        await actor.sees("node", "parts", "time", "why", "succeeded", "Publish")
        await actor.press("j")
        await actor.sees("tell · command", "it waits for publish")
        await actor.press("1", "k", "k")
        await actor.sees("build · command")


async def test_a_filter_hides_runs_and_escape_shows_them_again(stage: Stage) -> None:
    async with stage.run() as actor:
        await begin(actor, "nightly", NIGHTLY)
        await gated(actor)
        await actor.press("slash")
        await actor.write("state=asking")
        await actor.press("enter")
        await actor.misses("nightly-e2e")
        await actor.press("slash")
        await actor.write("zzz")
        await actor.sees("2 runs hidden")
        await actor.press("escape")
        await actor.sees("nightly-e2e", "release")


async def test_text_of_a_workflow_is_never_markup_nor_a_sequence(stage: Stage) -> None:
    async with stage.run() as actor:
        await gated(actor)
        await actor.sees("Ships [bold]it[/bold]")
        await actor.press("enter")
        shown = await actor.sees("Publish [red]now[/red]?")
        assert "\x1b" not in shown


async def test_a_run_that_does_not_change_is_not_asked_for_again(stage: Stage) -> None:
    async with stage.run() as actor:
        await gated(actor)
        asked = sum(verb == "run-show" for verb, _ in stage.link.asked)
        await actor.press("enter", "j", "k", "2", "3")
        await actor.pilot.pause(1.2)
        assert sum(verb == "run-show" for verb, _ in stage.link.asked) == asked


async def test_a_read_only_console_looks_at_runs_and_changes_nothing(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(read_only=True)
    async with stage.run() as actor:
        await gated(actor)
        before = [verb for verb, _ in stage.link.asked if verb != "run-show"]
        for action in RUN_ACTIONS:
            if action.tier is not Tier.LOOKS:
                await actor.press(action.keys[0])
        await actor.sees("this console is read-only")
        assert [verb for verb, _ in stage.link.asked if verb != "run-show"] == before


async def test_the_help_lists_the_keys_of_the_runs(stage: Stage) -> None:
    async with stage.run() as actor:
        await gated(actor)
        await actor.press("question_mark")
        await actor.sees("open the gate", "not now: nothing in run")


def test_no_key_of_the_runs_means_two_things() -> None:
    keys = [key for action in RUN_ACTIONS for key in action.keys]
    assert len(keys) == len(set(keys))
    assert RUN_BY_KEY["ctrl+c"].id == "leave"
    assert not {"ctrl+d", "ctrl+k"} & RUN_BY_KEY.keys()


async def test_a_small_terminal_is_told_what_the_runs_need(stage: Stage) -> None:
    async with stage.run() as actor:
        await gated(actor)
        await actor.pilot.resize_terminal(50, 12)
        await actor.sees("needs 60x15")


async def test_enter_on_a_call_goes_to_the_run_that_it_has_called(stage: Stage) -> None:
    async with stage.run() as actor:
        (actor.stage.home.root / "sub.toml").write_text('schema = 1\n[task.deep]\nrun = "deep"\n')
        text = 'schema = 1\n[task.first]\nrun = "a"\n[task.sub]\nneeds = "first"\ncall = { file = "sub.toml" }\n'
        run = await begin(actor, "caller", text)
        await actor.press("W")
        await actor.sees(f"run {run} caller", "sub")
        await actor.press("enter", "down", "enter")
        await actor.sees("it has not called its workflow yet")
        await end(actor, run, "first")
        await actor.sees(f"it runs as 1 run: {run + 1}")
        await actor.press("enter")
        await actor.sees(f"run {run + 1} sub", "deep")
        await actor.press("enter")
        await actor.until(lambda: not isinstance(actor.console.screen, RunsScreen), "its task is shown in the queue")
