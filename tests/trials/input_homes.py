"""Small inputs that come by the files of the home, and by who else holds them."""

from __future__ import annotations

import os
import shutil
import sqlite3
from typing import TYPE_CHECKING

from tests.trials import system
from tests.trials.faults import all_killed_at_once
from tests.trials.input_requests import Input, holds_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.trials.deck import Deck

LOCKED_FOR = 10
OUTPUT = 200 << 20
"""Bytes of a program that prints much."""


def attempt(deck: Deck, number: int) -> Path:
    return deck.home / "attempts" / f"{number}-1"


def garbage_exit(deck: Deck) -> Iterator[str]:
    """That attempt is damaged; the rest starts, and is as it was."""
    deck.start()
    ended = deck.shell("exit 3")
    deck.ended(ended)
    numbers = [deck.shell(f"{deck.gate('gate')}; exit {code}") for code in (4, 5)]
    _end_without_engine(deck, numbers)
    (attempt(deck, numbers[0]) / "exit").write_text("abc\n")
    said = deck.run("engine", "start")
    if said.code != 0:
        yield f"engine start: {said.words}"
        return
    if deck.ended(ended, numbers[1]) != ["failed", "failed"] or deck.task(numbers[1])["attempts"][0]["exit_code"] != 5:
        yield f"others: {deck.ended(ended, numbers[1])}"
    yield from holds_on(deck, deck.engines()[-1])


def _end_without_engine(deck: Deck, numbers: list[int]) -> None:
    """The programs end while no engine is there; the launchers leave exit files."""
    system.until(lambda: all((attempt(deck, number) / "started").exists() for number in numbers), 10)
    deck.kill_engine()
    deck.open_gate("gate")
    system.until(lambda: all((attempt(deck, number) / "exit").exists() for number in numbers), 10)


def odd_exits(deck: Deck) -> Iterator[str]:
    """Other things that may stand there: nothing, a large number, bytes, a folder, a fifo, a link to nowhere."""
    deck.start()
    numbers = [deck.shell(deck.gate("gate")) for _ in range(6)]
    _end_without_engine(deck, numbers)
    files = [attempt(deck, number) / "exit" for number in numbers]
    for file in files:
        file.unlink(missing_ok=True)
    files[0].write_bytes(b"\n")
    files[1].write_bytes(b"9" * 31 + b"\n")
    files[2].write_bytes(b"\xff\xfe\0\n")
    files[3].mkdir()
    os.mkfifo(files[4])
    files[5].symlink_to("/nowhere/at/all")
    said = deck.run("engine", "start")
    if said.code != 0:
        yield f"engine start: {said.words}"
        return
    yield from holds_on(deck, deck.engines()[-1])


def fifo_as_result(deck: Deck) -> Iterator[str]:
    """Only regular files are read: that attempt is damaged, others go on."""
    engine = deck.start()
    text = f"cd {deck.home}/attempts/$MUXDECK_ATTEMPT && rm -f result.json && mkfifo result.json"
    number = deck.shell(text)
    others = [deck.shell("exit 0") for _ in range(3)]
    states = deck.ended(number, *others, timeout=10)
    if states != ["succeeded"] * 4:
        yield f"states: {states}"
    yield from holds_on(deck, engine)


def home_removed(deck: Deck) -> Iterator[str]:
    """One home, one engine: the old one notices, and ends."""
    before = deck.start()
    deck.run("add", "-w", "--", "true")
    shutil.rmtree(deck.home, ignore_errors=True)
    said = deck.run("ls")
    if said.code != 0:
        yield f"ls: {said.words}"
    system.until(lambda: before not in deck.engines(), 10)
    if len(deck.engines()) != 1:
        yield f"engines of one home: {deck.engines()} (the old one is {before})"
    added = deck.run("add", "-w", "--", "true")
    if added.code != 0:
        yield f"add: {added.words}"


