"""The kinds of agents there are, each of them a TOML file.

To add a kind, write NAME.toml, into this folder or into the one of your own kinds. Where a file of yours has the name
of one that comes with muxdeck, yours counts.

    title = "Claude Code"                 # for people
    program = "claude"                    # found on the PATH, unless an agent names another
    install = "npm install -g ..."        # what to do where it is not found
    login = "start claude once ..."       # what to do where a run says that it is not logged in
    version = ["--version"]               # arguments that print the version; without them nobody asks
    tested = ["2.1.197"]                  # another minor version is a warning, never a refusal

    [headless]                            # one run for one task
    reader = "claude"                     # what understands its output
    arguments = ["-p", "{options}"]       # after the program
    prompt = "stdin"                      # or "file": its path stands for {prompt} in the arguments
    model = ["--model", "{model}"]        # where a model is chosen
    session = ["--session-id", "{session}"]   # where the id of a session can be chosen before it begins
    resume = ["--resume", "{session}"]    # where an old one goes on
    resumed = ["exec", "resume", "{session}", "-"]   # instead of `arguments` and `resume`
    budget = ["--max-usd", "{cost}"]      # where a run can be told what it may cost
    edits = ["--accept-edits"]            # what lets it change files in its folder unasked; [] where it does anyhow
    cost = "list price"                   # what the reported cost is: "list price", "credits" or "none"
    cumulative = true                     # it is that of the whole session, earlier runs included
    orders = "/!"                         # a text that begins with one of these is an order to the program itself, as
                                          # to run a shell command: a prompt gets a space before it then
    env = { NAME = "value" }              # set for the agent, the version asked included

    [interactive]                         # its full-screen program in the session; arguments, model, session, resume,
    orders = "!"                          # resumed, edits and env as above; this one where nothing is said
    screens = "claude"                    # rules of core/interactive/screens
    hooks = "claude"                      # how it is made to call our hook, where it can be
    registry = "claude"                   # whose files tell what it does, where it writes some about itself
    records = "opencode"                  # whose records tell which conversation is ours, where nothing else does

Every `{word}` stands for itself inside an argument. `{options}` is an argument of its own: the agent's options, then
those for model, session and resume; without it they come last. The prompt itself is never an argument: everybody on
the host can read those, and Linux allows 128 KiB of them.

A reader is needed only where none of the existing ones understands the output. `text` fits every program whose exit
status tells all; others print events, one JSON object a line. A new one is a module of `core.kinds.readers` with a
class made from `Reader`: `_event` takes an event, calls `_said`, `_denied`, `_failed` and `_done` for what it means,
and gives lines for people. Its tests are streams of the real program, in tests/kinds/streams.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core import tomlfile
from core.faults import Problem
from core.kinds.kind import OPTIONS, Kind
from core.tomlfile import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}", re.ASCII)
_SHIPPED = Path(__file__).parent


class Catalogue(NamedTuple):
    kinds: dict[str, Kind]
    faults: tuple[Fault, ...]
    """What is wrong with one's own files. Such a file is left out, and what it would replace stays."""


def load(own: Path | None = None) -> dict[str, Kind]:
    """All kinds by name; `own` is the folder of the person's own, which need not exist."""
    return read(own).kinds


def read(own: Path | None = None) -> Catalogue:
    """All kinds, and the faults of one's own files. Files that have not changed are not read again."""
    kinds: dict[str, Kind] = {}
    faults: list[Fault] = []
    for path in (*_files(_SHIPPED), *(() if own is None else _files(own))):
        kind, wrong = _kept(path, _stamp(path))
        faults += wrong
        if kind is not None:
            kinds[path.stem] = kind
    return Catalogue(kinds, tuple(faults))


def parse(text: str, file: str) -> tuple[Kind | None, tuple[Fault, ...]]:
    """The kind that the text of a file describes, or all that is wrong with it."""
    return tomlfile.read(Kind, text, file, _senseless)


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(folder.glob("*.toml"))
    except OSError:
        return []


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=128)
def _kept(path: Path, _stamp: tuple[int, int] | None) -> tuple[Kind | None, tuple[Fault, ...]]:
    if not _NAME.fullmatch(path.stem):
        words = "expected a file name of up to 32 small letters, digits, - and _"
        return None, (Fault(str(path), None, "", words),)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return None, (Fault(str(path), None, "", f"cannot be read: {error}"),)
    return parse(text, str(path))


def _senseless(kind: Kind) -> Iterator[Problem]:
    """What each value alone does not show."""
    how = kind.headless
    for name, word in (
        ("model", "{model}"),
        ("session", "{session}"),
        ("resume", "{session}"),
        ("resumed", "{session}"),
        ("budget", "{cost}"),
    ):
        if (arguments := getattr(how, name)) and not _holds(arguments, word):
            yield Problem(("headless", name), f"expected {word} in one of the arguments")
    if how.resume and how.resumed:
        yield Problem(("headless", "resumed"), "it replaces `resume`: leave one of them out")
    for name in ("arguments", "resumed"):
        arguments = getattr(how, name)
        if _holds(arguments, OPTIONS) and OPTIONS not in arguments:
            yield Problem(("headless", name), f"expected {OPTIONS} as an argument of its own")
        if (arguments or name == "arguments") and _holds(arguments, "{prompt}") != (how.prompt == "file"):
            yield Problem(
                ("headless", name), 'expected {prompt} in one of the arguments with prompt = "file", only there'
            )


def _holds(arguments: tuple[str, ...], word: str) -> bool:
    return any(word in argument for argument in arguments)
