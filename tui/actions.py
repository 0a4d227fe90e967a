"""The one table of actions: keys, footer, help, palette and documentation are made from it."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Tier(Enum):
    """How much an action can break."""

    LOOKS = "looks"
    """Changes nothing outside the screen."""
    UNDOABLE = "undoable"
    """Changes the queue; z takes it back."""
    DANGEROUS = "dangerous"
    """Ends or starts work: asks first, in proportion to what it hits."""


class On(Enum):
    """What an action needs before it can work."""

    NOTHING = "nothing"
    TASK = "a task"
    QUEUED = "a queued task"
    RUNNING = "a running task"
    LIVE = "a queued or running task"
    ENDED = "an ended task"
    TALKED = "an ended task of a coding agent"
    STARTED = "a task that has run"
    RUN = "a run"
    LIVE_RUN = "a run that has not ended"
    FAILED_RUN = "a run in which something has failed"
    GATE = "a gate that waits for a person"
    NODE = "a node of a run"
    WORKED = "a node that has a task"


class Action(NamedTuple):
    id: str
    keys: tuple[str, ...]
    label: str
    """In footer and palette."""
    help: str
    on: On = On.NOTHING
    tier: Tier = Tier.LOOKS
    footer: bool = False


ACTIONS: tuple[Action, ...] = (
    Action("down", ("j", "down"), "down", "move down"),
    Action("up", ("k", "up"), "up", "move up"),
    Action("top", ("g", "home"), "top", "go to the first row"),
    Action("bottom", ("G", "end"), "bottom", "go to the last row"),
    Action("page-down", ("pagedown", "ctrl+f"), "page down", "a page down"),
    Action("page-up", ("pageup", "ctrl+b"), "page up", "a page up"),
    Action("next-pane", ("tab",), "next pane", "go to the next pane"),
    Action("previous-pane", ("shift+tab",), "previous pane", "go to the pane before"),
    Action("agents", ("1",), "agents", "go to the agents"),
    Action("queue", ("2",), "queue", "go to the queue"),
    Action("sessions", ("3",), "sessions", "go to the sessions"),
    Action("all-panes", ("0",), "all panes", "show all panes in their usual size"),
    Action("larger", ("+", "="), "larger", "make the lower part larger"),
    Action("smaller", ("_", "-"), "smaller", "make the lower part smaller"),
    Action("full", ("f",), "full", "the live screen alone, and back"),
    Action("open", ("enter",), "open", "show the task as a whole; on a session: attach", On.TASK, footer=True),
    Action("back", ("escape",), "back", "one layer back: range, marks, filter"),
    Action("attach", ("a",), "attach", "go into the session; Ctrl+Q comes back", On.RUNNING, footer=True),
    Action("retry", ("r",), "retry", "run again, with what its end had stopped", On.ENDED, Tier.DANGEROUS, footer=True),
    Action("retry-failed", ("R",), "retry failed", "run again everything that failed here", On.NOTHING, Tier.DANGEROUS),
    Action("stop", ("x",), "stop", "cancel, or TERM, a time of grace, KILL", On.LIVE, Tier.DANGEROUS, footer=True),
    Action("kill", ("X",), "kill", "KILL every process at once, and prove it", On.TASK, Tier.DANGEROUS),
    Action("signal", ("K",), "signal", "choose a signal for every process of it", On.RUNNING, Tier.DANGEROUS),
    Action("new", ("n",), "new", "put a task in the queue", On.NOTHING, Tier.UNDOABLE, footer=True),
    Action("go-on", ("C",), "go on", "a new prompt in the conversation of this task", On.TALKED, Tier.UNDOABLE),
    Action("dispatch", ("D",), "dispatch", "start it on a chosen agent, now", On.QUEUED, Tier.DANGEROUS),
    Action("start-now", ("s",), "start now", "start over all limits", On.QUEUED, Tier.DANGEROUS),
    Action("edit", ("e",), "edit", "change a queued task", On.QUEUED, Tier.UNDOABLE),
    Action("pause", ("p",), "pause", "pause or resume: a running task, a queued one, an agent", On.LIVE, Tier.UNDOABLE),
    Action("pause-group", ("ctrl+g",), "pause group", "pause or resume the group of this task", On.TASK, Tier.UNDOABLE),
    Action("hold", ("H",), "hold", "hold or release", On.QUEUED, Tier.UNDOABLE),
    Action("priority", ("P",), "priority", "choose a priority", On.QUEUED, Tier.UNDOABLE),
    Action("earlier", ("alt+up",), "earlier", "change places with the task before it", On.QUEUED, Tier.UNDOABLE),
    Action("later", ("alt+down",), "later", "change places with the task after it", On.QUEUED, Tier.UNDOABLE),
    Action("undo", ("z",), "undo", "take the latest change of the queue back", On.NOTHING, Tier.UNDOABLE),
    Action("redo", ("Z",), "redo", "make it again", On.NOTHING, Tier.UNDOABLE),
    Action(
        "send", ("i",), "send text", "answer its dialog, or type a line into its session", On.RUNNING, Tier.DANGEROUS
    ),
    Action("describe", ("d",), "describe", "everything about it, with why", On.TASK),
    Action("logs", ("l",), "logs", "its whole output, with search", On.STARTED, footer=True),
    Action("diff", ("u",), "changes", "what it has changed in its git worktree", On.STARTED),
    Action("messages", ("m",), "messages", "what tasks, agents and you have written to each other"),
    Action("interrupt", ("I",), "interrupt", "Escape for an interactive agent", On.RUNNING, Tier.DANGEROUS),
    Action("copy", ("y",), "copy", "copy its number, command or folder", On.TASK),
    Action("mark", ("space",), "mark", "mark it for the next action", On.TASK),
    Action("range", ("v",), "range", "mark from here to where you go", On.TASK),
    Action("mark-all", ("*",), "mark all", "mark all that the filter shows"),
    Action("marked", ("b",), "marked", "what to do with the marked"),
    Action("filter", ("/",), "filter", "words, key=value, ! for the opposite", footer=True),
    Action("needs-me", ("w",), "needs me", "the next that waits, failed or is stuck", footer=True),
    Action("runs", ("W",), "runs", "the runs of workflows: graph, timeline, gates", footer=True),
    Action("problems", ("!",), "problems", "problems only, and back"),
    Action("snooze", ("h",), "snooze", "leave it out of w for half an hour", On.TASK),
    Action("sort", ("o",), "sort", "choose the order"),
    Action("sort-name", ("N",), "sort by name", "order by name"),
    Action("sort-age", ("A",), "sort by age", "the latest first"),
    Action("sort-state", ("S",), "sort by state", "order by state"),
    Action("clean", ("c",), "clean", "forget ended tasks, with their output", On.NOTHING, Tier.DANGEROUS),
    Action("asked", ("@",), "history", "what was asked for, and what went otherwise"),
    Action("theme", ("t",), "theme", "choose a theme"),
    Action("palette", (":",), "commands", "every action by its name, and add … as on the command line", footer=True),
    Action("help", ("?",), "help", "the keys, searchable", footer=True),
    Action("suspend", ("ctrl+z",), "suspend", "back to the shell; fg returns"),
    Action("leave", ("q", "ctrl+c"), "leave", "leave the console; the work goes on"),
)

RUN_ACTIONS: tuple[Action, ...] = (
    Action("down", ("j", "down"), "down", "move down"),
    Action("up", ("k", "up"), "up", "move up"),
    Action("left", ("h", "left"), "left", "in the graph: the node before"),
    Action("right", ("l", "right"), "right", "in the graph: the next node; from the list: into the run"),
    Action("top", ("g", "home"), "top", "go to the first row"),
    Action("bottom", ("G", "end"), "bottom", "go to the last row"),
    Action("page-down", ("pagedown", "ctrl+f"), "page down", "a page down"),
    Action("page-up", ("pageup", "ctrl+b"), "page up", "a page up"),
    Action("approve", ("y",), "approve", "open the gate", On.GATE, Tier.DANGEROUS, footer=True),
    Action("reject", ("N",), "reject", "keep the gate shut; asks why", On.GATE, Tier.DANGEROUS, footer=True),
    Action(
        "enter",
        ("enter",),
        "open",
        "into the run; on a node: to its task in the queue, or to the run that it has called",
        On.RUN,
        footer=True,
    ),
    Action("next-view", ("tab",), "view", "graph, timeline, nodes", footer=True),
    Action("previous-view", ("shift+tab",), "view before", "nodes, timeline, graph"),
    Action("graph", ("1",), "graph", "what needs what"),
    Action("timeline", ("2",), "timeline", "who ran when, on which agent"),
    Action("nodes", ("3",), "nodes", "a table with parts, times, costs and why"),
    Action(
        "retry-failed", ("r",), "retry", "run again what has failed in it", On.FAILED_RUN, Tier.DANGEROUS, footer=True
    ),
    Action("retry-from", ("F",), "from here", "run this node and all after it again", On.NODE, Tier.DANGEROUS, True),
    Action("pause", ("p",), "pause", "start nothing more of it, or go on", On.LIVE_RUN, Tier.UNDOABLE, footer=True),
    Action("cancel", ("x",), "cancel", "end what runs and what waits", On.LIVE_RUN, Tier.DANGEROUS, footer=True),
    Action("task", ("d",), "task", "everything about the node's task, with why", On.WORKED),
    Action("logs", ("o",), "output", "the whole output of the node's task", On.WORKED),
    Action("needs-me", ("w",), "needs me", "the next gate that asks, then the next task"),
    Action("filter", ("/",), "filter", "words, state=, workflow=, by=, ! for the opposite"),
    Action("palette", (":",), "commands", "every action of this screen by its name"),
    Action("help", ("?",), "help", "the keys, searchable", footer=True),
    Action("back", ("escape", "q", "W"), "back", "one layer back: the list, the filter, the queue"),
    Action("leave", ("ctrl+c",), "leave", "leave the console; the work goes on"),
)
"""Those of the screen of runs; the rest are those of the fleet."""

BY_ID = {action.id: action for action in ACTIONS}
BY_KEY = {key: action for action in ACTIONS for key in action.keys}
RUN_BY_ID = {action.id: action for action in RUN_ACTIONS}
RUN_BY_KEY = {key: action for action in RUN_ACTIONS for key in action.keys}

_KEY_NAMES = {
    "down": "↓",
    "up": "↑",
    "left": "←",
    "right": "→",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "tab": "Tab",
    "shift+tab": "Shift+Tab",
    "enter": "↵",
    "escape": "Esc",
    "space": "Space",
    "home": "Home",
    "end": "End",
}


def key_name(key: str) -> str:
    """A key as people read it: Ctrl+Q, Alt+↑, ↵."""
    if key in _KEY_NAMES:
        return _KEY_NAMES[key]
    modifier, plus, rest = key.rpartition("+")
    return f"{modifier.capitalize()}+{key_name(rest) if len(rest) > 1 else rest.upper()}" if plus and rest else key


def pressed(key: str, character: str | None) -> str:
    """The name by which the table calls a pressed key."""
    return character if character is not None and character.isprintable() and character != " " else key
