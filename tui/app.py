"""The console as an application: the engine's link, the themes, and the one screen everything happens on."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import App

from core.files import changes
from core.text import one_line
from tui import themes
from tui.keyboard import Keyboard
from tui.link import Link
from tui.replica import Replica
from tui.screens.board import Framed
from tui.screens.fleet import FleetScreen

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
        self._faults = self._read_themes()
        self.set_reactive(Console.theme, themes.DEFAULT)
        self.stylesheet.set_variables(self.get_css_variables())
        self.replica = Replica()
        self.link = Link(home, self._feed, self._state)
        self.keyboard = Keyboard(self)
        self._fleet = FleetScreen(home, self.replica, self.link, self.keyboard, read_only=read_only, plain=plain)

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            self.keyboard.type(event)
        else:
            await super().on_event(event)

    def on_mount(self) -> None:
        self.run_worker(self.keyboard.pass_on(super().on_event))
        self.push_screen(self._fleet)
        self.call_after_refresh(self._tell, self._faults)
        self.run_worker(self.link.run(), exit_on_error=True)
        if self._home.themes.is_dir():
            self.run_worker(self._watch_themes())

    async def _watch_themes(self) -> None:
        """A theme that is being written is seen as it is saved."""
        async for _ in changes(self._home.themes):
            self.load_themes()

    def load_themes(self) -> None:
        """Again: one of them has changed."""
        self._tell(self._read_themes())
        self.wear(self.theme if self.theme in self.own_themes else themes.DEFAULT)

    def _read_themes(self) -> list[themes.ThemeFault]:
        found = themes.load(self._home.themes)
        for theme in found.themes.values():
            self.register_theme(theme)
        self.own_themes = list(found.themes)
        return found.faults

    def _tell(self, faults: list[themes.ThemeFault]) -> None:
        for fault in faults:
            self.notify(one_line(str(fault)), severity="error", markup=False, timeout=10)

    def wear(self, name: str) -> None:
        """Another theme, or the same one as it is now written."""
        if self.theme == name:
            self.refresh_css(animate=False)
        self.theme = name

    def _feed(self, message: dict[str, Any]) -> None:
        loading = not self.replica.complete
        self.replica.apply(message)
        if loading and self.replica.complete:
            gc.freeze()  # a hundred thousand rows: looking through them for garbage would be felt at the keys
        console = message["head"]["console"]
        if console != self._configured:
            self._configure(console)
        self._draw()

    def _draw(self) -> None:
        """Whichever screens draw the replica, soon."""
        for screen in self.screen_stack:
            if isinstance(screen, Framed):
                screen.request_frame()

    def _configure(self, console: dict[str, Any]) -> None:
        if console["theme"] != self._configured.get("theme", self.theme):
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
        self._draw()
