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

    def __init__(self, home: Home, *, read_only: bool, plain: bool) -> None:
        super().__init__()
        self._home = home
        self._configured: dict[str, Any] = {}
        self.own_themes: list[str] = []
        self.replica = Replica()
        self.link = Link(home, self._feed, self._state)
        self._fleet = FleetScreen(home, self.replica, self.link, read_only=read_only, plain=plain)

    def on_mount(self) -> None:
        self.load_themes()
        self.push_screen(self._fleet)
        self.run_worker(self.link.run(), exit_on_error=True)
        if self._home.themes.is_dir():
            self.run_worker(self._watch_themes())

    async def _watch_themes(self) -> None:
        """A theme that is being written is seen as it is saved."""
        import watchfiles

        async for _ in watchfiles.awatch(self._home.themes, step=200, debounce=300, rust_timeout=60_000):
            self.load_themes()

    def load_themes(self) -> None:
        found = themes.load(self._home.themes)
        for theme in found.themes.values():
            self.register_theme(theme)
        self.own_themes = list(found.themes)
        self.wear(self.theme if self.theme in self.own_themes else themes.DEFAULT)
        for fault in found.faults:
            self.notify(one_line(str(fault)), severity="error", markup=False, timeout=10)

    def wear(self, name: str) -> None:
        """Another theme, or the same one as it is now written."""
        if self.theme == name:
            self.refresh_css(animate=False)
        self.theme = name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The stylesheet is read before the first theme of ours is set."""
        plain = dict.fromkeys(ROLES, "#808080")
        return themes.variables(dict.fromkeys(themes.SURFACES, "#808080"), plain)

    def _feed(self, message: dict[str, Any]) -> None:
        self.replica.apply(message)
        console = message["head"]["console"]
        if console != self._configured:
            self._configure(console)
        self._fleet.request_frame()

    def _configure(self, console: dict[str, Any]) -> None:
        if console["theme"] != self._configured.get("theme"):
            if console["theme"] in self.own_themes:
                self.wear(console["theme"])
            else:
                self.notify(f"there is no theme {one_line(console['theme'], 40)!r}", severity="error", markup=False)
        self._configured = console
        self._fleet.configure(console)

    def _state(self, connected: bool, reason: str) -> None:
        if connected:
            self.replica.begin()
        elif self.replica.connected:
            self.notify(one_line(reason), severity="error", markup=False)
        self.replica.connected = connected
        self._fleet.engine_there(connected)
