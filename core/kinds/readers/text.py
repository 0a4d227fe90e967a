"""Any program: its output is its message, its exit status is its outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.kinds.readers.base import Reader
from core.kinds.result import MESSAGE_SIZE

if TYPE_CHECKING:
    from core.kinds.readers.base import Account


class TextReader(Reader):
    """Knows no session, no cost and no tokens."""

    def __init__(self, session: str | None, account: Account) -> None:
        super().__init__(session, account)
        self._good_end = True

    def _read(self, text: str) -> list[str]:
        self._message = f"{self._message}{text}\n"[-MESSAGE_SIZE:]
        return [text]


READER = TextReader
