"""What the events of real agents mean, and how an agent is made to call our hook."""

from __future__ import annotations

import json
import shlex
import tomllib
from pathlib import Path

import pytest

from core.interactive import hooks, ladder, spool
from core.interactive.hooks import Known
from core.interactive.signals import Source, State
from core.interactive.spool import Event

FOLDER = Path(__file__).with_name("hooks")
COMMAND = ["/opt/my python", "-I", "-S", "/opt/hook's.py"]


def recorded(kind: str) -> list[Event]:
    return spool.read(FOLDER / f"{kind}.jsonl", 0)[0]


def states(kind: str, known: Known = hooks.NOTHING_KNOWN) -> list[tuple[str, str | None]]:
    told = [(event.event, hooks.signal(kind, event, known)) for event in recorded(kind)]
    return [(event, None if signal is None else str(signal.state)) for event, signal in told]


def test_a_session_of_claude_as_it_was_recorded() -> None:
    prompt, tool = ("UserPromptSubmit", "working"), ("PreToolUse", "working")
    permission = [prompt, tool, ("PermissionRequest", "permission")]
    assert states("claude") == [
        ("SessionStart", "ready"),
        *permission,
        ("Notification", None),
        ("PostToolUse", "working"),
        ("Stop", "finished"),
        *[prompt, tool, ("PermissionRequest", "question")],
        *permission,
        *[prompt, ("StopFailure", "error"), prompt, ("StopFailure", "limit")],
        *[prompt, ("StopFailure", "error"), prompt, ("StopFailure", "limit")],
        *[prompt, tool, ("PostToolUse", "working"), ("Stop", "working")] * 2,
        ("SessionEnd", "exited"),
    ]


def test_a_session_of_codex_as_it_was_recorded() -> None:
    session = str(recorded("codex")[1].payload["session_id"])
    for known in (Known(session=session), Known(prompt="now runbash\n")):
        assert states("codex", known) == [
            ("SessionStart", None),
            ("UserPromptSubmit", "working"),
            ("notify", None),
            ("PreToolUse", "working"),
            ("PermissionRequest", "permission"),
            ("PostToolUse", "working"),
            ("Stop", "finished"),
            ("notify", "finished"),
        ]
    assert ("notify", "finished") not in states("codex")
    told = [hooks.session(event, Known(prompt="now runbash\n")) for event in recorded("codex")]
    assert [one for one in told if one is not None] == [session]
    assert not any(hooks.session(event, Known(prompt="something else")) for event in recorded("codex"))


def test_what_a_person_must_read_to_answer_is_in_the_signal() -> None:
    (first, *_) = [event for event in recorded("claude") if event.event == "PermissionRequest"]
    signal = hooks.signal("claude", first)
    assert signal is not None
    assert signal.source is Source.HOOK
    assert "command: touch made-by-agent.txt" in signal.detail
    assert "\n" not in signal.evidence


@pytest.mark.parametrize(
    "payload",
    [{}, {"tool_name": 1, "tool_input": [1], "background_tasks": "x", "error": None, "reason": [], "source": {}}],
)
def test_no_payload_is_too_strange(payload: dict[str, object]) -> None:
    names = [*hooks._CLAUDE_EVENTS, *hooks._COPILOT_EVENTS, "notify", "nobody knows", ""]
    for kind in ("claude", "codex", "copilot", "other"):
        for name in names:
            hooks.signal(kind, Event(1.0, name, payload))
    escaped = hooks.signal(
        "claude", Event(1.0, "PermissionRequest", {"tool_name": "\x1b[2J", "tool_input": {"a": "\x07"}})
    )
    assert escaped is not None
    assert not {"\x1b", "\x07"} & set(escaped.detail + escaped.evidence)


def test_the_whole_session_ends_in_exited() -> None:
    told = [one for event in recorded("claude") if (one := hooks.signal("claude", event)) is not None]
    assert ladder.merge(ladder.begin(0.0), told).reading.state is State.EXITED


def test_claude_is_given_a_file_of_settings_and_calls_the_hook_with_kind_and_event(tmp_path: Path) -> None:
    wiring = hooks.settings("claude", COMMAND, tmp_path)
    ((path, text),) = wiring.files.items()
    assert wiring.arguments == ("--settings", str(path))
    called = json.loads(text)["hooks"]["Stop"][0]["hooks"][0]["command"]
    assert shlex.split(called) == [*COMMAND, "claude", "Stop"]


def test_codex_has_no_more_than_notify_for_its_hooks_want_a_review(tmp_path: Path) -> None:
    wiring = hooks.settings("codex", COMMAND, tmp_path)
    assert [tomllib.loads(word) for word in wiring.arguments[1::2]] == [{"notify": [*COMMAND, "codex", "notify"]}]
    assert wiring.note


def test_copilot_is_given_a_plugin_of_this_run(tmp_path: Path) -> None:
    wiring = hooks.settings("copilot", COMMAND, tmp_path)
    assert wiring.arguments == ("--plugin-dir", str(tmp_path))
    told = {path.name: json.loads(text) for path, text in wiring.files.items()}
    (stop,) = told[told["plugin.json"]["hooks"]]["hooks"]["Stop"]
    assert shlex.split(stop["bash"]) == [*COMMAND, "copilot", "Stop"]


def test_a_session_of_copilot_as_it_was_recorded() -> None:
    work = ("UserPromptSubmit", "working"), ("PreToolUse", "working")
    assert states("copilot") == [
        *work,
        ("PermissionRequest", "permission"),
        ("PostToolUse", "working"),
        ("Stop", "finished"),
    ]
    (asked,) = [event for event in recorded("copilot") if event.event == "PermissionRequest"]
    signal = hooks.signal("copilot", asked)
    assert signal is not None
    assert "command: touch" in signal.detail


def test_an_agent_without_a_way_says_so(tmp_path: Path) -> None:
    wiring = hooks.settings("aider", COMMAND, tmp_path)
    assert wiring[:3] == ({}, (), {})
    assert wiring.note
