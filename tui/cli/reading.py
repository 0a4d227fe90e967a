"""The verbs that only look."""

from __future__ import annotations

import select
import sys
import time
from typing import TYPE_CHECKING, Any

from core.client import Client
from core.text import duration, inert, one_line, size
from tui.cli.codes import Exit
from tui.cli.output import document, line, painted, say, table
from tui.wording import command_of

if TYPE_CHECKING:
    import argparse

    from core.home import Home

FOLLOW_EVERY = 0.1
"""Seconds between two looks at a log that is followed."""
LOG_PART = 1 << 18
LONGEST_NUMBER = 15
"""Digits of a task's number."""


def reference(text: str) -> int | str:
    """A task by its number, or by its key; digits that are too many for a number are no task's."""
    return int(text) if text.isdecimal() and len(text) <= LONGEST_NUMBER else text


def counted(counts: dict[str, int]) -> str:
    """How many tasks stand in each state."""
    return ", ".join(f"{count:,} {state.replace('_', ' ')}" for state, count in counts.items())


_OF_ATTEMPTS = frozenset({"waiting", "unknown"})
"""States of running tasks that lists show in their place."""
MOST_LOOKED_THROUGH = 10_000


def ls(options: argparse.Namespace, home: Home) -> int:
    states = set(options.state or ())
    of_attempts = states & _OF_ATTEMPTS
    with Client(home, start=True) as client:
        found = client.ask(
            "list",
            states=sorted(states - of_attempts | ({"running"} if of_attempts else set())),
            group=options.group,
            text=options.text,
            limit=MOST_LOOKED_THROUGH if of_attempts else options.limit,
        )
    if of_attempts:
        found["tasks"] = [task for task in found["tasks"] if _state(task) in states][-options.limit :]
    if options.json:
        document(found)
        return Exit.OK
    now = time.time()
    table(
        ("id", "state", "agent", "group", "prio", "age", "try", "name"),
        [
            (
                task["id"],
                _state(task),
                task["agent"],
                task["group"],
                task["priority"] or None,
                _age(task, now),
                f"{task['tries']}/{task['max_tries']}" if task["max_tries"] > 1 else None,
                _name(task),
            )
            for task in found["tasks"]
        ],
        right=frozenset({0, 4, 5, 6}),
    )
    if len(found["tasks"]) == options.limit:
        say(f"only the latest {options.limit}: more with -n")
    return Exit.OK


def _state(task: dict[str, Any]) -> str:
    if task["state"] == "running" and task["attempt_state"] in ("waiting", "unknown"):
        return str(task["attempt_state"])
    return str(task["state"])


def _age(task: dict[str, Any], now: float) -> str:
    start, end = task["started_at"], task["ended_at"]
    if task["state"] == "running":
        return duration(now - start) if start else "starts"
    if end is not None:
        return duration(now - end)
    return duration(now - task["place"]) if task["place"] < now else "0.0s"


def _name(task: dict[str, Any]) -> str:
    notes = [task["reason"]] if task["reason"] else []
    if task["state"] == "queued":
        notes += ["held"] if task["held"] else []
        notes += [f"after {', '.join(map(str, task['needs']))}"] if task["needs"] else []
    return f"{task['name']}  ({', '.join(notes)})" if notes else str(task["name"])


def show(options: argparse.Namespace, home: Home) -> int:
    with Client(home, start=True) as client:
        found = client.ask("show", task=reference(options.task))
    if options.json:
        document(found)
        return Exit.OK
    task = found["task"]
    for label, value in _facts(task):
        print(f"{painted(label.ljust(12), '2')}{one_line(value, 4096)}")
    for attempt in task["attempts"]:
        print(f"{painted(('attempt ' + str(attempt['number'])).ljust(12), '2')}{one_line(_attempt(attempt), 400)}")
    return Exit.OK


