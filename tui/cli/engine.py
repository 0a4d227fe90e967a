"""engine and paths: the process that owns the work, and where it lives."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from core.client import Client, NoEngineError, start_engine
from core.engine.lock import holder
from core.text import duration
from tui.cli.codes import Exit
from tui.cli.output import document, say

if TYPE_CHECKING:
    import argparse

    from core.home import Home

STOP_DEADLINE = 10.0


def engine(options: argparse.Namespace, home: Home) -> int:
    verbs = {"start": _start, "stop": _stop, "status": _status, "run": _run}
    return verbs[options.engine_verb](options, home)


def _start(_options: argparse.Namespace, home: Home) -> int:
    try:
        with Client(home, start=False) as client:
            say(f"it runs already, as process {client.ask('status')['pid']}")
    except NoEngineError:
        start_engine(home).close()
    return Exit.OK


def _stop(_options: argparse.Namespace, home: Home) -> int:
    try:
        with Client(home, start=False) as client:
            pid = client.ask("quit")["pid"]
    except NoEngineError:
        say("no engine runs")
        return Exit.OK
    deadline = time.monotonic() + STOP_DEADLINE
    while holder(home.lock) == pid and time.monotonic() < deadline:
        time.sleep(0.02)
    if holder(home.lock) == pid:
        say(f"process {pid} has not ended yet")
        return Exit.FAILED
    return Exit.OK


def _status(options: argparse.Namespace, home: Home) -> int:
    with Client(home, start=False) as client:
        found = client.ask("status")
    if options.json:
        document(found)
        return Exit.OK
    print(f"engine   process {found['pid']}, version {found['version']}, for {duration(time.time() - found['since'])}")
    print(f"home     {found['home']}")
    print(f"socket   {found['socket']}")
    for server in found["tmux_servers"]:
        silent = server["silent_since"]
        word = f"silent for {duration(time.time() - silent)}" if silent else f"{server['sessions']} sessions"
        print(f"tmux     process {server['pid']}, {server['socket']}, {word}")
    for problem in found["problems"]:
        say(problem)
    return Exit.OK


def _run(_options: argparse.Namespace, home: Home) -> int:
    """Becomes the engine."""
    os.execv(sys.executable, [sys.executable, "-P", "-m", "core.engine", "--home", str(home.root)])


def paths(options: argparse.Namespace, home: Home) -> int:
    found = {
        "home": home.root,
        "config": home.config,
        "workflows": home.workflows,
        "themes": home.themes,
        "store": home.store,
        "log": home.log,
        "socket": home.socket,
        "attempts": home.attempts,
    }
    if options.json:
        document({"schema": 1, **{name: str(path) for name, path in found.items()}})
    else:
        for name, path in found.items():
            print(f"{name:10}{path}")
    return Exit.OK
