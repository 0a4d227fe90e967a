"""The console by its keys: what an operator sees and does, over an engine with fake hands."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from core.interactive.ladder import Reading
from core.interactive.signals import Choice, Source, State
from core.kinds.result import Result
from core.messages import AgentSeen, Exited, Probed
from core.settings import ConsoleSettings
from core.vitals import HealthState
from core.wire import ForeignRow
from tests.console import agents_story
from tests.console.stage import SETTINGS, Stage
from tui.actions import ACTIONS, BY_KEY, Tier

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def command(name: str, **fields: Any) -> dict[str, Any]:
    return {"command": [name], "name": name} | fields


async def test_an_empty_console_teaches_how_to_put_work_in(stage: Stage) -> None:
    async with stage.run() as actor:
        shown = await actor.sees("Nothing is queued yet", "muxdeck add -- make test", "muxdeck batch")
        assert "1 agents" in shown
        assert "2 queue" in shown
        assert "3 sessions" in shown


async def test_agents_queue_and_sessions_are_side_by_side_with_what_is_chosen_below(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.add(*(command(f"job-{number}") for number in range(5)), command("asks", agent="build"))
        actor.hands.screens = dict.fromkeys(range(1, 7), "\033[32mcompiling\033[0m unit 7")
        actor.hands.end(2, 3)
        shown = await actor.sees("✗", "exit 3", "● 3 running", "1 failed", "build")
        assert shown.splitlines()[0].startswith(" muxdeck · fleet")
        await actor.press("j")
        await actor.sees("compiling unit 7", "job-")


async def test_an_agent_of_an_unknown_version_says_so_quietly_and_goes_on(stage: Stage) -> None:
    async with stage.run() as actor:
        stage.engine.post(Probed("build", None, "Claude Code 9.9 is not one that was tested (2.1.330)"))
        await actor.press("1", "j")
        shown = await actor.sees("idle", "Claude Code 9.9 is not one", "starts what is queued")
        assert "broken" not in shown


async def test_the_cursor_stays_on_its_task_whatever_comes(stage: Stage) -> None:
    async with stage.run() as actor:
        ids = await actor.add(*(command(f"job-{number}") for number in range(20)))
        queue = stage.console._fleet.queue
        await actor.press("j", "j", "j", "j")
        chosen = queue.chosen()
        assert chosen is not None
        for task in ids:
            if task != chosen.id:
                actor.hands.end(task, 1)
        await actor.add(*(command(f"late-{number}", priority=9) for number in range(30)))
        await actor.until(lambda: stage.console.replica.count("failed") >= 2, "things fail")
        assert queue.chosen().id == chosen.id


async def test_until_it_is_moved_the_cursor_is_on_what_needs_attention_first(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.add(command("one"), command("two"))
        actor.hands.end(2, 1)
        await actor.until(lambda: (row := stage.console._fleet.queue.chosen()) and row.id == 2, "the failure is on top")
        actor.sample(1, HealthState.WAITING, "reads its terminal")
        await actor.until(lambda: stage.console._fleet.queue.chosen().id == 1, "the question is on top")
        await actor.sees("1 needs you", "waiting", "reads its terminal")


async def test_a_task_is_queued_by_the_form_and_faults_are_shown_beside_their_fields(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.press("n")
        await actor.sees("new task")
        await actor.press("enter")
        await actor.sees("there is no command")
        await actor.write("make 'all")
        await actor.press("enter")
        await actor.sees("No closing quotation")
        await actor.write("'")
        for _ in range(5):
            await actor.press("tab")
        await actor.write("nobody")
        await actor.press("enter")
        await actor.sees("there is no agent 'nobody'")
        for _ in range(6):
            await actor.press("backspace")
        await actor.press("enter")
        await actor.sees("queued as 1")
        assert stage.engine.store.spec(1).launch.argv == ("make", "all")


async def test_a_conversation_goes_on_with_the_agent_that_had_it(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(agents_story.SETTINGS)
    async with stage.run() as actor:
        first, silent, other = await actor.add(
            {"prompt": "look", "agent": "bob", "group": "tidy", "cwd": "/usr"},
            {"prompt": "look", "agent": "bob"},
            command("job"),
        )
        await actor.until(lambda: len(actor.hands.running) == 3, "they run")
        await actor.choose(first)
        await actor.press("C")
        await actor.sees(f"go on: {first} is running, not ended")
        for task, result in ((first, Result("ok", session="s-1")), (silent, Result("ok")), (other, None)):
            stage.engine.post(Exited(actor.hands.running[task], 0, time.time(), result))
        await actor.until(lambda: stage.console.replica.count("succeeded") == 3, "they have ended")
        for task, said in ((silent, f"{silent} has left no conversation"), (other, f"{other} was a command")):
            await actor.choose(task)
            await actor.press("C")
            await actor.sees(f"go on: {said}")
        await actor.choose(first)
        await actor.press("C")
        shown = await actor.sees(f"go on with {first} look", "bob", "tidy", "/usr")
        assert "by your shell" not in shown
        await actor.press("enter")
        await actor.sees("there is no prompt")
        await actor.write("and-now?")
        await actor.press("enter")
        await actor.sees(f"queued as {other + 1}")
        spec = stage.engine.store.spec(other + 1)
        assert (spec.launch.resume, spec.wanted.agent, spec.group, spec.launch.cwd) == (first, "bob", "tidy", "/usr")
        assert spec.launch.prompt is not None


async def test_an_agent_under_the_cursor_has_the_lower_part_to_itself(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    async with stage.run() as actor:
        await actor.add(command("job"))
        actor.hands.screens = {1: "compiling unit 7"}
        await actor.sees("compiling unit 7", "live · 1")
        await actor.press("1")
        await actor.misses("compiling unit 7", "live · 1", "─ 1 job")
        await actor.sees("─ local ─", "agent   local")
        await actor.press("j")
        await actor.sees("─ build ─", "agent   build")
        await actor.press("2")
        await actor.sees("compiling unit 7", "─ 1 job")


async def test_a_task_that_has_not_run_shows_no_screen_of_another(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.add(command("job"), command("held", hold=True))
        actor.hands.screens = {1: "compiling unit 7"}
        await actor.choose(1)
        await actor.sees("compiling unit 7")
        await actor.choose(2)
        await actor.misses("compiling unit 7")


async def test_the_form_is_whole_on_a_small_terminal_and_a_box_says_by_its_sign_how_it_stands(stage: Stage) -> None:
    async with stage.run((80, 24)) as actor:
        await actor.press("n")
        shown = await actor.sees("new task", "time limit", "hold it", "Esc  back", "╮", "▐ ▌ hold it")
        top = next(line for line in shown.splitlines() if "new task" in line)
        assert top.rstrip("│ ").endswith("╮")
        await actor.press(*["shift+tab"], "space")
        await actor.sees("▐x▌ hold it")


async def test_what_an_agent_said_and_cost_is_in_the_details_and_long_mail_is_read_whole(
    make_stage: Callable[..., Stage],
) -> None:
    stage = make_stage(agents_story.SETTINGS)
    async with stage.run() as actor:
        (task,) = await actor.add({"prompt": "look", "agent": "bob"})
        await actor.until(lambda: actor.hands.running, "it runs")
        await actor.press("x")
        await actor.sees("1 session whose processes have not been looked at yet")
        await actor.press("escape")
        told = Result("ok", message="Two findings\nare mended.", cost=0.214)
        stage.engine.post(Exited(actor.hands.running[task], 0, time.time(), told))
        await actor.sees("said    Two findings are mended.", "0.2140 USD")
        await stage.link.ask("msg", speaker=None, to="operator", text=f"begin {'word ' * 60}end-of-it")
        await actor.press("m")
        await actor.sees("begin word", "end-of-it")


async def test_a_queued_task_is_edited_and_the_edit_is_undone_and_made_again(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.add(command("held", hold=True, retry={"attempts": 4}))
        await actor.press("e")
        await actor.sees("edit 1", "▐x▌ hold it", "▐ ▌ run by")
        await actor.press("tab")
        await actor.write("xyz")
        await actor.press("enter")
        await actor.sees("heldxyz")
        spec = stage.engine.store.spec(1)
        assert (spec.held, spec.policy.retry.attempts) == (True, 4)
        await actor.press("z")
        await actor.sees("taken back: edit 1")
        assert stage.engine.store.spec(1).name == "held"
        await actor.press("Z")
        await actor.sees("made again")
        assert stage.engine.store.spec(1).name == "heldxyz"


async def test_hold_priority_and_order_can_be_taken_back(stage: Stage) -> None:
    async with stage.run() as actor:
        await stage.link.ask("everything", paused=True)
        await actor.add(*(command(f"job-{number}") for number in range(3)))
        await actor.press("H")
        await actor.sees("hold 1 task")
        assert stage.engine.world.tasks[1].held
        await actor.press("P", "k", "enter")
        await actor.until(lambda: stage.engine.world.tasks[1].priority == 1, "the priority is set")
        await actor.press("z", "z")
        await actor.until(lambda: not stage.engine.world.tasks[1].held, "both are undone")
        assert stage.engine.world.tasks[1].priority == 0
        await actor.press("alt+down")
        await actor.until(
            lambda: stage.engine.world.tasks[1].order > stage.engine.world.tasks[2].order, "they changed places"
        )


async def test_stopping_a_running_task_names_what_it_hits_and_needs_its_own_letter(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.add(command("one"), command("waits", after_ok=[1]))
        actor.sample(1, HealthState.WORKING)
        await actor.until(lambda: stage.console.replica.sessions[1].processes, "it was looked at")
        await actor.press("x")
        await actor.sees("stop 1 one?", "4 processes in 1 session, 312M", "waiting for it: 2")
        await actor.press("enter")
        await actor.misses("stop 1 one?")
        await actor.press("x")
        await actor.sees("stop 1 one?")
        await actor.press("x", "escape")
        assert 1 in actor.hands.running, "the key that asked does not confirm"
        await actor.press("x")
        await actor.sees("stop 1 one?")
        await actor.press("y")
        await actor.until(lambda: 1 not in actor.hands.running, "it is stopped")
        assert actor.hands.signals == [(1, 15)]


async def test_many_are_killed_only_when_their_count_is_typed(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.add(*(command(f"job-{number}") for number in range(3)))
        await actor.press("*", "X")
        await actor.sees("kill 3 tasks?", "type 3")
        await actor.press("y", "enter")
        assert len(actor.hands.running) == 3
        await actor.press("3", "enter")
        await actor.until(lambda: not actor.hands.running, "they are killed")


async def test_somebody_attached_makes_a_stop_ask_harder(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.add(command("one"))
        actor.hands.attached = 1
        await actor.press("x")
        await actor.sees("somebody is attached", "type 1")


async def test_retry_one_and_retry_all_that_failed(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.add(*(command(f"job-{number}") for number in range(3)), command("after", after_ok=[1]))
        for task in (1, 2, 3):
            actor.hands.end(task, 1)
        await actor.sees("3 failed")
        await actor.press("r")
        await actor.sees("queued again")
        assert len(actor.hands.running) == 1
        await actor.press("R")
        await actor.sees("retry all 2 that failed?")
        await actor.press("y")
        await actor.until(lambda: len(actor.hands.running) == 3, "all run again")


async def test_a_key_that_cannot_work_says_why(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.press("r")
        await actor.sees("retry: no task is chosen")
        await actor.add(command("one"))
        await actor.press("r")
        await actor.sees("retry: 1 is running, not ended")
        await actor.press("e")
        await actor.sees("edit: 1 is running, not queued")
        await actor.press("z")
        await actor.sees("there is nothing to take back")


async def test_a_read_only_console_changes_nothing(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(read_only=True)
    async with stage.run() as actor:
        await actor.add(command("one"))
        before = list(stage.link.asked)
        for action in ACTIONS:
            if action.tier is not Tier.LOOKS:
                stage.console._fleet.perform(action)
        await actor.sees("read-only")
        assert stage.link.asked == before


async def test_filter_problems_and_a_filter_that_hides_everything(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.add(command("alpha", group="g"), command("beta"), command("gamma"))
        actor.hands.end(2, 1)
        await actor.sees("exit 1")
        await actor.press("slash")
        await actor.write("group=g")
        await actor.press("enter")
        await actor.until(lambda: stage.console._fleet.queue.count() == 1, "one is left")
        assert stage.console._fleet.queue.row(0).name == "alpha"
        await actor.sees("2 queue · group=g")
        await actor.press("escape")
        await actor.sees("gamma")
        await actor.press("exclamation_mark")
        await actor.until(lambda: stage.console._fleet.queue.count() == 1, "only the problem is shown")
        await actor.press("exclamation_mark", "slash")
        await actor.write("nothing!like")
        await actor.press("enter")
        await actor.sees("nothing passes", "Esc shows everything again")
        await actor.press("escape")
        await actor.until(lambda: stage.console._fleet.queue.count() == 3, "everything is shown again")


async def test_w_goes_round_what_needs_somebody_and_snooze_leaves_it_out(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.add(*(command(f"job-{number}") for number in range(3)), command("calm"))
        actor.hands.end(1, 1)
        actor.hands.end(2, 1)
        await actor.until(lambda: 3 in actor.hands.running, "the third runs")
        actor.sample(3, HealthState.STUCK, "no output for 1h")
        await actor.sees("1 needs you", "2 failed")
        seen = []
        for _ in range(3):
            await actor.press("w")
            seen.append(stage.console._fleet.queue.chosen().id)
        assert sorted(seen) == [1, 2, 3]
        assert seen[0] == 3, "what is stuck goes before what has failed"
        await actor.press("h")
        snoozed = stage.console._fleet.queue.chosen().id
        for _ in range(4):
            await actor.press("w")
            assert stage.console._fleet.queue.chosen().id != snoozed


async def test_marks_ranges_and_one_layer_back(stage: Stage) -> None:
    async with stage.run() as actor:
        await stage.link.ask("everything", paused=True)
        await actor.add(*(command(f"job-{number}") for number in range(6)))
        queue = stage.console._fleet.queue
        await actor.press("space", "space")
        assert queue.marks == {1, 2}
        await actor.press("escape")
        assert queue.marks == set()
        await actor.press("v", "j", "j")
        assert queue.marks == {3, 4, 5}
        await actor.press("v", "H")
        await actor.sees("hold 3 tasks", "3 marked")
        assert [task.id for task in stage.engine.world.tasks.values() if task.held] == [3, 4, 5]


async def test_what_was_asked_for_is_in_the_history(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.add(command("one", hold=True))
        await actor.press("x")
        await actor.sees("stop: 1")
        await actor.press("at")
        await actor.sees("console", "stop 1 task: 1", "added 1 task")
        await actor.press("escape")
        await actor.press("d")
        await actor.sees("it was cancelled", "stop 1 task: 1")


async def test_the_whole_output_is_searched_and_followed(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.add(command("one"))
        actor.hands.logs[1] = b"".join(b"line %d\r\n" % number for number in range(300)) + b"\033[31mboom\033[0m\r\n"
        await actor.press("l")
        await actor.sees("output of 1 one", "boom", "follows")
        await actor.press("g")
        await actor.sees("line 0", "stands still")
        await actor.press("slash")
        await actor.write("line 17")
        await actor.press("enter")
        await actor.sees("▌line 179")
        await actor.press("G")
        actor.hands.logs[1] += b"more\r\n"
        await actor.sees("more")
        await actor.press("slash")
        await actor.write("nowhere")
        await actor.press("enter")
        await actor.sees("is not in what is held here")


async def test_text_is_sent_and_a_signal_chosen(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.add(command("one"))
        await actor.press("i")
        await actor.sees("send to 1 one")
        await actor.write("yes")
        await actor.press("enter")
        await actor.sees("sent to 1")
        assert actor.hands.typed == [(1, "yes")]
        await actor.press("K", "j", "j", "j", "enter")
        await actor.sees("USR1 sent to 1")
        assert actor.hands.signals == [(1, 10)]


async def test_a_queued_task_is_dispatched_to_a_chosen_agent_now(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.add(command("one", hold=True))
        await actor.press("D")
        await actor.sees("on which agent?")
        await actor.press("j", "enter")
        await actor.until(lambda: 1 in actor.hands.running, "it runs")
        assert stage.engine.world.tasks[1].agent == "build"


async def test_an_agent_is_paused_by_its_pane(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.press("1", "p")
        await actor.sees("paused agent local")
        await actor.add(command("one"))
        await actor.sees("agent local", "‖ local")
        await actor.press("p")
        await actor.until(lambda: 1 in actor.hands.running, "it starts")


async def test_a_session_that_is_not_ours_ends_only_by_its_name(stage: Stage) -> None:
    async with stage.run() as actor:
        row = ForeignRow("/tmp/tmux-0/default", "$4", "mine", 2, 1, "vim", "working", "50%", 0.0, 1.0, 9 << 20, 3)
        actor.hands.foreigners = [row]
        stage.engine.feed.note_foreign([row])
        await actor.sees("mine · vim", "+ 1 of yours")
        await actor.press("3", "X")
        await actor.sees("not muxdeck's", "type mine")
        await actor.press("y", "enter")
        assert actor.hands.ended_foreigners == []
        await actor.write("mine")
        await actor.press("enter")
        await actor.until(lambda: actor.hands.ended_foreigners == ["$4"], "it is ended")


async def test_the_palette_finds_actions_and_takes_an_add_as_on_the_command_line(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.press("colon")
        await actor.write("history")
        await actor.press("enter")
        await actor.sees("asked for, and otherwise")
        await actor.press("escape", "colon")
        await actor.write("add -p 7 -n typed true")
        await actor.press("enter")
        await actor.until(lambda: 1 in stage.console.replica.tasks, "it is queued")
        assert stage.engine.store.spec(1).priority == 7
        await actor.press("colon")
        await actor.write("add -t soon x")
        await actor.press("enter")
        await actor.sees("not a duration")


async def test_help_has_every_key_and_says_what_cannot_be_done_now(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.press("question_mark")
        await actor.write("attach")
        await actor.sees("go into the session", "not now: no task is chosen")


async def test_an_engine_that_is_gone_is_said_and_comes_back_by_itself(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.add(command("one"))
        stage.link.there = False
        await actor.sees("no engine: what is shown is old", "one")
        await actor.press("x")
        await actor.sees("the engine is gone")
        await actor.press("escape")
        stage.link.there = True
        await actor.misses("no engine")
        await actor.sees("one", "1 running")


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (100, 30), (120, 40), (200, 50), (300, 90)])
async def test_every_size_shows_what_matters(stage: Stage, size: tuple[int, int]) -> None:
    async with stage.run(size) as actor:
        await actor.add(*(command(f"job-{number}") for number in range(4)))
        actor.hands.end(1, 1)
        shown = await actor.sees("muxdeck", "failed", "running", "job-1", "? help")
        lines = shown.splitlines()
        assert len(lines) <= size[1]
        assert all(len(line) <= size[0] for line in lines)
        for number, name in (("1", "agents"), ("2", "queue"), ("3", "sessions")):
            await actor.press(number)
            await actor.sees(f"{number} {name}")


async def test_below_the_least_size_it_says_what_it_needs(stage: Stage) -> None:
    async with stage.run((50, 12)) as actor:
        await actor.sees("needs 60x15", "50x12")


async def test_plain_letters_stand_for_symbols_where_asked(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(replace(SETTINGS, console=ConsoleSettings(ascii=True)))
    async with stage.run() as actor:
        await actor.add(command("one"), command("two", hold=True))
        actor.hands.end(1, 1)
        shown = await actor.sees("x 1 failed", "= ")
        assert not set("●○◆✗‖✓") & set(shown)


async def test_names_from_outside_are_inert_on_the_screen(stage: Stage) -> None:
    hostile = "\x1b]0;x\x07\x1b[31m[bold red]evil[/]\u202e\x9b" + "w" * 200_000
    async with stage.run() as actor:
        await actor.add({"command": ["true", hostile], "name": hostile, "group": "g"})
        actor.hands.screens[1] = hostile + "\x1b[2J\x1b]52;c;AAAA\x07"
        await actor.sees("[bold red]evil[/]")
        for key in ("d", "escape", "x", "escape", "e", "escape", "l", "escape", "at", "escape", "y", "escape"):
            await actor.press(key)
            shown = actor.text
            assert not set(shown) & {"\x1b", "\x07", "\x9b", "\u202e"}, key


async def test_every_theme_can_be_worn_and_a_faulty_one_is_told(stage: Stage) -> None:
    stage.home.themes.mkdir(parents=True)
    async with stage.run() as actor:
        (stage.home.themes / "mine.toml").write_text("dark = true\n[surfaces]\nbackground = 'red'\n")
        await actor.sees("mine.toml")
        for name in stage.console.own_themes:
            stage.console.wear(name)
            await actor.pilot.pause()
        assert {"harbour", "ember", "paper", "beacon"} <= set(stage.console.own_themes)
        await actor.press("t")
        await actor.sees("theme")
        before = stage.console.theme
        await actor.press("k")
        await actor.press("escape")
        assert stage.console.theme == before


def test_no_key_has_two_meanings_and_none_is_dangerous_by_a_slip() -> None:
    keys = [key for action in ACTIONS for key in action.keys]
    assert len(keys) == len(set(keys))
    assert "ctrl+d" not in BY_KEY
    assert "ctrl+k" not in BY_KEY
    assert BY_KEY["ctrl+c"].id == "leave"


async def test_messages_are_shown_whole_and_inert(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.press("m")
        await actor.sees("nobody has written anything")
        await actor.press("escape")
        await actor.add(command("job"))
        await stage.link.ask("msg", speaker=None, to="1", text="look at \x1b[31mthis\nand that", ttl=None)
        await actor.press("m")
        await actor.sees("operator → task:1  waiting", "look at", "and that")


async def test_a_task_without_a_worktree_has_no_changes_to_show(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.add(command("job"))
        await actor.press("u")
        await actor.sees("task 1 has no worktree")


async def test_an_agent_is_answered_without_going_there(tmp_path: Path) -> None:
    stage = Stage(tmp_path, agents_story.SETTINGS)
    try:
        async with stage.run() as actor:
            asking = await agents_story.tell(actor)
            await actor.sees("in 1h", "3/3")
            await actor.press("w")
            await actor.press("i")
            await actor.sees("Do you want to proceed?", "Yes, and don't ask again")
            await actor.press("1")
            await actor.sees(f"answered {asking} with 1")
            assert actor.hands.typed == [(asking, "1")]
    finally:
        stage.close()


async def test_what_was_written_to_the_operator_is_counted_until_it_is_read(stage: Stage) -> None:
    async with stage.run() as actor:
        await stage.link.ask("msg", speaker=None, to="operator", text="done with the parser", ttl=None)
        await actor.add(command("job"))
        await actor.sees("m 1 message")
        await actor.press("m")
        await actor.sees("done with the parser")
        await actor.press("escape")
        await actor.add(command("another"))
        await actor.misses("m 1 message")


async def test_enter_on_an_agent_tells_all_about_it(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.press("1", "enter")
        await actor.sees("─ agent local ─", "kind    command", "load    0 running")
        await actor.press("escape", "d")
        await actor.sees("describe: no task is chosen")


async def test_taking_back_the_release_of_a_task_that_runs_by_now_stops_nothing(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.add(command("one", hold=True))
        await actor.choose(1)
        await actor.press("p")
        await actor.until(lambda: 1 in actor.hands.running, "it begins")
        await actor.press("z")
        await actor.sees("only queued tasks can be changed")
        assert actor.hands.signals == []


async def test_a_long_dialog_fits_a_small_terminal_with_its_question_and_all_its_answers(tmp_path: Path) -> None:
    stage = Stage(tmp_path, agents_story.SETTINGS)
    long = "Yes, and don't ask again for commands that start with `touch made-by-the-agent` in this folder"
    detail = "\n".join([*(f"line {number} of what it wants " * 5 for number in range(30)), "Proceed?"])
    choices = (Choice("1", "Yes"), Choice("2", long), Choice("3", "No"))
    try:
        async with stage.run((80, 24)) as actor:
            (asking,) = await actor.add({"prompt": "make a file", "name": "make"})
            attempt = await actor.until(lambda: actor.hands.running.get(asking), "it runs")
            reading = Reading(State.PERMISSION, Source.SCREEN, 1.0, 1.0, "x", detail, choices)
            stage.engine.post(AgentSeen(attempt, reading))
            await actor.until(lambda: actor.console.replica.sessions[asking].dialog, "it asks")
            await actor.choose(asking)
            await actor.press("i")
            await actor.sees("Proceed?", "Esc     leave it open", "1       Yes", "3       No", "↵  choose")
            assert "in this folder" in " ".join(actor.text.replace("│", "").split())
            await actor.press("j", "j", "j", "enter")
            await actor.until(lambda: actor.hands.typed == [(asking, "3")], "the third is chosen")
    finally:
        stage.close()


async def test_nothing_can_be_done_with_the_marked_where_nothing_is(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.add(command("one"))
        await actor.press("b")
        await actor.sees("nothing is marked")
        await actor.press("space", "b")
        shown = await actor.sees("what to do with the marked", "stop")
        assert "go to the next pane" not in shown
