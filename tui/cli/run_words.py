"""The words of the verbs about runs of workflows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.cli.arguments import add_verb, json_flag, whole

if TYPE_CHECKING:
    import argparse


def run_verbs(verbs: Any) -> None:  # noqa: ANN401 - argparse's own
    run = add_verb(verbs, "run", "start a run of a workflow and print its number")
    run.add_argument("file", metavar="FILE", help="a file, or the name of one in the folder of workflows")
    run.add_argument("-p", "--param", action="append", metavar="NAME=VALUE", help="a parameter of the workflow")
    run.add_argument("--dry-run", action="store_true", help="show what would run, in its order, and start nothing")
    run.add_argument("-w", "--wait", action="store_true", help="wait for its end and show what came of it")
    json_flag(run)
    runs = add_verb(verbs, "runs", "list runs of workflows, the latest last")
    runs.add_argument("-s", "--state", help="only this state")
    runs.add_argument("--workflow", metavar="NAME", help="only of this workflow")
    runs.add_argument("-n", "--limit", type=whole(1), default=50, metavar="N", help="at most so many (50)")
    json_flag(runs)
    show = add_verb(verbs, "run-show", "what came of a run: its nodes, times, costs, critical path, outputs")
    show.add_argument("run", type=whole(1), metavar="RUN")
    show.add_argument("--markdown", action="store_true", help="as a page in Markdown")
    show.add_argument("--file", action="store_true", help="the workflow's file as it was when the run began")
    json_flag(show)
    cancel = add_verb(verbs, "cancel", "end runs: what runs and what waits; a second time also what comes last")
    cancel.add_argument("runs", type=whole(1), nargs="+", metavar="RUN")
    json_flag(cancel)
    for name, text in (("approve", "open a gate at which a run waits"), ("reject", "keep a gate shut")):
        verb = add_verb(verbs, name, text)
        verb.add_argument("run", type=whole(1), metavar="RUN")
        verb.add_argument("node", metavar="NODE")
        verb.add_argument("text", nargs="*", metavar="TEXT", help="why; it stands in the history")
        json_flag(verb)
    _events(verbs)


def _events(verbs: Any) -> None:  # noqa: ANN401 - argparse's own
    emit = add_verb(verbs, "emit", "tell runs and workflows that something has happened, and print the event's number")
    emit.add_argument("topic", metavar="TOPIC")
    emit.add_argument("--data", metavar="JSON", help="what is to be known of it; @FILE reads it from a file")
    emit.add_argument("--key", help="a second event with the same key is none")
    json_flag(emit)
    events = add_verb(verbs, "events", "what has happened, the latest last")
    events.add_argument("-n", "--limit", type=whole(1), default=100, metavar="N", help="at most so many (100)")
    json_flag(events)


def of_run(verb: argparse.ArgumentParser, *, from_node: bool = False) -> None:
    """The same verb for a run of a workflow."""
    verb.add_argument("--run", type=whole(1), metavar="RUN", help="a run of a workflow")
    if from_node:
        verb.add_argument("--from", dest="node", metavar="NODE", help="with --run: this node and all that follows it")
