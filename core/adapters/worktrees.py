"""Git worktrees for tasks: a folder and a branch of its own for each. Everything here blocks; paths are absolute."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core.adapters.git import GitError, answer, failure, git, output, run, shown
from core.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SHOWN_NAMES = 100
_DIFF = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--find-renames",
         "--submodule=short", "--src-prefix=a/", "--dst-prefix=b/")  # fmt: skip
_STATUS = ("status", "--porcelain", "--no-renames", "-z", "--ignore-submodules=none")


class Worktree(NamedTuple):
    path: Path
    """The folder in it that stands for the one the task was given."""
    top: Path
    branch: str
    base: str
    """The commit it began with."""
    repository: Path
    """The top of the main worktree, or the folder of a bare repository."""


class DiffStat(NamedTuple):
    """What differs from the base, committed or not; a file that was renamed counts once."""

    files: int
    insertions: int
    deletions: int
    commits: int
    uncommitted: bool
    """Something is changed or new that no commit holds; ignored files do not count."""
    names: tuple[str, ...]
    """The first hundred, from the top of the worktree; bytes that are no UTF-8 are escaped as surrogates."""


def create(cwd: Path, root: Path, task: int, earlier: int | None = None) -> Worktree:
    """A worktree at `root/<task>` of the repository that `cwd` is in, on a new branch from the HEAD that `cwd` has.

    Once made it is returned as it is found, whatever was done in it since; what an earlier call left half made is made
    afresh. What else lies there is moved aside, and never deleted. Submodules are not filled. A task that goes on with
    what an `earlier` one has begun works in that one's worktree, where that is still there and it has none of its own:
    both have the same then.
    """
    begun = None if earlier is None or has_own(root, task) else find(root, earlier)
    if begun is not None and begun.top.is_dir():
        with _alone(begun.top), _in_words(root):
            _share(root, task, begun)
        return begun
    top, unfinished = root / str(task), root / f"{task}.unfinished"
    with _alone(top), _in_words(top):
        common = _common(cwd)
        repository = _repository(common)
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if unfinished.exists():
            _discard(repository, top)
        branch, base = _kept(top, common) or _make(cwd, repository, top, unfinished)
        unfinished.unlink(missing_ok=True)
        path = top / git(cwd, "rev-parse", "--show-prefix")
        path.mkdir(parents=True, exist_ok=True)
        made = Worktree(path, top, branch, base, repository)
        _keep_record(root, task, made)
        return made


def all_of(root: Path) -> frozenset[int]:
    """The tasks that have a worktree, their own or that of another."""
    try:
        names = (name.removesuffix(".json") for name in os.listdir(root) if name.endswith(".json"))
        return frozenset(int(name) for name in names if name.isdecimal() and _record(root, int(name)).exists())
    except OSError:
        return frozenset()


def has_own(root: Path, task: int) -> bool:
    record = _record(root, task)
    return record.exists() and not record.is_symlink()


def find(root: Path, task: int) -> Worktree | None:
    """The worktree that `create` has made, as it was told then; asks nobody and changes nothing."""
    try:
        told = json.loads(_record(root, task).read_bytes())
        path, top, branch, base, repository = told
        return Worktree(Path(path), Path(top), branch, base, Path(repository))
    except (OSError, ValueError, TypeError):
        return None


def at_work(root: Path, tree: Worktree, tasks: Iterable[int]) -> int | None:
    """The first of these tasks whose worktree it is too: several may go on with what one has begun."""
    return next((task for task in tasks if find(root, task) == tree), None)


def _record(root: Path, task: int) -> Path:
    return root / f"{task}.json"


def _keep_record(root: Path, task: int, made: Worktree) -> None:
    growing = _record(root, task).with_suffix(".new")
    growing.write_text(json.dumps([os.fspath(part) for part in made]), encoding="ascii")
    growing.rename(_record(root, task))


def _share(root: Path, task: int, begun: Worktree) -> None:
    """By a link: with the worktree the record goes for both."""
    record = _record(root, task)
    if find(root, task) != begun:
        record.unlink(missing_ok=True)
        record.symlink_to(_record(root, int(begun.top.name)).name)


def forget(root: Path, task: int) -> None:
    """Without `force`, what `remove` does; where the worktree is another task's, that one keeps it."""
    found = find(root, task) if has_own(root, task) else None
    if found is None:
        _record(root, task).unlink(missing_ok=True)
    else:
        remove(found, force=False)