def _facts(task: dict[str, Any]) -> list[tuple[str, str]]:
    needs = ", ".join(f"{need['task']} {need['kind']} ({need['state']})" for need in task["needs"])
    dependents = ", ".join(f"{one['task']} ({one['state']})" for one in task["dependents"])
    retry, timeouts = task["retry"], task["timeouts"]
    limits = ", ".join(f"{name} {duration(value)}" for name, value in timeouts.items() if value is not None)
    facts = [
        ("task", str(task["id"])),
        ("name", task["name"]),
        ("state", task["state"]),
        ("why", "; ".join(task["why"])),
        command_of(task),
        ("folder", task["cwd"]),
        ("worktree", None if task["worktree"] is None else "{path}, branch {branch}".format(**task["worktree"])),
        ("input", task["stdin"]),
        ("place", f"agent {task['agent']}, group {task['group']}, priority {task['priority']}"),
        ("added by", None if task["spawned_by"] is None else f"attempt {task['spawned_by']}, head {task['root']}"),
        ("needs", needs),
        ("then", dependents),
        ("retry", f"{retry['attempts']} attempts" if retry["attempts"] > 1 else None),
        ("limits", limits),
        ("key", task["key"]),
        ("queued", _moment(task["queued_at"])),
        ("ended", _moment(task["ended_at"])),
    ]
    return [(label, value) for label, value in facts if value]


def _attempt(attempt: dict[str, Any]) -> str:
    parts = [attempt["state"]]
    if attempt["reason"] is not None or attempt["exit_code"] is not None:
        parts.append(attempt["reason"] or f"exit {attempt['exit_code']}")
    if attempt["started_at"] is not None:
        parts.append(f"started {_moment(attempt['started_at'])}")
        if attempt["ended_at"] is not None:
            parts.append(f"ran {duration(attempt['ended_at'] - attempt['started_at'])}")
    if attempt["max_memory"]:
        parts.append(f"memory {size(attempt['max_memory'])}")
    if attempt["left"]:
        parts.append(f"left alive: {', '.join(attempt['left'])}")
    return ", ".join(parts)


def _moment(at: float | None) -> str | None:
    if at is None:
        return None
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(at))} ({duration(time.time() - at)} ago)"


def why(options: argparse.Namespace, home: Home) -> int:
    with Client(home, start=True) as client:
        found = client.ask("why", task=reference(options.task))
    if options.json:
        document(found)
    else:
        line(f"task {found['task']} is {found['state'].replace('_', ' ')}:")
        for reason in found["why"]:
            line(f"  {reason}")
    return Exit.OK


def log(options: argparse.Namespace, home: Home) -> int:
    with Client(home, start=True) as client:
        part = _log_part(client, options, -LOG_PART if options.lines else 0)
        if options.json:
            document(part)
            return Exit.OK
        content = part["content"].encode("latin-1")
        if options.lines:
            content = b"".join(content.splitlines(keepends=True)[-options.lines :])
        else:
            _say_gone(part["start"], raw=options.raw)
        _print(content, raw=options.raw)
        offset = part["start"] + len(part["content"])
        while offset < part["end"] or (options.follow and part["live"]):
            if offset >= part["end"]:
                _pause()
            part = _log_part(client, options, offset)
            _say_gone(part["start"] - offset, raw=options.raw)
            _print(part["content"].encode("latin-1"), raw=options.raw)
            offset = part["start"] + len(part["content"])
    return Exit.OK


def _say_gone(count: int, *, raw: bool) -> None:
    """What was let go of an output that is larger than is kept: not among the bytes that were asked for as they are."""
    if count > 0:
        print(f"… {size(count)} before this are gone", file=sys.stderr if raw else sys.stdout, flush=True)


def _log_part(client: Client, options: argparse.Namespace, offset: int) -> dict[str, Any]:
    found = client.ask("log", task=reference(options.task), attempt=options.attempt, offset=offset, limit=LOG_PART)
    return dict(found)


