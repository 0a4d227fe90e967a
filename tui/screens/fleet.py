"""The screen: three panes side by side, the chosen thing below them, figures on top, keys at the bottom."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from textual.containers import Horizontal
from textual.widgets import Input

from core.client import AnswerError, NoEngineError
from core.settings import COMMAND_KIND
from core.wire import ForeignRow
from tui import aside, calling
from tui.actions import BY_KEY, Action, On
from tui.panes.attention import Attention
from tui.panes.fleet import AgentsPane, FleetPane, QueuePane, SessionsPane
from tui.panes.strips import Spans
from tui.screens.fleet_desk import FleetDesk
from tui.screens.moves import MOVES, apply_view
from tui.views import words
from tui.views.enabling import why_not
from tui.views.footer import footer_line
from tui.views.header import header_line

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

    from core.home import Home
    from core.wire import SessionRow
    from tui.keyboard import Keyboard
    from tui.link import Link
    from tui.replica import Replica
    from tui.situation import Situation

FRAME = 1 / 30
"""Seconds between two pictures: what changes in between is drawn once."""
LOADING_FRAME = 1 / 5
"""The same while the first picture is still coming in: it is there sooner if less of it is drawn."""


class FleetScreen(FleetDesk, inherit_bindings=False):
    by_key = BY_KEY
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (60, "-narrow"), (110, "-wide")]  # noqa: RUF012 - as Textual declares it
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (15, "-low"), (24, "-high")]  # noqa: RUF012 - as Textual declares it

    def __init__(
        self, home: Home, replica: Replica, link: Link, keyboard: Keyboard, *, read_only: bool, plain: bool
    ) -> None:
        super().__init__(home, replica, link, keyboard)
        self.read_only = self._asked_read_only = read_only
        self.plain = self._asked_plain = plain
        self._notify = "none"
        self._through_tmux = False
        self._calls = calling.Calls()
        self._composed = False
        self._frame_due = False

    def compose(self) -> ComposeResult:
        yield Spans(id="header")
        with Horizontal(id="fleet"):
            yield AgentsPane(self.replica, id="agents")
            yield QueuePane(self.replica, id="queue")
            yield SessionsPane(self.replica, id="sessions")
        yield Spans(id="summary")
        yield Attention(self.link.ask)
        yield Input(placeholder="words, key=value, ! for the opposite", id="filter", compact=True)
        yield Spans(id="footer")
        yield Spans(id="too-small")

    def on_mount(self) -> None:
        self.query_one("#filter", Input).display = False
        self._composed = True
        self.focus_pane(self.queue)
        apply_view(self)
        self.set_interval(1.0, self.request_frame)
        self.call_after_refresh(self._frame)

    # Pictures

    def on_resize(self) -> None:
        self.request_frame()

    def request_frame(self) -> None:
        """Soon; many wishes in a moment are one picture."""
        if not self._frame_due and self._composed:
            self._frame_due = True
            self.set_timer(FRAME if self.replica.complete else LOADING_FRAME, self._frame)

    def _frame(self) -> None:
        self._frame_due = False
        if not self.query(QueuePane):
            return  # the screen is being taken down
        situation = self.replica.situation(time.time(), plain=self.plain)
        self.queue.empty = words.empty_queue(self.replica, self.filter, only_problems=self.only_problems)
        for pane in self.panes:
            pane.show(situation)
        header = self.query_one("#header", Spans)
        header.show([header_line(self.replica, self.home.root.name, self.needing(), situation, header.size.width)])
        summary = self.query_one("#summary", Spans)
        summary.show([words.summary_line(self.pane.id or "", self.replica, self.needing(), summary.size.width)])
        self._show_footer()
        self.query_one("#too-small", Spans).show(words.too_small(self.size.width, self.size.height))
        self._attend(situation)
        self._call()

    def _attend(self, situation: Situation) -> None:
        """The lower part is about what the cursor is on."""
        attention, chosen = self.query_one(Attention), self.chosen()
        attention.look(chosen, situation)
        if chosen is None:
            agent, session = self.agent(), self.session()
            title = agent.name if agent is not None else session.name if session is not None else ""
            attention.say(title, words.beside(agent, session, situation, self.query_one("#detail").size.width))

    def _show_footer(self) -> None:
        footer = self.query_one("#footer", Spans)
        footer.show([footer_line(self.why_not, footer.size.width)])

    def needing(self) -> int:
        sessions = sum(map(_needs_somebody, self.replica.sessions.values()))
        return sessions + self.replica.count("lost") + len(self.replica.gates())

    def open_runs(self, gate: tuple[int, str] | None = None) -> None:
        """The screen of runs; a task that is chosen there is gone to."""
        from tui.screens.runs import RunsScreen

        async def look() -> None:
            task = await self.open(RunsScreen(self, gate))
            if task is not None:
                self.go_to(task)

        self.start(look())

    def on_lines_moved(self) -> None:
        self._show_footer()
        self._attend(self.replica.situation(time.time(), plain=self.plain))

    def on_lines_entered(self) -> None:
        self.perform(BY_KEY["enter"])

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if isinstance(event.widget, FleetPane) and event.widget is not self._last_pane:
            self.focus_pane(event.widget)

    def configure(self, console: dict[str, Any]) -> None:
        """The part of the configuration that is about the console; what was said at its start stands above it."""
        self.plain = self._asked_plain or console["ascii"]
        self.read_only = self._asked_read_only or console["read_only"]
        self._notify = console["notify"]
        if self._notify == "desktop" and os.environ.get("TMUX"):
            self.run_worker(self._ask_tmux())

    async def _ask_tmux(self) -> None:
        self._through_tmux = await aside.tmux_passes_on()

    def _call(self) -> None:
        """Not while the terminal belongs to another program."""
        if not self.replica.complete:
            return
        sessions = filter(_needs_somebody, self.replica.sessions.values())
        needing = {row.attempt: f"{row.task} {row.name}" for row in sessions}
        needing |= {f"gate {run} {node}": f"run {run}, gate {node}" for run, node in self.replica.gates()}
        names = self._calls.due(needing, self.replica.count("lost"), time.monotonic())
        if not names or self._notify == "none" or self.is_aside:
            return
        told = calling.BELL
        if self._notify == "desktop":
            text = calling.words(self.home.root.name, names)
            told = calling.notification(text, os.environ, through_tmux=self._through_tmux)
        aside.tell_terminal(self.app, told)

    def engine_there(self, there: bool) -> None:
        """Without an engine the last picture stays, greyed."""
        if there and self._composed:
            apply_view(self)
        self.set_class(not there, "-old")
        self.request_frame()

    # Keys

    def why_not(self, action: Action) -> str | None:
        other = self.agent() is not None or isinstance(self.session(), ForeignRow)
        rows = [row for row in (self.chosen(),) if row is not None] if action.on is On.TALKED else self.targets()
        silent = {agent.name for agent in self.replica.agents if agent.kind == COMMAND_KIND}
        return why_not(action, rows, read_only=self.read_only, other=other, silent=silent)

    def perform(self, action: Action) -> None:
        reason = self.why_not(action)
        if reason is not None:
            self.warn(f"{action.label}: {reason}")
        elif action.id in MOVES:
            MOVES[action.id](self)
        else:
            self.start(self._deed(action))

    async def _deed(self, action: Action) -> None:
        from tui.deeds import DEEDS

        try:
            await DEEDS[action.id](self)
        except (AnswerError, NoEngineError) as error:
            self.warn(f"{action.label}: {error}")

    def on_input_submitted(self) -> None:
        self.close_filter(keep=True)

    def on_input_changed(self, event: Input.Changed) -> None:
        self.filter = event.value
        apply_view(self)

    def close_filter(self, *, keep: bool) -> None:
        field = self.query_one("#filter", Input)
        if not keep:
            field.value = ""
        field.display = False
        self.focus_pane(self.queue)


def _needs_somebody(row: SessionRow) -> bool:
    return row.health in ("waiting", "stuck") or row.state == "unknown"
