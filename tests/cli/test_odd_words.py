"""Odd words of the command line: a sentence and an exit code, never a traceback."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.fleet import until
from tui.cli.codes import Exit
from tui.cli.parser import parse

if TYPE_CHECKING:
    from tests.fleet import Fleet

HUGE = "9" * 5000


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("add --retry-factor inf -- true", "--retry-factor: expected a finite number, found 'inf'"),
        ("add --retry-factor nan -- true", "--retry-factor: expected a finite number, found 'nan'"),
        ("add --retry-factor 0.5 -- true", "--retry-factor: expected at least 1, found 0.5"),
        ("add --retry-jitter -1 -- true", "--retry-jitter: expected at least 0, found -1.0"),
        ("add --retry-jitter 1e999 -- true", "--retry-jitter: expected a finite number"),
        ("add --delay nan -- true", "--delay: 'nan' is not a duration"),
        ("add --delay 101y -- true", "--delay: '101y' is not a duration"),
        ("add --delay 99999w -- true", "--delay: '99999w' is too long: at most 100y are possible"),
        (f"add --delay {HUGE} -- true", "is not a duration"),
        ("add -p 99999999999 -- true", "-p/--priority: expected at most 1000, found 99999999999"),
        (f"add -p {HUGE} -- true", "-p/--priority: expected a whole number"),
        ("add -p 1.5 -- true", "-p/--priority: expected a whole number, found '1.5'"),
        ("add -r 0 -- true", "-r/--retry: expected at least 1, found 0"),
        ("add -r 1000001 -- true", "-r/--retry: expected at most 1000000, found 1000001"),
        ("add --never-exit 256 -- true", "'256' is not a list of exit codes: expected at most 255, found 256"),
        ("add --never-exit a,b -- true", "'a,b' is not a list of exit codes"),
        ("add --after-ok 99999999999999999999 -- true", "--after-ok: expected at most"),
        (f"add --after-ok {HUGE} -- true", "--after-ok: expected a whole number"),
        (f"add --after-ok {'k' * 201} -- true", "--after-ok: expected a key of at most 200 characters, found 201"),
        ("stop 0", "ID: expected at least 1, found 0"),
        (f"stop {HUGE}", "ID: expected a whole number"),
        ("wait 18446744073709551616", "ID: expected at most"),
        ("ls -n 0", "-n/--limit: expected at least 1, found 0"),
        ("run-show 99999999999999999999", "RUN: expected at most"),
        ("limit g 99999999999999999999", "N: expected at most"),
    ],
)
def test_numbers_out_of_bounds_are_refused_by_their_option(
    words: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        parse(words.split())
    assert refused.value.code == Exit.USAGE
    said = capsys.readouterr().err
    assert told in said


@pytest.mark.parametrize("word", ["0", "65", "-5", "99999999999", HUGE, "NOPE", "RTMIN+99", "٣"])
def test_a_signal_that_is_none_is_refused(fleet: Fleet, word: str) -> None:
    done = fleet.muxdeck("signal", "--", word, "1") if word.startswith("-") else fleet.muxdeck("signal", word, "1")
    assert done.returncode == Exit.USAGE
    assert "Traceback" not in done.stderr
    assert done.stderr


def test_a_real_time_signal_is_sent(fleet: Fleet) -> None:
    task = fleet.shell('trap "echo got it; exit 0" 35; echo ready; while :; do sleep 0.05; done')
    fleet.running(task)
    pid = fleet.pid
    until(lambda: b"ready" in fleet.log(task), "it listens")
    sent = fleet.muxdeck("signal", "35", str(task))
    assert (sent.returncode, sent.stderr) == (Exit.OK, "")
    assert fleet.wait(task) == ["succeeded"]
    assert b"got it" in fleet.log(task)
    assert "SIGRTMIN+1" in fleet.muxdeck("history").stdout
    assert fleet.pid == pid


@pytest.mark.parametrize(
    "line",
    [
        '{"command": ["true"], "not_before": NaN}',
        '{"command": ["true"], "delay": 1e999}',
        '{"command": ["true"], "retry": {"attempts": 3, "first": 1e999}}',
        '{"command": ["true"], "priority": ' + HUGE + "}",
        '{"command": ["true"], "name": ' + "[" * 3000 + "]" * 3000 + "}",
        '{"command": ["true"], "env": {"A": "\\ud800"}}',
        '{"command": ["true"], "not_before": "0001-01-01T00:00"}',
        '{"command": ["true"], "not_before": "9999-12-31T23:59"}',
    ],
)
def test_a_batch_is_refused_by_line_and_nothing_is_added(fleet: Fleet, line: str) -> None:
    good = '{"command": ["true"]}'
    done = fleet.muxdeck("batch", "-", input=f"{good}\n{line}\n{good}\n")
    assert done.returncode == Exit.USAGE
    assert done.stderr.startswith("standard input:2: ")
    assert "Traceback" not in done.stderr
    assert fleet.muxdeck("add", "--", "true").stdout == "1\n", "the engine lives, and none of the batch was added"


def test_what_names_no_task_is_not_found_whatever_it_is(fleet: Fleet) -> None:
    for word in ("9" * 16, HUGE, "k" * 300, "\x1b]0;x\x07", "-"):
        done = fleet.muxdeck("show", "--", word)
        assert done.returncode in (Exit.USAGE, Exit.NOT_FOUND), word
        assert "Traceback" not in done.stderr
        assert "\x1b" not in done.stderr
    assert json.loads(fleet.muxdeck("ls", "--json").stdout)["tasks"] == []
