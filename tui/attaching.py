"""How to go into a session: ours, with one key back, or one of the person's own."""

from __future__ import annotations

import os


def ours(socket: str, session: str) -> list[str]:
    """The status line tells how to come back."""
    return [
        "tmux",
        "-u",
        "-S",
        socket,
        "set-option",
        "-t",
        session,
        "status",
        "on",
        ";",
        "attach-session",
        "-t",
        session,
    ]


def foreign(socket: str, session: str) -> list[str]:
    """A session of the person's own servers: nothing in it is changed."""
    return ["tmux", "-S", socket, "attach-session", "-t", f"={session}"]


def environment() -> dict[str, str]:
    """Our servers are others than the one this may run in: nesting is meant."""
    return {name: value for name, value in os.environ.items() if name not in ("TMUX", "TMUX_PANE")}
