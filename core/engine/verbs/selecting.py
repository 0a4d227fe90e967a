"""Which tasks a wish is about: by their numbers, or all that a selector takes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from core.adapters.reading import Only
from core.engine import wishes
from core.messages import RefusedError

if TYPE_CHECKING:
    from core import requests as r
    from core.engine.engine import Engine
    from core.messages import Command


class Selecting:
    """`do` is the verb: what it may be done to differs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def command(self, do: str, wish: Any) -> Command:  # noqa: ANN401 - one shape a verb
        return wishes.COMMANDS[do][1](wish, lambda chosen: self.choose(chosen, do))

    def choose(self, chosen: r.Chosen, do: str) -> tuple[int, ...]:
        """Task numbers; RefusedError where a selection is empty."""
        if isinstance(chosen, tuple):
            tasks = chosen
        elif do == "clean":
            return self._cleanable(chosen)
        else:
            wishes.states_of(chosen.states)
            tasks = self._engine.reader.chosen(_only(chosen))
        if not tasks:
            raise RefusedError("not-found", "no task is chosen by that")
        return tasks

    def _cleanable(self, selector: r.Selector) -> tuple[int, ...]:
        only = _only(selector)
        wishes.states_of(only.states)
        free = self._engine.store.cleanable(only.ended_before, keep=0)
        return tuple(sorted(set(free) & set(self._engine.reader.chosen(only))))


def _only(selector: r.Selector) -> Only:
    before = None if selector.older_than is None else time.time() - selector.older_than
    return Only(states=selector.states, group=selector.group, ended_before=before)
