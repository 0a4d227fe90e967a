"""attach: into a session, and back by one key."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from core.client import Client
from tui.cli.codes import Exit
from tui.cli.output import say
from tui.cli.reading import reference

if TYPE_CHECKING:
    import argparse

    from core.home import Home


def attach(options: argparse.Namespace, home: Home) -> int:
    """Becomes tmux: returns only where that fails."""
    socket, colon, session = options.task.rpartition(":")
    if not colon:
        with Client(home, start=True) as client:
            target = client.ask("attach", task=reference(options.task))
        socket, session = target["socket"], target["session"]
        argv = ours(socket, session)
    else:
        argv = foreign(socket, session)
    try:
        os.execvpe("tmux", argv, environment())
    except OSError as error:
        say(f"tmux cannot be started: {error.strerror}")
        return Exit.NO_TMUX


def ours(socket: str, session: str) -> list[str]:
    """The status line tells how to come back."""
    return ["tmux", "-u", "-S", socket, "set-option", "-t", session, "status", "on", ";", "attach-session", "-t", session]


def foreign(socket: str, session: str) -> list[str]:
    """A session of the person's own servers: nothing in it is changed."""
    return ["tmux", "-S", socket, "attach-session", "-t", f"={session}"]


def environment() -> dict[str, str]:
    """Our servers are others than the one this may run in: nesting is meant."""
    return {name: value for name, value in os.environ.items() if name not in ("TMUX", "TMUX_PANE")}
