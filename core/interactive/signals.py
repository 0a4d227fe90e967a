"""The nouns of interactive agents: the states they can be in, and one source's word for such a state."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """What an agent in a terminal does."""

    STARTING = "starting"
    READY = "ready"
    """No turn is under way. Whether a person has begun to type tells `screens.composer`."""
    WORKING = "working"
    PERMISSION = "permission"
    QUESTION = "question"
    LIMIT = "limit"
    ERROR = "error"
    TRUST = "trust"
    """A dialog about trust, a login or a first start."""
    FINISHED = "finished"
    EXITED = "exited"
    UNKNOWN = "unknown"


ASKING = frozenset({State.PERMISSION, State.QUESTION, State.TRUST})
"""A dialog is open: the agent does nothing before somebody answers. Only a person's choice presses a key there."""
RESTING = frozenset({State.READY, State.FINISHED})
"""No turn is under way and nobody is asked."""


class Source(StrEnum):
    """Who says so, the strongest first."""

    HOOK = "hook"
    REGISTRY = "registry"
    TITLE = "title"
    SCREEN = "screen"
    QUIET = "quiet"

    @property
    def rank(self) -> int:
        """0 is the strongest."""
        return _RANKS[self]


_RANKS = {source: rank for rank, source in enumerate(Source)}

EVIDENCE = 200
"""Characters of evidence."""
DETAIL = 4000
"""Characters of a dialog."""


class Choice(NamedTuple):
    """A key that answers a dialog, and what the dialog says that it does."""

    key: str
    label: str


@dataclass(frozen=True, slots=True)
class Signal:
    """One source's word, once."""

    state: State
    source: Source
    at: float
    """Unix time at which it was so, not at which it was read."""
    evidence: str
    """One inert line: the hook's event, or the rule's name with the line that it matched."""
    detail: str = ""
    """What a person must read to answer, inert, of at most DETAIL characters."""
    choices: tuple[Choice, ...] = ()
