"""A terminal of tmux that a console can be opened in."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from tests.fleet import until

if TYPE_CHECKING:
    from tests.fleet import Fleet


class Terminal:
    """A private tmux server with one pane."""

    def __init__(self, columns: int, rows: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="mxt-", dir="/tmp")
        self.socket = f"{self._folder.name}/t"
        self.run("new-session", "-d", "-x", str(columns), "-y", str(rows), "-s", "term", "PS1='shell> ' sh")
        self.run("set-option", "-g", "status", "off")
        self.sees("shell>")

    def run(self, *words: str) -> str:
        env = {name: value for name, value in os.environ.items() if not name.startswith("TMUX")} | {
            "TERM": "xterm-256color"
        }
        argv = ["tmux", "-u", "-S", self.socket, "-f", "/dev/null", *words]
        return subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=20).stdout

    def type(self, text: str) -> None:
        self.run("send-keys", "-t", "term", "-l", "--", text)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.run("send-keys", "-t", "term", key)

    @property
    def text(self) -> str:
        return self.run("capture-pane", "-p", "-t", "term")

    def sees(self, *words: str) -> str:
        try:
            until(lambda: all(word in self.text for word in words), f"the terminal shows {words}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text}") from None
        return self.text

    def close(self) -> None:
        self.run("kill-server")
        self._folder.cleanup()


def open_console(terminal: Terminal, fleet: Fleet, *, inside: bool = False) -> None:
    """As a person would start it: from a shell, inside their own tmux or, as far as it can tell, outside of any."""
    unset = "" if inside else "unset TMUX TMUX_PANE; "
    command = f"{unset}MUXDECK_HOME={fleet.home.root} COLORTERM=truecolor {sys.executable} -m tui"
    terminal.type(command)
    terminal.press("Enter")
    terminal.sees("muxdeck ·", "1 agents")
