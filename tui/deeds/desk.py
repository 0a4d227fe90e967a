"""What an action may use: the chosen tasks, the engine, questions to the person, the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from core.home import Home
    from core.wire import AgentRow, ForeignRow, SessionRow, TaskRow
    from tui.replica import Replica
    from tui.screens.dialogs import Option, Question

Request = tuple[str, dict[str, Any]]
"""A verb of the engine with its parameters."""


class Change(NamedTuple):
    """A change of the queue that can be taken back."""

    words: str
    back: tuple[Request, ...]
    again: tuple[Request, ...]


class Undo:
    """Changes in the order in which they were made."""

    def __init__(self) -> None:
        self._done: list[Change] = []
        self._undone: list[Change] = []

    def made(self, change: Change) -> None:
        self._done.append(change)
        self._undone.clear()

    def take_back(self) -> Change | None:
        if not self._done:
            return None
        self._undone.append(self._done.pop())
        return self._undone[-1]

    def make_again(self) -> Change | None:
        if not self._undone:
            return None
        self._done.append(self._undone.pop())
        return self._done[-1]


class Desk(Protocol):
    """Implemented by the screen. `ask` lets the engine's refusal through: whoever runs a deed shows it."""

    home: Home
    replica: Replica
    undo: Undo

    def chosen(self) -> TaskRow | None:
        """The task under the cursor, in whichever pane that is."""

    def targets(self) -> list[TaskRow]:
        """The marked tasks, or the chosen one."""

    def session(self) -> SessionRow | ForeignRow | None:
        """The session under the cursor, or that of the chosen task."""

    def agent(self) -> AgentRow | None:
        """The agent under the cursor, where the agents have the focus."""

    async def ask(self, do: str, **parameters: Any) -> Any: ...  # noqa: ANN401 - JSON

    async def confirm(self, question: Question) -> bool: ...

    async def choose(
        self, title: str, options: list[Option], current: str | None = None, note: str = ""
    ) -> str | None: ...

    async def prompt(self, title: str, value: str = "", note: str = "") -> str | None: ...

    async def open(self, screen: Any) -> Any: ...  # noqa: ANN401 - a screen, and what it returns

    def say(self, text: str) -> None: ...

    def warn(self, text: str) -> None: ...

    async def step_aside(self, argv: list[str], env: dict[str, str]) -> None:
        """Gives the terminal to a program until it ends."""

    def copy(self, text: str) -> None: ...

    def go_to(self, task: int) -> None:
        """Puts the cursor on a task, lifting the filter where that hides it."""
