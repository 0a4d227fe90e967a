"""report, msg, inbox and mail: what tasks tell of themselves, and what everybody writes to each other."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.client import Client
from core.text import duration, inert, one_line
from tui.cli.codes import Exit
from tui.cli.output import document, table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from core.home import Home


def speaker(home: Home) -> dict[str, str] | None:
    """The attempt within whose session this is, with what proves it; None where this is the operator.

    Within a session of another home this is the operator here: a token says nothing outside its own.
    """
    attempt, own = os.environ.get("MUXDECK_ATTEMPT"), os.environ.get("MUXDECK_HOME")
    if not attempt or own is None or Path(own).absolute() != home.root:
        return None
    from core.adapters.folders import token_of

    return {"attempt": attempt, "token": token_of(home.attempts, attempt) or ""}


def report(options: argparse.Namespace, home: Home) -> int:
    with Client(home, start=True) as client:
        client.ask("report", speaker=speaker(home), kind=options.kind, text=options.text)
    return Exit.OK


def msg(options: argparse.Namespace, home: Home) -> int:
    with Client(home, start=True) as client:
        sent = client.ask("msg", speaker=speaker(home), to=options.to, text=options.text, ttl=options.ttl)
    if options.json:
        document(sent)
    else:
        print(sent["mail"])
    return Exit.OK


def inbox(options: argparse.Namespace, home: Home) -> int:
    with Client(home, start=True) as client:
        found = client.ask("inbox", speaker=speaker(home), ack=options.ack or [])
    if options.json:
        document(found)
        return Exit.OK
    for text in letters(found.get("mail", ())):
        print(text)
    return Exit.OK


def mail(options: argparse.Namespace, home: Home) -> int:
    with Client(home, start=True) as client:
        found = client.ask("mail", limit=options.limit)
    if options.json:
        document(found)
        return Exit.OK
    now = time.time()
    rows = [
        (one["id"], one["state"], one["from"], one["to"], duration(now - one["at"]), one_line(one["text"]))
        for one in found["mail"]
    ]
    table(("id", "state", "from", "to", "age", "text"), rows, right=frozenset({0, 4}))
    return Exit.OK


def letters(found: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Lines: a header for each piece of mail, which no text can pretend to be, since every line of a text is quoted."""
    now = time.time()
    for mail in found:
        yield one_line(f"mail {mail['id']} from {_sender(mail)}, {duration(now - mail['at'])} ago:")
        yield from (f"> {text}" for text in inert(mail["text"]).split("\n"))


def _sender(mail: dict[str, Any]) -> str:
    return "the operator" if mail["sender"] is None else f"task {mail['sender_task']}, untrusted"
