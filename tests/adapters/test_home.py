"""One home by whatever name, one engine in it, and a sentence for every path that cannot be one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.engine import lock as locks
from core.engine.lock import Lock, LockedError, holder
from core.home import HomeError, find
from core.sockets import Listener, connect, listener_pid, listens


def test_a_home_has_one_name_whatever_leads_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("d" * 100) / "home"
    deep.mkdir(parents=True)
    link = tmp_path / "link"
    link.symlink_to(deep)
    names = [str(deep), str(link), f"{deep}/../home", f"{deep}//", f"{link}/."]
    monkeypatch.setenv("HOME", str(tmp_path))
    names.append("~/link")
    monkeypatch.chdir(tmp_path)
    names.append("link")
    homes = [find(name) for name in names]
    assert {home.root for home in homes} == {deep}
    assert len({home.socket for home in homes}) == 1, "also the folder of sockets of a long path"


def _unusable(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "file").touch()
    (tmp_path / "nowhere").symlink_to(tmp_path / "unmounted" / "disk")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "closed").mkdir(mode=0o400)
    return {
        "file": "not a folder",
        "file/below": "cannot make",
        "nowhere": "is not there",
        "nowhere/below": "is not there",
        "circle": "is a link",
        "open": "chmod 700",
        "closed": "chmod 700",
        "x" * 300: "cannot make",
        "two\nlines": "control character",
        "\x7f": "control character",
    }


def test_a_path_that_cannot_be_a_home_is_refused_in_words(tmp_path: Path) -> None:
    for name, said in _unusable(tmp_path).items():
        with pytest.raises(HomeError, match=said):
            find(f"{tmp_path}/{name}").make()
    with pytest.raises(HomeError, match="nobody knows"):
        find("~nobody-of-that-name/home")
    assert not (tmp_path / "unmounted").exists()


def test_a_relative_path_in_a_folder_that_is_gone_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(HomeError, match="current folder is gone"):
        find("home")
    assert find(str(tmp_path)).root == tmp_path, "a whole path needs no current folder"
    monkeypatch.chdir(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become a user without an entry")
def test_a_user_without_an_entry_and_without_a_home_needs_only_muxdeck_home() -> None:
    ask = "from core.home import *\ntry:\n print(find().root)\nexcept HomeError as error:\n print(error)"
    become = f"import os; os.setgroups([]); os.setgid(54321); os.setuid(54321)\n{ask}"
    root = str(Path(__file__).parents[2])
    for env, said in (({"MUXDECK_HOME": "/tmp/of-nobody"}, "/tmp/of-nobody"), ({}, "set HOME")):
        argv = [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {root!r})\nimport core.home\n{become}"]
        told = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
        assert said in told.stdout, told.stderr


def test_a_lock_whose_file_is_removed_or_replaced_is_no_longer_held_and_can_be_taken_anew(tmp_path: Path) -> None:
    path, listener = tmp_path / "engine.lock", tmp_path / "engine.sock"
    with Lock(path, listener) as lock:
        assert lock.held
        assert holder(path) == os.getpid()
        path.unlink()
        assert not lock.held
        assert lock.renew()
        assert lock.held
        (tmp_path / "other").touch()
        (tmp_path / "other").rename(path)
        assert not lock.held
        assert lock.renew()
        path.unlink()
        with Lock(path, listener) as other:
            assert not lock.renew(), "another engine was faster"
            assert other.held
            assert not lock.held


def test_a_lock_on_a_file_that_was_removed_while_it_was_waited_for_counts_for_nothing(tmp_path: Path) -> None:
    path, listener = tmp_path / "engine.lock", tmp_path / "engine.sock"
    with Lock(path, listener):
        second = Lock(path, listener)
        assert not second.renew()
        path.unlink()
    path.touch()
    assert second.renew()
    assert second.held
    second.__exit__(None, None, None)


def test_an_engine_that_listens_and_has_lost_its_lock_is_left_its_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "PATIENCE", 0.2)
    path, listener = tmp_path / "engine.lock", Listener(tmp_path / "engine.sock")
    with listener.bind(), pytest.raises(LockedError, match=f"process {os.getpid()}, already serves"):
        Lock(path, tmp_path / "engine.sock").__enter__()


def test_odd_things_in_the_place_of_the_lock_are_no_obstacle(tmp_path: Path) -> None:
    path, listener = tmp_path / "engine.lock", tmp_path / "engine.sock"
    path.mkdir()
    with Lock(path, listener) as lock:
        assert lock.held
    assert [found.name for found in tmp_path.iterdir() if found.is_dir()], "the folder was moved aside, not deleted"
    path.write_text("abc\n")
    with open(path) as file:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)
        assert holder(path) is None
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HomeError, match="cannot open"):
        Lock(path, listener).__enter__()


def test_a_socket_is_listened_at_in_place_of_whatever_stood_there(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    for make in (path.touch, path.mkdir, lambda: path.symlink_to("/dev/null"), lambda: None):
        make()
        listener = Listener(path)
        with listener.bind():
            assert listener.is_there
            assert listens(path)
            assert listener_pid(path) == os.getpid()
            assert path.stat().st_mode & 0o777 == 0o600
            connect(path).close()
        listener.remove()
        assert not path.exists()
    assert Path("/dev/null").exists()


def test_a_socket_of_another_is_never_removed(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    first, second = Listener(path), Listener(path)
    with first.bind(), second.bind():
        assert not first.is_there
        first.remove()
        assert second.is_there
        connect(path).close()
        path.unlink()
        assert not second.is_there
        with second.bind():
            assert second.is_there
            connect(path).close()
