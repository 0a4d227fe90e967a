"""What the moves of the screen need: its panes, and how the person wants to see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from tui.panes.fleet import FleetPane, QueuePane
from tui.screens.keyed import Keyed

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from textual.screen import Screen

    from core.wire import TaskRow
    from tui.actions import Action
    from tui.replica import Replica
    from tui.screens.dialogs import Option


@runtime_checkable
class Framed(Protocol):
    """A screen that draws what the engine tells."""

    def request_frame(self) -> None: ...


class Board(Keyed[None], inherit_bindings=False):
    """The state of the view, and the deeds that its subclass does."""

    def __init__(self, replica: Replica) -> None:
        super().__init__()
        self.replica = replica
        self.sort = "problems"
        self.filter = ""
        self.only_problems = False
        self.snoozed: dict[int, float] = {}
        """Tasks that `w` leaves out, and until when."""
        self.dock_share = 2
        """Which of the heights the lower part has."""
        self._last_pane: FleetPane | None = None

    @property
    def queue(self) -> QueuePane:
        return self.query_one(QueuePane)

    @property
    def panes(self) -> tuple[FleetPane, ...]:
        return tuple(self.query(FleetPane).results(FleetPane))

    @property
    def pane(self) -> FleetPane:
        """The pane with the focus, or that had it last."""
        if isinstance(self.focused, FleetPane):
            return self.focused
        return self._last_pane or self.queue

    def focus_pane(self, pane: FleetPane) -> None:
        self._last_pane = pane
        for one in self.panes:
            one.set_class(one is pane, "-active")
        pane.focus()
        self.request_frame()

    # The subclass's

    def request_frame(self) -> None:
        raise NotImplementedError

    def perform(self, action: Action) -> None:
        raise NotImplementedError

    def why_not(self, action: Action) -> str | None:
        raise NotImplementedError

    def chosen(self) -> TaskRow | None:
        raise NotImplementedError

    def next_needing(self) -> int | None:
        raise NotImplementedError

    def all_seen(self) -> bool:
        """The chosen task is the last that needs somebody."""
        raise NotImplementedError

    def open_runs(self, gate: tuple[int, str] | None = None) -> None:
        raise NotImplementedError

    def go_to(self, task: int) -> None:
        raise NotImplementedError

    async def add_written(self, written: str) -> None:
        raise NotImplementedError

    async def choose(self, title: str, options: list[Option], current: str | None = None) -> str | None:
        raise NotImplementedError

    async def open(self, screen: Screen[Any]) -> Any:  # noqa: ANN401 - what the screen returns
        raise NotImplementedError

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """What a key has begun: the next one waits until it ends, or opens something."""
        raise NotImplementedError

    def say(self, text: str) -> None:
        raise NotImplementedError
