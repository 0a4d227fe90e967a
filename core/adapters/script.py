"""The script that becomes a task's program: argv exactly as given, its own environment, its own folder."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.model import AttemptId, Launch

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_OF_THE_TERMINAL = frozenset({"TERM", "TMUX", "TMUX_PANE", "TERM_PROGRAM", "TERM_PROGRAM_VERSION", "COLUMNS", "LINES"})
_OF_THE_SHELL = frozenset({"PWD", "OLDPWD", "_", "SHLVL"})
_OURS = "MUXDECK_"
_SPECIAL_IN_SOME_SHELL = frozenset(
    {"BASHOPTS", "BASH_VERSINFO", "EUID", "GROUPS", "IFS", "LINENO", "OPTARG", "OPTIND", "PPID", "PS4", "RANDOM"}
    | {"SECONDS", "SHELLOPTS", "UID"}
)
"""A shell may refuse or interpret an assignment to these: env(1) sets them."""


def inherited(environ: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """What a task takes over from the environment it was submitted in, sorted by name."""
    others = _OF_THE_TERMINAL | _OF_THE_SHELL
    return tuple(
        sorted((name, value) for name, value in environ.items() if name not in others and not name.startswith(_OURS))
    )


def quote(text: str) -> bytes:
    """One word of a POSIX shell that stands for exactly these bytes. ValueError for a NUL: no argument can have it."""
    raw = os.fsencode(text)
    if b"\0" in raw:
        raise ValueError("an argument cannot contain a NUL byte")
    return b"'" + raw.replace(b"'", b"'\\''") + b"'"


def public(launch: Launch) -> dict[str, object]:
    """The launch without the values of its environment: they may be secrets."""
    return {
        "argv": launch.argv,
        "shell": launch.shell,
        "wrapper": launch.wrapper,
        "cwd": launch.cwd,
        "stdin": launch.stdin,
        "env": [name for name, _ in (*launch.env, *launch.own_env)],
    }


def run_script(attempt: AttemptId, launch: Launch, home: str) -> bytes:
    """Read by the launcher in a child shell, in the attempt's folder, with the bell as $2.

    It is one compound command, which a shell runs only when it has read the whole of it: of a script that was cut
    short nothing ever runs. The launcher's trap, which says that nothing ran, is taken back by its first line.
    """
    exports, extra = _environment(launch.env)
    own, more = _assignments(launch.own_env)
    extra += more
    argv = [*map(quote, launch.wrapper), *_argv(launch)]
    program = [b"env", b"--", *extra, *argv] if extra else argv
    marks = {"HOME": home, "TASK": str(attempt.task), "ATTEMPT": str(attempt)}
    if launch.part is not None:
        marks |= {"RUN": str(launch.part.run), "NODE": launch.part.node, "ITEM": str(launch.part.item)}
    lines = [
        b"{",
        b"trap - EXIT",
        b"read -r pid rest 2>/dev/null </proc/self/stat || pid=$(exec sh -c 'echo $PPID')",
        b"printf 'S %s %s\\n' " + str(attempt).encode() + b' "$pid" 1<>"$2"',
        b"umask " + f"{launch.umask:04o}".encode(),
        b"cd -- " + quote(launch.cwd) + b" || exit 126",
        exports,
        *own,
        *(b"export " + (_OURS + name).encode() + b"=" + quote(value) for name, value in marks.items()),
        b"exec " + b" ".join(program) + (b" <" + quote(launch.stdin) if launch.stdin is not None else b""),
        b"}",
    ]
    return b"\n".join(lines) + b"\n"


def _argv(launch: Launch) -> list[bytes]:
    if not launch.shell:
        return [quote(word) for word in launch.argv]
    shell = dict(launch.env).get("SHELL", "/bin/sh")
    return [quote(shell), b"-c", quote(launch.argv[0])]


@lru_cache(maxsize=64)
def _environment(env: tuple[tuple[str, str], ...]) -> tuple[bytes, tuple[bytes, ...]]:
    plain, odd = _assignments(env)
    return b"\n".join(plain), odd


def _assignments(env: tuple[tuple[str, str], ...]) -> tuple[list[bytes], tuple[bytes, ...]]:
    """Those that the shell makes, and those that only env(1) can."""
    plain, odd = [], []
    for name, value in env:
        if _NAME.fullmatch(name) and name not in _SPECIAL_IN_SOME_SHELL:
            plain.append(b"export " + name.encode() + b"=" + quote(value))
        else:
            odd.append(quote(f"{name}={value}"))
    return plain, tuple(odd)
