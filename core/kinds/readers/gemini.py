"""Gemini CLI: `gemini -p "" -o stream-json`."""

from __future__ import annotations

from core.kinds.readers.base import NO_TOKENS, Reader, Table, amount, called, word
from core.text import one_line

_REFUSALS = ("policy_violation", "permission_denied", "path_not_in_workspace", "sandbox_expansion_required")


class GeminiReader(Reader):
    """Its messages come in pieces; the last event is `result`, with the tokens of the run."""

    _pieces = ""

    def _event(self, event: Table) -> list[str]:
        kind = word(event, "type")
        if kind == "message" and word(event, "role") == "assistant":
            self._pieces += word(event, "content")
            self._message = self._pieces
            return []
        shown = self._said(self._pieces)
        self._pieces = ""
        match kind:
            case "init":
                self._names(word(event, "session_id"))
            case "tool_use":
                shown.append(called(word(event, "tool_name"), event.get("parameters")))
            case "tool_result" if word(event, "status") == "error":
                shown += self._refused(event)
            case "error":
                shown.append(f"! {one_line(word(event, 'message'))}")
            case "result":
                shown += self._ended(event)
        return shown

    def _refused(self, event: Table) -> list[str]:
        words = word(event, "error", "message") or word(event, "output")
        if word(event, "error", "type") in _REFUSALS:
            return self._denied(words)
        return [f"  ✗ {one_line(words)}"]

    def _ended(self, event: Table) -> list[str]:
        names = ("input_tokens", "output_tokens", "cached")
        self._tokens = NO_TOKENS
        self._count(*(amount(event, "stats", name) for name in names))
        if word(event, "status") != "success":
            return self._failed(word(event, "error", "message"))
        self._done()
        return []


READER = GeminiReader
