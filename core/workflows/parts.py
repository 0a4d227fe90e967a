"""One task while it is read: its texts, who does it, what it leaves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from core.model import Output
from core.workflows import clashes
from core.workflows.collecting import WORD, WORD_WORDS, Collector, Key, Place
from core.workflows.model import AgentWish
from core.workflows.tasktable import many

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.workflows.clashes import Clash
    from core.workflows.expressions import Expression, Structure, Template
    from core.workflows.tasktable import AgentTable, TaskTable

OUTPUTS: tuple[Literal["json", "text", "file"], ...] = ("json", "text", "file")
ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


class Parts:
    """Reads one task; what is wrong goes to the collector."""

    def __init__(self, collector: Collector, node: str, key: Key) -> None:
        self._collector = collector
        self._node = node
        self.key = key

    def wrong(self, text: str, *within: str | int) -> None:
        self._collector.wrong((*self.key, *within), text)

    def tell(self, found: Iterable[Clash], *within: str | int) -> None:
        for inner, text in found:
            self.wrong(text, *within, *inner)

    def template(self, text: str, *within: str | int, place: Place = Place.PART) -> Template:
        return self._collector.template(text, (*self.key, *within), place, self._node)

    def structure(self, value: Any, *within: str | int, place: Place = Place.PART) -> Structure:  # noqa: ANN401 - JSON
        return self._collector.structure(value, (*self.key, *within), place, self._node)

    def default(self, text: str, key: Key) -> Template:
        return self._collector.template(text, key, Place.PART, self._node)

    def condition(self, text: str, *within: str | int, place: Place = Place.PART) -> Expression | None:
        return self._collector.expression(text, (*self.key, *within), place, self._node)

    def variable(self, name: str, value: str) -> Template:
        if not ENV_NAME.fullmatch(name):
            self.wrong("expected the name of a variable: letters, digits and _", "env", name)
        return self.template(value, "env", name)

    def word(self, name: str | None, *within: str | int) -> str | None:
        if name is not None and not WORD.fullmatch(name):
            self.wrong(f"expected {WORD_WORDS}", *within)
        return name

    def words(self, names: str | tuple[str, ...], *within: str | int) -> frozenset[str]:
        for name in many(names):
            self.word(name, *within)
        return frozenset(many(names))

    def wish(self, written: str | AgentTable | None, key: Key) -> AgentWish | None:
        if written is None:
            return None
        if isinstance(written, str):
            self._word(written, key)
            return AgentWish(written)
        for within, text in clashes.of_agent(written):
            self._collector.wrong((*key, *within), text)
        for name in ("name", "prefer"):
            if (word := getattr(written, name)) is not None:
                self._word(word, (*key, name))
        for need in many(written.needs):
            self._word(need, (*key, "needs"))
        return AgentWish(written.name, frozenset(many(written.needs)), written.prefer, written.spread)

    def _word(self, name: str, key: Key) -> None:
        if not WORD.fullmatch(name):
            self._collector.wrong(key, f"expected {WORD_WORDS}")

    def fallback(self, task: TaskTable) -> tuple[AgentWish, ...]:
        for place, table in enumerate(task.fallback):
            self.tell(clashes.of_fallback(table), "fallback", place)
            self.word(table.agent, "fallback", place, "agent")
            self.words(table.needs, "fallback", place, "needs")
        return tuple(AgentWish(table.agent, frozenset(many(table.needs))) for table in task.fallback)

    def output(self, task: TaskTable) -> Output | None:
        table = task.output
        if table is None:
            return None
        found = list(clashes.of_output(table))
        self.tell(found, "output")
        if found:
            return None
        kind, path = next((kind, path) for kind in OUTPUTS if (path := getattr(table, kind)) is not None)
        return Output(kind, path) if table.max is None else Output(kind, path, table.max)
