"""Opens the console."""

from __future__ import annotations

import gc
import os
import select
import signal
import sys
import threading
from typing import TYPE_CHECKING

from core.lean import without_tls
from tui.cli.codes import Exit
from tui.cli.output import say

if TYPE_CHECKING:
    from core.home import Home


def open_console(home: Home, *, read_only: bool, plain: bool) -> int:
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        say("the console needs a terminal; without one, use a verb: muxdeck --help")
        return Exit.USAGE
    without_tls()
    from tui.app import Console

    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever started it may have had that ignored
    threading.Thread(target=_end_with_terminal, daemon=True).start()
    console = Console(home, read_only=read_only, plain=plain)
    console.run()
    return Exit.OK if console.return_code in (0, None) else Exit.INTERNAL


def _end_with_terminal() -> None:
    """A terminal that is gone tells only the processes that it controls; Textual would read on for ever."""
    terminal = select.poll()
    terminal.register(sys.stdin, 0)
    terminal.poll()
    os.kill(os.getpid(), signal.SIGHUP)
