"""Opens the console."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

from tui.cli.codes import Exit
from tui.cli.output import say

if TYPE_CHECKING:
    from core.home import Home


def open_console(home: Home, *, read_only: bool, plain: bool) -> int:
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        say("the console needs a terminal; without one, use a verb: muxdeck --help")
        return Exit.USAGE
    from tui.app import Console

    gc.freeze()
    console = Console(home, read_only=read_only, plain=plain)
    console.run()
    return Exit.OK if console.return_code in (0, None) else Exit.INTERNAL
