"""Readers of what agents print: lines in, lines for people and a Result out. They do no I/O."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from core.kinds.readers.base import Account, Reader

Name = Literal["claude", "codex", "gemini", "opencode", "copilot", "aider", "text"]
NAMES: tuple[str, ...] = get_args(Name)


def reader(name: str, session: str | None, account: Account) -> Reader:
    """A new reader; only its own module is loaded. ValueError where there is none of that name."""
    if name not in NAMES:
        raise ValueError(f"there is no reader {name!r}: use one of {', '.join(NAMES)}")
    made: Reader = import_module(f"core.kinds.readers.{name}").READER(session, account)
    return made
