"""The verbs of the socket, in groups: a group answers some of them, and says which by a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Verb = tuple[type, "Callable[[Any, str], Awaitable[Any]]"]
"""The shape of its parameters; what answers those and the name of the client with a document."""
Verbs = dict[str, Verb]


class Group(Protocol):
    def verbs(self) -> Verbs:
        """By the name that a client calls: no other group may have the same."""
