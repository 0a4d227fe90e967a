"""The screen of runs: which there are, and of the chosen one its graph, its timeline and its nodes."""

from __future__ import annotations

import time

from textual.widgets import Input

from core.client import AnswerError, NoEngineError
from tui.actions import RUN_ACTIONS, RUN_BY_ID, RUN_BY_KEY, Action
from tui.deeds import looking
from tui.deeds.runs import RUN_DEEDS, calls, run_of, task_of
from tui.panes.lines import Lines
from tui.panes.runs import GraphPane, NodeList, RunsPane
from tui.panes.strips import Spans
from tui.screens.reading import ActionList, scroll
from tui.screens.run_board import VIEWS, RunBoard
from tui.views import run_graph, words
from tui.views.footer import footer_line
from tui.views.header import header_line
from tui.views.run_enabling import run_why_not

FRAME = 1 / 20
"""Seconds between two pictures."""


class RunsScreen(RunBoard, inherit_bindings=False):
    """Returns the task to go to in the queue, or None."""

    by_key = RUN_BY_KEY

    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (60, "-narrow"), (130, "-wide")]  # noqa: RUF012 - as Textual declares it
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (15, "-low"), (22, "-high")]  # noqa: RUF012 - as Textual declares it
    _frame_due = False

    def on_mount(self) -> None:
        self.query_one("#filter", Input).display = False
        self.runs_pane.focus()
        self.set_interval(1.0, self.request_frame)
        self.run_worker(self.documents.watch(), group="documents")
        self.call_after_refresh(self._frame)

    # Pictures

    def request_frame(self) -> None:
        """Soon; many wishes in a moment are one picture."""
        if not self._frame_due and self.is_mounted:
            self._frame_due = True
            self.set_timer(FRAME, self._frame)

    def _frame(self) -> None:
        self._frame_due = False
        if not self.query(RunsPane):
            return  # the screen is being taken down
        fleet = self.fleet
        at = fleet.replica.situation(time.time(), plain=fleet.plain)
        header = self.query_one("#header", Spans)
        header.show([header_line(fleet.replica, fleet.home.root.name, fleet.needing(), at, header.size.width)])
        self.set_class(not fleet.replica.connected, "-old")
        self.set_class(self.in_view, "-inside")
        self.draw(at)
        footer = self.query_one("#footer", Spans)
        footer.show([footer_line(self.why_not, footer.size.width, RUN_ACTIONS)])
        self.query_one("#too-small", Spans).show(words.too_small(self.size.width, self.size.height))

    def on_resize(self) -> None:
        self.request_frame()

    def on_descendant_focus(self) -> None:
        self.request_frame()

    def on_lines_moved(self, event: Lines.Moved) -> None:
        if isinstance(event.pane, NodeList):
            self.node = event.pane.name_at()
        self.request_frame()

    def on_lines_entered(self, event: Lines.Entered) -> None:
        event.stop()
        self.perform(RUN_BY_KEY["enter"])

    def on_graph_pane_clicked(self, event: GraphPane.Clicked) -> None:
        self.node = event.name
        self.request_frame()

    # Keys

    def why_not(self, action: Action) -> str | None:
        node = self.chosen_node() if self.in_view else None
        return run_why_not(action, self.row(), node, read_only=self.fleet.read_only)

    def perform(self, action: Action) -> None:
        reason = self.why_not(action)
        if reason is not None:
            self.fleet.warn(f"{action.label}: {reason}")
        elif action.id in RUN_DEEDS:
            self.fleet.start(self._deed(action))
        else:
            self._move(action)
            self.request_frame()

    async def _deed(self, action: Action) -> None:
        chosen = self.chosen()
        if chosen is None:
            return
        try:
            await RUN_DEEDS[action.id](self.fleet, chosen)
        except (AnswerError, NoEngineError) as error:
            self.fleet.warn(f"{action.label}: {error}")

    def _move(self, action: Action) -> None:
        match action.id:
            case "next-view" | "previous-view":
                step = 1 if action.id == "next-view" else -1
                self._turn_to(VIEWS[(VIEWS.index(self.view) + step) % len(VIEWS)])
            case "graph" | "timeline" | "nodes":
                self._turn_to(action.id)
            case "enter":
                self._enter()
            case "back":
                self._back()
            case "needs-me":
                self._needs_me()
            case "filter":
                field = self.query_one("#filter", Input)
                field.display = True
                field.focus()
            case "help" | "palette":
                self.fleet.start(self._actions("keys" if action.id == "help" else "commands"))
            case "task" | "logs":
                self.fleet.start(self._look(action))
            case "leave":
                self.app.exit()
            case _:
                self._step(action)

    def _step(self, action: Action) -> None:
        """The cursor goes on: over nodes in the graph, over lines elsewhere."""
        focused = self.focused
        if isinstance(focused, GraphPane):
            run = self.documents.document
            if run is not None:
                self.node = run_graph.step(run, self.node, action.id)
        elif isinstance(focused, Lines):
            if action.id == "right" and isinstance(focused, RunsPane):
                self.view_pane.focus()
            elif action.id == "left" and isinstance(focused, NodeList):
                self.runs_pane.focus()
            else:
                scroll(focused, action.keys[0])

    def _turn_to(self, view: str) -> None:
        inside = self.in_view
        self.view = view
        for name in VIEWS:
            self.query_one(f"#{name}").display = name == view
        if inside:
            self.view_pane.focus()

    def _enter(self) -> None:
        if not self.in_view:
            self.view_pane.focus()
            return
        chosen = self.chosen()
        if chosen is not None and calls(chosen):
            self._enter_run(run_of(chosen))
        elif chosen is not None:
            self._enter_task(task_of(chosen))

    def _enter_task(self, task: int | None) -> None:
        if task is None:
            self.fleet.warn("open: it has no task in the queue")
        elif task not in self.fleet.replica.tasks:
            self.fleet.warn(f"open: task {task} is not in the list of the console")
        else:
            self.dismiss(task)

    def _enter_run(self, run: int | None) -> None:
        if run is None:
            self.fleet.warn("open: it has not called its workflow yet")
        elif run not in self.fleet.replica.runs:
            self.fleet.warn(f"open: run {run} is not in the list of the console")
        else:
            self.go_to((run, None))

    def _back(self) -> None:
        if self.in_view:
            self.runs_pane.focus()
        elif self.filter:
            self.close_filter(keep=False)
        else:
            self.dismiss(None)

    def _needs_me(self) -> None:
        """The next gate after the chosen one; after the last, the queue's next task."""
        gates, row = self.fleet.replica.gates(), self.row()
        here = None if row is None or not self.in_view else (row.id, self.node or "")
        at = gates.index(here) + 1 if here in gates else 0
        if at < len(gates):
            self.go_to(gates[at])
        elif (task := self.fleet.next_needing()) is not None:
            self.dismiss(task)
        elif gates:
            self.go_to(gates[0])
        else:
            self.fleet.say("nothing waits for you, nothing has failed")

    async def _actions(self, title: str) -> None:
        chosen = await self.fleet.open(ActionList(title, "search", self.why_not, RUN_ACTIONS))
        if chosen in RUN_BY_ID:
            self.perform(RUN_BY_ID[chosen])

    async def _look(self, action: Action) -> None:
        chosen = self.chosen()
        task = None if chosen is None else task_of(chosen)
        if chosen is None or task is None:
            self.fleet.warn(f"{action.label}: it is another run, not a task")
            return
        name = chosen.node["name"] if chosen.node is not None else ""
        try:
            await (looking.describe_task if action.id == "task" else looking.logs_of)(self.fleet, task, name)
        except (AnswerError, NoEngineError) as error:
            self.fleet.warn(f"{action.label}: {error}")

    # The filter

    def on_input_changed(self, event: Input.Changed) -> None:
        self.filter = event.value
        self.request_frame()

    def on_input_submitted(self) -> None:
        self.close_filter(keep=True)

    def close_filter(self, *, keep: bool) -> None:
        field = self.query_one("#filter", Input)
        if not keep:
            field.value = self.filter = ""
        field.display = False
        self.runs_pane.focus()
