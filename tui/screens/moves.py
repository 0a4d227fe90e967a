"""Actions that only move the screen: the cursor, panes, sizes, order, filter, marks, themes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual.widgets import Input

from tui.actions import ACTIONS, BY_ID, On, Tier
from tui.ordering import SORTS
from tui.panes.fleet import QueuePane
from tui.views.filtering import parse, problems

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.wire import TaskRow
    from tui.actions import Action
    from tui.screens.board import Board

SNOOZE = 1800.0
"""Seconds for which a snoozed task is left out of what needs somebody."""
SHARES = (20, 30, 42, 55, 70)
"""Per cent of the height that the lower part may have."""


def apply_view(screen: Board) -> None:
    """Sorts and filters the queue as the person wants it now."""
    try:
        passes = parse(screen.filter)
    except ValueError as error:
        screen.queue.filter_words = str(error)
        screen.request_frame()
        return
    if screen.only_problems:
        passes = _both(problems, passes)
    screen.replica.order.arrange(screen.sort, passes)
    queue = screen.queue
    queue.sort_words = SORTS[screen.sort].word
    queue.filter_words = f"problems only {screen.filter}".strip() if screen.only_problems else screen.filter
    screen.request_frame()


def _both(first: Callable[[TaskRow], bool], second: Callable[[TaskRow], bool] | None) -> Callable[[TaskRow], bool]:
    return first if second is None else lambda row: first(row) and second(row)


def _pane(screen: Board, number: int) -> None:
    screen.focus_pane(screen.panes[number])


def _turn(screen: Board, step: int) -> None:
    panes = screen.panes
    screen.focus_pane(panes[(panes.index(screen.pane) + step) % len(panes)])


def _resize(screen: Board, step: int) -> None:
    at = max(min(screen.dock_share + step, len(SHARES) - 1), 0)
    screen.dock_share = at
    screen.query_one("#dock").styles.height = f"{SHARES[at]}%"


def _usual(screen: Board) -> None:
    screen.remove_class("-full")
    _resize(screen, 2 - screen.dock_share)


def _back(screen: Board) -> None:
    """One layer: the range, the marks, the full view, the filter."""
    queue = screen.queue
    if queue.range_from is not None:
        queue.range_from = None
    elif queue.marks:
        queue.marks.clear()
    elif screen.has_class("-full"):
        screen.remove_class("-full")
    elif screen.filter or screen.only_problems:
        screen.filter, screen.only_problems = "", False
        screen.query_one("#filter", Input).value = ""
        apply_view(screen)
    screen.request_frame()


def _filter(screen: Board) -> None:
    field = screen.query_one("#filter", Input)
    field.display = True
    field.focus()


def _problems(screen: Board) -> None:
    screen.only_problems = not screen.only_problems
    apply_view(screen)


def _sort_by(screen: Board, sort: str) -> None:
    screen.sort = "problems" if screen.sort == sort else sort
    apply_view(screen)


def _sort(screen: Board) -> None:
    async def choose() -> None:
        from tui.screens.dialogs import Option

        options = [Option(name, sort.word) for name, sort in SORTS.items()]
        chosen = await screen.choose("order of the queue", options, screen.sort)
        if chosen is not None:
            screen.sort = chosen
            apply_view(screen)

    screen.start(choose())


def _mark(screen: Board) -> None:
    queue, row = screen.queue, screen.chosen()
    if row is not None:
        queue.marks.symmetric_difference_update({row.id})
        if isinstance(screen.pane, QueuePane):
            queue.move(1)
    screen.request_frame()


def _range(screen: Board) -> None:
    queue = screen.queue
    if queue.range_from is None and queue.count():
        queue.range_from = queue.index
        queue.marks = {queue.row(queue.index).id}
    else:
        queue.range_from = None
    screen.request_frame()


def _mark_all(screen: Board) -> None:
    shown = set(screen.replica.order.all())
    queue = screen.queue
    queue.marks = set() if queue.marks == shown else shown
    screen.request_frame()


def _needs_me(screen: Board) -> None:
    task = screen.next_needing()
    gates = screen.replica.gates()
    if gates and (task is None or screen.all_seen()):
        screen.open_runs(gates[0])
    elif task is None:
        screen.say("nothing waits for you, nothing has failed")
    else:
        screen.go_to(task)


def _snooze(screen: Board) -> None:
    row = screen.chosen()
    if row is not None:
        screen.snoozed[row.id] = time.time() + SNOOZE
        screen.say(f"{row.id} is left out of w for half an hour")


def _full(screen: Board) -> None:
    screen.toggle_class("-full")


def _theme(screen: Board) -> None:
    from tui.screens.dialogs import Choose, Option

    app = screen.app
    before = app.theme

    class Themes(Choose):
        """Each theme is shown as the cursor passes it."""

        def looked_at(self, value: str) -> None:
            app.theme = value

    async def choose() -> None:
        names = sorted(app.own_themes)  # type: ignore[attr-defined]
        chosen = await screen.open(Themes("theme", [Option(name, name) for name in names], before))
        app.theme = chosen or before

    screen.start(choose())


def _marked(screen: Board) -> None:
    if not screen.queue.marks:
        screen.say("nothing is marked: Space marks a task, v a range, * all that are shown")
        return
    on_tasks = [action for action in BY_ID.values() if action.on is not On.NOTHING and action.tier is not Tier.LOOKS]
    _actions(screen, "what to do with the marked", "search the actions", on_tasks)


def _actions(screen: Board, title: str, placeholder: str, actions: Sequence[Action] = ACTIONS) -> None:
    async def choose() -> None:
        from tui.screens.reading import ActionList

        chosen = await screen.open(ActionList(title, placeholder, screen.why_not, actions))
        if chosen is None:
            return
        if chosen in BY_ID:
            screen.perform(BY_ID[chosen])
        else:
            await screen.add_written(chosen)

    screen.start(choose())


MOVES: dict[str, Callable[[Board], None]] = {
    "down": lambda screen: screen.pane.move(1),
    "up": lambda screen: screen.pane.move(-1),
    "top": lambda screen: screen.pane.go(0),
    "bottom": lambda screen: screen.pane.go(screen.pane.count() - 1),
    "page-down": lambda screen: screen.pane.page(1),
    "page-up": lambda screen: screen.pane.page(-1),
    "next-pane": lambda screen: _turn(screen, 1),
    "previous-pane": lambda screen: _turn(screen, -1),
    "agents": lambda screen: _pane(screen, 0),
    "queue": lambda screen: _pane(screen, 1),
    "sessions": lambda screen: _pane(screen, 2),
    "all-panes": _usual,
    "larger": lambda screen: _resize(screen, 1),
    "smaller": lambda screen: _resize(screen, -1),
    "full": _full,
    "back": _back,
    "filter": _filter,
    "problems": _problems,
    "sort": _sort,
    "sort-name": lambda screen: _sort_by(screen, "name"),
    "sort-age": lambda screen: _sort_by(screen, "age"),
    "sort-state": lambda screen: _sort_by(screen, "state"),
    "runs": lambda screen: screen.open_runs(),
    "mark": _mark,
    "range": _range,
    "mark-all": _mark_all,
    "marked": _marked,
    "needs-me": _needs_me,
    "snooze": _snooze,
    "theme": _theme,
    "palette": lambda screen: _actions(screen, "commands", "search, or write: add -p 5 -- make test"),
    "help": lambda screen: _actions(screen, "keys", "search the keys"),
    "suspend": lambda screen: screen.app.action_suspend_process(),
    "leave": lambda screen: screen.app.exit(),
}
