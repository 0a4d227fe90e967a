"""Codex: `codex exec --json`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from core.kinds.readers.base import NO_TOKENS, Reader, Table, amount, called, rows, table, word
from core.text import one_line

if TYPE_CHECKING:
    from core.kinds.readers.base import Account, Tokens
    from core.kinds.result import Result

_REFUSED = re.compile(r"ERROR codex_core::tools::router: error=(.*reject.*)")
"""A call that its policy refuses makes no event: it stands on standard error alone."""
_CALLS = ("mcp_tool_call", "web_search")


class CodexReader(Reader):
    """A turn ends with `turn.completed` or `turn.failed`; a top-level `error` may be only a try that is repeated."""

    def __init__(self, session: str | None, account: Account) -> None:
        super().__init__(session, account)
        self._resumed = session is not None
        self._warning = ""

    def _event(self, event: Table) -> list[str]:
        match word(event, "type"):
            case "thread.started":
                self._names(word(event, "thread_id"))
            case "turn.completed":
                return self._completed(event)
            case "turn.failed":
                return self._failed(word(event, "error", "message"))
            case "error":
                self._warning = word(event, "message")
                return [f"! {one_line(self._warning)}"]
            case "item.started" if word(event, "item", "type") == "command_execution":
                return [called("shell", word(event, "item", "command"))]
            case "item.completed":
                return self._item(table(event, "item"))
        return []

    def conclude(self, exit_code: int, stderr: str, now: float) -> Result:
        for refused in _REFUSED.findall(stderr):
            self._denied(refused)
        if exit_code != 0 and self._faulty is None and self._warning:
            self._failed(self._warning)
        return super().conclude(exit_code, stderr, now)

    def _completed(self, event: Table) -> list[str]:
        """Its tokens are those of the whole session."""
        whole = [amount(event, "usage", f"{name}_tokens") for name in ("input", "output", "cached_input")]
        total_in, total_out, total_cached = (None if one is None else int(one) for one in whole)
        self._tokens_total = (total_in, total_out, total_cached)
        self._tokens = _less(self._tokens_total, self._account.tokens_before if self._resumed else (0, 0, 0))
        self._turns = (self._turns or 0) + 1
        self._done()
        return []

    def _item(self, item: Table) -> list[str]:
        kind, status = word(item, "type"), word(item, "status")
        if kind == "agent_message":
            return self._said(word(item, "text"))
        if status == "declined":
            return self._denied(word(item, "command") or kind.replace("_", " "))
        if kind == "error":
            return [f"! {one_line(word(item, 'message'))}"]
        if kind == "command_execution" and (code := amount(item, "exit_code")):
            return [f"  ✗ exit {code:.0f}"]
        if kind == "file_change":
            sign = "›" if status == "completed" else "  ✗"
            return [f"{sign} {word(change, 'kind')}  {word(change, 'path')}" for change in rows(item, "changes")]
        return (
            [called(word(item, "tool") or kind, item.get("arguments") or item.get("query"))] if kind in _CALLS else []
        )


def _less(total: Tokens, before: Tokens | None) -> Tokens:
    """What is not known of either is not known of the difference."""
    one, two, three = (
        None if x is None or y is None else x - y for x, y in zip(total, before or NO_TOKENS, strict=True)
    )
    return one, two, three


READER = CodexReader
