"""The screen as a desk of the actions: what is chosen, questions to the person, the way to the engine and back."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from textual.widgets import Input

from core.client import AnswerError, NoEngineError, context
from core.wire import ForeignRow
from tui.deeds.desk import Undo
from tui.ordering import FAILED, NEEDS_YOU, SORTS, rank
from tui.panes.fleet import AgentsPane, QueuePane, SessionsPane
from tui.screens.board import Board
from tui.screens.moves import apply_view

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from textual.screen import Screen

    from core.home import Home
    from core.wire import AgentRow, SessionRow, TaskRow
    from tui.keyboard import Keyboard
    from tui.link import Link
    from tui.replica import Replica
    from tui.screens.dialogs import Option, Question


class FleetDesk(Board, inherit_bindings=False):
    """A `tui.deeds.desk.Desk`."""

    def __init__(self, home: Home, replica: Replica, link: Link, keyboard: Keyboard) -> None:
        super().__init__(replica)
        self.home = home
        self.link = link
        self._keyboard = keyboard
        self.undo = Undo()
        self.is_aside = False
        """Another program has the terminal: nothing else may write to it."""

    def chosen(self) -> TaskRow | None:
        pane = self.pane
        if isinstance(pane, SessionsPane):
            row = pane.chosen()
            return None if row is None or isinstance(row, ForeignRow) else self.replica.tasks.get(row.task)
        return self.queue.chosen() if isinstance(pane, QueuePane) else None

    def targets(self) -> list[TaskRow]:
        marked = [row for task in self.queue.marks if (row := self.replica.tasks.get(task)) is not None]
        if marked and isinstance(self.pane, QueuePane):
            return sorted(marked)
        row = self.chosen()
        return [] if row is None else [row]

    def session(self) -> SessionRow | ForeignRow | None:
        if isinstance(self.pane, SessionsPane):
            return self.pane.chosen()
        row = self.chosen()
        return None if row is None else self.replica.sessions.get(row.id)

    def agent(self) -> AgentRow | None:
        return self.pane.chosen() if isinstance(self.pane, AgentsPane) else None

    async def ask(self, do: str, **parameters: Any) -> Any:  # noqa: ANN401 - JSON
        return await self.link.ask(do, **parameters)

    async def confirm(self, question: Question) -> bool:
        from tui.screens.dialogs import Confirm

        return bool(await self.open(Confirm(question)))

    async def choose(self, title: str, options: list[Option], current: str | None = None, note: str = "") -> str | None:
        from tui.screens.dialogs import Choose

        chosen: str | None = await self.open(Choose(title, options, current, note))
        return chosen

    async def prompt(self, title: str, value: str = "", note: str = "") -> str | None:
        from tui.screens.dialogs import Prompt

        written: str | None = await self.open(Prompt(title, value, note))
        return written

    async def open(self, screen: Screen[Any]) -> Any:  # noqa: ANN401 - what the screen returns
        return await self._keyboard.show(screen)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        self._keyboard.start(self, work)

    def say(self, text: str) -> None:
        self.notify(text, markup=False, timeout=4)

    def warn(self, text: str) -> None:
        self.notify(text, severity="warning", markup=False, timeout=6)

    async def step_aside(self, argv: list[str], env: dict[str, str]) -> None:
        from tui.aside import step_aside

        self.is_aside = not os.environ.get("TMUX")
        try:
            text = await self._keyboard.leave_to(step_aside(self.app, argv, env))
        finally:
            self.is_aside = False
        if text is not None:
            self.warn(text)

    def copy(self, text: str) -> None:
        from tui.aside import copy

        copy(self.app, text)

    def go_to(self, task: int) -> None:
        if not self.queue.choose(task):
            self.filter, self.only_problems = "", False
            self.query_one("#filter", Input).value = ""
            apply_view(self)
            self.queue.choose(task)
        self.focus_pane(self.queue)

    async def add_written(self, written: str) -> None:
        """`add …` as on the command line."""
        from tui.deeds.queue import added
        from tui.written import WrittenError, request

        try:
            task = request(written, self.home)
            numbers = await self.ask("add", tasks=[task], context=context())
        except (WrittenError, AnswerError, NoEngineError) as error:
            self.warn(str(error))
        else:
            added(self, numbers)

    def next_needing(self) -> int | None:
        """The next task, after the chosen one, that waits for a person, failed or is stuck; the first of them where
        nobody has chosen any yet."""
        ordered = self._needing_tasks()
        chosen = self.chosen()
        at = 0
        if chosen is not None and chosen.id in ordered and self.queue.is_moved:
            at = ordered.index(chosen.id) + 1
        return ordered[at % len(ordered)] if ordered else None

    def all_seen(self) -> bool:
        chosen = self.chosen()
        return chosen is not None and self._needing_tasks()[-1:] == [chosen.id]

    def _needing_tasks(self) -> list[int]:
        now = time.time()
        stuck = {row.task for row in self.replica.sessions.values() if row.health in ("waiting", "stuck")}
        wanted = [
            (NEEDS_YOU if row.id in stuck else rank(row), SORTS["problems"].key(row), row.id)
            for row in self.replica.tasks.values()
            if (rank(row) <= FAILED or row.id in stuck) and self.snoozed.get(row.id, 0.0) < now
        ]
        return [task for _, _, task in sorted(wanted)]
