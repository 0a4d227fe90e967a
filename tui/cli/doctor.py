"""doctor: everything that muxdeck needs, checked, with a way out for what is missing."""

from __future__ import annotations

import os
import platform
import re
import resource
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core.client import Client, NoEngineError
from core.home import HomeError
from tui.cli.codes import Exit
from tui.cli.output import document, table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from core.home import Home

OLDEST_TMUX = (3, 2)
FEW_FILES = 4096
LITTLE_SPACE = 512 << 20


class Finding(NamedTuple):
    """`state` is ok, warning or error."""

    check: str
    state: str
    found: str
    mend: str = ""


def doctor(options: argparse.Namespace, home: Home) -> int:
    findings = list(_findings(home))
    if options.json:
        document({"schema": 1, "findings": [finding._asdict() for finding in findings]})
    else:
        rows = [(one.check, one.state, f"{one.found}{': ' + one.mend if one.mend else ''}") for one in findings]
        table(("check", "state", "found"), rows)
    if any(one.check == "tmux" and one.state == "error" for one in findings):
        return Exit.NO_TMUX
    return Exit.FAILED if any(one.state == "error" for one in findings) else Exit.OK


def _findings(home: Home) -> Iterator[Finding]:
    yield Finding("python", "ok", platform.python_version())
    yield Finding("sqlite", "ok", sqlite3.sqlite_version)
    yield _tmux()
    yield _home(home)
    yield _config(home)
    yield from _agents(home)
    yield _engine(home)
    yield _space(home)
    yield _files()
    yield _ptrace()


def _tmux() -> Finding:
    try:
        ran = subprocess.run(["tmux", "-V"], capture_output=True, text=True, check=True, timeout=5)
    except (OSError, subprocess.SubprocessError):
        return Finding("tmux", "error", "not found", "install it from your system's packages")
    match = re.search(r"(\d+)\.(\d+)", ran.stdout)
    version = (int(match[1]), int(match[2])) if match else (0, 0)
    if version < OLDEST_TMUX:
        return Finding("tmux", "error", ran.stdout.strip(), "tmux 3.2 or newer is needed")
    if version < (3, 6):
        return Finding(
            "tmux", "ok", f"{ran.stdout.strip()}; names and lost exits of versions before 3.7 are guarded against"
        )
    return Finding("tmux", "ok", ran.stdout.strip())


def _home(home: Home) -> Finding:
    try:
        home.make()
    except HomeError as error:
        return Finding("home", "error", str(error))
    return Finding("home", "ok", str(home.root))


def _config(home: Home) -> Finding:
    from core.config.reading import check

    faults = check(home.config)
    if faults:
        return Finding("configuration", "error", str(faults[0]), "muxdeck config check has all of it")
    return Finding("configuration", "ok", str(home.config) if home.config.exists() else "none: all defaults")


def _agents(home: Home) -> Iterator[Finding]:
    """Whether the programs of the coding agents can be run."""
    from core.config.reading import ConfigError, read
    from core.kinds import catalogue
    from core.kinds.probing import probe

    try:
        agents = read(home.config).agent
    except ConfigError:
        return
    kinds = catalogue.load(home.config.parent / "kinds")
    for name, agent in agents.items():
        kind = kinds.get(agent.kind)
        if kind is not None:
            found = probe(kind, agent.command)
            state = "error" if not found.usable else "warning" if found.problem else "ok"
            yield Finding(f"agent {name}", state, found.problem or f"{found.path} {found.version or ''}".strip())


def _engine(home: Home) -> Finding:
    try:
        with Client(home, start=False) as client:
            status = client.ask("status")
    except NoEngineError:
        return Finding("engine", "ok", "none runs; the first verb that needs one starts it")
    silent = [str(server["socket"]) for server in status["tmux_servers"] if server["silent_since"]]
    if silent:
        return Finding(
            "engine", "warning", f"tmux does not answer on {', '.join(silent)}", "look for stopped processes"
        )
    if status["problems"]:
        found = "; ".join(status["problems"])
        return Finding("engine", "warning", found, "muxdeck engine status lists them line by line")
    return Finding("engine", "ok", f"process {status['pid']}, {len(status['tmux_servers'])} tmux servers")


def _space(home: Home) -> Finding:
    free = shutil.disk_usage(home.root if home.root.exists() else Path("/")).free
    text = f"{free >> 20:,} MiB free"
    return Finding("disk", "ok", text) if free >= LITTLE_SPACE else Finding("disk", "warning", text, "logs need room")


def _files() -> Finding:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    text = "no limit" if hard == resource.RLIM_INFINITY else f"{hard:,} open files"
    few = hard != resource.RLIM_INFINITY and hard < FEW_FILES
    return (
        Finding("limits", "warning", text, "a session takes three: raise ulimit -n")
        if few
        else Finding("limits", "ok", text)
    )


def _ptrace() -> Finding:
    """Whether the kernel tells what a process waits for: without it, a question at a terminal is guessed."""
    try:
        scope = Path("/proc/sys/kernel/yama/ptrace_scope").read_text(encoding="ascii").strip()
    except OSError:
        scope = "0"
    if scope == "0" or os.geteuid() == 0:
        return Finding("questions", "ok", "the kernel tells which program reads its terminal")
    return Finding("questions", "ok", "told by the wait channel alone (yama restricts the rest)")
