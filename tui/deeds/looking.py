"""Actions that look closer: attach, logs, details, history."""

from __future__ import annotations

import json
import textwrap
import time
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from core.text import inert, one_line
from core.wire import ForeignRow
from tui import attaching
from tui.screens.dialogs import Option
from tui.screens.logs import LogScreen
from tui.screens.reading import Page
from tui.views.detail import detail_lines
from tui.views.line import Line, Span, fit
from tui.views.words import facts
from tui.wording import agent_facts, command_of

if TYPE_CHECKING:
    from tui.deeds.desk import Desk


async def attach(desk: Desk) -> None:
    """Into the session, and back to the same place."""
    session = desk.session()
    if isinstance(session, ForeignRow):
        argv = attaching.foreign(session.socket, session.id)
    else:
        row = desk.chosen()
        assert row is not None
        target = await desk.ask("attach", task=row.id)
        argv = attaching.ours(target["socket"], target["session"])
    await desk.step_aside(argv, attaching.environment())


async def open_chosen(desk: Desk) -> None:
    agent = desk.agent()
    if agent is not None:
        await describe_agent(desk, agent.name)
    elif desk.session() is not None and desk.chosen() is None:
        await attach(desk)
    else:
        await describe(desk)


async def describe(desk: Desk) -> None:
    row = desk.chosen()
    assert row is not None
    await describe_task(desk, row.id, row.name)


async def describe_agent(desk: Desk, name: str) -> None:
    found = await desk.ask("agent-explain", agent=name)
    told = agent_facts(found, time.time())
    await desk.open(Page(f"agent {name}", lambda width: facts(told, width)))


async def describe_task(desk: Desk, number: int, name: str) -> None:
    task = (await desk.ask("show", task=number))["task"]
    notes = (await desk.ask("notes", task=number))["notes"]
    situation = desk.replica.situation(time.time(), plain=False)

    def lines(width: int) -> list[Line]:
        return [*detail_lines(task, width, situation), (Span(""),), *_note_lines(notes, width)]

    await desk.open(Page(f"{number} {name}", lines))


async def asked(desk: Desk) -> None:
    notes = (await desk.ask("notes", limit=1000))["notes"]
    await desk.open(Page("asked for, and otherwise", lambda width: _note_lines(notes[::-1], width)))


def _note_lines(notes: list[dict[str, Any]], width: int) -> list[Line]:
    return [line for note in notes for line in _noted(note, width)]


def _noted(note: dict[str, Any], width: int) -> list[Line]:
    first, *more = _wrapped(one_line(note["text"], LONGEST_NOTE), width - NOTE_INDENT - 1)
    when = Span(time.strftime(" %m-%d %H:%M:%S  ", time.localtime(note["at"])), "muted")
    who = Span(fit(note["who"], 14), "accent" if note["who"] != "engine" else "muted")
    return [(when, who, Span(first)), *((Span(" " * NOTE_INDENT), Span(part)) for part in more)]


NOTE_INDENT = 31
LONGEST_NOTE = 600
"""Characters."""


async def logs(desk: Desk) -> None:
    row = desk.chosen()
    assert row is not None
    await logs_of(desk, row.id, row.name)


async def logs_of(desk: Desk, number: int, name: str) -> None:
    async def read(offset: int, limit: int) -> dict[str, Any]:
        return dict(await desk.ask("log", task=number, offset=offset, limit=limit))

    await desk.open(LogScreen(f"output of {number} {one_line(name, 60)}", read))


async def send(desk: Desk) -> None:
    """Text for the session; where its agent shows a dialog, an answer to that."""
    row = desk.chosen()
    assert row is not None
    session = desk.replica.sessions.get(row.id)
    if session is not None and session.dialog is not None:
        await _answer(desk, row.id, json.loads(session.dialog))
        return
    text = await desk.prompt(f"send to {row.id} {row.name}", note="typed into its session as it is, then Enter")
    if text is not None:
        await desk.ask("type", task=row.id, text=text)
        desk.say(f"sent to {row.id}")


async def _answer(desk: Desk, task: int, dialog: dict[str, Any]) -> None:
    """The agent's own words, and the operator's choice: the cursor begins where nothing is answered."""
    if not dialog["choices"]:
        desk.warn("its answers cannot be told from its screen: a attaches to it")
        return
    options = [Option("", "Esc     leave it open")]
    options += [Option(key, f"{key:7} {label}", keys=(key,), indent=8) for key, label in dialog["choices"]]
    first = dialog["choices"][0][1]
    asked = takewhile(lambda line: first not in line, dialog["detail"].splitlines())
    row = desk.replica.tasks.get(task)
    name = "" if row is None else f" {row.name}"
    key = await desk.choose(f"{task}{name} asks", options, "", "\n".join(asked).strip("\n"))
    if key:
        await desk.ask("answer", task=task, key=key, since=dialog["since"])
        desk.say(f"answered {task} with {key}")


async def interrupt(desk: Desk) -> None:
    row = desk.chosen()
    assert row is not None
    await desk.ask("interrupt", task=row.id)
    desk.say(f"interrupted {row.id}")


async def diff(desk: Desk) -> None:
    row = desk.chosen()
    assert row is not None
    found = (await desk.ask("diff", task=row.id))["diff"]
    lines = inert(found).splitlines() or ["nothing is changed"]
    await desk.open(Page(f"changes of {row.id} {row.name}", lambda width: [_diff_line(line, width) for line in lines]))


def _diff_line(line: str, width: int) -> Line:
    role = {"+": "succeeded", "-": "failed", "@": "accent"}.get(line[:1], "")
    return (Span(" "), Span(fit(line.expandtabs(), max(width - 2, 1)), "muted" if line.startswith("diff") else role))


async def messages(desk: Desk) -> None:
    """All of them, the latest first; those to the operator have been read by this."""
    await desk.ask("inbox", speaker=None)
    mail = (await desk.ask("mail", limit=1000))["mail"]
    await desk.open(Page("messages", lambda width: _mail_lines(mail[::-1], width)))


def _mail_lines(mail: list[dict[str, Any]], width: int) -> list[Line]:
    if not mail:
        return [(Span(" nobody has written anything: muxdeck msg TO TEXT", "muted"),)]
    return [line for one in mail for line in _letter(one, width)]


def _letter(mail: dict[str, Any], width: int) -> list[Line]:
    when = time.strftime(" %m-%d %H:%M:%S  ", time.localtime(mail["at"]))
    head = (Span(when, "muted"), Span(f"{mail['from']} → {mail['to']}", "accent"), Span(f"  {mail['state']}", "muted"))
    text = [part for line in inert(mail["text"]).splitlines() for part in _wrapped(line, width - 4)]
    return [head, *((Span("   "), Span(part)) for part in text), (Span(""),)]


def _wrapped(line: str, width: int) -> list[str]:
    """With its indentation; what is too long for a line goes on in the next one."""
    return textwrap.wrap(line.expandtabs(), max(width, 12)) or [""]


async def copy(desk: Desk) -> None:
    row = desk.chosen()
    assert row is not None
    task = (await desk.ask("show", task=row.id))["task"]
    what, text = command_of(task)
    values = {"number": str(row.id), what: text, "folder": task["cwd"]}
    options = [Option(name, name, value, keys=(name[0],)) for name, value in values.items()]
    chosen = await desk.choose("copy", options)
    if chosen is not None:
        desk.copy(values[chosen])
        desk.say(f"copied the {chosen}")
