"""The runner with an agent that does whatever an agent can do wrong."""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from core.kinds import result as results
from core.kinds.result import Result
from tests.kinds import fake_agent
from tests.kinds.bench import PATIENCE, Bench, Run

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def agent(*acts: str) -> list[str]:
    return [sys.executable, str(fake_agent.__file__), *acts]


def act(bench: Bench, *acts: str, **spec: Any) -> Run:
    return bench.run(agent(*acts), reader="claude", **spec)


def appeared(path: Path) -> str:
    """Waits until a file has text, and gives it."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if path.exists() and (text := path.read_text()):
            return text
        time.sleep(0.005)
    raise AssertionError(f"{path} has not appeared")


def ending(bench: Bench, number: int) -> Callable[[int], None]:
    """Sends a signal to the runner alone as soon as its agent waits."""

    def end(pid: int) -> None:
        appeared(bench.work / "waiting")
        os.kill(pid, number)

    return end


def test_a_good_run_is_ok_and_its_numbers_are_kept(bench: Bench) -> None:
    run = act(bench, "begin", "prompt", "ok", cost_basis="list price", cost_before=0.2, cumulative=True)
    assert run.exit == 0
    assert run.result == Result(
        outcome="ok",
        session=fake_agent.SESSION,
        cost=0.3,
        cost_total=0.5,
        cost_basis="list price",
        tokens_in=150,
        tokens_out=20,
        tokens_cached=50,
        turns=2,
        message="done",
    )
    assert "Do the thing." in run.screen
    assert "✓ ok  $0.3000  150 in  20 out  2 turns" in run.screen
    assert [json.loads(line)["type"] for line in run.stream.splitlines()] == ["system", "assistant", "result"]


def test_the_files_are_private(bench: Bench) -> None:
    act(bench, "begin", "ok")
    for path in (bench.result, bench.stream):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(path.name for path in bench.folder.iterdir()) == [
        "prompt",
        "result.json",
        "spec.json",
        "stream",
        "work",
    ]


def test_without_a_prompt_its_input_is_empty(bench: Bench) -> None:
    run = bench.run(["cat"], stdin="null")
    assert (run.exit, run.result.message) == (0, "")


def test_the_session_is_on_the_disk_while_the_agent_still_runs(bench: Bench) -> None:
    def look(pid: int) -> None:
        appeared(bench.work / "waiting")
        until = time.monotonic() + PATIENCE
        while results.read(str(bench.result)).session is None and time.monotonic() < until:
            time.sleep(0.005)
        found = results.read(str(bench.result))
        assert (found.outcome, found.session) == (None, fake_agent.SESSION)
        os.kill(pid, signal.SIGTERM)

    assert act(bench, "begin", "wait", meanwhile=look).result.session == fake_agent.SESSION


@pytest.mark.parametrize(
    ("acts", "exit_code", "outcome", "reason"),
    [
        (("begin", "fail"), 9, "error", "no such thing"),
        (("begin", "limit"), 71, "limit", "a limit"),
        (("begin",), 1, "error", "its output ended before it said that it was done"),
        (("begin", "cut"), 1, "error", "its output ended before it said that it was done"),
        (("begin", "die"), 137, "error", "ended by signal 9"),
        (("complain",), 72, "auth", "exit 1: Error: Not logged in · Please run /login"),
        (("begin", "bad_bytes", "ok"), 0, "ok", ""),
        (("begin", "huge", "ok"), 0, "ok", ""),
    ],
)
def test_what_an_agent_does_has_a_clear_outcome(
    bench: Bench, acts: tuple[str, ...], exit_code: int, outcome: str, reason: str
) -> None:
    run = act(bench, *acts)
    assert (run.exit, run.result.outcome, run.result.reason) == (exit_code, outcome, reason), run.screen[-2000:]
    assert "Traceback" not in run.screen


def test_a_huge_line_is_in_the_stream_byte_for_byte(bench: Bench) -> None:
    assert len(act(bench, "begin", "huge", "ok").stream) > 50_000_000


def test_what_is_in_the_pipe_when_the_agent_ends_is_read(bench: Bench) -> None:
    def pause(runner: int) -> None:
        """The runner sees neither the output nor the end before both are there."""
        agent_pid = appeared(bench.work / "waiting")
        os.kill(runner, signal.SIGSTOP)
        (bench.work / "go").touch()
        until = time.monotonic() + PATIENCE
        while ") Z " not in Path(f"/proc/{agent_pid}/stat").read_text() and time.monotonic() < until:
            time.sleep(0.005)
        os.kill(runner, signal.SIGCONT)

    assert act(bench, "begin", "burst", meanwhile=pause).result.outcome == "ok"


def test_the_end_of_a_limit_is_kept(bench: Bench) -> None:
    assert act(bench, "begin", "limit").result.retry_at == 1_800_000_000


def test_nothing_that_a_terminal_acts_on_reaches_it(bench: Bench) -> None:
    run = act(bench, "begin", "evil", "ok")
    assert not [sign for sign in run.screen if (ord(sign) < 32 and sign not in "\n\t") or 0x7F <= ord(sign) < 0xA0]
    assert "\u202e" not in run.screen
    assert "coloured ␛[2J" in run.screen


def test_one_that_closes_its_output_is_waited_for(bench: Bench) -> None:
    run = act(bench, "begin", "ok", "close", meanwhile=ending(bench, signal.SIGTERM))
    assert (run.exit, run.result.outcome) == (143, "cancelled")


def test_one_that_leaves_its_output_to_another_is_not_waited_for(bench: Bench) -> None:
    runner = bench.start(agent("begin", "ok", "leave"), reader="claude")
    try:
        assert runner.wait(PATIENCE) == 0
        assert results.read(str(bench.result)).outcome == "ok"
    finally:
        os.killpg(runner.pid, signal.SIGKILL)
        runner.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("how", ["wait", "polite"])
def test_a_signal_cancels_whatever_the_agent_makes_of_it(bench: Bench, number: int, how: str) -> None:
    run = act(bench, "begin", "ok", how, meanwhile=ending(bench, number), check=["touch", "checked"])
    assert (run.exit, run.result.outcome, run.result.reason) == (
        128 + number,
        "cancelled",
        f"cancelled by signal {number}",
    )
    assert not (bench.work / "checked").exists()


@pytest.mark.parametrize(
    ("argv", "exit_code", "reason"),
    [
        (["no-such-agent"], 127, "there is no program no-such-agent"),
        (["/etc/passwd"], 126, "/etc/passwd cannot be run: Permission denied"),
        (["a\0b"], 126, "cannot be run: embedded null byte"),
    ],
)
def test_a_program_that_cannot_be_run_is_an_error(bench: Bench, argv: list[str], exit_code: int, reason: str) -> None:
    run = bench.run(argv)
    assert (run.exit, run.result.outcome) == (exit_code, "error")
    assert reason in run.result.reason


def test_a_prompt_that_is_not_there_is_an_error(bench: Bench) -> None:
    bench.prompt.unlink()
    run = act(bench, "begin", "ok")
    assert (run.exit, run.result.reason) == (1, "the prompt cannot be read: No such file or directory")


@pytest.mark.parametrize(
    ("check", "outcome", "reason", "status"),
    [
        (["true"], "ok", "", 0),
        (["sh", "-c", "exit 3"], "error", "the check failed: exit 3", 3),
        ({"shell": "test -e work || exit 4"}, "error", "the check failed: exit 4", 4),
        ({"shell": "kill -9 $$"}, "error", "the check failed: exit 137", 137),
        (["no-such-check"], "error", "the check cannot be run: there is no program no-such-check", None),
    ],
)
def test_the_check_has_the_last_word(
    bench: Bench, check: object, outcome: str, reason: str, status: int | None
) -> None:
    run = act(bench, "begin", "ok", check=check)
    assert (run.result.outcome, run.result.reason, run.result.check) == (outcome, reason, status)
    assert run.exit == (0 if outcome == "ok" else 1)


def test_a_failed_run_is_not_checked(bench: Bench) -> None:
    run = act(bench, "begin", "fail", check=["touch", "checked"])
    assert not (bench.work / "checked").exists()
    assert run.result.check is None


def test_a_check_that_hangs_can_be_cancelled(bench: Bench) -> None:
    run = act(bench, "begin", "ok", check=agent("wait"), meanwhile=ending(bench, signal.SIGTERM))
    assert (run.exit, run.result.outcome, run.result.cost) == (143, "cancelled", 0.5)


def test_a_full_disk_takes_the_stream_not_the_run(bench: Bench) -> None:
    run = act(bench, "begin", "ok", stream="/dev/full")
    assert (run.exit, run.result.outcome) == (0, "ok")
    assert run.screen.count("the stream is not kept: No space left on device") == 1


def test_a_result_that_cannot_be_written_is_no_success(bench: Bench) -> None:
    run = act(bench, "begin", "ok", result=str(bench.folder / "nowhere" / "result.json"))
    assert run.exit == 74
    assert "the result cannot be written: No such file or directory" in run.screen


def test_a_stream_is_never_written_through_a_link(bench: Bench) -> None:
    victim = bench.folder / "victim"
    link = bench.folder / "link"
    link.symlink_to(victim)
    assert act(bench, "begin", "ok", stream=str(link)).exit == 0
    assert not victim.exists()


@pytest.mark.parametrize(
    "spec", [{"reader": "nobody"}, {"argv": []}, {"argv": "ls"}, {"unknown": 1}, {"cost_before": "x"}]
)
def test_a_specification_that_is_wrong_is_said(bench: Bench, spec: dict[str, object]) -> None:
    whole: dict[str, object] = {"argv": ["true"], "reader": "text"} | spec
    run = bench.run(whole.pop("argv"), **whole)  # type: ignore[arg-type]
    assert run.exit == 64
    assert "is no specification of a run" in run.screen
    assert "Traceback" not in run.screen


@pytest.mark.parametrize(
    "raw", ["", "{", "[]", '{"outcome": "great", "cost": "much", "turns": true, "denials": 3}', "[" * 5000]
)
def test_a_broken_result_is_an_unknown_one(tmp_path: Path, raw: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(raw)
    assert results.read(str(path)) == Result()
    assert results.read(str(tmp_path / "nothing")) == Result()


def test_a_result_comes_back_as_it_was_written(tmp_path: Path) -> None:
    whole = Result("limit", "why", "id", 0.1, 0.2, "list price", 1, 2, 3, (4, None, 6), 5, "text", ("one",), 9.5, 0)
    results.write(str(tmp_path / "result.json"), whole)
    assert results.read(str(tmp_path / "result.json")) == whole
