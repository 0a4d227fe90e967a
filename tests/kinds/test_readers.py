"""The readers, on streams of the real agents and on tables of what they can say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.kinds import readers
from core.kinds.readers.base import Account, Reader
from core.kinds.readers.resets import reset_time
from core.kinds.result import MESSAGE_SIZE, OUTCOMES, Result
from tests.kinds.record import STREAMS

NOTHING_BEFORE = Account("list price")
NOW = 1_795_000_000.0
EXITS = {"ok": 0, "resumed": 0, "denied": 0, "auth": 1, "error": 1, "limit": 1}
"""What each recorded run has exited with; Gemini has others, all of them but 0."""
REFUSED = "2026-11-22T18:12:45Z ERROR codex_core::tools::router: error=approval policy is Never; reject command — no\n"
"""The standard error of Codex beside its stream."""


def new(name: str, session: str | None = None, account: Account = NOTHING_BEFORE) -> Reader:
    return readers.reader(name, session, account)


def recorded() -> list[Path]:
    return sorted(STREAMS.glob("*.jsonl"))


def plain() -> list[Path]:
    """Those of aider, which are no events."""
    return sorted(STREAMS.glob("aider-*.txt"))


def of(path: Path) -> tuple[str, str]:
    kind, name = path.stem.split("-")
    return kind, name


@pytest.mark.parametrize("path", recorded(), ids=lambda path: path.stem)
def test_a_recorded_run_has_its_outcome(path: Path) -> None:
    kind, name = of(path)
    reader = new(kind)
    for line in path.read_bytes().splitlines():
        reader.feed(line)
    result = reader.conclude(EXITS[name], REFUSED if path.stem == "codex-denied" else "", NOW)
    assert result.outcome == ("ok" if name == "resumed" else name)
    assert result.session is not None
    assert (result.reason == "") == (result.outcome == "ok")
    if result.outcome == "ok":
        assert result.message == ("It is made." if name == "ok" else "Once more.")
    assert len(result.denials) == (1 if name == "denied" else 0)


@pytest.mark.parametrize("path", recorded(), ids=lambda path: path.stem)
def test_a_stream_that_is_cut_is_never_a_success(path: Path) -> None:
    """At every line, and in the middle of every line; with the exit status of a success, and of a failure."""
    kind, name = of(path)
    lines = path.read_bytes().splitlines()
    last = max(
        at
        for at, line in enumerate(lines)
        if b'"result"' in line or b"turn." in line or b"step_finish" in line or at == 0
    )
    for at in range(last + 1):
        for half in (b"", lines[at][: len(lines[at]) // 2]):
            for code in (0, 1, -9):
                reader = new(kind)
                for line in (*lines[:at], half):
                    reader.feed(line)
                result = reader.conclude(code, "", NOW)
                assert result.outcome in ("error", "denied", "auth", "limit"), (at, code, name)
                assert result.reason


@pytest.mark.parametrize("path", plain(), ids=lambda path: path.stem)
def test_a_recorded_run_of_plain_text_has_its_outcome_and_its_status_is_0(path: Path) -> None:
    _, name = of(path)
    result = fed("aider", path.read_bytes().splitlines())
    assert result.outcome == name
    assert (result.reason == "") == (name == "ok")
    if name == "ok":
        assert result.message == "made.txt\n\n```\nmade\n\n```\nIt is made."
        assert (result.cost, result.tokens_in, result.tokens_out) == (0.0018, 120, 30)


@pytest.mark.parametrize("path", plain(), ids=lambda path: path.stem)
def test_plain_text_that_is_cut_before_its_end_is_never_a_success(path: Path) -> None:
    lines = path.read_bytes().splitlines()
    end = next((at for at, line in enumerate(lines) if line.startswith(b"Tokens: ")), len(lines))
    for at in range(end + 1):
        for code in (0, 1, -9):
            assert fed("aider", lines[:at], code).outcome in ("error", "auth", "limit"), (at, code)


def fed(kind: str, lines: list[bytes], exit_code: int = 0) -> Result:
    reader = new(kind)
    for line in lines:
        reader.feed(line)
    return reader.conclude(exit_code, "", NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("name", readers.NAMES)
@given(chosen=st.data())
@settings(max_examples=60, deadline=None)
def test_nothing_that_an_agent_prints_breaks_a_reader(name: str, chosen: st.DataObject) -> None:
    """Real events with a value somewhere inside replaced, and bytes that are none."""
    lines = [line for path in recorded() if path.stem.startswith(name) for line in path.read_bytes().splitlines()]
    reader = new(name)
    for _ in range(5):
        at = chosen.draw(st.integers(0, 2 * len(lines)))
        if at < len(lines):
            event = json.loads(lines[at])
            spoil(event, chosen)
            shown = reader.feed(json.dumps(event).encode())
        else:
            shown = reader.feed(
                chosen.draw(st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()))
            )
        assert not [sign for line in shown for sign in line if ord(sign) < 32 and sign not in "\n\t"]
    result = reader.conclude(chosen.draw(st.sampled_from([0, 1, -15])), chosen.draw(st.text(max_size=30)), NOW)
    assert result.outcome in OUTCOMES
    assert "\n" not in result.reason


def spoil(value: Any, chosen: st.DataObject) -> None:
    while isinstance(value, dict | list) and value:
        key = chosen.draw(st.sampled_from(list(value) if isinstance(value, dict) else range(len(value))))
        if not isinstance(value[key], dict | list) or not value[key] or chosen.draw(st.integers(0, 3)) == 0:
            value[key] = chosen.draw(JSON)
            return
        value = value[key]


def claude(**last: Any) -> list[dict[str, Any]]:
    return [{"type": "result", "subtype": "success", "is_error": False, "result": "x", "session_id": "s"} | last]


def failed(message: str) -> list[dict[str, Any]]:
    return [{"type": "turn.failed", "error": {"message": message}}]


BASH = {"tool_name": "Bash", "tool_input": {"command": "rm x"}}
PROSE = {
    "type": "assistant",
    "message": {"content": [{"type": "text", "text": "401 invalid api key, usage limit reached"}]},
}


@pytest.mark.parametrize(
    ("kind", "events", "exit_code", "stderr", "outcome", "reason"),
    [
        ("claude", claude(), 0, "", "ok", ""),
        ("claude", [PROSE, *claude()], 0, "", "ok", ""),
        ("claude", claude(), 1, "", "error", "exit 1"),
        ("claude", claude(), -11, "", "error", "ended by signal 11"),
        ("claude", claude(permission_denials=[BASH]), 0, "", "denied", "1 call denied: Bash  rm x"),
        ("claude", claude(permission_denials=[BASH, BASH]), 0, "", "denied", "2 calls denied: Bash  rm x; Bash  rm x"),
        ("claude", claude(permission_denials=[BASH]), 1, "", "error", "exit 1"),
        ("claude", claude(subtype="error_max_turns"), 1, "", "error", "x"),
        ("claude", claude(subtype="error_max_turns", result=None), 1, "", "error", "error max turns"),
        ("claude", claude(is_error=True, api_error_status=401, result="no"), 1, "", "auth", "no"),
        ("claude", claude(is_error=True, api_error_status=529, result="overloaded, rate limit"), 1, "", "error", ""),
        (
            "claude",
            claude(is_error=True, result="You've hit your session limit · resets 3pm (UTC)"),
            1,
            "",
            "limit",
            "",
        ),
        ("claude", claude(is_error=True, result="Not logged in · Please run /login"), 1, "", "auth", ""),
        (
            "claude",
            [],
            1,
            "Error: Session ID x is already in use.",
            "error",
            "exit 1: Error: Session ID x is already in use.",
        ),
        ("claude", [*claude(is_error=True, result="no"), *claude()], 0, "", "ok", ""),
        ("codex", failed("unexpected status 401 Unauthorized: no"), 1, "", "auth", ""),
        ("codex", failed("exceeded retry limit, last status: 429 Too Many Requests"), 1, "", "limit", ""),
        ("codex", failed("unexpected status 529 <unknown status code>: the rate limit"), 1, "", "error", ""),
        ("codex", failed("You've hit your usage limit. Try again in 2 hours 5 minutes."), 1, "", "limit", ""),
        ("codex", [{"type": "error", "message": "last status: 401"}], 1, "", "auth", "last status: 401"),
        ("codex", [{"type": "error", "message": "Reconnecting... 1/5"}, {"type": "turn.completed"}], 0, "", "ok", ""),
        ("codex", [{"type": "turn.completed"}], 0, REFUSED, "denied", ""),
        (
            "opencode",
            [{"type": "error", "error": {"name": "ProviderAuthError", "data": {"message": "x"}}}],
            1,
            "",
            "auth",
            "x",
        ),
        ("copilot", [{"type": "result", "exitCode": 0}], 0, "", "ok", ""),
        ("copilot", [], 1, "Error: No authentication information found.", "auth", ""),
        ("text", [], 0, "", "ok", ""),
        ("text", [], 2, "usage: x", "error", "exit 2: usage: x"),
    ],
)
def test_the_rules_of_the_outcome(
    kind: str, events: list[dict[str, Any]], exit_code: int, stderr: str, outcome: str, reason: str
) -> None:
    result = told(kind, events, exit_code, stderr)
    assert result.outcome == outcome
    if reason:
        assert result.reason == reason


def told(kind: str, events: list[dict[str, Any]], exit_code: int = 0, stderr: str = "", **new_reader: Any) -> Result:
    reader = new(kind, **new_reader)
    for event in events:
        reader.feed(json.dumps(event).encode())
    return reader.conclude(exit_code, stderr, NOW)


@pytest.mark.parametrize(
    ("version", "reported", "before", "cost", "total"),
    [
        ("2.1.330", 0.5, 0.2, 0.3, 0.5),
        ("2.1.330", 0.1, 0.2, 0.1, 0.3),
        ("2.1.197", 0.5, 0.2, 0.5, 0.7),
        ("2.1.330", None, 0.2, None, None),
    ],
)
def test_a_cost_of_the_session_becomes_one_of_the_run(
    version: str, reported: float | None, before: float, cost: float | None, total: float | None
) -> None:
    events = [{"type": "system", "subtype": "init", "claude_code_version": version}, *claude(total_cost_usd=reported)]
    result = told("claude", events, account=Account("list price", before, cumulative=True))
    assert result.cost == (None if cost is None else pytest.approx(cost))
    assert result.cost_total == (None if total is None else pytest.approx(total))


@pytest.mark.parametrize(
    ("session", "before", "expected"),
    [(None, None, (360, 90, 5)), ("id", (240, 60, 0), (120, 30, 5)), ("id", None, (None, None, None))],
)
def test_codex_counts_the_tokens_of_its_session(
    session: str | None, before: Any, expected: tuple[int | None, ...]
) -> None:
    usage = {"input_tokens": 360, "output_tokens": 90, "cached_input_tokens": 5}
    events = [{"type": "turn.completed", "usage": usage}]
    result = told("codex", events, session=session, account=Account(tokens_before=before))
    assert (result.tokens_in, result.tokens_out, result.tokens_cached) == expected
    assert result.tokens_total == (360, 90, 5)


def test_what_is_not_told_is_not_known() -> None:
    result = told("codex", [{"type": "thread.started", "thread_id": "t"}, {"type": "turn.completed"}])
    assert (result.cost, result.tokens_in, result.turns, result.session) == (None, None, 1, "t")


@pytest.mark.parametrize("session", ["--dangerously-skip-permissions", "a b", "", "a\n", "x" * 200, "$(id)"])
def test_what_could_be_an_option_is_no_session(session: str) -> None:
    assert told("claude", claude(session_id=session)).session is None


def test_a_message_is_kept_up_to_its_size() -> None:
    result = told("claude", claude(result="é\ud800" * 100_000))
    assert len(result.message.encode()) <= MESSAGE_SIZE


AIDER = b"Tokens: 4.2k sent, 1.1k cache hit, 1,024 received. Cost: $0.02 message, $0.05 session.\n"
AIDER_COST = b"Cost: $1,234.50 message, $1,234.50 session.\n"
UNFIT = b"The LLM did not conform to the edit format.\n"


@pytest.mark.parametrize(
    ("lines", "outcome"),
    [
        ([AIDER], "ok"),
        ([], "error"),
        ([b"litellm.AuthenticationError: no key\n"], "auth"),
        ([b"litellm.RateLimitError: slow down\n"], "limit"),
        ([b"No LLM model was specified and no API keys were provided.\n"], "auth"),
        ([b"litellm.Timeout: APITimeoutError - Request timed out\n"], "error"),
        ([b"litellm.ServiceUnavailableError: no rate limit, but an overload\n"], "error"),
        ([b"litellm.APIConnectionError: nobody there\n", b"Retrying in 0.2 seconds...\n", AIDER], "ok"),
        ([AIDER, UNFIT], "error"),
        ([AIDER, UNFIT, AIDER], "ok"),
        ([AIDER, b"Only 3 reflections allowed, stopping.\n"], "error"),
        ([b"the log says:\n", UNFIT, AIDER], "ok"),
    ],
)
def test_aider_tells_by_its_lines_what_its_exit_status_does_not(lines: list[bytes], outcome: str) -> None:
    result = fed("aider", lines)
    answers = lines.count(AIDER)
    assert result.outcome == outcome
    if lines and outcome != "ok":
        assert result.reason == lines[-1].decode().strip()
    if answers:
        assert result.cost == pytest.approx(answers * 0.02)
        assert (result.tokens_in, result.tokens_out, result.tokens_cached) == (
            answers * 4200, answers * 1024, answers * 1100,
        )  # fmt: skip


def test_aider_has_its_cost_on_a_line_of_its_own_where_the_cache_was_written_and_read() -> None:
    counted = b"Tokens: 12M sent, 2k cache write, 3.5k cache hit, 40 received."
    result = fed("aider", [b"Repo-map: using 4096 tokens", b"", b"Well.", b"", counted, AIDER_COST])
    assert (result.cost, result.message, result.turns) == (1234.5, "Well.", 1)
    assert (result.tokens_in, result.tokens_out, result.tokens_cached) == (12_000_000, 40, 3500)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Claude AI usage limit reached|1800000000", 1_800_000_000),
        ('{"resets_at": 1800000000}', 1_800_000_000),
        ("Please try again in 1.5s.", NOW + 1.5),
        ("Try again in 3 days 4 hours 5 minutes.", NOW + 3 * 86400 + 4 * 3600 + 300),
        ("Your quota will reset after 3h4m5s.", NOW + 3 * 3600 + 245),
        ("retry-after: 20s", NOW + 20),
        ("resets at 2026-11-22T18:00:00Z", 1_795_370_400),
        ("try again in a moment", None),
        ("429 Too Many Requests", None),
    ],
)
def test_the_time_at_which_a_limit_is_over(text: str, expected: float | None) -> None:
    assert reset_time(text, NOW) == expected


def test_a_clock_means_the_next_time_that_it_shows_this() -> None:
    at = reset_time("You've hit your limit · resets 3:30pm (UTC)", NOW)
    assert at is not None
    assert 0 < at - NOW <= 86400
    assert at % 86400 == (15 * 60 + 30) * 60
    assert reset_time("resets 3pm (Nowhere/Land)", NOW) is None


def test_a_limit_that_is_over_at_a_known_time_says_when() -> None:
    event = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 1_800_000_000}}
    last = claude(is_error=True, api_error_status=429, result="limit")
    assert told("claude", [event, *last], 1).retry_at == 1_800_000_000
    assert told("claude", [event, *claude()]).retry_at is None


def test_there_is_a_reader_of_every_name_and_no_other() -> None:
    assert {path.stem for path in Path(readers.__file__).parent.glob("*.py")} == {
        *readers.NAMES, "__init__", "base", "errors", "resets",
    }  # fmt: skip
    with pytest.raises(ValueError, match="there is no reader 'x'"):
        new("x")
