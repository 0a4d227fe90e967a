"""A line written in the palette, read as the command line reads it."""

from __future__ import annotations

import io
import shlex
from contextlib import redirect_stderr
from typing import TYPE_CHECKING, Any

from tui.cli.adding import add_request
from tui.cli.parser import parse

if TYPE_CHECKING:
    from core.home import Home


class WrittenError(Exception):
    """What is wrong with the line."""


def request(written: str, home: Home) -> dict[str, Any]:
    """The task that `add …` asks for. WrittenError says what is wrong with it."""
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            options = parse(shlex.split(written))
    except ValueError as error:
        raise WrittenError(f"{error}: close it") from None
    except SystemExit:
        raise WrittenError(said.getvalue().strip().rpartition("error: ")[2] or "that is not an add command") from None
    try:
        task = add_request(options, home)
    except ValueError as error:
        raise WrittenError(str(error)) from None
    if task is None:
        raise WrittenError("there is no command: add [options] -- COMMAND…")
    return task
