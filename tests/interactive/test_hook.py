"""The hook as agents run it: what it spools, what it rings, and that it never hurts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from core.interactive import hook, spool

HOOK = Path(hook.__file__)


def run(spooled: Path | str, *words: str, given: bytes = b"", bell: Path | str = "") -> subprocess.CompletedProcess:
    env = {"MUXDECK_HOOKS": str(spooled), "MUXDECK_BELL": str(bell), "MUXDECK_ATTEMPT": "7-1"}
    command = [sys.executable, "-I", "-S", HOOK, *words]
    return subprocess.run(command, input=given, env=env, capture_output=True, check=False, timeout=20)


def silent(done: subprocess.CompletedProcess) -> bool:
    return (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_an_event_is_one_line_and_rings_the_bell(tmp_path: Path) -> None:
    place, bell = tmp_path / "spool", tmp_path / "bell"
    os.mkfifo(bell)
    ear = os.open(bell, os.O_RDWR | os.O_NONBLOCK)
    assert silent(run(place, "claude", "Stop", given=b'{\n "session_id": "s"\n}', bell=bell))
    assert silent(run(place, "codex", "notify", '{"type": "agent-turn-complete"}', bell=bell))
    assert os.read(ear, 100) == b"H 7-1 0\n" * 2
    os.close(ear)
    events, end = spool.read(place, 0)
    assert [(one.event, one.payload) for one in events] == [
        ("Stop", {"session_id": "s"}),
        ("notify", {"type": "agent-turn-complete"}),
    ]
    assert end == place.stat().st_size
    assert place.stat().st_mode & 0o777 == 0o600


def test_nothing_that_is_wrong_reaches_the_agent(tmp_path: Path) -> None:
    folder, link, nobody = tmp_path / "folder", tmp_path / "link", tmp_path / "nobody"
    folder.mkdir()
    (tmp_path / "target").write_text("")
    link.symlink_to(tmp_path / "target")
    os.mkfifo(nobody)
    for place in ("", folder, link, nobody, tmp_path / "no" / "such", "/dev/full", "/dev/null"):
        assert silent(run(place, "claude", "Stop", given=b"{}", bell=nobody))
    for words in ((), ("claude",), ("claude", "x" * 100_000, "{}"), ("claude", "Stop", "{" * 50_000)):
        assert silent(run(tmp_path / "spool", *words))
    for raw in (b"", b"\xff\xfe", b"[1]", b'"text"', b"{" * 100_000, b"{}\n{}"):
        assert silent(run(tmp_path / "spool", "claude", "Stop", given=raw))
    assert (tmp_path / "target").read_text() == ""


def test_an_agent_that_never_closes_its_end_is_not_waited_for_long(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"{}")
    env = {"MUXDECK_HOOKS": str(tmp_path / "spool")}
    command = [sys.executable, "-I", "-S", HOOK, "claude", "Stop"]
    assert subprocess.run(command, stdin=reading, env=env, check=False, timeout=20).returncode == 0
    os.close(writing)
    os.close(reading)
    assert len(spool.read(tmp_path / "spool", 0)[0]) == 1


def test_hooks_side_by_side_do_not_mix_their_lines(tmp_path: Path) -> None:
    place = tmp_path / "spool"
    told = [json.dumps({"message": f"{number} " + "x" * 3000}).encode() for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda raw: run(place, "claude", "Notification", given=raw), told))
    events, _ = spool.read(place, 0)
    assert sorted(json.dumps(one.payload).encode() for one in events) == sorted(told)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3000),
    lambda inside: st.lists(inside, max_size=30) | st.dictionaries(st.text(max_size=200), inside, max_size=30),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(sorted(hook.KEPT)) | st.text(max_size=20), JSON, max_size=12), st.text())
def test_a_line_is_always_json_on_one_line_and_never_too_long(payload: dict, event: str) -> None:
    for raw in (json.dumps(payload).encode(), json.dumps(payload, indent=2).encode()):
        whole = hook.line(1.5, event, raw)
        assert len(whole) <= hook.MAX_LINE
        assert whole.count(b"\n") == 1
        told = json.loads(whole)
        assert told["at"] == 1.5
        assert len(raw) <= hook.SHORT or set(told["payload"]) <= hook.KEPT


def test_a_tools_long_answer_is_not_kept_and_its_name_is() -> None:
    payload = {"tool_name": "Bash", "tool_response": "x" * 50_000, "tool_input": {"command": "y" * 50_000}}
    told = json.loads(hook.line(1.0, "PostToolUse", json.dumps(payload).encode()))
    assert told["payload"]["tool_name"] == "Bash"
    assert "tool_response" not in told["payload"]
    assert len(told["payload"]["tool_input"]["command"]) == hook.LONGEST_TEXT
