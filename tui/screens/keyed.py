"""A screen whose keys are those of a table of actions, with a line into which a filter is typed."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from textual.screen import Screen, ScreenResultType
from textual.widgets import Input

from tui.actions import Action, pressed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual import events


class Keyed(Screen[ScreenResultType], inherit_bindings=False):
    """A key goes to its action, or to the line while somebody types there."""

    by_key: ClassVar[Mapping[str, Action]]

    @abstractmethod
    def perform(self, action: Action) -> None:
        """Does it, or says why it cannot be done now."""

    @abstractmethod
    def close_filter(self, *, keep: bool) -> None:
        """Takes the line away, and with it what was typed unless that is to be kept."""

    def on_key(self, event: events.Key) -> None:
        if isinstance(self.focused, Input):
            if event.key == "escape":
                event.stop()
                self.close_filter(keep=False)
            return
        action = self.by_key.get(pressed(event.key, event.character))
        if action is not None:
            event.stop()
            event.prevent_default()
            self.perform(action)
