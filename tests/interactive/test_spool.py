"""The spool read in order, once."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.interactive import spool

LINE = b'{"at": 1.5, "event": "Stop", "payload": {}}\n'


def test_each_event_is_read_once_and_a_half_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    assert spool.read(path, 0) == ([], 0)
    path.write_bytes(LINE + LINE[:20])
    events, at = spool.read(path, 0)
    assert (len(events), at) == (1, len(LINE))
    assert spool.read(path, at) == ([], at)
    path.write_bytes(LINE + LINE)
    events, at = spool.read(path, at)
    assert (len(events), at) == (1, 2 * len(LINE))


def test_garbage_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    bad = [b"\xff\x00", b"[]", b'{"at": "x", "event": "Stop"}', b'{"at": true, "event": "Stop"}', b'{"event": 1}']
    path.write_bytes(b"".join(line + b"\n" + LINE for line in [*bad, b"[" * 100_000, b""]))
    events, at = spool.read(path, 0)
    assert len(events) == 7
    assert at == path.stat().st_size


def test_a_spool_that_became_shorter_is_another_one_and_a_link_is_none(tmp_path: Path) -> None:
    path, link = tmp_path / "spool", tmp_path / "link"
    path.write_bytes(LINE)
    assert spool.read(path, 1000) == ([spool.Event(1.5, "Stop", {})], len(LINE))
    link.symlink_to(path)
    assert spool.read(link, 0) == ([], 0)


def test_a_line_without_end_does_not_stop_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    path.write_bytes(b"x" * (spool.AT_ONCE + 5) + b"\n" + LINE)
    events, at = spool.read(path, 0)
    assert events == []
    assert spool.read(path, at) == ([spool.Event(1.5, "Stop", {})], path.stat().st_size)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_any_bytes_are_read_to_their_last_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "spool"
    path.write_bytes(content)
    _, at = spool.read(path, 0)
    assert at == content.rfind(b"\n") + 1
