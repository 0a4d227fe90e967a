"""What an agent writes about itself, beside its screen."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from core.interactive.registry import Registry, folder
from core.interactive.signals import Source, State

S = State


def write(place: Path, session: str = "ours", **fields: object) -> None:
    (place / f"{session}.json").write_text(json.dumps({"sessionId": session, **fields}))


@pytest.mark.parametrize(
    ("status", "shown", "said"),
    [
        ({"status": "busy"}, S.READY, S.WORKING),
        ({"status": "busy"}, S.UNKNOWN, S.WORKING),
        ({"status": "busy"}, S.TRUST, None),
        ({"status": "waiting", "waitingFor": "permission prompt"}, S.UNKNOWN, S.PERMISSION),
        ({"status": "waiting", "waitingFor": "dialog open"}, S.READY, S.QUESTION),
        ({"status": "waiting", "waitingFor": "permission prompt"}, S.TRUST, S.TRUST),
        ({"status": "idle"}, S.UNKNOWN, S.READY),
        ({"status": "idle"}, S.FINISHED, S.FINISHED),
        ({"status": "idle"}, S.ERROR, None),
        ({"status": "idle"}, S.WORKING, None),
        ({"status": "idle"}, S.PERMISSION, None),
        ({"status": "new in a later version"}, S.READY, None),
        ({"status": ["idle"], "waitingFor": 1}, S.READY, None),
        ({}, S.READY, None),
    ],
)
def test_it_says_what_it_knows_beside_the_screen(
    status: dict[str, object], shown: State, said: State | None, tmp_path: Path
) -> None:
    write(tmp_path, "another", status="busy")
    write(tmp_path, **status)
    signal = Registry(tmp_path, "ours").signal(shown, 5.0)
    assert (None if signal is None else (signal.state, signal.source, signal.at)) == (
        None if said is None else (said, Source.REGISTRY, 5.0)
    )


def test_the_entry_of_another_conversation_or_of_nobody_is_not_read(tmp_path: Path) -> None:
    place = tmp_path / "sessions"
    registry = Registry(place, "ours")
    assert registry.signal(S.READY, 1.0) is None
    place.mkdir()
    write(place, status="busy")
    assert registry.signal(S.READY, 1.0) is not None
    (place / "ours.json").write_text("{")
    assert registry.signal(S.READY, 1.0) is None
    (place / "ours.json").unlink()
    (tmp_path / "elsewhere").write_text('{"sessionId": "ours", "status": "busy"}')
    (place / "link.json").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(place / "pipe.json")
    assert registry.signal(S.READY, 1.0) is None


def test_it_is_where_the_agent_was_told_to_keep_its_files() -> None:
    assert folder("claude", {"HOME": "/home/ann"}) == Path("/home/ann/.claude/sessions")
    assert folder("claude", {"HOME": "/home/ann", "CLAUDE_CONFIG_DIR": "/etc/ann"}) == Path("/etc/ann/sessions")
    assert folder("claude", {}) is None
    assert folder("", {"HOME": "/home/ann"}) is None