def diffstat(worktree: Worktree) -> DiffStat:
    """GitError where the worktree or its base is gone."""
    top, base = worktree.top, worktree.base
    with _in_words(top):
        with _full_index(top) as index:
            fields = iter(output(top, *_DIFF, "--numstat", "-z", base, "--", index=index).split(b"\0")[:-1])
        names, insertions, deletions = [], 0, 0
        for field in fields:
            added, gone, name = field.split(b"\t", 2)
            if not name:
                _, name = next(fields), next(fields)
            names.append(os.fsdecode(name))
            insertions += int(added.replace(b"-", b"0"))
            deletions += int(gone.replace(b"-", b"0"))
        commits = int(git(top, "rev-list", "--count", f"{base}..HEAD"))
        return DiffStat(len(names), insertions, deletions, commits, bool(_uncommitted(top)), tuple(names[:SHOWN_NAMES]))


def diff(worktree: Worktree, limit: int) -> bytes:
    """At most the first `limit` bytes of what differs from the base, committed or not, as a patch."""
    with _in_words(worktree.top), _full_index(worktree.top) as index:
        return output(worktree.top, *_DIFF, "--patch", worktree.base, "--", index=index, limit=limit)


def remove(worktree: Worktree, *, force: bool) -> None:
    """Deletes the worktree and its branch, for good; harmless when repeated.

    Without `force` only where every commit is in another branch, a tag or a remote branch too, and nothing but ignored
    files is uncommitted; with it even where the worktree is locked. Nothing may run in the worktree any more.
    """
    _, top, branch, _, repository = worktree
    with _alone(top), _alone(repository), _in_words(top):
        lost = [] if force else _lost(worktree)
        if lost:
            raise GitError(f"{shown(top)} has {' and '.join(lost)}: merge it, or remove it with force")
        if force and top.exists():
            shutil.rmtree(top)
        words = ("worktree", "remove", *["--force"] * (1 + force), str(top))
        told = run(repository, *words)
        if told.code and top.exists():
            raise failure(repository, words, told)
        if answer(repository, "rev-parse", "--verify", "-q", f"refs/heads/{branch}") is not None:
            git(repository, "branch", "-D", branch)
        _record(top.parent, int(top.name)).unlink(missing_ok=True)


def merge(worktree: Worktree, message: str | None = None) -> str:
    """Merges the branch into the one that is checked out in the repository; returns the commit this has then.

    Always by a commit of its own, unsigned, and without the repository's hooks, like all of git here. With a message
    everything in the worktree that is uncommitted, and not ignored, is committed first. Refused where a tracked file of
    the repository is changed, where anything in the worktree stays uncommitted, and where there is nothing to merge. A
    conflict is undone and told.
    """
    repository, branch = worktree.repository, worktree.branch
    with _alone(repository), _in_words(repository):
        into = _mergeable(worktree, committing=message is not None)
        if message is not None and _uncommitted(worktree.top):
            git(worktree.top, "add", "--all")
            git(worktree.top, "commit", "--quiet", "--no-gpg-sign", "--message", message)
        if git(repository, "rev-list", "--count", f"HEAD..refs/heads/{branch}") == "0":
            raise GitError(f"{branch} has no commit that {shown(into)} has not: there is nothing to merge")
        words = ("merge", "--no-ff", "--commit", "--no-squash", "--no-edit", "--no-gpg-sign", f"refs/heads/{branch}")
        try:
            git(repository, *words)
        except GitError:
            unmerged = _unmerged(repository)
            if run(repository, "merge", "--abort").code or not unmerged:
                raise
            raise GitError(
                f"{branch} conflicts with {shown(into)} in {_listed(unmerged)}, nothing is merged: "
                f"merge {shown(into)} into the worktree {shown(worktree.top)} first"
            ) from None
        return git(repository, "rev-parse", "HEAD")


