"""aider: plain text. A call of the model that fails still exits 0, so its own lines have to tell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from core.kinds.readers.base import Reader
from core.kinds.result import MESSAGE_SIZE

if TYPE_CHECKING:
    from core.kinds.readers.base import Account

_HEADED = re.compile(r"Repo-map: ")
"""The last line of what it says of itself before it begins."""
_COUNTED = re.compile(
    r"Tokens: ([\d.,]+[kM]?) sent,(?: [\d.,]+[kM]? cache write,)?(?: ([\d.,]+[kM]?) cache hit,)?"
    r" ([\d.,]+[kM]?) received\.",
    re.ASCII,
)
_COST = re.compile(r"(?:Tokens: .* received\. )?Cost: \$([\d.,]+) message, \$[\d.,]+ session\.$", re.ASCII)
_ERROR = re.compile(r"litellm\.(?:\w+\.)*([A-Z]\w+): ", re.ASCII)
_KEYLESS = "No LLM model was specified and no API keys were provided."
_STATUSES = {
    "AuthenticationError": 401,
    "PermissionDeniedError": 403,
    "RateLimitError": 429,
    "InternalServerError": 500,
    "ServiceUnavailableError": 503,
}
_UNDONE = re.compile(
    r"The LLM did not conform to the edit format\.|Exception while updating files:"
    r"|Unable to create .+, skipping edits\.|Only \d+ reflections allowed, stopping\.|Model .+ has hit a token limit!",
    re.ASCII,
)
"""The answer came, but not what was to become of it; the next answer may mend that."""
_SIZES = {"k": 1_000, "M": 1_000_000}


class AiderReader(Reader):
    """The line that counts the tokens stands after each answer of the model: what was before it is the answer."""

    def __init__(self, session: str | None, account: Account) -> None:
        super().__init__(session, account)
        self._begun = ""
        self._headed = False

    def _read(self, text: str) -> list[str]:
        if (error := _ERROR.match(text)) is not None:
            return self._failed(text, _STATUSES.get(error[1]))
        if text.startswith(_KEYLESS):
            return self._failed(text, 401)
        if _UNDONE.match(text):
            return self._failed(text)
        if (counted := _COUNTED.match(text)) is not None:
            self._answered(_tokens(counted[1]), _tokens(counted[3]), _tokens(counted[2]) if counted[2] else None)
        if (cost := _COST.match(text)) is not None:
            self._cost = (self._cost or 0.0) + _decimal(cost[1])
        if not self._headed and _HEADED.match(text):
            self._headed, self._begun = True, ""
        elif counted is None and cost is None:
            self._begun = f"{self._begun}{text}\n"[-MESSAGE_SIZE:]
        return [text]

    def _answered(self, tokens_in: float, tokens_out: float, cached: float | None) -> None:
        self._count(tokens_in, tokens_out, cached)
        self._message, self._begun = self._begun.strip(), ""
        self._turns = (self._turns or 0) + 1
        self._done()


def _tokens(text: str) -> float:
    return _decimal(text.rstrip("kM")) * _SIZES.get(text[-1], 1)


def _decimal(text: str) -> float:
    try:
        return float(text.replace(",", "").rstrip("."))
    except ValueError:
        return 0.0


READER = AiderReader
