"""An attempt's folder: who begins it is decided once, and its output is read as it was written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.folders import Folder, Place, marker
from core.model import AttemptId, Launch, ProcessId

ATTEMPT = AttemptId(7, 2)
PLACE = Place(1, 17, ProcessId(4711, 12.5, "boot"))


@pytest.fixture
def folder(tmp_path):
    return Folder(str(tmp_path), ATTEMPT)


def test_it_is_made_once(folder: Folder) -> None:
    folder.make(Launch(argv=("true",)), "/home", PLACE)
    assert folder.place() == PLACE
    with pytest.raises(FileExistsError):
        folder.make(Launch(argv=("true",)), "/home", PLACE)


def test_who_is_first_decides_whether_it_runs(folder: Folder, tmp_path) -> None:
    folder.make(Launch(argv=("true",)), "/home", PLACE)
    assert folder.begun_at() is None
    assert folder.forestall()
    assert not folder.forestall(), "it has been begun, or forestalled, once"
    assert folder.begun_at() is not None


def test_a_status_that_is_not_whole_is_none(folder: Folder, tmp_path) -> None:
    folder.make(Launch(argv=("true",)), "/home", PLACE)
    written = tmp_path / str(ATTEMPT) / "exit.new"
    assert folder.exit() is None
    written.write_bytes(b"")
    assert folder.exit() is None
    written.write_bytes(b"13")
    assert folder.exit() is None
    written.write_bytes(b"137\n")
    assert folder.exit().code == 137
    folder.settle_exit()
    folder.settle_exit()
    assert folder.exit().code == 137


@given(
    older=st.binary(max_size=50), current=st.binary(max_size=50), dropped=st.integers(0, 100),
    offset=st.integers(-120, 220), limit=st.integers(1, 120), marked=st.integers(0, len(marker(ATTEMPT))),
)  # fmt: skip
def test_any_part_of_the_output_is_what_was_written(
    tmp_path_factory, older, current, dropped, offset, limit, marked
) -> None:
    folder = Folder(str(tmp_path_factory.mktemp("f")), ATTEMPT)
    folder.make(Launch(argv=("true",)), "/home", PLACE)
    if current.endswith(b"\033"):
        current += b"."
    Path(folder.older_log).write_bytes(older)
    Path(folder.log).write_bytes(current + marker(ATTEMPT)[:marked])
    Path(folder.path, "log.dropped").write_text(str(dropped))
    content, start, end = folder.read_log(offset, limit)
    everything = b"?" * dropped + older + current
    assert end == len(everything)
    wanted = max(offset if offset >= 0 else end + offset, dropped)
    assert start == min(wanted, end)
    assert content == everything[start : start + limit]
