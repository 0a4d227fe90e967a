"""The fake agent in a real tmux, read by the generic rules: it keeps the contract of the real ones."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.interactive import hook, hooks, ladder, screens, spool
from core.interactive.rulebook import load
from core.interactive.signals import Choice, Signal, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AGENT = Path(__file__).with_name("fake_agent.py")


class Pane:
    """One agent in a tmux server of its own."""

    def __init__(self, folder: Path, *hook_command: str) -> None:
        self.spool = folder / "spool"
        self._tmux = ["tmux", "-u", "-L", f"intr-{os.getpid()}-{folder.name[-20:]}", "-f", "/dev/null"]
        env = ["env", f"MUXDECK_HOOKS={self.spool}"]
        command = [*env, sys.executable, "-I", "-S", str(AGENT), "claude", *hook_command]
        self.tmux("new-session", "-d", "-x", "80", "-y", "24", "-s", "a", *command)
        self._socket = Path(self.tmux("display-message", "-p", "-t", "=a:", "#{socket_path}").strip())

    def tmux(self, *words: str, given: str = "") -> str:
        done = subprocess.run([*self._tmux, *words], input=given, capture_output=True, text=True, check=False)
        return done.stdout

    def clear(self) -> None:
        self.tmux("kill-server")
        self._socket.unlink(missing_ok=True)

    def seen(self) -> screens.Screen:
        where = self.tmux("display-message", "-p", "-t", "=a:", "#{cursor_x} #{cursor_y}").split()
        cursor = (int(where[0]), int(where[1])) if len(where) == 2 else None
        return screens.screen(self.tmux("capture-pane", "-p", "-t", "=a:"), cursor)

    def said(self) -> Signal:
        return screens.read(load("generic")[0], self.seen(), time.time())[-1]

    def paste(self, text: str) -> None:
        self.tmux("load-buffer", "-b", "p", "-", given=text)
        self.tmux("paste-buffer", "-p", "-r", "-d", "-b", "p", "-t", "=a:")

    def ask(self, text: str) -> None:
        self.paste(text)
        self.press("Enter")

    def press(self, key: str) -> None:
        self.tmux("send-keys", "-t", "=a:", key)

    def until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + 15
        while not holds():
            assert time.monotonic() < end, "\n".join(self.seen().lines)
            time.sleep(0.05)

    def becomes(self, state: State) -> Signal:
        self.until(lambda: self.said().state is state)
        return self.said()

    def told(self) -> State:
        """By the hooks alone."""
        events = spool.read(self.spool, 0)[0]
        told = [one for event in events if (one := hooks.signal("claude", event)) is not None]
        return ladder.merge(ladder.begin(0.0), told).reading.state


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Pane]]:
    made: list[Pane] = []

    def begin(*hook_command: str) -> Pane:
        made.append(Pane(tmp_path, *hook_command))
        return made[-1]

    yield begin
    for pane in made:
        pane.clear()


def test_the_screen_tells_each_state_of_a_turn(start: Callable[..., Pane]) -> None:
    pane = start()
    pane.becomes(State.READY)
    pane.ask("work 1 ask")
    pane.becomes(State.WORKING)
    asked = pane.becomes(State.PERMISSION)
    assert asked.choices == (Choice("1", "Yes"), Choice("2", "No"))
    assert "touch somewhere" in asked.detail
    assert screens.composer(load("generic")[0], pane.seen()) is None
    pane.press("1")
    pane.becomes(State.FINISHED)
    pane.ask("limit")
    pane.becomes(State.LIMIT)
    pane.ask("error")
    pane.becomes(State.ERROR)
    pane.ask("quote")
    pane.becomes(State.FINISHED)


def test_a_half_written_line_is_seen_and_a_paste_of_lines_is_one_prompt(start: Callable[..., Pane]) -> None:
    pane = start()
    pane.becomes(State.READY)
    book = load("generic")[0]
    pane.paste("some\nmore words")
    pane.until(lambda: (place := screens.composer(book, pane.seen())) is not None and not place.empty)
    place = screens.composer(book, pane.seen())
    assert place is not None
    assert place.text == "some more words"
    pane.press("C-u")
    pane.until(lambda: (place := screens.composer(book, pane.seen())) is not None and place.empty)


def test_its_hooks_tell_the_same(start: Callable[..., Pane]) -> None:
    pane = start()
    pane.until(lambda: pane.told() is State.READY)
    pane.ask("ask")
    pane.until(lambda: pane.told() is State.PERMISSION)
    pane.press("1")
    pane.until(lambda: pane.told() is State.FINISHED)
    pane.ask("limit")
    pane.until(lambda: pane.told() is State.LIMIT)
    pane.ask("quit")
    pane.until(lambda: pane.told() is State.EXITED)


def test_it_calls_a_real_hook_too(start: Callable[..., Pane]) -> None:
    pane = start(sys.executable, "-I", "-S", hook.__file__)
    pane.until(lambda: pane.told() is State.READY)
    pane.ask("work 0.1")
    pane.until(lambda: pane.told() is State.FINISHED)
