"""Faults of the machine, each made and taken away on a running engine: what was said, what it cost, what healed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tests.trials import making, mounts
from tests.trials.deck import CONFIG, Deck, SilenceError
from tests.trials.scene import ALL_BEFORE, DURING, OUTLIVES, RUNNING, Account, Fault, Scene, play
from tests.trials.table import printable, some

if TYPE_CHECKING:
    import argparse

DISK = 32
"""Megabytes."""
PLAIN_USER = 64_999
"""A user that nobody is: it has no processes but those of the trial."""
_INSIDE = "TRIAL_USERS"

ANY = ALL_BEFORE | {DURING}
TMPFS = frozenset({"tmpfs"})
STRACE = frozenset({"strace"})
INJECTED = (
    ("fdatasync", "EIO", "disk|written|durable|i/o|input/output"),
    ("fdatasync", "ENOSPC", "disk|room|space"),
    ("pwrite64", "ENOSPC", "disk|room|space"),
    ("pwrite64", "EROFS", "disk|read-only"),
    ("openat", "EMFILE", ""),
    ("openat", "EIO", ""),
    ("read", "EIO", ""),
    ("accept4", "EMFILE", ""),
    ("pidfd_open", "EMFILE", ""),
    ("clone,clone3,fork,vfork", "EAGAIN", ""),
)

FAULTS = (
    Fault("disk full", making.fill_disk, said="disk|room|space", needs=TMPFS),
    Fault("disk read-only", making.forbid_writing, said="read-only|disk", needs=TMPFS),
    Fault(
        "no inotify instances", making.no_inotify, said="inotify", starts_with_it=True, needs=frozenset({"namespace"})
    ),
    Fault("no file handles", making.take_handles, said="file handle"),
    Fault("no processes", making.take_processes, said="process", needs=frozenset({"user"})),
    Fault("database locked by somebody", making.lock_database, said="lock"),
    # What the journal still has, and what is asked for in vain, is put back before anybody can look.
    Fault("database overwritten", making.overwrite_database, may_cost=ANY),
    Fault("database cut short", making.cut_database, may_cost=ANY),
    Fault("database restored from an older copy", making.older_database, may_cost=ANY, said="database|older|replaced"),
    Fault("database removed", making.remove_database, may_cost=ANY, said="database|removed|gone"),
    Fault("socket removed", making.remove("run/engine.sock")),
    Fault("bell removed", making.remove("run/bell")),
    Fault("lock removed", making.remove("engine.lock")),
    Fault("run/ removed", making.remove("run"), may_cost=RUNNING),
    Fault("attempts/ removed", making.remove("attempts"), may_cost=RUNNING),
    Fault("slots/ removed", making.remove("slots"), may_cost=RUNNING),
    Fault("inputs/ removed", making.remove("inputs")),
    Fault("runs/ removed", making.remove("runs")),
    Fault("home moved away and back", making.move_home, quiet=True),
    Fault("tmux servers killed", making.kill_tmux, may_cost=RUNNING),
    Fault("tmux servers stopped", making.stop_tmux, said="tmux"),
    Fault("tmux sockets removed", making.remove("run/tmux-*.sock")),
    Fault("log removed", making.remove("engine.log")),
    Fault("a folder in place of the log", making.folder_for_log),
    *(
        Fault(f"{call} gives {error}", making.inject(call, error), said=said, needs=STRACE)
        for call, error, said in INJECTED
    ),
    Fault("a fifo in place of result.json", making.fifo_as_result),
    Fault(
        "garbage in an exit file, engine killed",
        making.garbage_as_exit,
        may_cost=frozenset({OUTLIVES}),
        said="exit|damaged",
        same_engine=False,
    ),
)
PREPARED = {"database restored from an older copy": making.copy_database}
"""What has to be done before the tasks are added."""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="faults with this in their names")
    parser.add_argument("--seconds", type=float, default=6, help="that each fault lasts")
    parser.add_argument("--patience", type=float, default=25, help="seconds within which it heals")


def run(given: argparse.Namespace) -> int:
    if mounts.is_root() and not mounts.inside():
        return mounts.enter("tests.trials")
    chosen = [fault for fault in FAULTS if _chosen(fault.name, given.only)]
    bad = 0
    print(_row("fault", "said meanwhile", "cost", "healed", "pid kept"))
    for fault in chosen:
        missing = _missing(fault, given.program)
        if missing:
            print(f"      {fault.name}: skipped: needs {missing}", flush=True)
        elif "namespace" in fault.needs and _INSIDE not in os.environ:
            bad += _in_namespace_of_users(fault) != 0
        else:
            bad += not _tried(fault, given)
    for name, special in SPECIAL.items():
        if _chosen(name, given.only):
            bad += not _tell_special(name, special(given))
    print(f"\n{bad} faults do not hold", flush=True)
    return 1 if bad else 0


def _chosen(name: str, only: list[str]) -> bool:
    return not only or any(text == name or (text in name and not text.startswith("=")) for text in only)


def _missing(fault: Fault, program: list[str] | None) -> str:
    """What this machine does not offer; empty if the fault can be made."""
    if fault.needs & {"tmpfs", "user", "namespace"} and not mounts.is_root():
        return "root"
    if "user" in fault.needs and not _runs_as_plain_user(program):
        return "a --program that a plain user can run"
    if "strace" in fault.needs and shutil.which("strace") is None:
        return "strace"
    return ""


def _runs_as_plain_user(program: list[str] | None) -> bool:
    with Deck(program, uid=PLAIN_USER) as deck:
        try:
            return deck.run("--version").code == 0
        except OSError:
            return False


def _in_namespace_of_users(fault: Fault) -> int:
    """The limits of inotify belong to such a namespace: those of everybody else stay as they are."""
    argv = ["unshare", "--user", "--map-root-user", "--mount", sys.executable, "-m", "tests.trials", "faults"]
    options = sys.argv[2:]
    while "--only" in options:
        at = options.index("--only")
        del options[at : at + 2]
    argv += [*options, "--only", fault.name]
    ran = subprocess.run(argv, env=os.environ | {_INSIDE: "1"}, check=False, capture_output=True, text=True)
    print("\n".join(ran.stdout.splitlines()[1:-2]) or f"FAIL  {fault.name}: {ran.stderr[-300:]}", flush=True)
    return ran.returncode


def _tried(fault: Fault, given: argparse.Namespace) -> bool:
    with ExitStack() as stack:
        disk = stack.enter_context(mounts.small_disk(DISK)) if "tmpfs" in fault.needs else None
        uid = PLAIN_USER if "user" in fault.needs else None
        deck = stack.enter_context(Deck(given.program, CONFIG, disk, uid))
        scene = Scene(deck, disk)
        stack.callback(scene.take_back)
        try:
            PREPARED.get(fault.name, lambda _scene: None)(scene)
            account = play(fault, scene, given.seconds, given.patience)
        except (RuntimeError, SilenceError, OSError, AssertionError) as error:
            print(f"FAIL  {fault.name}\n        the trial could not go on: {type(error).__name__}: {error}", flush=True)
            return False
        return _tell(fault, account, str(deck.home))


def _row(*words: str) -> str:
    widths = (40, 62, 38, 8, 8)
    return "      " + " | ".join(f"{word:<{width}}" for word, width in zip(words, widths, strict=True))


def _tell(fault: Fault, account: Account, home: str) -> bool:
    """Prints one fault: a line of the table, what each verb said, and what is wrong."""
    wrongs = account.wrongs(fault)
    said = some([words.replace(home, "HOME") for words, _ in account.said.most_common()], 2)
    cost = ", ".join(f"{word}: {how}" for word, how in account.costs.items()) or "nothing"
    healed = "no" if account.healed is None else f"{account.healed:.1f} s"
    row = _row(fault.name, said[:62], cost, healed, "yes" if account.same_engine else "no")
    print(("FAIL" if wrongs else "PASS") + row[4:].rstrip())
    for words, _ in account.said.most_common(4):
        print(f"        said: {printable(words.replace(home, 'HOME'))[:200]}")
    for verb, answer in account.verbs.items():
        if verb != "doctor" or answer.crashed:
            print(f"        {verb}: {printable(answer.words.replace(home, 'HOME'))[:200]}")
    for wrong in wrongs:
        print(f"        wrong: {printable(wrong.replace(home, 'HOME'))[:240]}")
    sys.stdout.flush()
    return not wrongs


def _tell_special(name: str, wrongs: list[str]) -> bool:
    print(f"{'FAIL' if wrongs else 'PASS'}  {name}")
    for wrong in wrongs:
        print(f"        wrong: {printable(wrong)[:240]}")
    sys.stdout.flush()
    return not wrongs


def _home_removed(given: argparse.Namespace) -> list[str]:
    """The engine ends in order, and a new one serves the same place."""
    with Deck(given.program) as deck:
        before = deck.start()
        deck.run("add", "-w", "--", "true")
        shutil.rmtree(deck.home, ignore_errors=True)
        deck.home.mkdir(mode=0o700, exist_ok=True)
        wrongs = []
        end = time.monotonic() + given.patience
        while before in deck.engines() and time.monotonic() < end:
            time.sleep(0.1)
        if before in deck.engines():
            wrongs.append(f"the engine of the removed home lives {given.patience:.0f} s later")
        said = deck.run("add", "-w", "--", "true", timeout=30)
        if said.code != 0:
            wrongs.append(f"a new engine in the same place: {said.words}")
        if len(deck.engines()) != 1:
            wrongs.append(f"{len(deck.engines())} engines serve one home")
        return wrongs


def _all_killed_at_once(given: argparse.Namespace) -> list[str]:
    return all_killed_at_once(given.program)


def all_killed_at_once(program: list[str] | None, tasks: int = 8) -> list[str]:
    """Engine, tmux and launchers die at one instant; the programs ignore it. None has a second copy while it lives."""
    from tests.trials.killing import kill_everything_but, overlaps, stubborn

    with Deck(program) as deck:
        deck.start()
        words = [f"p{one}" for one in range(tasks)]
        retried = ("-r", "3", "--retry-lost", "--retry-delay", "0s")
        numbers = [deck.shell(stubborn(deck, word), *retried) for word in words]
        kill_everything_but(deck, words)
        said = deck.run("engine", "start")
        wrongs = [] if said.code == 0 else [f"the next engine: {said.words}"]
        wrongs += [f"{word} was started again while it lived" for word in overlaps(deck, words)]
        states = deck.ended(*numbers, timeout=60)
        return wrongs + [
            f"task {number} is {state}" for number, state in zip(numbers, states, strict=True) if state == "running"
        ]


SPECIAL = {
    "home removed": _home_removed,
    "engine, tmux and launchers killed at once": _all_killed_at_once,
}
"""Faults with a course of their own: what was wrong."""
