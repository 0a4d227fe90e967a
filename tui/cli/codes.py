"""The exit codes of the command line."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Documented in the help of `muxdeck`."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFIG = 4
    NO_ENGINE = 5
    NO_TMUX = 6
    LOCKED = 7
    INTERNAL = 70


MEANINGS = {
    Exit.OK: "done; for wait: every task succeeded",
    Exit.FAILED: "refused, or failed; for wait: a task did not succeed",
    Exit.USAGE: "the words of the command are off, or a workflow file has faults",
    Exit.NOT_FOUND: "no such task, group, agent or session",
    Exit.CONFIG: "the configuration or the home folder cannot be used",
    Exit.NO_ENGINE: "no engine runs, or it cannot start",
    Exit.NO_TMUX: "tmux is missing or too old",
    Exit.LOCKED: "another engine has the home folder",
    Exit.INTERNAL: "a bug of muxdeck",
}
BY_REFUSAL = {
    "not-found": Exit.NOT_FOUND,
    "usage": Exit.USAGE,
    "refused": Exit.FAILED,
    "failed": Exit.FAILED,
    "bug": Exit.INTERNAL,
}
"""Exit code by the code of the engine's refusal."""