def _pause() -> None:
    """Until the next look, or until the reader of our output is gone."""
    gone, _, _ = select.select([], [], [sys.stdout.fileno()], FOLLOW_EVERY)
    if gone:
        raise BrokenPipeError


def _print(content: bytes, *, raw: bool) -> None:
    if raw:
        sys.stdout.buffer.write(content)
    else:
        sys.stdout.write(inert(content.decode("utf-8", "replace").replace("\r\n", "\n")))
    sys.stdout.flush()


def wait(options: argparse.Namespace, home: Home) -> int:
    with Client(home, start=True) as client:
        return wait_for(client, options.tasks, options.timeout, as_json=options.json)


def wait_for(client: Client, tasks: list[int], timeout: float | None, *, as_json: bool = False) -> int:
    found = client.ask("wait", tasks=tasks, timeout=timeout)
    if as_json:
        document(found)
    failed = [task for task in found["tasks"] if task["state"] != "succeeded"]
    for task in failed:
        say(f"task {task['id']} {one_line(task['name'], 60)}: {task['state']} {one_line(task['reason'] or '', 100)}")
    return Exit.FAILED if failed else Exit.OK


def sessions(options: argparse.Namespace, home: Home) -> int:
    with Client(home, start=True) as client:
        found = client.ask("sessions", foreign=options.all)
    if options.json:
        document(found)
        return Exit.OK
    now = time.time()
    table(
        ("session", "health", "for", "cpu", "memory", "procs", "server", "name"),
        [
            (
                session["attempt"],
                session["health"],
                duration(now - session["since"]),
                None if session["cpu"] is None else f"{session['cpu']:.0f}%",
                None if session["memory"] is None else size(session["memory"]),
                session["processes"],
                session["server"],
                f"{session['name']}  ({session['reason'] or session['health_reason']})",
            )
            for session in found["sessions"]
        ],
        right=frozenset({2, 3, 4, 5, 6}),
    )
    for session in found.get("foreign", []):
        attached = "attached" if session["attached"] else "detached"
        line(f"{session['socket']}:{session['name']}  {session['windows']} windows  {attached}  {session['command']}")
    return Exit.OK


def groups(options: argparse.Namespace, home: Home) -> int:
    found = _ask(home, "groups")
    if options.json:
        document(found)
        return Exit.OK
    if found["paused"]:
        say("everything is paused: muxdeck resume --all")
    table(
        ("group", "state", "running", "limit", "queued"),
        [
            (
                group["name"],
                "paused" if group["paused"] else "open",
                group["running"],
                group["limit"] or "none",
                group["queued"],
            )
            for group in found["groups"]
        ],
        right=frozenset({2, 3, 4}),
    )
    return Exit.OK


def stats(options: argparse.Namespace, home: Home) -> int:
    found = _ask(home, "stats")
    if options.json:
        document(found)
        return Exit.OK
    print(f"tasks             {counted(found['counts']) or 'none yet'}")
    for label, key in (("start", "start"), ("session creation", "creation"), ("exit to disk", "commit")):
        latency = found[key]
        figures = f"p50 {latency['p50']} ms, p99 {latency['p99']} ms of {latency['count']}" if latency["count"] else "–"
        print(f"{label:18}{figures}")
    use = found["utilisation"]
    print(f"utilisation       {'–' if use is None else f'{use:.1%} of the slot time for which there was work'}")
    print(f"engine            {found['engine_cpu']:.1f}% of a core")
    return Exit.OK


def history(options: argparse.Namespace, home: Home) -> int:
    found = _ask(home, "notes")
    if options.json:
        document(found)
        return Exit.OK
    for note in found["notes"]:
        line(f"{time.strftime('%m-%d %H:%M:%S', time.localtime(note['at']))}  {note['who']:12}  {note['text']}")
    return Exit.OK


def _ask(home: Home, verb: str) -> Any:  # noqa: ANN401 - JSON
    with Client(home, start=True) as client:
        return client.ask(verb)
