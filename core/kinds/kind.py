"""A kind of agent: what its file says, and the command that follows from it."""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING, Literal

from core.kinds.readers import Name  # noqa: TC001 - pydantic reads it
from core.units import shape

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_WORD = re.compile(r"\{(model|session|prompt|cost)\}")
OPTIONS = "{options}"


@shape
class Headless:
    """How one run for one task is started and understood."""

    reader: Name
    arguments: tuple[str, ...] = ()
    prompt: Literal["stdin", "file"] = "stdin"
    model: tuple[str, ...] = ()
    session: tuple[str, ...] = ()
    resume: tuple[str, ...] = ()
    resumed: tuple[str, ...] = ()
    budget: tuple[str, ...] = ()
    edits: tuple[str, ...] | None = None
    cost: Literal["list price", "credits", "none"] = "none"
    cumulative: bool = False
    orders: str = ""
    env: dict[str, str] = field(default_factory=dict)

    @property
    def can_resume(self) -> bool:
        return bool(self.resume or self.resumed)


@shape
class Interactive:
    """How its full-screen program is started, and what tells what that does."""

    arguments: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    session: tuple[str, ...] = ()
    resume: tuple[str, ...] = ()
    resumed: tuple[str, ...] = ()
    edits: tuple[str, ...] | None = None
    screens: str = "generic"
    hooks: Literal["", "claude", "codex", "copilot"] = ""
    registry: Literal["", "claude"] = ""
    records: Literal["", "opencode"] = ""
    orders: str = "!"
    env: dict[str, str] = field(default_factory=dict)

    @property
    def can_resume(self) -> bool:
        return bool(self.resume or self.resumed)


@shape
class Kind:
    """A kind of agent, as its file has it: `core.kinds.catalogue` explains each key."""

    title: str
    headless: Headless
    interactive: Interactive | None = None
    program: str = ""
    """Empty where every agent has to name its own."""
    install: str = ""
    login: str = ""
    version: tuple[str, ...] = ()
    tested: tuple[str, ...] = ()

    def how(self, mode: Literal["headless", "interactive"]) -> Headless | Interactive | None:
        """None where it has no full-screen program that is known."""
        return self.headless if mode == "headless" else self.interactive


def argv_of(
    kind: Kind,
    how: Headless | Interactive,
    *,
    program: tuple[str, ...],
    options: tuple[str, ...],
    edits: bool = False,
    model: str | None,
    session: str | None,
    resume: str | None,
    prompt: Path | None = None,
    cost: float | None = None,
) -> tuple[str, ...]:
    """The command of one run; `program` empty stands for the kind's own.

    `session` is an id for a new session, left out where the kind cannot be given one, or where `resume` goes on with
    an old one. ValueError where the kind cannot resume, or cannot be told the model: the run would be another one than
    was asked for.
    """
    if resume is not None and not how.can_resume:
        raise ValueError(f"{kind.title} cannot resume a session")
    if model is not None and not how.model:
        raise ValueError(f"{kind.title} cannot be told which model to use")
    budget = how.budget if cost is not None and isinstance(how, Headless) else ()
    words = {"cost": f"{cost or 0:.2f}", "model": model or "", "session": resume or session or ""}
    words["prompt"] = str(prompt or "")
    chosen = (
        *options,
        *((how.edits or ()) if edits else ()),
        *_filled(budget, words),
        *_filled(how.model if model is not None else (), words),
        *_filled(how.resume if resume is not None else how.session if session is not None else (), words),
    )
    arguments = how.resumed if resume is not None and how.resumed else how.arguments
    at = arguments.index(OPTIONS) if OPTIONS in arguments else len(arguments)
    own = program or (kind.program,)
    return (*own, *_filled(arguments[:at], words), *chosen, *_filled(arguments[at + 1 :], words))


def _filled(arguments: Iterable[str], words: dict[str, str]) -> tuple[str, ...]:
    return tuple(_WORD.sub(lambda match: words[match[1]], argument) for argument in arguments)
