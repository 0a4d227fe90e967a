"""Worktrees of real repositories: nothing of the repository's own runs, and nothing that counts is lost."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.adapters import git as calls
from core.adapters import worktrees
from core.adapters.git import GitError, Told, failure
from core.adapters.repositories import repository_of
from core.adapters.worktrees import DiffStat, Worktree
from tests.fleet import until

AWKWARD = ["with space", "two\nlines", "tab\there", os.fsdecode(b"not\xffutf-8"), '"quoted"', "-n", "héllo"]


@pytest.fixture(autouse=True)
def _own_git(tmp_path, monkeypatch):
    """Git as if nobody had ever configured it, but for an author."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    (home / "gitconfig").write_text("[user]\nname = A\nemail = a@example.org\n[init]\ndefaultBranch = main\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)


def git(where: Path, *words: str) -> str:
    told = subprocess.run(["git", "-C", where, *words], capture_output=True, check=False, stdin=subprocess.DEVNULL)
    assert told.returncode == 0, told.stderr
    return os.fsdecode(told.stdout).removesuffix("\n")


def commit(where: Path, **files: str) -> str:
    for name, text in files.items():
        (where / name).write_text(text)
    git(where, "add", "-A")
    git(where, "commit", "-q", "--allow-empty", "-m", "of the test")
    return git(where, "rev-parse", "HEAD")


