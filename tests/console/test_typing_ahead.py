"""Keys that come all at once act on what the keys before them have opened, and on nothing else."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from textual.widgets import Input

from tui import keyboard
from tui.screens.dialogs import Choose
from tui.screens.form import TaskForm
from tui.screens.reading import ActionList, Page

if TYPE_CHECKING:
    import pytest

    from tests.console.stage import Stage


def command(name: str, **fields: Any) -> dict[str, Any]:
    return {"command": [name], "name": name} | fields


async def test_a_filter_that_is_typed_in_one_go_is_a_filter(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.add(*(command(f"tests-{number}", hold=True) for number in range(3)))
        stage.link.asked.clear()
        await actor.type_ahead("slash", *"tests", "space", *"resx", "enter", "j")
        assert stage.console._fleet.filter == "tests resx"
        assert stage.link.asked == []
        assert len(stage.console.screen_stack) == 2
        assert not isinstance(stage.console.focused, Input)


async def test_a_form_that_is_filled_in_in_one_go_has_each_text_in_its_field(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.type_ahead("n", *"make", "tab", "tab", *"greet", "tab", *"/tmp")
        form = stage.console.screen
        assert isinstance(form, TaskForm)
        fields = {field.id: field.value for field in form.query(Input)}
        assert fields["field-command"] == "make"
        assert fields["field-prompt"] == ""
        assert fields["field-name"] == "greet"
        assert fields["field-cwd"] == "/tmp"
        await actor.type_ahead("enter", "question_mark", *"kill")
        assert isinstance(stage.console.screen, ActionList)
        assert stage.console.screen.query_one(Input).value == "kill"
        assert [task.name for task in stage.console.replica.tasks.values()] == ["greet"]


async def test_an_answer_that_is_typed_ahead_goes_to_its_question(stage: Stage) -> None:
    async with stage.run() as actor:
        await actor.add(command("one"))
        await actor.choose(1)
        await actor.type_ahead("x", "y", "k", "j", "d")
        assert [parameters["tasks"] for do, parameters in stage.link.asked if do == "stop"] == [[1]]
        assert isinstance(stage.console.screen, Page)
        await actor.type_ahead("escape", "y", "j", "enter", "d")
        assert isinstance(stage.console.screen, Page), "the copy menu has been left by its own Enter"
        await actor.type_ahead("escape", "y")
        assert isinstance(stage.console.screen, Choose)


async def test_what_is_left_at_once_takes_no_key_of_the_next(stage: Stage) -> None:
    """A screen that goes answers nobody any more: nobody waits for it."""
    async with stage.run() as actor:
        await actor.add(command("one"))
        began = time.monotonic()
        for _ in range(5):
            await actor.type_ahead("n", *"abc", "escape", "d", "escape", "question_mark", "escape")
        assert len(stage.console.screen_stack) == 2
        assert time.monotonic() - began < 2 * keyboard.PATIENCE + 10, "none of them was waited for in vain"


async def test_an_engine_that_does_not_answer_does_not_lock_the_keys(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyboard, "PATIENCE", 0.2)
    async with stage.run() as actor:
        await actor.add(command("one"), command("two"))
        await actor.choose(1)
        answered, ask = asyncio.Event(), stage.link.ask

        async def slow(do: str, **parameters: Any) -> Any:
            await answered.wait()
            return await ask(do, **parameters)

        monkeypatch.setattr(stage.link, "ask", slow)
        for key in ("d", "exclamation_mark"):
            await actor.pilot.press(key)
        await actor.until(lambda: stage.console._fleet.only_problems, "the second key has been taken")
        answered.set()
        await actor.until(lambda: isinstance(stage.console.screen, Page), "what was asked for is shown in the end")
