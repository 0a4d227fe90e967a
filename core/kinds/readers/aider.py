"""aider: plain text. A call of the model that fails still exits 0, so its own lines have to tell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from core.kinds.readers.text import TextReader

if TYPE_CHECKING:
    from core.kinds.readers.base import Account

_COUNTED = re.compile(
    r"Tokens: ([\d.,]+[kM]?) sent,(?:.*,)? ([\d.,]+[kM]?) received\.(?: Cost: \$([\d.]+) message)?", re.ASCII
)
_ERROR = re.compile(r"litellm\.(?:\w+\.)*(\w+Error): ")
_STATUSES = {"AuthenticationError": 401, "PermissionDeniedError": 403, "RateLimitError": 429}
_SIZES = {"k": 1_000, "M": 1_000_000}


class AiderReader(TextReader):
    """The line that counts the tokens stands after each answer of the model, and only there."""

    def __init__(self, session: str | None, account: Account) -> None:
        super().__init__(session, account)
        self._good_end = False

    def _read(self, text: str) -> list[str]:
        if (error := _ERROR.match(text)) is not None:
            return self._failed(text, _STATUSES.get(error[1]))
        if (counted := _COUNTED.match(text)) is not None:
            self._count(_tokens(counted[1]), _tokens(counted[2]), None)
            if counted[3]:
                self._cost = (self._cost or 0.0) + _decimal(counted[3])
            self._turns = (self._turns or 0) + 1
            self._done()
        return super()._read(text)


def _tokens(text: str) -> float:
    return _decimal(text.rstrip("kM")) * _SIZES.get(text[-1], 1)


def _decimal(text: str) -> float:
    try:
        return float(text.replace(",", "").rstrip("."))
    except ValueError:
        return 0.0


READER = AiderReader
