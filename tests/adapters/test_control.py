"""The control-mode connection: a parser that no cut confuses, words that tmux takes as they are, deadlines."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.adapters.tmux.control import Control, Parser, Reply, TmuxError, quoted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

STREAM = (
    b"%begin 1700000000 100 0\n%end 1700000000 100 0\n"
    b"%session-changed $0 _ctl\n"
    b"%begin 1700000001 101 1\n$1 %1 4711 /dev/pts/3\n%end 1700000001 101 1\n"
    b"%output %1 hello\\015\\012\n"
    b"%begin 1700000002 102 1\nparse error: unknown command: frob\n%error 1700000002 102 1\n"
    b"%begin 1700000003 103 1\n%end 1700000003 999 1\n%begin 1 2 3\n%end 1700000002 102 1\nlast\n"
    b"%end 1700000003 103 1\n"
    b"%begin 1700000004 104 0\nnot for us\n%end 1700000004 104 0\n"
    b"%begin 1700000005 105 1\n\xc3\xbcn\xc3\xaf\n\n%end 1700000005 105 1\n"
    b"%exit\n"
)
REPLIES = [
    Reply(True, ("$1 %1 4711 /dev/pts/3",)),
    Reply(False, ("parse error: unknown command: frob",)),
    Reply(True, ("%end 1700000003 999 1", "%begin 1 2 3", "%end 1700000002 102 1", "last")),
    Reply(True, ("ünï", "")),
]


def test_a_stream_cut_at_every_byte_gives_the_same_replies() -> None:
    for cut in range(len(STREAM) + 1):
        parser = Parser()
        assert [*parser.feed(STREAM[:cut]), *parser.feed(STREAM[cut:])] == REPLIES


def test_a_stream_byte_by_byte_gives_the_same_replies() -> None:
    parser = Parser()
    assert [reply for at in range(len(STREAM)) for reply in parser.feed(STREAM[at : at + 1])] == REPLIES


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_a_stream_in_any_pieces_gives_the_same_replies(cuts: list[int]) -> None:
    parser, edges = Parser(), [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[start:end] for start, end in itertools.pairwise(edges)]
    assert [reply for piece in pieces for reply in parser.feed(piece)] == REPLIES


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Control]:
    """A connection to a tmux server of its own."""
    socket = tmp_path / "t"
    argv = ["tmux", "-u", "-S", str(socket), "-f", "/dev/null", "-C", "new-session", "-A", "-s", "_ctl", "cat"]
    control = Control(argv, {"PATH": os.environ["PATH"], "TERM": "xterm"}, lambda: None)
    await control.ask(["display-message", "-p", "ready"])
    yield control
    control.close()
    subprocess.run(["tmux", "-S", str(socket), "kill-server"], capture_output=True, check=False)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    words=st.lists(
        st.text(st.characters(blacklist_characters="\0\r", blacklist_categories=["Cs"])), min_size=1, max_size=4
    )
)
async def test_words_reach_tmux_as_they_are(control: Control, words: list[str], tmp_path: Path) -> None:
    """By way of a buffer and a file: nothing in between expands or escapes anything."""
    for word in words:
        if word and not word.startswith("-"):
            assert await _as_tmux_has_it(control, word, tmp_path) == word


async def test_a_word_of_semicolons_is_no_separator(control: Control, tmp_path: Path) -> None:
    for word in (";", "a;", "; kill-server", "\\;", "~", "$HOME", "{", "}", "%if", "#{pid}"):
        assert await _as_tmux_has_it(control, word, tmp_path) == word


async def _as_tmux_has_it(control: Control, word: str, folder: Path) -> str:
    saved = folder / "saved"
    await control.ask(["set-buffer", "-b", "x", word], ["save-buffer", "-b", "x", str(saved)])
    return saved.read_bytes().decode()


def test_what_tmux_cannot_take_is_refused_before_it_is_sent() -> None:
    for word in ("a\0b", "a\rb"):
        with pytest.raises(ValueError, match="NUL or CR"):
            quoted([word])


async def test_a_refused_command_is_told_in_tmux_words(control: Control) -> None:
    with pytest.raises(TmuxError, match="no-such-session"):
        await control.ask(["kill-session", "-t", "=no-such-session"])


async def test_commands_of_one_line_have_a_reply_each(control: Control) -> None:
    replies = await control.ask(*(["display-message", "-p", str(number)] for number in range(50)))
    assert [reply.lines for reply in replies] == [(str(number),) for number in range(50)]


async def test_a_server_that_stands_still_is_given_up_after_the_deadline(control: Control) -> None:
    (reply,) = await control.ask(["display-message", "-p", "#{pid}"])
    pid = int(reply.lines[0])
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(TmuxError, match="not answered"):
            await control.ask(["display-message", "-p", "x"], deadline=0.2)
        assert time.monotonic() - began < 5
        assert control.silent_since is not None
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (await control.ask(["display-message", "-p", "back"]))[0].lines == ("back",)


async def test_the_end_of_the_server_ends_what_waits(control: Control) -> None:
    await control.ask(["display-message", "-p", "x"])
    control.send(["kill-server"])
    async with asyncio.timeout(10):
        while control.alive:
            await asyncio.sleep(0.01)
    with pytest.raises(TmuxError, match="ended"):
        await control.ask(["display-message", "-p", "x"])


async def test_a_refusal_in_a_line_ends_that_line_and_confuses_nothing(control: Control) -> None:
    for bad in (["kill-session", "-t", "=no-such-session"], ["no-such-command"], ["display-message", "-Q"]):
        first, refused, never = control.send(["display-message", "-p", "1"], bad, ["display-message", "-p", "3"])
        following = control.send(["display-message", "-p", "next"])[0]
        assert (await following).lines == ("next",)
        ends = await asyncio.gather(first, refused, never, return_exceptions=True)
        assert not any(isinstance(end, Reply) and end.ok and end.lines == ("3",) for end in ends)
    assert (await control.ask(["display-message", "-p", "in step"]))[0].lines == ("in step",)


def test_what_tmux_would_never_say_is_refused_and_has_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    for odd in (b"x", b"1 2", b"1 2 x", b"1 2 " + b"9" * 5000, b"1 2 3 4"):
        with pytest.raises(TmuxError, match="marked"):
            list(Parser().feed(b"%begin " + odd + b"\n%end " + odd + b"\n"))
    monkeypatch.setattr("core.adapters.tmux.control.LONGEST_REPLY", 100)
    for endless in (b"x" * 101, b"%begin 1 2 1\n" + b"line\n" * 30):
        with pytest.raises(TmuxError, match="without an end"):
            list(Parser().feed(endless))


async def test_an_odd_reply_costs_the_connection_and_nothing_else() -> None:
    gone = asyncio.Event()
    say = ["sh", "-c", "read line; printf '%%begin x\\n%%end x\\n'; exec cat"]
    odd = Control(say, {"PATH": os.environ["PATH"]}, gone.set)
    with pytest.raises(TmuxError, match="ended"):
        await odd.ask(["display-message"])
    assert gone.is_set()
    assert not odd.alive


async def test_a_name_that_tmux_cannot_take_fails_by_itself(control: Control) -> None:
    with pytest.raises(TmuxError, match="NUL or CR"):
        await control.ask(["display-message", "-p", "a\0b"])
    (reply,) = await control.ask(["display-message", "-p", "in step"])
    assert reply.line == "in step"
    with pytest.raises(TmuxError, match="without a word"):
        _ = Reply(True, ()).line


async def test_a_client_that_cannot_be_started_leaves_no_handle_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        Control(["no-such-tmux"], {"PATH": "/nowhere"}, lambda: None)
    assert len(os.listdir("/proc/self/fd")) == before
