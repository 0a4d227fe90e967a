"""An attempt's folder: who begins it is decided once, and its output is read as it was written."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.folders import DamagedError, Folder, Place, marker
from core.kinds.result import Result
from core.model import AttemptId, Launch, ProcessId

if TYPE_CHECKING:
    from collections.abc import Callable

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


def test_a_status_is_whole_or_it_is_none(folder: Folder) -> None:
    folder.make(Launch(argv=("true",)), "/home", PLACE)
    assert folder.exit() is None
    written = Path(folder.path, "exit.new")
    written.write_bytes(b"137\n")
    assert folder.exit().code == 137
    folder.settle_exit()
    folder.settle_exit()
    assert folder.exit().code == 137


def _bytes(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


ODD = {
    "empty": _bytes(b""),
    "cut short": _bytes(b"13"),
    "a word": _bytes(b"abc\n"),
    "huge": _bytes(b"1" * 5000 + b"\n"),
    "a huge file": _bytes(b"\0" * (5 << 20)),
    "negative": _bytes(b"-1\n"),
    "too high": _bytes(b"256\n"),
    "not ascii": _bytes("\u0663\n".encode()),
    "a folder": Path.mkdir,
    "a fifo": os.mkfifo,
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a broken spec": _bytes(b'# {"place": ['),
    "a list": _bytes(b"# [1, 2]\n"),
    "wrong types": _bytes(b'# {"place": [1, "x", [3]], "cwd": 7}\n'),
    "an infinite time": _bytes(b'# {"place": [1, 2, [3, Infinity, "boot"]]}\n'),
    "a deep one": _bytes(b"# " + b"[" * 100_000),
    "a JSON number of 5,000 digits": _bytes(b'{"turns": ' + b"7" * 5000 + b"}"),
}


@pytest.mark.parametrize("odd", ODD)
def test_whatever_stands_in_place_of_its_files_is_said_to_be_damaged_at_once(folder: Folder, odd: str) -> None:
    """Each of these hung, or ended the engine."""
    os.mkdir(folder.path)
    for name in ("exit.new", "exit", "run", "result.json", "log", "log.1", "log.dropped", "screen"):
        ODD[odd](Path(folder.path, name))
    with pytest.raises(DamagedError, match="its exit file is damaged: "):
        folder.exit()
    assert folder.place() is None
    assert folder.started_in() is None
    assert folder.result() == Result()
    assert folder.dropped() == (13 if odd == "cut short" else 256 if odd == "too high" else 0)
    content, start, end = folder.read_log(-100, 100)
    assert (start, end) == (max(end - 100, folder.dropped()), folder.dropped() + 2 * _size(Path(folder.log)))
    assert len(content) == min(100, 2 * _size(Path(folder.log)))
    folder.last_screen()
    folder.output_stamp()
    folder.settle_exit()


def _size(path: Path) -> int:
    return path.lstat().st_size if path.is_file() and not path.is_symlink() else 0


def test_the_time_of_an_end_is_never_in_the_future(folder: Folder) -> None:
    os.mkdir(folder.path)
    written = Path(folder.path, "exit")
    written.write_bytes(b"0\n")
    os.utime(written, (1e11, 1e11))
    assert folder.exit().at <= time.time()


def test_a_folder_is_made_with_the_one_around_it_and_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "attempts"), ATTEMPT)
    odd = Launch(argv=("true",), files=(("a/b", "there is no folder a"),))
    with pytest.raises(FileNotFoundError):
        folder.make(odd, "/home", PLACE)
    assert not folder.exists()
    folder.make(Launch(argv=("true",)), "/home", PLACE)
    assert folder.place() == PLACE


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
