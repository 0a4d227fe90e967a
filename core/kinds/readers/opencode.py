"""opencode: `opencode run --format json`."""

from __future__ import annotations

from core.kinds.readers.base import Reader, Table, amount, called, table, total, word
from core.text import one_line

_REFUSALS = ("rejected permission", "prevents you from using this", "denied permission")
"""A rejected call ends the run with exit 0; it has no mark but this text, which is opencode's, not the model's."""


class OpencodeReader(Reader):
    """Every step tells its own cost and tokens; the last one has the reason `stop`."""

    def _event(self, event: Table) -> list[str]:
        self._names(word(event, "sessionID"))
        part = table(event, "part")
        match word(event, "type"):
            case "text":
                return self._said(word(part, "text"))
            case "tool_use":
                return self._called(part)
            case "step_start":
                self._good_end = False
            case "step_finish":
                self._step(part)
            case "error":
                error = table(event, "error")
                words = word(error, "data", "message") or word(error, "message") or word(error, "name")
                return self._failed(words, _status(error))
        return []

    def _called(self, part: Table) -> list[str]:
        state = table(part, "state")
        shown = [called(word(part, "tool"), state.get("input"))]
        if word(state, "status") != "error":
            return shown
        words = word(state, "error")
        if any(refusal in words for refusal in _REFUSALS):
            return self._denied(shown[0].removeprefix("› "))
        return [*shown, f"  ✗ {one_line(words)}"]

    def _step(self, part: Table) -> None:
        self._turns = (self._turns or 0) + 1
        self._cost = total(self._cost, amount(part, "cost"))
        cached = amount(part, "tokens", "cache", "read")
        read = total(amount(part, "tokens", "input"), amount(part, "tokens", "cache", "write"), cached)
        self._count(read, amount(part, "tokens", "output"), cached)
        if word(part, "reason") == "stop":
            self._done()


def _status(error: Table) -> float | None:
    return 401 if word(error, "name") == "ProviderAuthError" else amount(error, "data", "statusCode")


READER = OpencodeReader
