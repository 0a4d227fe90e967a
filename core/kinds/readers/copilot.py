"""Copilot CLI: `copilot --output-format json`."""

from __future__ import annotations

from core.kinds.readers.base import Reader, Table, amount, called, table, word
from core.text import one_line

_STATUSES = {"authentication": 401, "authorization": 403, "quota": 429, "rate_limit": 429}
"""What its own kinds of errors stand for."""


class CopilotReader(Reader):
    """Its last event is `result`, which alone has the session's id."""

    _error: tuple[str, float | None] = ("", None)

    def _event(self, event: Table) -> list[str]:
        told = table(event, "data")
        match word(event, "type"):
            case "assistant.message":
                return self._said(word(told, "content"))
            case "assistant.turn_start":
                self._turns = (self._turns or 0) + 1
            case "assistant.turn_retry":
                return [f"! {word(told, 'reason').replace('_', ' ')}: it tries again"]
            case "tool.execution_start":
                return [called(word(told, "toolName"), told.get("arguments"))]
            case "tool.execution_complete" if told.get("success") is False:
                return self._refused(told)
            case "session.error":
                return self._erred(told)
            case "result":
                return self._ended(event)
        return []

    def _refused(self, told: Table) -> list[str]:
        words = word(told, "error", "message")
        if word(told, "error", "code") in ("denied", "rejected"):
            return self._denied(words)
        return [f"  ✗ {one_line(words)}"]

    def _erred(self, told: Table) -> list[str]:
        status = amount(told, "statusCode") or _STATUSES.get(word(told, "errorType"))
        self._error = (word(told, "message"), status)
        return []

    def _ended(self, event: Table) -> list[str]:
        self._names(word(event, "sessionId"))
        if amount(event, "exitCode") != 0:
            return self._failed(*self._error)
        self._done()
        return []


READER = CopilotReader