def _mergeable(worktree: Worktree, *, committing: bool) -> str:
    """The branch to merge into; GitError where that cannot be, or would leave something behind."""
    _, top, branch, _, repository = worktree
    where = shown(repository)
    if answer(repository, "rev-parse", "--is-inside-work-tree") != "true":
        raise GitError(f"{where} is bare, no branch is checked out in it: merge {branch} by hand")
    into = answer(repository, "symbolic-ref", "-q", "--short", "HEAD")
    if into is None:
        raise GitError(f"{where} has no branch checked out: check one out there, then merge")
    if answer(repository, "rev-parse", "--verify", "-q", "MERGE_HEAD") is not None:
        raise GitError(f"{where} is in the middle of another merge: conclude it or abort it there")
    if answer(top, "symbolic-ref", "-q", "--short", "HEAD") != branch:
        raise GitError(f"{shown(top)} is not on its branch: check out {branch} there, with all that is to merge")
    if changed := _uncommitted(repository, untracked="no"):
        raise GitError(f"{where} has uncommitted {_listed(changed)}: commit it there, then merge")
    if unmerged := _unmerged(top):
        raise GitError(f"{shown(top)} has conflicts in {_listed(unmerged)}: resolve them there, then merge")
    if not committing and (changed := _uncommitted(top)):
        raise GitError(
            f"{shown(top)} has uncommitted {_listed(changed)}: merge it with a message (-m) to commit that first"
        )
    return into


def _unmerged(top: Path) -> list[bytes]:
    """Names of what is in conflict."""
    return output(top, "diff", "--name-only", "--diff-filter=U", "-z").split(b"\0")[:-1]


def _lost(worktree: Worktree) -> list[str]:
    """What would be gone with the worktree and its branch."""
    _, top, branch, _, repository = worktree
    lost = []
    if top.exists():
        if changed := _uncommitted(top):
            lost.append(f"uncommitted {_listed(changed)}")
        if Path(top, git(top, "rev-parse", "--git-path", "modules")).exists():
            lost.append("submodules of its own")
    tips = (
        answer(top, "rev-parse", "HEAD"),
        answer(repository, "rev-parse", "--verify", "-q", f"refs/heads/{branch}"),
    )
    others = ("--not", f"--exclude={branch}", "--branches", "--tags", "--remotes")
    found = [tip for tip in tips if tip is not None]
    commits = int(git(repository, "rev-list", "--count", *found, *others)) if found else 0
    if commits:
        lost.append(f"{plural(commits, 'commit')} that no other branch has")
    return lost


def _kept(top: Path, common: str) -> tuple[str, str] | None:
    """Branch and base of the worktree that an earlier call has made; None where there is none."""
    if answer(top, "rev-parse", "--show-toplevel") != os.path.realpath(top):
        return None
    mark = git(top, "for-each-ref", "--count=1", "--format=%(refname:lstrip=2) %(objectname)", "refs/worktree/muxdeck")
    branch, _, base = mark.partition(" ")
    if not base or _common(top) != common:
        raise GitError(f"{shown(top)} is a worktree of something else: move it away with git worktree move")
    return branch, base


