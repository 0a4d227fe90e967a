"""agents: who runs the tasks, how each stands, and the wishes of its operator; results: what a batch came to."""

from __future__ import annotations

import json
import os
import shlex
import time
from typing import TYPE_CHECKING, Any

from core.client import AnswerError, Client
from core.text import duration, inert, one_line
from tui.cli.codes import BY_REFUSAL, Exit
from tui.cli.output import document, line, say, table
from tui.cli.reading import counted, reference
from tui.wording import agent_facts, agent_word

if TYPE_CHECKING:
    import argparse
    from collections.abc import Container

    from core.home import Home

_MODES = {"pause": "paused", "drain": "draining", "resume": "on"}
LONGEST_MESSAGE = 60
"""Characters of an agent's last message in a table."""


def agents(options: argparse.Namespace, home: Home) -> int:
    verb = options.agents_verb
    if verb == "add":
        return _add(options, home)
    if verb in _MODES:
        with Client(home, start=True) as client:
            client.ask("agent", agent=options.name, mode=_MODES[verb])
        return Exit.OK
    return _explain(options, home) if verb == "explain" else _list(options, home)


def _list(options: argparse.Namespace, home: Home) -> int:
    with Client(home, start=True) as client:
        found = client.ask("agents")
    if options.json:
        document(found)
        return Exit.OK
    now = time.time()
    table(
        ("agent", "kind", "state", "running", "slots", "queued", "used", "can", "note"),
        [
            (
                agent["name"],
                agent["kind"],
                agent_word(agent, now),
                agent["running"],
                agent["slots"] or "any",
                agent["queued"],
                _share(agent["utilisation"]),
                ", ".join(agent["capabilities"]),
                agent["problem"] or agent["doubt"] or "",
            )
            for agent in found["agents"]
        ],
        right=frozenset({3, 4, 5, 6}),
    )
    return Exit.OK


def _explain(options: argparse.Namespace, home: Home) -> int:
    """Everything about one agent, a fact a line."""
    with Client(home, start=True) as client:
        agent = client.ask("agent-explain", agent=options.name)
    if options.json:
        document(agent)
        return Exit.OK
    for name, value in agent_facts(agent, time.time()):
        line(f"{name:9} {one_line(value, 400)}")
    return Exit.OK


def _add(options: argparse.Namespace, home: Home) -> int:
    """A table at the end of the configuration file; what is in the file stays as it is."""
    import tomli_w

    from core.config.reading import ConfigError, parse

    given = {
        "kind": options.kind,
        "slots": options.slots,
        "capabilities": options.capability,
        "model": options.model,
        "cwd": None if options.cwd is None else os.path.abspath(options.cwd),
        "worktree": "task" if options.worktree else None,
        "command": None if options.program is None else shlex.split(options.program),
        "options": options.option,
        "edits": options.edits or None,
        "mode": options.mode,
    }
    new = {"agent": {options.name: {key: value for key, value in given.items() if value is not None}}}
    before = home.config.read_text(encoding="utf-8") if home.config.exists() else ""
    if options.name in _agents_in(before):
        say(f"{home.config} has an agent {options.name} already: change it there, or take another name")
        return Exit.CONFIG
    text = f"{before.rstrip()}\n\n{tomli_w.dumps(new)}".strip() + "\n"
    try:
        parse(text, str(home.config))
    except ConfigError as error:
        for fault in error.faults:
            say(str(fault))
        say("nothing was written")
        return Exit.CONFIG
    home.make()
    home.config.parent.mkdir(parents=True, exist_ok=True)
    written = home.config.with_suffix(f".{os.getpid()}")
    written.write_text(text, encoding="utf-8")
    written.replace(home.config)
    say(f"agent {options.name} is in {home.config}")
    return Exit.OK


def _agents_in(text: str) -> Container[str]:
    """By name; none where the text is not valid: what is wrong with it is told when it is read."""
    from core import tomlfile

    written, _ = tomlfile.parse(text, "")
    agents = (written or {}).get("agent")
    return agents if isinstance(agents, dict) else ()


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def results(options: argparse.Namespace, home: Home) -> int:
    with Client(home, start=True) as client:
        found = client.ask("results", batch=options.batch)
    if options.json:
        document(found)
        return Exit.OK
    if options.batch is None:
        rows = [(one["batch"], sum(one["counts"].values()), counted(one["counts"])) for one in found["batches"]]
        table(("batch", "tasks", "states"), rows, right=frozenset({1}))
        return Exit.OK
    table(
        ("id", "state", "outcome", "agent", "exit", "time", "cost", "tokens", "files", "name", "last message"),
        [_result(task) for task in found["tasks"]],
        right=frozenset({0, 4, 5, 6, 7, 8}),
    )
    return Exit.OK


def _result(task: dict[str, Any]) -> tuple[object, ...]:
    tokens = [task[key] for key in ("tokens_in", "tokens_out") if task[key] is not None]
    return (
        task["task"],
        task["state"],
        task["outcome"] or "",
        task["agent"],
        "" if task["exit_code"] is None else task["exit_code"],
        "" if task["seconds"] is None else duration(task["seconds"]),
        "" if task["cost"] is None else f"{task['cost']:.4f}",
        sum(tokens) if tokens else "",
        "" if task["files_changed"] is None else task["files_changed"],
        one_line(task["name"], 40),
        one_line(" ".join((task["message"] or "").split()), LONGEST_MESSAGE),
    )


def answer(options: argparse.Namespace, home: Home) -> int:
    """The answer is to the dialog that is there now: the engine refuses it where another one has come."""
    with Client(home, start=True) as client:
        client.ask("show", task=options.task)  # says so where there is no such task
        session = next((one for one in client.ask("sessions")["sessions"] if one["task"] == options.task), None)
        if session is None or session["dialog"] is None:
            say(f"task {options.task} asks nothing")
            return Exit.NOT_FOUND
        dialog = json.loads(session["dialog"])
        if options.key is not None:
            client.ask("answer", task=options.task, key=options.key, since=dialog["since"])
            return Exit.OK
    if options.json:
        document({"schema": 1, "task": options.task, **dialog})
    else:
        print(inert(dialog["detail"]))
        print("\n".join(f"{key}  {inert(label)}" for key, label in dialog["choices"]))
    return Exit.OK


def diff(options: argparse.Namespace, home: Home) -> int:
    with Client(home, start=True) as client:
        found = client.ask("diff", task=reference(options.task))
    if options.json:
        document(found)
    else:
        print(inert(found["diff"]), end="")
    return Exit.OK


def merge(options: argparse.Namespace, home: Home) -> int:
    return _each_worktree(options, home, "merge", message=options.message)


def remove_worktree(options: argparse.Namespace, home: Home) -> int:
    return _each_worktree(options, home, "remove-worktree", force=options.force)


def _each_worktree(options: argparse.Namespace, home: Home, verb: str, **more: object) -> int:
    """One after the other; what is refused of one does not keep the others."""
    code = Exit.OK
    with Client(home, start=True) as client:
        for task in options.tasks:
            try:
                found = client.ask(verb, task=reference(task), **more)
            except AnswerError as error:
                say(f"{task}: {error}" if len(options.tasks) > 1 else str(error))
                code = BY_REFUSAL.get(error.code, Exit.FAILED)
            else:
                if options.json:
                    document(found)
                elif "commit" in found:
                    print(found["commit"])
    return code
