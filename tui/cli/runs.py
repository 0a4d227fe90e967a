"""The verbs of workflows: their runs, their gates, their events."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.client import Client, context
from core.text import duration, inert, one_line
from tui.cli.codes import Exit
from tui.cli.output import document, line, say, table
from tui.cli.speaking import speaker
from tui.cli.summary import NODE_COLUMNS, NODE_NUMBERS, facts, markdown, node_rows

if TYPE_CHECKING:
    import argparse

    from core.home import Home


def run(options: argparse.Namespace, home: Home) -> int:
    params = _params(options.param or [])
    if params is None:
        return Exit.USAGE
    file = os.path.abspath(options.file) if "/" in options.file or os.path.exists(options.file) else options.file
    with Client(home, start=True) as client:
        found = client.ask("run", file=file, params=params, context=context(), dry_run=options.dry_run)
        if options.dry_run:
            return _planned(options, found)
        if options.json and not options.wait:
            document(found)
        elif not options.wait:
            print(found["run"])
        return _wait(options, client, found["run"]) if options.wait else Exit.OK


def _params(words: list[str]) -> dict[str, str] | None:
    """From `name=value`; None where a word is not that."""
    pairs = [word.partition("=") for word in words]
    wrong = next((word for word, pair in zip(words, pairs, strict=True) if not pair[1]), None)
    if wrong is not None:
        say(f"{one_line(wrong, 60)!r} is no parameter: write -p name=value")
        return None
    return {name: value for name, _, value in pairs}


def _planned(options: argparse.Namespace, found: dict[str, Any]) -> int:
    if options.json:
        document(found)
        return Exit.OK
    for name, value in found["params"].items():
        line(f"{name} = {json.dumps(value)}")
    rows = [
        (node["name"], node["does"], "many" if node["many"] else "", ", ".join(node["needs"]), duration(node["left"]))
        for node in found["nodes"]
    ]
    table(("node", "does", "times", "needs", "to the end"), rows, right=frozenset({4}))
    return Exit.OK


def _wait(options: argparse.Namespace, client: Client, number: int) -> int:
    client.ask("run-wait", run=number)
    shown = client.ask("run-show", run=number)["run"]
    _print(shown, options)
    return Exit.OK if shown["state"] == "succeeded" else Exit.FAILED


def runs(options: argparse.Namespace, home: Home) -> int:
    with Client(home, start=True) as client:
        found = client.ask("runs", state=options.state, workflow=options.workflow, limit=options.limit)
    if options.json:
        document(found)
        return Exit.OK
    now = time.time()
    table(
        ("id", "state", "workflow", "nodes", "age", "time", "started by", "reason"),
        [_run_row(one, now) for one in found["runs"]],
        right=frozenset({0, 3, 4, 5}),
    )
    return Exit.OK


def _run_row(one: dict[str, Any], now: float) -> tuple[object, ...]:
    nodes = one["nodes"]
    ended = sum(count for state, count in nodes.items() if state not in ("pending", "asking", "waiting", "running"))
    took = None if one["started_at"] is None else (one["ended_at"] or now) - one["started_at"]
    return (
        one["id"],
        one["state"],
        one["workflow"],
        ended,
        duration(now - one["queued_at"]),
        "" if took is None else duration(took),
        one["started_by"],
        one["reason"] or "",
    )


def run_show(options: argparse.Namespace, home: Home) -> int:
    with Client(home, start=False) as client:
        if options.file:
            return _kept_file(options, client.ask("run-file", run=options.run))
        shown = client.ask("run-show", run=options.run)["run"]
    _print(shown, options)
    return Exit.OK


def _kept_file(options: argparse.Namespace, kept: dict[str, Any]) -> int:
    if options.json:
        document(kept)
        return Exit.OK
    print(inert(kept["text"]), end="")
    for name, text in kept["calls"].items():
        print(f"\n# {inert(name)}\n{inert(text)}", end="")
    return Exit.OK


def _print(shown: dict[str, Any], options: argparse.Namespace) -> None:
    """As a table, as JSON, or as a page in Markdown."""
    if options.json:
        document({"schema": 1, "run": shown})
    elif getattr(options, "markdown", False):
        print(markdown(shown))
    else:
        for name, value in facts(shown):
            line(f"{name:13} {value}")
        print()
        table(NODE_COLUMNS, node_rows(shown), right=NODE_NUMBERS)


def cancel(options: argparse.Namespace, home: Home) -> int:
    return _told(options, home, "run-cancel", runs=options.runs)


def approve(options: argparse.Namespace, home: Home) -> int:
    return _answer(options, home, approved=True)


def reject(options: argparse.Namespace, home: Home) -> int:
    return _answer(options, home, approved=False)


def _answer(options: argparse.Namespace, home: Home, *, approved: bool) -> int:
    text = " ".join(options.text)
    return _told(options, home, "gate", run=options.run, node=options.node, approved=approved, text=text)


def emit(options: argparse.Namespace, home: Home) -> int:
    try:
        data = None if options.data is None else json.loads(_text(options.data))
    except (OSError, ValueError) as error:
        say(f"--data is not JSON: {one_line(str(error), 200)}")
        return Exit.USAGE
    with Client(home, start=True) as client:
        found = client.ask("emit", speaker=speaker(home), topic=options.topic, data=data, key=options.key)
    if options.json:
        document(found)
    else:
        print(found["event"])
    return Exit.OK


def _text(written: str) -> str:
    """The text itself, or what is in the file after @."""
    return Path(written[1:]).read_text(encoding="utf-8") if written.startswith("@") else written


def events(options: argparse.Namespace, home: Home) -> int:
    with Client(home, start=False) as client:
        found = client.ask("events", limit=options.limit)
    if options.json:
        document(found)
        return Exit.OK
    now = time.time()
    rows = [
        (one["id"], one["topic"], duration(now - one["at"]), one["source"], json.dumps(one["data"]))
        for one in found["events"]
    ]
    table(("id", "topic", "age", "from", "data"), rows, right=frozenset({0, 2}))
    return Exit.OK


def _told(options: argparse.Namespace, home: Home, verb: str, **parameters: Any) -> int:  # noqa: ANN401 - JSON
    with Client(home, start=False) as client:
        reply = client.ask(verb, **parameters)
    if options.json:
        document({"schema": 1, "runs": reply if isinstance(reply, list) else [reply]})
    return Exit.OK
