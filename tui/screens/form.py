"""The form for a new task, and for changing a queued one. What the engine refuses is shown beside its field."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Checkbox, Input, Static

from core.client import AnswerError, NoEngineError
from core.text import one_line, parse_duration
from tui.panes.titles import entitle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual import events
    from textual.app import ComposeResult


class Field(NamedTuple):
    key: str
    label: str
    hint: str
    new_only: bool = False
    talks_not: bool = False
    """Has no place where a prompt goes on with a conversation."""


FIELDS = (
    Field("command", "command", "pytest -q tests", talks_not=True),
    Field("prompt", "prompt", "for a coding agent, instead of a command", new_only=True),
    Field("name", "name", "what lists show; by default the command"),
    Field("cwd", "folder", "where it runs"),
    Field("group", "group", "default"),
    Field("agent", "agent", "by name; by default local, or any that takes prompts"),
    Field("capabilities", "able to", "review, python: any agent that has all of these", talks_not=True),
    Field("priority", "priority", "0"),
    Field("after_ok", "after ok", "411, 412: start once these succeeded", new_only=True),
    Field("delay", "delay", "15m: start no sooner than in this time"),
    Field("attempts", "attempts", "1"),
    Field("run", "time limit", "2h: one attempt"),
)


NEXT = "what its agent is to do next"
"""The hint of a prompt that goes on with a conversation."""


class Tick(Checkbox):
    """Told by its sign too, not by its colour alone."""

    BUTTON_INNER = " "

    def watch_value(self) -> None:
        self.BUTTON_INNER = "x" if self.value else " "
        super().watch_value()


class TaskForm(ModalScreen[Any], inherit_bindings=False):
    """`submit` gets the keys of a task request and returns what is shown to the person afterwards.

    With `talks` it is a prompt, and can be nothing else.
    """

    VERTICAL_BREAKPOINTS = [(0, "-low"), (34, "-high")]  # noqa: RUF012 - as Textual declares it

    def __init__(
        self,
        title: str,
        values: dict[str, str],
        submit: Callable[[dict[str, Any]], Awaitable[Any]],
        *,
        new: bool,
        talks: bool = False,
    ) -> None:
        super().__init__()
        self._title = title
        self._values = values
        self._submit = submit
        self._new = new
        self._talks = talks
        self._fields = [field for field in FIELDS if (new or not field.new_only) and not (talks and field.talks_not)]

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="page form", can_focus=False):
            for field in self._fields:
                with Horizontal(classes="field"):
                    yield Static(Content(field.label), classes="label")
                    yield Input(
                        value=self._values.get(field.key, ""),
                        placeholder=NEXT if self._talks and field.key == "prompt" else field.hint,
                        id=f"field-{field.key}",
                        compact=True,
                        select_on_focus=False,
                    )
                yield Static("", classes="fault", id=f"fault-{field.key}")
            with Horizontal(classes="field"):
                yield Static(Content(""), classes="label")
                if not self._talks:
                    shell = self._values.get("shell") == "yes"
                    yield Tick("run by your shell", value=shell, id="shell", compact=True)
                yield Tick("hold it", value=self._values.get("hold") == "yes", id="hold", compact=True)
            yield Static("", classes="fault", id="fault-all")
            yield Static(
                Content(f"↵  {'queue it' if self._new else 'change it'}      Tab  next field      Esc  back"),
                classes="keys",
            )

    def on_mount(self) -> None:
        entitle(self.query_one(".page"), self._title)
        self.query_one(f"#field-{self._fields[0].key}", Input).focus()

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            self.dismiss(None)
        elif event.key in ("down", "tab"):
            event.stop()
            self.focus_next()
        elif event.key in ("up", "shift+tab"):
            event.stop()
            self.focus_previous()

    async def on_input_submitted(self) -> None:
        for fault in self.query(".fault").results(Static):
            fault.update("")
            fault.remove_class("-said")
        try:
            task = self._request()
        except FieldError as error:
            self._show(error.key, str(error))
            return
        try:
            answer = await self._submit(task)
        except AnswerError as error:
            for problem in error.problems or [{"path": [], "text": str(error)}]:
                self._show(_field_of(problem["path"]), problem["text"])
        except NoEngineError as error:
            self._show("all", str(error))
        else:
            self.dismiss(answer)

    def _show(self, key: str, text: str) -> None:
        known = any(field.key == key for field in self._fields)
        fault = self.query_one(f"#fault-{key if known else 'all'}", Static)
        fault.update(Content(one_line(text, 300)))
        fault.add_class("-said")
        if known:
            self.query_one(f"#field-{key}", Input).focus()

    def _request(self) -> dict[str, Any]:
        """What is filled in, in the keys of a request. FieldError names the field that is off."""
        written = {field.key: self.query_one(f"#field-{field.key}", Input).value.strip() for field in self._fields}
        task: dict[str, Any] = self._run(written.pop("command", ""), written.pop("prompt", ""))
        task["hold"] = self.query_one("#hold", Checkbox).value
        if attempts := written.pop("attempts"):
            task["retry"] = {"attempts": _number("attempts", attempts)}
        if run := written.pop("run"):
            task["timeout"] = {"run": _duration("run", run)}
        if delay := written.pop("delay"):
            task["delay"] = _duration("delay", delay)
        if priority := written.pop("priority"):
            task["priority"] = _number("priority", priority)
        if after := written.pop("after_ok", ""):
            task["after_ok"] = [int(part) if part.isdecimal() else part for part in after.replace(",", " ").split()]
        if capabilities := written.pop("capabilities", ""):
            task["capabilities"] = capabilities.replace(",", " ").split()
        return task | {key: value for key, value in written.items() if value}

    def _run(self, text: str, prompt: str) -> dict[str, Any]:
        """A command or a prompt; a task that is changed may keep what it has."""
        if prompt and text:
            raise FieldError("prompt", "there is a command already: leave one of them out")
        if prompt:
            return {"prompt": prompt}
        if self._talks:
            raise FieldError("prompt", "there is no prompt")
        if not text and self._new:
            raise FieldError("command", "there is no command, and no prompt")
        return self._command(text) if text else {}

    def _command(self, text: str) -> dict[str, Any]:
        if self.query_one("#shell", Checkbox).value:
            return {"shell": text}
        try:
            return {"command": shlex.split(text)}
        except ValueError as error:
            raise FieldError("command", f"{error}: close it, or let your shell run it") from None


class FieldError(Exception):
    def __init__(self, key: str, text: str) -> None:
        super().__init__(text)
        self.key = key


def _number(key: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise FieldError(key, f"expected a whole number, found {one_line(text, 40)!r}") from None


def _duration(key: str, text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise FieldError(key, str(error)) from None


def _field_of(path: list[Any]) -> str:
    """The field that a fault of a request stands in: the last key of its path."""
    names = [part for part in path if isinstance(part, str) and part not in ("tasks", "changes")]
    return {"retry": "attempts", "timeout": "run"}.get(names[0], names[0]) if names else "all"