def _make(cwd: Path, repository: Path, top: Path, unfinished: Path) -> tuple[str, str]:
    """Branch and base of a new worktree. The base is kept in a reference that git deletes with the worktree."""
    base = answer(cwd, "rev-parse", "--verify", "-q", "HEAD^{commit}")
    if base is None:
        raise GitError(f"{shown(cwd)} is in a repository without a commit: commit something there first")
    taken = git(cwd, "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/muxdeck").split("\n")
    names = itertools.chain([f"muxdeck/{top.name}"], (f"muxdeck/{top.name}-{number}" for number in itertools.count(2)))
    branch = next(name for name in names if name not in taken)
    _move_aside(top)
    unfinished.touch(mode=0o600)
    try:
        with _alone(repository):
            git(cwd, "worktree", "add", "--force", "--force", "--detach", "--no-checkout", str(top), base)
        git(top, "update-ref", f"refs/worktree/{branch}", base)
        git(top, "checkout", "--quiet", "--force", "--no-track", "-b", branch)
    except GitError:
        _discard(repository, top)
        unfinished.unlink()
        raise
    return branch, base


def _move_aside(top: Path) -> None:
    """Makes room for a new worktree; an empty folder may stay."""
    if top.exists() and not (top.is_dir() and not any(top.iterdir())):
        places = (top.with_name(f"{top.name}.aside-{number}") for number in itertools.count(1))
        top.rename(next(place for place in places if not place.exists()))


def _discard(repository: Path, top: Path) -> None:
    """Nothing has ever run in it."""
    shutil.rmtree(top, ignore_errors=True)
    with _alone(repository):
        run(repository, "worktree", "remove", "--force", "--force", str(top))


def _common(cwd: Path) -> str:
    """The git folder that all worktrees of a repository share."""
    return os.path.realpath(os.path.join(cwd, git(cwd, "rev-parse", "--git-common-dir")))


def _repository(common: str) -> Path:
    told = answer(Path(common), "rev-parse", "--show-toplevel")
    return Path(told or (os.path.dirname(common) if os.path.basename(common) == ".git" else common))


def _uncommitted(top: Path, untracked: str = "normal") -> list[bytes]:
    """Names of what no commit holds."""
    entries = output(top, *_STATUS, f"--untracked-files={untracked}").split(b"\0")[:-1]
    return [entry[3:] for entry in entries]


@contextmanager
def _full_index(top: Path) -> Iterator[str]:
    """A copy of the index that knows every untracked file too; their contents are stored nowhere.

    The time of the copy is that of the index: by it git tells which files may have changed unnoticed.
    """
    with tempfile.TemporaryDirectory(prefix="muxdeck-") as folder:
        copy = f"{folder}/index"
        with suppress(FileNotFoundError):
            shutil.copy2(os.path.join(top, git(top, "rev-parse", "--git-path", "index")), copy)
        words = ("add", "--intent-to-add", "--ignore-errors", "--", ".")
        told = run(top, *words, index=copy)
        if told.code > 1:  # 1: passed over what git cannot hold, like a repository in it that has no commit
            raise failure(top, words, told)
        yield copy


_turns = threading.Condition()
_busy: set[Path] = set()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One thread at a time for each worktree and for each repository, taken in this order.

    The repository's turn is for what adds or removes a worktree: git fails where it meets one that another git is just
    making (seen with 2.39: "failed to read commondir"). The files are written outside of it.
    """
    with _turns:
        _turns.wait_for(lambda: folder not in _busy)
        _busy.add(folder)
    try:
        yield
    finally:
        with _turns:
            _busy.remove(folder)
            _turns.notify_all()


@contextmanager
def _in_words(folder: Path) -> Iterator[None]:
    """What the disk refuses is told as what git refuses is."""
    try:
        yield
    except OSError as error:
        where = folder if error.filename is None else error.filename
        raise GitError(f"{shown(where)}: {error.strerror}: mend that and try again") from error


def _listed(names: list[bytes]) -> str:
    """The first three of them, for the screen."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(shown(os.fsdecode(name)) for name in names[:3]) + more
