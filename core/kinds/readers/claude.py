"""Claude Code: `claude -p --output-format stream-json --verbose`."""

from __future__ import annotations

from core.kinds.readers.base import NO_TOKENS, Reader, Table, amount, called, rows, table, total, word
from core.text import one_line

_STATUSES = {"authentication_failed": 401, "oauth_org_not_allowed": 403, "billing_error": 402, "rate_limit": 429}
"""What its own names of errors stand for; the result does not always have a status."""

_COUNTS_RUNS = [2, 1, 197]
"""The last version seen whose cost is that of the run alone; 2.1.330 has that of the session."""


class ClaudeReader(Reader):
    """Its last event is `result`, also after an error. Its cost is that of the session, its tokens are the run's."""

    _error = ""

    def _event(self, event: Table) -> list[str]:
        self._names(word(event, "session_id"))
        match word(event, "type"):
            case "system" if word(event, "subtype") == "init":
                self._began(word(event, "claude_code_version"))
            case "assistant":
                return self._spoke(event)
            case "user":
                return self._returned(event)
            case "result":
                return self._ended(event)
            case "rate_limit_event" if word(event, "rate_limit_info", "status") == "rejected":
                self._retry_at = amount(event, "rate_limit_info", "resetsAt")
                return ["! the limit of the account is reached"]
            case "system" if word(event, "subtype") == "api_retry":
                return [f"! {word(event, 'error') or 'no answer'}: it tries again"]
        return []

    def _began(self, version: str) -> None:
        parts = version.split(".")
        if all(part.isdecimal() for part in parts) and [int(part) for part in parts] <= _COUNTS_RUNS:
            self._account = self._account._replace(cumulative=False)

    def _spoke(self, event: Table) -> list[str]:
        self._error = word(event, "error")
        if self._error or word(event, "parent_tool_use_id"):
            return []
        shown = []
        for block in rows(event, "message", "content"):
            if word(block, "type") == "text":
                shown += self._said(word(block, "text"))
            elif word(block, "type") == "tool_use":
                shown.append(called(word(block, "name"), block.get("input")))
        return shown

    def _returned(self, event: Table) -> list[str]:
        """Results of tools: only their failures are shown."""
        failed = [block for block in rows(event, "message", "content") if block.get("is_error") is True]
        return [f"  ✗ {one_line(_text(block))}" for block in failed]

    def _ended(self, event: Table) -> list[str]:
        self._cost = amount(event, "total_cost_usd")
        usage, self._tokens = table(event, "usage"), NO_TOKENS
        cached = amount(usage, "cache_read_input_tokens")
        read = total(amount(usage, "input_tokens"), amount(usage, "cache_creation_input_tokens"), cached)
        self._count(read, amount(usage, "output_tokens"), cached)
        turns = amount(event, "num_turns")
        self._turns = None if turns is None else int(turns)
        if event.get("is_error") is not False or word(event, "subtype") != "success":
            errors = event.get("errors")
            words = word(event, "result") or (str(errors[0]) if isinstance(errors, list) and errors else "")
            status = amount(event, "api_error_status") or _STATUSES.get(self._error)
            return self._failed(words or word(event, "subtype").replace("_", " "), status)
        self._message = word(event, "result") or self._message
        self._done()
        self._denials.clear()
        return [
            line
            for denial in rows(event, "permission_denials")
            for line in self._denied(called(word(denial, "tool_name"), denial.get("tool_input")).removeprefix("› "))
        ]


def _text(block: Table) -> str:
    """What a tool has answered."""
    return word(block, "content") or " ".join(word(part, "text") for part in rows(block, "content"))


READER = ClaudeReader
