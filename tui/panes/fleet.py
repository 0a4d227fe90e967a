"""The three panes: agents, queue, sessions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from core.wire import ForeignRow
from tui.panes.lines import Lines
from tui.panes.titles import entitle
from tui.situation import Situation
from tui.views import rows

if TYPE_CHECKING:
    from core.wire import AgentRow, SessionRow, TaskRow
    from tui.replica import Replica
    from tui.views.line import Line


class FleetPane(Lines):
    """A list over the replica. The second is part of every key: ages are on the lines."""

    def __init__(self, replica: Replica, *, id: str) -> None:  # noqa: A002 - Textual's own name
        self.replica = replica
        self.situation = Situation(time.time())
        super().__init__(id=id)

    def show(self, situation: Situation) -> None:
        """A new frame."""
        self.situation = situation
        self.keep_place()
        entitle(self, self.title_words(), self.subtitle_words())
        self.redraw()

    @property
    def keeps_cursor(self) -> bool:
        return self.has_class("-active")

    def keep_place(self) -> None:
        """The cursor stays on its row, wherever that stands now."""
        self.index = max(min(self.index, self.count() - 1), 0)

    def title_words(self) -> str:
        raise NotImplementedError

    def subtitle_words(self) -> str:
        return ""

    @property
    def second(self) -> int:
        return int(self.situation.now)


class AgentsPane(FleetPane):
    def count(self) -> int:
        return len(self.replica.agents)

    def key(self, index: int) -> object:
        return self.replica.agents[index], self.situation.plain

    def line(self, index: int, width: int) -> Line:
        return rows.agent_line(self.replica.agents[index], width, self.situation)

    def title_words(self) -> str:
        return "1 agents"

    def chosen(self) -> AgentRow | None:
        return self.replica.agents[self.index] if self.index < self.count() else None


class QueuePane(FleetPane):
    """The cursor is on a task, not on a line; until somebody moves it, it stays on top."""

    def __init__(self, replica: Replica, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(replica, id=id)
        self._chosen: int | None = None
        self._moved = False
        self.marks: set[int] = set()
        self.range_from: int | None = None
        """Where a range of marks begins."""
        self.sort_words = ""
        self.filter_words = ""
        self.empty: list[Line] = []
        """What is said while no line is shown."""

    def count(self) -> int:
        return len(self.replica.order)

    def key(self, index: int) -> object:
        row = self.row(index)
        return row, row.id in self.marks, self.situation._replace(now=self.second)

    def line(self, index: int, width: int) -> Line:
        row = self.row(index)
        return rows.task_line(row, width, self.situation, marked=row.id in self.marks)

    def below(self, index: int) -> Line:
        return self.empty[index] if not self.count() and index < len(self.empty) else ()

    def row(self, index: int) -> TaskRow:
        return self.replica.tasks[self.replica.order[index]]

    def chosen(self) -> TaskRow | None:
        return self.row(self.index) if self.index < self.count() else None

    @property
    def is_moved(self) -> bool:
        """By the person: until then the cursor is on what needs attention first."""
        return self._moved

    def moved(self) -> None:
        self._moved = True
        self._chosen = self.replica.order[self.index]
        if self.range_from is not None:
            first, last = sorted((self.range_from, self.index))
            self.marks = {self.replica.order[at] for at in range(first, last + 1)}
        super().moved()

    def choose(self, task: int) -> bool:
        """Puts the cursor on a task; False where the list does not show it."""
        row = self.replica.tasks.get(task)
        at = None if row is None else self.replica.order.index(row)
        if at is None:
            return False
        self._moved, self._chosen = True, task
        self.go(at)
        return True

    def keep_place(self) -> None:
        row = self.replica.tasks.get(self._chosen) if self._moved and self._chosen is not None else None
        at = None if row is None else self.replica.order.index(row)
        if at is not None:
            self.follow(at)
            return
        super().keep_place()
        self._chosen = self.replica.order[self.index] if self.count() else None
        self.marks &= self.replica.tasks.keys()

    def title_words(self) -> str:
        return f"2 queue · {self.filter_words or self.sort_words}"

    def subtitle_words(self) -> str:
        marked = f"{len(self.marks)} marked · " if self.marks else ""
        more = f" (+{self.replica.not_shown:,} not held here)" if self.replica.not_shown else ""
        return f"{marked}{self.count():,}{more}"


class SessionsPane(FleetPane):
    """Our sessions first, those that need a person on top; then the person's own tmux sessions."""

    def __init__(self, replica: Replica, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(replica, id=id)
        self._order: list[SessionRow | ForeignRow] = []
        self._chosen: object = None

    def show(self, situation: Situation) -> None:
        own = sorted(self.replica.sessions.values(), key=_urgency)
        self._order = [*own, *self.replica.foreign]
        super().show(situation)

    def count(self) -> int:
        return len(self._order)

    def key(self, index: int) -> object:
        return self._order[index], self.situation._replace(now=self.second)

    def line(self, index: int, width: int) -> Line:
        row = self._order[index]
        if isinstance(row, ForeignRow):
            return rows.foreign_line(row, width, self.situation)
        return rows.session_line(row, width, self.situation)

    def chosen(self) -> SessionRow | ForeignRow | None:
        return self._order[self.index] if self.index < self.count() else None

    def moved(self) -> None:
        self._chosen = _name(self._order[self.index])
        super().moved()

    def keep_place(self) -> None:
        for at, row in enumerate(self._order):
            if _name(row) == self._chosen:
                self.follow(at)
                return
        super().keep_place()
        self._chosen = _name(self._order[self.index]) if self._order else None

    def title_words(self) -> str:
        return "3 sessions"

    def subtitle_words(self) -> str:
        foreign = len(self.replica.foreign)
        yours = f" + {foreign} of yours" if foreign else ""
        return f"{len(self.replica.sessions):,}{yours}"


def _urgency(row: SessionRow) -> tuple[int, int]:
    return (0 if row.health in ("waiting", "stuck") or row.state == "unknown" else 1, -row.task)


def _name(row: SessionRow | ForeignRow) -> object:
    return (row.socket, row.id) if isinstance(row, ForeignRow) else row.attempt
