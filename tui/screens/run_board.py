"""The parts of the screen of runs, and what its cursors stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from textual.containers import Container, Vertical
from textual.widgets import Input

from tui.deeds.desk import Desk
from tui.deeds.runs import Chosen
from tui.panes.runs import GraphPane, NodeList, RunsPane
from tui.panes.strips import Spans
from tui.panes.titles import entitle
from tui.screens.keyed import Keyed
from tui.screens.run_documents import RunDocuments
from tui.views import run_detail, run_graph, run_rows, timeline
from tui.views.line import Line, Span
from tui.views.run_filter import parse_runs
from tui.views.run_words import empty_runs, too_many

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from textual.app import ComposeResult
    from textual.widget import Widget

    from core.wire import RunRow
    from tui.situation import Situation

VIEWS = ("graph", "timeline", "nodes")
FIRST_LOOK = ("asking", "failed", "timed_out", "lost", "running", "waiting")
"""States of the node on which the cursor stands first."""


class Fleet(Desk, Protocol):
    """The screen below this one."""

    plain: bool
    read_only: bool

    def needing(self) -> int: ...

    def next_needing(self) -> int | None: ...

    def start(self, work: Coroutine[Any, Any, None]) -> None: ...


class RunBoard(Keyed[int | None], inherit_bindings=False):
    """Shows; its subclass hears the keys."""

    def __init__(self, fleet: Fleet, gate: tuple[int, str] | None) -> None:
        super().__init__()
        self.fleet = fleet
        self.view = "graph"
        self.node: str | None = None
        """The node under the cursor, whichever view shows it."""
        self.filter = ""
        self.documents = RunDocuments(fleet.ask, fleet.replica, self.request_frame)
        self._goal: tuple[int, str | None] | None = gate
        """A run, and a node of it or the one to look at first, to go to as soon as they are here."""
        self._rows: list[timeline.Row] = []

    def compose(self) -> ComposeResult:
        yield Spans(id="header")
        with Container(id="runs-body"):
            yield RunsPane(id="runs")
            with Vertical(id="run-side"):
                with Vertical(id="run-view"):
                    yield GraphPane(id="graph")
                    yield Spans(id="ruler")
                    yield NodeList(id="timeline")
                    yield NodeList(id="nodes")
                yield Spans(id="node-detail")
        yield Input(placeholder="words, state=, workflow=, by=, ! for the opposite", id="filter", compact=True)
        yield Spans(id="footer")
        yield Spans(id="too-small")

    @property
    def runs_pane(self) -> RunsPane:
        return self.query_one(RunsPane)

    @property
    def view_pane(self) -> Widget:
        return self.query_one(f"#{self.view}")

    @property
    def in_view(self) -> bool:
        """The keys go to the run, not to the list."""
        return self.view_pane.has_focus

    def row(self) -> RunRow | None:
        """As the engine told of it last, which may be later than what is drawn."""
        shown = self.runs_pane.chosen()
        return None if shown is None else self.fleet.replica.runs.get(shown.id, shown)

    def chosen_node(self) -> dict[str, Any] | None:
        run = self.documents.document
        return None if run is None else next((one for one in run["nodes"] if one["name"] == self.node), None)

    def chosen(self) -> Chosen | None:
        row = self.row()
        if row is None:
            return None
        part = None
        if self.view == "timeline" and self.in_view and self._rows:
            part = self._rows[min(self.query_one("#timeline", NodeList).index, len(self._rows) - 1)].part
        return Chosen(row, self.documents.document, self.chosen_node(), part)

    def request_frame(self) -> None:
        raise NotImplementedError

    # Pictures

    def draw(self, at: Situation) -> None:
        self._draw_list(at)
        row = self.row()
        self.documents.look(None if row is None else row.id)
        run = self.documents.document
        if run is not None:
            self._settle_node(run)
        title = "" if row is None else f"run {row.id} {row.workflow} · {self.view}"
        entitle(self.query_one("#run-view"), title, "1 graph · 2 timeline · 3 nodes")
        self._draw_view(run, at)
        self._draw_detail(row, run, at)

    def _draw_list(self, at: Situation) -> None:
        replica, pane = self.fleet.replica, self.runs_pane
        try:
            passes, said = parse_runs(self.filter), self.filter
        except ValueError as error:
            passes, said = parse_runs(""), str(error)
        rows = [row for row in replica.runs.values() if passes(row)]
        pane.empty = empty_runs(replica, self.filter)
        pane.show(rows, at)
        entitle(pane, f"runs · {said}" if said else "runs", f"{len(rows):,}")
        if self._goal is not None and self._goal[0] in replica.runs:
            (run, self.node), self._goal = self._goal, None
            pane.choose(run)
            self.view_pane.focus()

    def go_to(self, goal: tuple[int, str | None]) -> None:
        """To a node of a run, lifting the filter."""
        self.filter = self.query_one("#filter", Input).value = ""
        self._goal = goal
        self.request_frame()

    def _settle_node(self, run: dict[str, Any]) -> None:
        """The cursor of another run stands on what a person looks for first."""
        states = {node["name"]: node["state"] for node in run["nodes"]}
        if self.node not in states:
            found = (name for state in FIRST_LOOK for name, one in states.items() if one == state)
            self.node = next(found, next(iter(states), None))

    def _draw_view(self, run: dict[str, Any] | None, at: Situation) -> None:
        self.query_one("#ruler").display = self.view != "graph"
        for name in VIEWS:
            self.query_one(f"#{name}").display = name == self.view
        match self.view:
            case "graph":
                picture = None if run is None else run_graph.picture(run, self.node, at)
                said = self._waiting_words() if run is None else too_many(len(run["nodes"]))
                self.query_one(GraphPane).show(picture, said)
            case "timeline":
                self._draw_timeline(run, at)
            case _:
                self._draw_nodes(run, at)

    def _waiting_words(self) -> list[Line]:
        if self.documents.fault:
            return [(Span(f" {self.documents.fault}", "warn"),)]
        return [] if self.row() is None else [(Span(" loading …", "muted"),)]

    def _draw_timeline(self, run: dict[str, Any] | None, at: Situation) -> None:
        pane, ruler = self.query_one("#timeline", NodeList), self.query_one("#ruler", Spans)
        rows = self._rows = [] if run is None else timeline.rows(run)
        ruler.show(self._waiting_words() if run is None else [timeline.ruler(run, pane.size.width, at)])
        pane.show(
            [row.node["name"] for row in rows],
            lambda index, width: timeline.timeline_line(rows[index], run or {}, width, at),
            self.node,
        )

    def _draw_nodes(self, run: dict[str, Any] | None, at: Situation) -> None:
        pane, head = self.query_one("#nodes", NodeList), self.query_one("#ruler", Spans)
        nodes = [] if run is None else run["nodes"]
        head.show(self._waiting_words() if run is None else [run_rows.node_head(pane.size.width)])
        pane.show(
            [node["name"] for node in nodes],
            lambda index, width: run_rows.node_line(nodes[index], width, at),
            self.node,
        )

    def _draw_detail(self, row: RunRow | None, run: dict[str, Any] | None, at: Situation) -> None:
        pane, node = self.query_one("#node-detail", Spans), self.chosen_node()
        if row is None:
            entitle(pane)
            pane.show([])
        elif self.in_view and run is not None and node is not None:
            entitle(pane, f"{node['name']} · {node['does']}")
            pane.show(run_detail.node_lines(node, run, pane.size.width, at))
        else:
            entitle(pane, f"run {row.id}", "↵ goes into it")
            pane.show(run_detail.run_lines(row, run, pane.size.width))
