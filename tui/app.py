"""The console as an application: the engine's link, the themes, and the one screen everything happens on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import App

from core.text import one_line
from tui import themes
from tui.link import Link
from tui.replica import Replica
from tui.screens.fleet import FleetScreen
from tui.wording import ROLES

if TYPE_CHECKING:
    from core.home import Home


class Console(App[None], inherit_bindings=False):
    CSS_PATH = "console.tcss"
    ENABLE_COMMAND_PALETTE = False
    TITLE = "muxdeck"
    ALLOW_SELECT: ClassVar[bool] = False

    def __init__(self, home: Home, *, read_only: bool, plain: bool, theme: str) -> None:
        super().__init__()
        self._home = home
        self._wanted_theme = theme
        self.own_themes: list[str] = []
        self.replica = Replica()
        self.link = Link(home, self._feed, self._state)
        self._fleet = FleetScreen(home, self.replica, self.link, read_only=read_only, plain=plain)

    def on_mount(self) -> None:
        self.load_themes()
        self.push_screen(self._fleet)
        self.run_worker(self.link.run(), exit_on_error=True)

    def load_themes(self) -> None:
        found = themes.load(self._home.themes)
        for theme in found.themes.values():
            self.register_theme(theme)
        self.own_themes = list(found.themes)
        wanted = self.theme if self.theme in self.own_themes else self._wanted_theme
        self.theme = wanted if wanted in self.own_themes else themes.DEFAULT
        for fault in found.faults:
            self.notify(one_line(str(fault)), severity="error", markup=False, timeout=10)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The stylesheet is read before the first theme of ours is set."""
        plain = dict.fromkeys(ROLES, "#808080")
        return themes.variables(dict.fromkeys(themes.SURFACES, "#808080"), plain)

    def _feed(self, message: dict[str, Any]) -> None:
        self.replica.apply(message)
        self._fleet.request_frame()

    def _state(self, connected: bool, reason: str) -> None:  # noqa: FBT001 - told by the link
        if connected:
            self.replica.begin()
        elif self.replica.connected:
            self.notify(one_line(reason), severity="error", markup=False)
        self.replica.connected = connected
        self._fleet.engine_there(connected)
