"""Opens the console."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.home import Home


def open_console(home: Home, *, read_only: bool, plain: bool) -> int:
    raise NotImplementedError