def program(path: Path, witness: Path, output: str = "") -> Path:
    """One that leaves a trace when it runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {path.name} >> '{witness}'\n{output}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def repository(tmp_path) -> Path:
    top = tmp_path / "repository"
    (top / "sub" / "deep").mkdir(parents=True)
    git(top, "init", "-q")
    (top / "sub" / "deep" / "file").write_text("deep\n")
    commit(top, a="one\ntwo\nthree\n", b="b\n", c="".join(f"{number}\n" for number in range(20)))
    return top


@pytest.fixture
def root(tmp_path) -> Path:
    return tmp_path / "worktrees"


@pytest.fixture
def worktree(repository, root) -> Worktree:
    return worktrees.create(repository, root, 7)


def has_reader(fifo: Path) -> bool:
    try:
        os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


def everything(folder: Path) -> dict[str, bytes]:
    """Of a repository's own files, whatever is not git's."""
    files = [path for path in folder.rglob("*") if path.is_file() and ".git" not in path.relative_to(folder).parts]
    return {str(path): path.read_bytes() for path in files}


class TestCreate:
    def test_it_is_a_worktree_on_a_branch_of_its_own(self, repository, root) -> None:
        before = everything(repository)
        made = worktrees.create(repository, root, 7)
        head = git(repository, "rev-parse", "HEAD")
        assert made == Worktree(root / "7", root / "7", "muxdeck/7", head, repository)
        assert git(made.top, "symbolic-ref", "HEAD") == "refs/heads/muxdeck/7"
        assert (made.top / "a").read_text() == "one\ntwo\nthree\n"
        assert root.stat().st_mode & 0o777 == 0o700
        assert sorted(os.listdir(root)) == ["7", "7.json"]
        assert everything(repository) == before
        assert git(repository, "status", "--porcelain") == ""
        assert git(repository, "branch", "--show-current") == "main"

    def test_its_path_is_the_folder_that_the_task_was_given(self, repository, root) -> None:
        made = worktrees.create(repository / "sub" / "deep", root, 7)
        assert (made.path, made.top) == (root / "7" / "sub" / "deep", root / "7")
        assert (made.path / "file").read_text() == "deep\n"

    @pytest.mark.parametrize("name", AWKWARD)
    def test_a_folder_that_no_commit_holds_is_there_as_well(self, repository, root, name) -> None:
        (repository / name).mkdir()
        made = worktrees.create(repository / name, root, 7)
        assert made.path == root / "7" / name
        assert made.path.is_dir()

    def test_from_another_worktree_it_begins_with_the_head_of_that(self, repository, root, worktree) -> None:
        head = commit(worktree.top, new="new\n")
        made = worktrees.create(worktree.path, root, 8)
        assert (made.base, made.repository) == (head, repository)

    def test_once_made_it_is_found_as_it_was_left(self, repository, root, worktree) -> None:
        commit(worktree.top, new="new\n")
        (worktree.top / "newer").write_text("newer\n")
        git(worktree.top, "checkout", "-q", "-b", "elsewhere")
        commit(repository, other="other\n")
        assert worktrees.create(repository, root, 7) == worktree
        assert (worktree.top / "newer").read_text() == "newer\n"

    def test_a_branch_that_is_there_already_is_left_alone(self, repository, root) -> None:
        git(repository, "branch", "muxdeck/7")
        git(repository, "branch", "muxdeck/7-2")
        made = worktrees.create(repository, root, 7)
        assert made.branch == "muxdeck/7-3"
        assert worktrees.create(repository, root, 7) == made

    def test_a_folder_that_somebody_has_deleted_is_made_again(self, repository, root, worktree) -> None:
        head = commit(worktree.top, new="new\n")
        subprocess.run(["rm", "-r", worktree.top], check=True)
        made = worktrees.create(repository, root, 7)
        assert made.branch == "muxdeck/7-2"
        assert git(repository, "rev-parse", "muxdeck/7") == head

    def test_an_empty_folder_is_taken(self, repository, root) -> None:
        (root / "7").mkdir(parents=True)
        assert (worktrees.create(repository, root, 7).top / "a").exists()
        assert sorted(os.listdir(root)) == ["7", "7.json"]

    def test_a_folder_that_is_no_worktree_is_moved_aside(self, repository, root) -> None:
        for number in (1, 2):
            (root / "7").mkdir(parents=True)
            (root / "7" / "work").write_text("somebody's")
            worktree = worktrees.create(repository, root, 7)
            assert git(worktree.top, "status", "--porcelain") == ""
            assert (root / f"7.aside-{number}" / "work").read_text() == "somebody's"
            subprocess.run(["rm", "-r", worktree.top], check=True)

    def test_inside_another_repository_a_folder_that_is_no_worktree_is_still_none(self, repository, root) -> None:
        (root / "7").mkdir(parents=True)
        (root / "7" / "work").write_text("somebody's")
        git(root, "init", "-q")
        assert git(worktrees.create(repository, root, 7).top, "branch", "--show-current") == "muxdeck/7"

    @pytest.mark.parametrize("last", ["worktree", "update-ref", "checkout", "unlink"])
    def test_after_a_crash_at_any_step_it_is_made_afresh(self, repository, root, monkeypatch, last) -> None:
        run, crashed = calls.run, []

        def crash(path, **_):
            raise KeyboardInterrupt

        def run_until(where, *words, **how):
            if crashed:
                raise KeyboardInterrupt
            told = run(where, *words, **how)
            if words[0] == last:
                crashed.append(words)
                raise KeyboardInterrupt
            return told

        with monkeypatch.context() as patch:
            if last == "unlink":
                patch.setattr(Path, "unlink", crash)
            else:
                patch.setattr(calls, "run", run_until)
                patch.setattr(worktrees, "run", run_until)
            with pytest.raises(KeyboardInterrupt):
                worktrees.create(repository, root, 7)
        made = worktrees.create(repository, root, 7)
        assert made.branch.startswith("muxdeck/7")
        assert git(made.top, "status", "--porcelain") == ""
        assert sorted(os.listdir(root)) == ["7", "7.json"]
        assert git(repository, "worktree", "list").count("\n") == 1
        assert worktrees.create(repository, root, 7) == made

    def test_what_git_itself_left_half_made_is_made_afresh(self, repository, root) -> None:
        """As a git leaves it that is killed while it writes the files."""
        (root / "7.unfinished").parent.mkdir()
        (root / "7.unfinished").touch()
        git(repository, "worktree", "add", "--no-checkout", "--lock", str(root / "7"))
        (root / "7" / "a").write_text("on")
        made = worktrees.create(repository, root, 7)
        assert git(made.top, "status", "--porcelain") == ""
        assert git(repository, "worktree", "list").count("\n") == 1
        assert "locked" not in git(repository, "worktree", "list")

    def test_two_tasks_at_once_have_one_each(self, repository, root) -> None:
        with ThreadPoolExecutor(8) as threads:
            made = list(threads.map(lambda task: worktrees.create(repository, root, task), range(8)))
            assert [worktree.branch for worktree in made] == [f"muxdeck/{task}" for task in range(8)]
            assert all((worktree.top / "a").exists() for worktree in made)
            gone = [threads.submit(worktrees.remove, worktree, force=True) for worktree in made]
            more = [threads.submit(worktrees.create, repository, root, task) for task in range(10, 18)]
            assert [answer.result() for answer in gone] == [None] * 8
            assert all((answer.result().top / "a").exists() for answer in more)

    def test_one_task_twice_at_once_has_one(self, repository, root) -> None:
        with ThreadPoolExecutor(4) as threads:
            made = set(threads.map(lambda _: worktrees.create(repository, root, 7), range(4)))
        assert [worktree.branch for worktree in made] == ["muxdeck/7"]

    def test_of_a_bare_repository(self, repository, root, tmp_path) -> None:
        bare = tmp_path / "bare.git"
        git(tmp_path, "clone", "-q", "--bare", str(repository), str(bare))
        made = worktrees.create(bare, root, 7)
        assert (made.path, made.repository) == (root / "7", bare)
        commit(made.top, new="new\n")
        with pytest.raises(GitError, match=r"bare.git is bare, .*: merge muxdeck/7 by hand"):
            worktrees.merge(made)
        with pytest.raises(GitError, match="1 commit that no other branch has"):
            worktrees.remove(made, force=False)
        worktrees.remove(made, force=True)
        assert git(bare, "branch", "--list", "muxdeck/*") == ""

    def test_the_variables_of_another_git_do_not_lead_astray(self, repository, root, tmp_path, monkeypatch) -> None:
        monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
        monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
        assert worktrees.create(repository, root, 7).repository == repository


class TestErrors:
    def test_a_folder_in_no_repository(self, tmp_path, root) -> None:
        with pytest.raises(GitError, match=r"home is in no git repository: run git init"):
            worktrees.create(tmp_path / "home", root, 7)
        assert not root.exists()

    def test_a_folder_that_is_not_there(self, tmp_path, root) -> None:
        with pytest.raises(GitError, match=r"nowhere is not there"):
            worktrees.create(tmp_path / "nowhere", root, 7)

    def test_a_repository_without_a_commit(self, tmp_path, root) -> None:
        git(tmp_path, "init", "-q", "empty")
        with pytest.raises(GitError, match="empty is in a repository without a commit: commit something"):
            worktrees.create(tmp_path / "empty", root, 7)
        assert os.listdir(root) == []

    def test_a_worktree_of_another_repository_is_left_alone(self, tmp_path, root, worktree) -> None:
        git(tmp_path, "init", "-q", "other")
        commit(tmp_path / "other", a="a\n")
        with pytest.raises(GitError, match="7 is a worktree of something else: move it away"):
            worktrees.create(tmp_path / "other", root, 7)
        assert worktrees.diffstat(worktree).files == 0

    def test_a_worktree_that_somebody_else_has_made_is_left_alone(self, repository, root) -> None:
        git(repository, "worktree", "add", "-q", str(root / "7"))
        with pytest.raises(GitError, match="7 is a worktree of something else: move it away"):
            worktrees.create(repository, root, 7)

    def test_without_git(self, repository, root, monkeypatch, tmp_path) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(GitError, match="git is not there: install it"):
            worktrees.create(repository, root, 7)
        assert repository_of(repository) == repository

    def test_a_root_that_cannot_be_made(self, repository, tmp_path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(GitError, match="file/root: Not a directory: mend that"):
            worktrees.create(repository, tmp_path / "file" / "root", 7)

    def test_a_failure_leaves_nothing_half_made(self, repository, root) -> None:
        git(repository, "branch", "muxdeck")
        with pytest.raises(GitError, match=r"git checkout failed in .*7: fatal: .*muxdeck"):
            worktrees.create(repository, root, 7)
        assert os.listdir(root) == []
        assert "\n" not in git(repository, "worktree", "list")

    def test_a_git_that_does_not_end_is_stopped_with_all_it_has_started(
        self, repository, root, monkeypatch, tmp_path
    ) -> None:
        fifo = tmp_path / "fifo"
        os.mkfifo(fifo)
        writes = program(tmp_path / "bin" / "filter", tmp_path / "ran", f"exec 3<> '{fifo}'; cat <&3")
        git(repository, "config", "filter.slow.smudge", str(writes))
        commit(repository, **{".gitattributes": "a filter=slow\n"})
        run = calls.run

        def hurried(where, *words, **how):
            monkeypatch.setattr(calls, "DEADLINE", 2.0 if words[0] == "checkout" else 30.0)
            return run(where, *words, **how)

        monkeypatch.setattr(calls, "run", hurried)
        with pytest.raises(GitError, match=r"git checkout did not end within 2 s in .*7"):
            worktrees.create(repository, root, 7)
        assert (tmp_path / "ran").exists()
        until(lambda: not has_reader(fifo), "the filter is gone")
        assert os.listdir(root) == []

    def test_what_a_full_disk_says_is_told_with_what_to_do(self, repository) -> None:
        told = Told(128, b"", "error: unable to write file a: No space left on device\nfatal: bad\n")
        assert str(failure(Path("/where"), ("add",), told)).startswith("/where cannot be written, the disk")

    def test_what_reaches_the_screen_is_inert(self, tmp_path, root) -> None:
        (tmp_path / "red\033[31m\n").mkdir()
        with pytest.raises(GitError) as caught:
            worktrees.create(tmp_path / "red\033[31m\n", root, 7)
        assert str(caught.value).isprintable()


class TestDiff:
    def test_nothing_differs_at_first(self, worktree) -> None:
        assert worktrees.diffstat(worktree) == DiffStat(0, 0, 0, 0, uncommitted=False, names=())
        assert worktrees.diff(worktree, 1000) == b""

    def test_everything_counts_committed_staged_changed_new_and_gone(self, worktree) -> None:
        commit(worktree.top, committed="1\n2\n")
        (worktree.top / "staged").write_text("1\n")
        git(worktree.top, "add", "staged")
        (worktree.top / "a").write_text("one\nTWO\nthree\n")
        (worktree.top / "sub" / "new").write_text("1\n2\n3\n")
        (worktree.top / "b").unlink()
        (worktree.top / "binary").write_bytes(b"\0" * 10)
        names = ("a", "b", "binary", "committed", "staged", "sub/new")
        assert worktrees.diffstat(worktree) == DiffStat(6, 7, 2, 1, uncommitted=True, names=names)
        patch = worktrees.diff(worktree, 100_000).decode()
        assert all(f" b/{name}\n" in patch for name in names)
        assert "+TWO" in patch

    def test_it_is_the_same_once_all_is_committed(self, worktree) -> None:
        (worktree.top / "new").write_text("1\n")
        before = worktrees.diffstat(worktree)
        commit(worktree.top)
        assert worktrees.diffstat(worktree) == before._replace(commits=1, uncommitted=False)

    def test_the_index_and_the_objects_stay_as_they_are(self, repository, worktree) -> None:
        (worktree.top / "staged").write_text("1\n")
        git(worktree.top, "add", "staged")
        (worktree.top / "new").write_text("of which no copy is kept\n")
        index = Path(git(worktree.top, "rev-parse", "--absolute-git-dir"), "index")
        before = index.read_bytes(), index.stat().st_mtime_ns
        worktrees.diffstat(worktree)
        worktrees.diff(worktree, 1000)
        assert (index.read_bytes(), index.stat().st_mtime_ns) == before
        kept = repository / ".git" / "objects" / git(worktree.top, "hash-object", "new")[:2]
        assert not (kept / git(worktree.top, "hash-object", "new")[2:]).exists()

    def test_a_change_right_after_the_index_was_written_is_seen(self, worktree) -> None:
        """Same size, same time as the index knows: git looks into the file because the index is no younger."""
        git(worktree.top, "config", "core.trustctime", "false")
        index = Path(git(worktree.top, "rev-parse", "--absolute-git-dir"), "index")
        at = (1_700_000_000, 1_700_000_000)
        os.utime(worktree.top / "b", at)
        git(worktree.top, "update-index", "--refresh")
        os.utime(index, at)
        (worktree.top / "b").write_text("B\n")
        os.utime(worktree.top / "b", at)
        assert worktrees.diffstat(worktree).names == ("b",)

    @pytest.mark.parametrize("staged", [False, True])
    def test_names_are_any_bytes(self, worktree, staged) -> None:
        for name in AWKWARD:
            (worktree.top / name).write_text("1\n")
        if staged:
            commit(worktree.top)
        assert sorted(worktrees.diffstat(worktree).names) == sorted(AWKWARD)

    def test_a_renamed_file_counts_once(self, worktree) -> None:
        git(worktree.top, "config", "diff.renames", "false")
        git(worktree.top, "mv", "c", "two\nlines")
        assert worktrees.diffstat(worktree) == DiffStat(1, 0, 0, 0, uncommitted=True, names=("two\nlines",))

    def test_of_many_names_the_first_hundred_are_told(self, worktree) -> None:
        for number in range(120):
            (worktree.top / f"n{number:03}").touch()
        found = worktrees.diffstat(worktree)
        assert (found.files, len(found.names), found.names[-1]) == (120, 100, "n099")

    def test_ignored_files_do_not_count(self, worktree) -> None:
        commit(worktree.top, **{".gitignore": "*.log\n"})
        (worktree.top / "x.log").touch()
        assert worktrees.diffstat(worktree).names == (".gitignore",)
        assert not worktrees.diffstat(worktree).uncommitted

    def test_a_repository_inside_it_is_no_obstacle(self, worktree) -> None:
        git(worktree.top, "init", "-q", "inner")
        (worktree.top / "inner" / "file").touch()
        (worktree.top / "later").write_text("1\n")
        found = worktrees.diffstat(worktree)
        assert (found.names, found.uncommitted) == (("later",), True)

    def test_a_merge_that_is_under_way_is_told_file_by_file(self, repository, worktree) -> None:
        commit(worktree.top, a="mine\n")
        commit(repository, a="theirs\n")
        subprocess.run(["git", "-C", worktree.top, "merge", "-q", "main"], capture_output=True, check=False)
        assert worktrees.diffstat(worktree).names == ("a",)
        assert b"+<<<<<<< HEAD" in worktrees.diff(worktree, 10_000)

    def test_a_long_diff_is_cut(self, worktree) -> None:
        (worktree.top / "new").write_text("0123456789\n" * 300_000)
        assert len(worktrees.diff(worktree, 100_000)) == 100_000

    def test_how_the_person_likes_diffs_changes_nothing(self, worktree) -> None:
        (worktree.top / "sub" / "new").write_text("1\n")
        before = worktrees.diff(worktree, 10_000), worktrees.diffstat(worktree)
        for setting in ("diff.noprefix=true", "color.ui=always", "diff.relative=true", "diff.renames=false",
                        "status.showUntrackedFiles=no", "core.quotePath=true", "diff.external=false"):  # fmt: skip
            git(worktree.top, "config", *setting.split("="))
        assert (worktrees.diff(worktree, 10_000), worktrees.diffstat(worktree)) == before

    def test_a_worktree_that_is_gone_is_told(self, worktree) -> None:
        worktrees.remove(worktree, force=True)
        with pytest.raises(GitError, match="7 is not there"):
            worktrees.diffstat(worktree)


def test_nothing_that_the_repository_names_is_run(repository, root, tmp_path) -> None:
    ran = tmp_path / "ran"
    kinds = ("post-checkout", "reference-transaction", "post-index-change", "pre-merge-commit", "commit-msg",
             "prepare-commit-msg", "post-merge", "pre-auto-gc")  # fmt: skip
    for kind in kinds:
        program(repository / ".git" / "hooks" / kind, ran)
    bin_ = tmp_path / "bin"
    commit(repository, **{".gitattributes": "* diff=evil\n"})
    for setting in ("core.fsmonitor", "diff.evil.textconv", "diff.evil.command", "diff.external", "core.editor",
                    "gpg.program", "core.pager"):  # fmt: skip
        git(repository, "config", setting, str(program(bin_ / setting, ran)))
    git(repository, "config", "commit.gpgSign", "true")
    git(repository, "config", "branch.main.mergeOptions", "--edit --squash")
    git(repository, "status")
    assert {"core.fsmonitor", "reference-transaction"} <= set(ran.read_text().split()), "they would run"
    ran.unlink()
    made = worktrees.create(repository, root, 7)
    (made.top / "a").write_text("changed\n")
    (made.top / "new").write_text("new\n")
    assert worktrees.diffstat(made).names == ("a", "new")
    assert b"+changed" in worktrees.diff(made, 10_000)
    git(made.top, "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=", "commit", "-aqm.", "--no-gpg-sign")
    (made.top / "new").unlink()
    ran.unlink(missing_ok=True)
    worktrees.merge(made)
    worktrees.remove(made, force=False)
    assert repository_of(repository) == repository
    assert not ran.exists(), ran.read_text()


class TestRemove:
    def test_what_is_merged_goes_with_its_branch(self, repository, root, worktree) -> None:
        commit(worktree.top, new="new\n")
        worktrees.merge(worktree)
        worktrees.remove(worktree, force=False)
        assert os.listdir(root) == []
        assert git(repository, "branch", "--list", "muxdeck/*") == ""
        assert "\n" not in git(repository, "worktree", "list")
        worktrees.remove(worktree, force=False)
        worktrees.remove(worktree, force=True)

    def test_what_would_be_lost_is_told_and_kept(self, worktree) -> None:
        commit(worktree.top, new="new\n")
        (worktree.top / "a").write_text("changed\n")
        for name in ("x", "y", "z"):
            (worktree.top / name).touch()
        lost = "7 has uncommitted a, x, y and 1 more and 1 commit that no other branch has: merge it, or remove it with"
        with pytest.raises(GitError, match=lost):
            worktrees.remove(worktree, force=False)
        assert worktrees.diffstat(worktree).files == 5

    def test_with_force_it_all_goes(self, repository, root, worktree) -> None:
        commit(worktree.top, new="new\n")
        (worktree.top / "a").write_text("changed\n")
        git(worktree.top, "worktree", "lock", str(worktree.top))
        worktrees.remove(worktree, force=True)
        assert os.listdir(root) == []
        assert git(repository, "branch", "--list", "muxdeck/*") == ""

    def test_a_lock_holds_without_force(self, worktree) -> None:
        git(worktree.top, "worktree", "lock", str(worktree.top))
        with pytest.raises(GitError, match="locked"):
            worktrees.remove(worktree, force=False)
        assert worktrees.diffstat(worktree).files == 0

    def test_commits_without_a_branch_would_be_lost(self, worktree) -> None:
        git(worktree.top, "checkout", "-q", "--detach")
        commit(worktree.top, new="new\n")
        with pytest.raises(GitError, match="1 commit that no other branch has"):
            worktrees.remove(worktree, force=False)

    def test_commits_on_another_branch_are_not_lost(self, repository, worktree) -> None:
        git(worktree.top, "checkout", "-q", "-b", "elsewhere")
        head = commit(worktree.top, new="new\n")
        worktrees.remove(worktree, force=False)
        assert git(repository, "rev-parse", "elsewhere") == head

    def test_a_folder_that_is_gone_takes_no_commits_with_it(self, repository, worktree) -> None:
        commit(worktree.top, new="new\n")
        subprocess.run(["rm", "-r", worktree.top], check=True)
        with pytest.raises(GitError, match="1 commit that no other branch has"):
            worktrees.remove(worktree, force=False)
        worktrees.remove(worktree, force=True)
        assert git(repository, "branch", "--list", "muxdeck/*") == ""

    @pytest.mark.parametrize("what", ["repository", "link"])
    def test_with_force_it_goes_even_where_git_knows_it_no_more(self, repository, root, worktree, what) -> None:
        gone = repository if what == "repository" else worktree.top / ".git"
        subprocess.run(["rm", "-r", gone], check=True)
        with pytest.raises(GitError):
            worktrees.remove(worktree, force=False)
        assert (worktree.top / "a").exists()
        worktrees.remove(worktree, force=True)
        assert os.listdir(root) == []

    def test_submodules_do_not_keep_it_unless_they_hold_something(self, repository, root, tmp_path) -> None:
        git(tmp_path, "init", "-q", "inner")
        commit(tmp_path / "inner", file="file\n")
        add = ("-c", "protocol.file.allow=always", "submodule", "--quiet")
        git(repository, *add, "add", str(tmp_path / "inner"), "module")
        commit(repository)
        made = worktrees.create(repository, root, 7)
        assert repository_of(repository / "module") == repository / ".git" / "modules" / "module"
        worktrees.remove(made, force=False)
        made = worktrees.create(repository, root, 7)
        git(made.top, *add, "update", "--init")
        git(made.top, "config", "submodule.module.ignore", "all")
        (made.top / "module" / "file").write_text("changed\n")
        assert worktrees.diffstat(made).uncommitted
        with pytest.raises(GitError, match="7 has uncommitted module and submodules of its own"):
            worktrees.remove(made, force=False)
        worktrees.remove(made, force=True)


class TestMerge:
    def test_the_branch_is_in_the_one_that_is_checked_out(self, repository, worktree) -> None:
        head = commit(worktree.top, new="new\n")
        (repository / "untracked").write_text("kept")
        merged = worktrees.merge(worktree)
        assert git(repository, "rev-parse", "main") == merged
        assert git(repository, "rev-parse", "main^1", "main^2") == f"{worktree.base}\n{head}"
        assert (repository / "new").read_text() == "new\n"
        assert (repository / "untracked").read_text() == "kept"
        with pytest.raises(GitError, match="muxdeck/7 has no commit that main has not: there is nothing to merge"):
            worktrees.merge(worktree)

    def test_with_a_message_everything_is_committed_first(self, repository, worktree, tmp_path) -> None:
        witness = tmp_path / "ran"
        program(repository / ".git" / "hooks" / "pre-commit", witness)
        (worktree.top / ".gitignore").write_text("ignored\n")
        for name in ("new", "ignored"):
            (worktree.top / name).write_text("text\n")
        (worktree.top / "b").unlink()
        worktrees.merge(worktree, "Tidied")
        assert git(repository, "log", "-1", "--format=%s", "muxdeck/7") == "Tidied"
        assert (repository / "new").read_text() == "text\n"
        assert not (repository / "b").exists()
        assert not (repository / "ignored").exists()
        assert not witness.exists(), "no hook of the repository has run"

    def test_conflicts_in_the_worktree_are_never_committed(self, repository, worktree) -> None:
        commit(worktree.top, a="mine\n")
        commit(repository, a="theirs\n")
        with pytest.raises(GitError, match="conflicts with main in a"):
            worktrees.merge(worktree)
        merging = ["git", "-C", worktree.top, "merge", "-q", "main"]
        assert subprocess.run(merging, capture_output=True, check=False).returncode == 1
        with pytest.raises(GitError, match=r"7 has conflicts in a: resolve them there, then merge"):
            worktrees.merge(worktree, "Both")
        (worktree.top / "a").write_text("both\n")
        git(worktree.top, "add", "a")
        worktrees.merge(worktree, "Both")
        assert (repository / "a").read_text() == "both\n"

    def test_a_message_alone_makes_no_commit(self, worktree) -> None:
        with pytest.raises(GitError, match="nothing to merge"):
            worktrees.merge(worktree, "Nothing")
        assert worktrees.diffstat(worktree).commits == 0

    def test_both_sides_may_have_gone_on(self, repository, worktree) -> None:
        commit(worktree.top, new="new\n")
        commit(repository, other="other\n")
        worktrees.merge(worktree)
        assert (repository / "new").exists()
        assert (repository / "other").exists()

    def test_a_conflict_is_undone_and_told(self, repository, worktree) -> None:
        commit(worktree.top, a="mine\n", new="new\n")
        head = commit(repository, a="theirs\n")
        told = r"muxdeck/7 conflicts with main in a, nothing is merged: merge main into the worktree .*7 first"
        with pytest.raises(GitError, match=told):
            worktrees.merge(worktree)
        assert git(repository, "rev-parse", "HEAD") == head
        assert git(repository, "status", "--porcelain") == ""
        assert not (repository / ".git" / "MERGE_HEAD").exists()

    def test_a_file_that_is_in_the_way_stays(self, repository, worktree) -> None:
        commit(worktree.top, new="new\n")
        (repository / "new").write_text("the person's")
        with pytest.raises(GitError, match=r"git merge failed .*untracked .*merge: new"):
            worktrees.merge(worktree)
        assert (repository / "new").read_text() == "the person's"

    @pytest.mark.parametrize("side", ["repository", "worktree"])
    def test_nothing_uncommitted_is_passed_over(self, repository, worktree, side) -> None:
        commit(worktree.top, new="new\n")
        folder = repository if side == "repository" else worktree.top
        (folder / "b").write_text("changed\n")
        mend = "commit it there" if side == "repository" else "merge it with a message"
        with pytest.raises(GitError, match=f"{folder} has uncommitted b: {mend}"):
            worktrees.merge(worktree)
        assert git(repository, "rev-parse", "HEAD") == worktree.base

    def test_a_renamed_file_is_told_by_both_its_names(self, worktree) -> None:
        git(worktree.top, "mv", "c", "d")
        with pytest.raises(GitError, match="7 has uncommitted c, d: merge it with a message"):
            worktrees.merge(worktree)

    def test_a_new_file_in_the_worktree_is_uncommitted(self, worktree) -> None:
        (worktree.top / "new").touch()
        with pytest.raises(GitError, match="7 has uncommitted new"):
            worktrees.merge(worktree)

    def test_a_merge_of_the_persons_own_is_left_alone(self, repository, worktree) -> None:
        commit(worktree.top, new="new\n")
        git(repository, "checkout", "-q", "-b", "side")
        commit(repository, side="side\n")
        git(repository, "checkout", "-q", "main")
        git(repository, "merge", "-q", "--no-ff", "--no-commit", "-s", "ours", "side")
        with pytest.raises(GitError, match="in the middle of another merge"):
            worktrees.merge(worktree)
        assert (repository / ".git" / "MERGE_HEAD").exists()

    def test_it_needs_a_branch_on_both_sides(self, repository, worktree) -> None:
        git(worktree.top, "checkout", "-q", "-b", "elsewhere")
        with pytest.raises(GitError, match="7 is not on its branch: check out muxdeck/7 there"):
            worktrees.merge(worktree)
        git(worktree.top, "checkout", "-q", worktree.branch)
        git(repository, "checkout", "-q", "--detach")
        with pytest.raises(GitError, match="repository has no branch checked out"):
            worktrees.merge(worktree)

    @pytest.mark.parametrize("diverged", [False, True])
    def test_without_an_author_it_says_so_and_undoes_it(self, repository, worktree, diverged, monkeypatch) -> None:
        commit(worktree.top, new="new\n")
        head = commit(repository, other="other\n") if diverged else worktree.base
        Path(os.environ["GIT_CONFIG_GLOBAL"]).write_text("[user]\nuseConfigOnly = true\n")
        with pytest.raises(GitError, match=r"repository has no author for a commit: set user.name"):
            worktrees.merge(worktree)
        assert git(repository, "status", "--porcelain") == ""
        assert git(repository, "rev-parse", "HEAD") == head

    def test_two_at_once_are_merged_one_after_the_other(self, repository, root) -> None:
        made = [worktrees.create(repository, root, task) for task in range(4)]
        for task, worktree in enumerate(made):
            commit(worktree.top, **{f"new{task}": "new\n"})
        with ThreadPoolExecutor(4) as threads:
            assert len(set(threads.map(worktrees.merge, made))) == 4
        assert all((repository / f"new{task}").exists() for task in range(4))


class TestRepositoryOf:
    def test_it_is_the_same_for_all_worktrees(self, repository, worktree) -> None:
        for folder in (repository, repository / "sub" / "deep", worktree.top, worktree.top / "sub"):
            assert repository_of(folder) == repository

    def test_of_a_bare_one_it_is_its_own_folder(self, repository, tmp_path) -> None:
        bare = tmp_path / "bare.git"
        git(tmp_path, "clone", "-q", "--bare", str(repository), str(bare))
        git(bare, "worktree", "add", "-q", str(tmp_path / "linked"))
        for folder in (bare, bare / "objects", tmp_path / "linked"):
            assert repository_of(folder) == bare

    def test_of_one_whose_git_folder_is_elsewhere_it_is_that(self, tmp_path) -> None:
        git(tmp_path, "init", "-q", "--separate-git-dir", str(tmp_path / "kept"), str(tmp_path / "top"))
        commit(tmp_path / "top", a="a\n")
        git(tmp_path / "top", "worktree", "add", "-q", str(tmp_path / "linked"))
        assert repository_of(tmp_path / "top") == repository_of(tmp_path / "linked") == tmp_path / "kept"

    def test_a_way_by_a_link_leads_to_the_same(self, repository, tmp_path) -> None:
        (tmp_path / "way").symlink_to(repository / "sub")
        assert repository_of(tmp_path / "way" / "deep") == repository

    def test_it_is_none_where_there_is_no_repository(self, tmp_path) -> None:
        (tmp_path / ".git").mkdir()
        (tmp_path / "below").mkdir()
        os.mkfifo(tmp_path / "below" / ".git")
        for folder in (tmp_path, tmp_path / "below", tmp_path / "nowhere"):
            assert repository_of(folder) is None

    @pytest.mark.parametrize("name", AWKWARD)
    def test_names_are_any_bytes(self, repository, tmp_path, root, name) -> None:
        repository.rename(tmp_path / name)
        made = worktrees.create(tmp_path / name, root, 7)
        assert made.repository == repository_of(made.path) == tmp_path / name


class TestSharing:
    """A task that goes on with what another has begun works where that one did."""

    def test_the_later_task_has_the_worktree_of_the_earlier(self, repository, root, worktree) -> None:
        (worktree.top / "new").touch()
        for _ in range(2):
            assert worktrees.create(repository, root, 9, 7) == worktree
        assert worktrees.create(repository, root, 11, 9) == worktree
        assert worktrees.find(root, 9) == worktrees.find(root, 11) == worktree
        assert worktrees.all_of(root) == {7, 9, 11}
        worktrees.remove(worktree, force=True)
        assert [worktrees.find(root, task) for task in (7, 9, 11)] == [None] * 3

    def test_where_the_earlier_one_has_none_the_later_gets_its_own(self, repository, root, worktree) -> None:
        assert worktrees.create(repository, root, 9, 5).top == root / "9"
        worktrees.remove(worktree, force=True)
        assert worktrees.create(repository, root, 11, 7).top == root / "11"

    def test_a_task_that_has_a_worktree_of_its_own_keeps_it(self, repository, root, worktree) -> None:
        own = worktrees.create(repository, root, 9)
        assert worktrees.create(repository, root, 9, 7) == own

    def test_links_to_a_worktree_that_is_gone_are_no_worktrees(self, repository, root, worktree) -> None:
        worktrees.create(repository, root, 9, 7)
        worktrees.remove(worktree, force=True)
        assert worktrees.all_of(root) == set()


class TestForgetting:
    def test_nothing_that_is_nowhere_else_goes_with_a_task(self, repository, root, worktree) -> None:
        (worktree.top / "new").touch()
        with pytest.raises(GitError, match="7 has uncommitted new"):
            worktrees.forget(root, 7)
        assert worktrees.find(root, 7) == worktree
        (worktree.top / "new").unlink()
        worktrees.forget(root, 7)
        assert os.listdir(root) == []
        assert git(repository, "branch", "--list", "muxdeck/*") == ""

    def test_a_task_that_shares_a_worktree_leaves_it_to_the_other(self, repository, root, worktree) -> None:
        (worktree.top / "new").touch()
        worktrees.create(repository, root, 9, 7)
        worktrees.forget(root, 9)
        assert worktrees.find(root, 9) is None
        assert worktrees.find(root, 7) == worktree
