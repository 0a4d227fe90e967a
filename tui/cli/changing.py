"""The verbs that change what is queued or runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.client import Client
from core.signal_names import signal_number
from tui.cli.adding import command_of, task_fields
from tui.cli.codes import Exit
from tui.cli.output import document, say

if TYPE_CHECKING:
    import argparse

    from core.home import Home

_FAILED = ["failed", "timed_out", "lost"]
_LIVE = ["queued", "running"]


def retry(options: argparse.Namespace, home: Home) -> int:
    if options.run is not None:
        return _told(options, home, "run-retry", run=options.run, node=options.node)
    states = _FAILED if options.failed or options.group else None
    return _change(options, home, "retry", states)


def stop(options: argparse.Namespace, home: Home) -> int:
    return _change(options, home, "stop", _LIVE)


def kill(options: argparse.Namespace, home: Home) -> int:
    return _change(options, home, "stop", _LIVE, now=True)


def hold(options: argparse.Namespace, home: Home) -> int:
    return _change(options, home, "hold", ["queued"])


def release(options: argparse.Namespace, home: Home) -> int:
    return _change(options, home, "release", ["queued"])


def signal(options: argparse.Namespace, home: Home) -> int:
    number = signal_number(options.signal)
    if number is None:
        say(f"there is no signal {options.signal!r}: a name as TERM, USR1, or a number")
        return Exit.USAGE
    return _change(options, home, "signal", ["running"], signal=number)


def edit(options: argparse.Namespace, home: Home) -> int:
    changes = task_fields(options, home)
    words = getattr(options, "command", [])
    if words:
        try:
            changes |= command_of(words, shell=options.shell)
        except ValueError as error:
            say(str(error))
            return Exit.USAGE
    if options.name is not None:
        changes["name"] = options.name
    if options.release:
        changes["hold"] = False
    if not changes:
        say("nothing to change: see muxdeck edit --help")
        return Exit.USAGE
    return _told(options, home, "edit", task=options.task, changes=changes)


def pause(options: argparse.Namespace, home: Home) -> int:
    return _pause(options, home, paused=True)


def resume(options: argparse.Namespace, home: Home) -> int:
    return _pause(options, home, paused=False)


def _pause(options: argparse.Namespace, home: Home, *, paused: bool) -> int:
    named = [options.agent, options.group, options.run]
    chosen = [options.all, *(one is not None for one in named), bool(options.tasks)]
    if chosen.count(True) != 1:
        say("say what: task numbers, --run RUN, --group NAME, --agent NAME or --all")
        return Exit.USAGE
    if options.all:
        return _told(options, home, "everything", paused=paused)
    if options.run is not None:
        return _told(options, home, "run-pause" if paused else "run-resume", runs=[options.run])
    if options.agent is not None:
        return _told(options, home, "agent", agent=options.agent, mode="paused" if paused else "on")
    if options.group is not None:
        return _told(options, home, "group", group=options.group, paused=paused)
    return _told(options, home, "pause" if paused else "resume", tasks=options.tasks)


def limit(options: argparse.Namespace, home: Home) -> int:
    return _told(options, home, "group", group=options.group, limit=options.limit)


def clean(options: argparse.Namespace, home: Home) -> int:
    if options.tasks:
        return _told(options, home, "clean", tasks=options.tasks)
    states = [] if options.all else options.state or ["succeeded"]
    selector = {"states": states, "group": options.group, "older_than": options.older_than}
    return _told(options, home, "clean", tasks=selector)


def _change(
    options: argparse.Namespace,
    home: Home,
    verb: str,
    states: list[str] | None,
    **more: Any,  # noqa: ANN401 - JSON
) -> int:
    """The numbered tasks, or all, or all of a group, in the states that the verb is for."""
    if options.tasks:
        return _told(options, home, verb, tasks=options.tasks, **more)
    everything = getattr(options, "failed", False) or getattr(options, "all", False)
    if states is None or (options.group is None and not everything):
        say(f"say which: task numbers, --group NAME, or --{'failed' if verb == 'retry' else 'all'}")
        return Exit.USAGE
    return _told(options, home, verb, tasks={"states": states, "group": options.group}, **more)


def _told(options: argparse.Namespace, home: Home, verb: str, **parameters: Any) -> int:  # noqa: ANN401 - JSON
    with Client(home, start=True) as client:
        reply = client.ask(verb, **parameters)
    if options.json:
        document({"schema": 1, "runs" if verb.startswith("run-") else "tasks": reply})
    elif reply and not verb.startswith("run-"):
        print("\n".join(map(str, reply)))
    left = sorted({*options.tasks} - {*reply}) if verb == "retry" and options.tasks else []
    if left:
        say(f"not retried: {', '.join(map(str, left))}: muxdeck history says why")
    return Exit.FAILED if left else Exit.OK
