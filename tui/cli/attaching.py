"""attach: into a session, and back by one key."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from core.client import Client
from tui.attaching import environment, foreign, ours
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