def locked_database(deck: Deck) -> Iterator[str]:
    """Waits, names who holds it, goes on."""
    engine = deck.start()
    running = deck.shell("sleep 1; exit 6")
    with sqlite3.connect(deck.home / "muxdeck.db", timeout=20, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        said = deck.run("add", "--key", "k", "--", "true", timeout=5)
        if said.crashed and said.code > 0:
            yield f"add: {said.words}"
        if deck.engines() != [engine]:
            yield "the engine ended"
        system.until(lambda: False, LOCKED_FOR - 5)
        other.execute("ROLLBACK")
    other.close()
    again = deck.run("add", "-w", "--key", "k", "--", "true")
    if again.code != 0:
        yield f"add of the same key afterwards: {again.words}"
    if deck.ended(running, timeout=20) != ["failed"]:
        yield f"the task that ran: {deck.ended(running, timeout=1)}"
    yield from holds_on(deck, engine)


def folder_removed(name: str) -> Input:
    def try_out(deck: Deck) -> Iterator[str]:
        engine = deck.start()
        deck.run("add", "-w", "--", "true")
        running = deck.shell("sleep 1")
        system.until(lambda: deck.task(running)["state"] == "running", 10)
        shutil.rmtree(deck.home / name, ignore_errors=True)
        said = deck.run("add", "-w", "--", "true", timeout=15)
        if said.code != 0:
            yield f"add -w: {said.words}"
        if (state := deck.ended(running, timeout=10)[0]) not in ("succeeded", "lost", "failed"):
            yield f"the task that ran is {state}"
        yield from holds_on(deck, engine)

    return Input(f"{name}/ of the home is removed", try_out)


def much_output(deck: Deck) -> Iterator[str]:
    """Every byte is kept or counted, and the end is there."""
    deck.configure('[engine]\nslots = 2\nlog_size = "1M"\n')
    engine = deck.start()
    line = "0123456789" * 10
    number = deck.shell(f"yes {line} | head -c {OUTPUT}; echo; echo the very end")
    if deck.ended(number, timeout=120) != ["succeeded"]:
        yield f"the task is {deck.ended(number, timeout=1)}"
    log = deck.run("log", "--raw", str(number))
    if "the very end" not in log.out[-200:]:
        yield "the end of the output is missing"
    part = deck.told("log", task=number, offset=-1000)
    printed = OUTPUT + OUTPUT // (len(line) + 1)
    if not printed * 0.999 < part["end"] < printed * 1.001 + 100:
        yield f"{part['end']:,} bytes are kept or counted, {printed:,} were printed"
    yield from holds_on(deck, engine)


def other_names_of_the_home(deck: Deck) -> Iterator[str]:
    """By a link, by `..`, and by a name that is long: one home."""
    engine = deck.start()
    link = deck.folder / "link"
    link.symlink_to(deck.home)
    long = deck.folder / ("long" * 15) / ("name" * 15)
    long.parent.mkdir()
    long.symlink_to(deck.home)
    for name in (f"{deck.home}/../home", str(link), f"{deck.home}//", str(long)):
        said = deck.run("add", "-w", "--", "true", timeout=30, MUXDECK_HOME=name)
        if said.code != 0:
            yield f"add by {name}: {said.words}"
    yield from holds_on(deck, engine)


def no_tmux_at_first(deck: Deck) -> Iterator[str]:
    """Started by a client without tmux: a later client reads whose PATH was searched, and a restart mends it."""
    tools = deck.folder / "tools"
    tools.mkdir()
    for tool in ("sh", "env", "cat", "true", "sleep"):
        if found := shutil.which(tool):
            (tools / tool).symlink_to(found)
    deck.run("engine", "start", PATH=str(tools))
    said = deck.run("add", "--", "true")
    if said.code != 0:
        yield f"add: {said.words}"
        return
    number = int(said.out.split()[0])
    if deck.ended(number, timeout=8) == ["succeeded"]:
        return
    why, status = deck.run("why", str(number)), deck.run("engine", "status")
    words = f"{why.out} {why.err} {status.out} {status.err}"
    if "PATH" not in words or "tmux" not in words:
        yield f"nobody says whose PATH has no tmux: {why.words} / {status.words}"
    deck.restart()
    if deck.ended(number, timeout=20) != ["succeeded"]:
        yield f"after a restart with tmux: {deck.ended(number, timeout=1)}"


def odd_files(deck: Deck) -> Iterator[str]:
    """Things that nobody expects in the folders of the home, at a start and while it runs."""
    deck.start()
    done = deck.shell("exit 3")
    deck.ended(done)
    for _ in range(2):
        for folder in ("attempts", "slots", "inputs", "runs", "workflows", "themes", "kinds", "screens", "."):
            _litter(deck.home / folder)
        said = deck.run("ls")
        if said.code != 0:
            yield f"ls: {said.words}"
        if deck.run("add", "-w", "--", "true").code != 0:
            yield "nothing runs any more"
        deck.restart()
    if deck.ended(done, timeout=5) != ["failed"]:
        yield f"task {done}: {deck.ended(done, timeout=1)}"
    yield from holds_on(deck, deck.engines()[-1])


def _litter(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for raw in (b"caf\xe9.toml", b"x\n\x1b[31m.toml", b"7-1.toml"):
        with open(os.path.join(os.fsencode(folder), raw), "wb") as file:
            file.write(b"\xff\xfe = [")
    for name in ("fifo.toml", "99999999999999999999", "999-1"):
        if not (folder / name).exists():
            os.mkfifo(folder / name)
    (folder / "998-x").mkdir(exist_ok=True)
    if not (folder / "loop").is_symlink():
        (folder / "loop").symlink_to("loop")


def killed_at_once(_deck: Deck) -> Iterator[str]:
    yield from all_killed_at_once(None)


INPUTS = (
    Input("`abc` in an exit file", garbage_exit),
    Input("other odd things as exit files", odd_exits),
    Input("a fifo in place of result.json", fifo_as_result),
    Input("the home is removed while its engine runs", home_removed, slow=True),
    Input("the database is locked by somebody for ten seconds", locked_database, slow=True),
    *(folder_removed(name) for name in ("attempts", "slots", "inputs", "runs")),
    Input("200 MB of output with a log of 1 MB", much_output, slow=True),
    Input("one home by several names", other_names_of_the_home),
    Input("the first client has no tmux", no_tmux_at_first, slow=True),
    Input("odd files in every folder of the home", odd_files, slow=True),
    Input("everything is killed at once, the programs live on", killed_at_once, slow=True),
)
