"""add, spawn and batch: tasks into the queue."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from core import plainfile
from core.client import AnswerError, Client, context
from core.home import HomeError
from core.text import one_line
from tui.cli.codes import Exit
from tui.cli.output import document, say
from tui.cli.reading import wait_for
from tui.cli.speaking import speaker

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from core.home import Home

CHUNK = 500
"""Tasks of one request: a few milliseconds of the engine's time."""
_OPERATORS = frozenset({"|", "||", "&", "&&", ";", ">", ">>", "<", "<<"})


class BadLine(NamedTuple):
    """A fault of a batch file."""

    line: int
    text: str


def add(options: argparse.Namespace, home: Home) -> int:
    return _one(options, home, {})


def spawn(options: argparse.Namespace, home: Home) -> int:
    """As add, by the task within whose session this is."""
    return _one(options, home, {"speaker": speaker(home)})


def _one(options: argparse.Namespace, home: Home, speaking: dict[str, Any]) -> int:
    try:
        task = add_request(options, home)
    except (OSError, UnicodeDecodeError) as error:
        say(f"{options.prompt_file} cannot be read: {error}")
        return Exit.USAGE
    except ValueError as error:
        say(str(error))
        return Exit.USAGE
    if task is None:
        verb = f"muxdeck {options.verb}"
        say(f"there is no command: {verb} [options] -- COMMAND…, or a prompt: {verb} --prompt TEXT")
        return Exit.USAGE
    with Client(home, start=True) as client:
        try:
            (number,) = client.ask(options.verb, tasks=[task], context=context(), **speaking)
        except AnswerError as error:
            for problem in error.problems:
                say(": ".join(filter(None, (".".join(map(str, problem["path"][2:])), problem["text"]))))
            if not error.problems:
                raise
            return Exit.USAGE
        if options.json:
            document({"schema": 1, "tasks": [number]})
        else:
            print(number, flush=True)
        return wait_for(client, [number], None) if options.wait else Exit.OK


def add_request(options: argparse.Namespace, home: Home) -> dict[str, Any] | None:
    """The task that the words of `add` ask for; None where there is no command in them.

    ValueError says what is wrong with them.
    """
    words = options.command[1:] if options.command[:1] == ["--"] else options.command
    prompt = prompt_of(options)
    if not words and prompt is None:
        return None
    named = ("name", "key", "after_ok", "after_any", "after_fail")
    task = {key: value for key in named if (value := getattr(options, key)) is not None}
    run = {"prompt": prompt} if prompt is not None else {}
    return task | task_fields(options, home) | (command_of(words, shell=options.shell) if words else {}) | run


def prompt_of(options: argparse.Namespace) -> str | None:
    """The text for a coding agent. OSError or UnicodeDecodeError where its file cannot be read."""
    if options.prompt_file is None:
        return None if options.prompt is None else str(options.prompt)
    return sys.stdin.read() if options.prompt_file == "-" else Path(options.prompt_file).read_text(encoding="utf-8")


def batch(options: argparse.Namespace, home: Home) -> int:
    name = "standard input" if options.file == "-" else options.file
    try:
        text = sys.stdin.read() if options.file == "-" else Path(options.file).read_text(encoding="utf-8")
        prompt = prompt_of(options)
    except (OSError, UnicodeDecodeError) as error:
        say(f"{name} cannot be read: {error}")
        return Exit.USAGE
    defaults = task_fields(options, home)
    if prompt is not None and "batch" not in defaults:
        defaults["batch"] = time.strftime("%Y%m%d-%H%M%S")
    tasks, faults = read_lines(text, defaults, shell=options.shell, prompt=prompt)
    if not faults and not tasks:
        say(f"{name} has no task in it")
        return Exit.USAGE
    with Client(home, start=True) as client:
        faults += _check(client, tasks)
        for fault in sorted(faults):
            print(f"{name}:{fault.line}: {fault.text}", file=sys.stderr)
        if faults:
            say("nothing was added")
            return Exit.USAGE
        numbers = [number for chunk in _chunks(tasks) for number in _add(client, chunk)]
        if options.json:
            document({"schema": 1, "tasks": numbers})
        else:
            print("\n".join(map(str, numbers)), flush=True)
        if "batch" in defaults:
            say(f"batch {defaults['batch']}: muxdeck results {defaults['batch']}")
        return wait_for(client, numbers, None) if options.wait else Exit.OK


def _add(client: Client, chunk: list[tuple[int, dict[str, Any]]]) -> list[int]:
    return list(client.ask("add", tasks=[task for _, task in chunk], context=context()))


def _check(client: Client, tasks: list[tuple[int, dict[str, Any]]]) -> list[BadLine]:
    """What the engine would refuse, before it is asked to accept anything."""
    faults: list[BadLine] = []
    keys: set[str] = set()
    for chunk in _chunks(tasks):
        faults.extend(_check_chunk(client, chunk, sorted(keys)))
        keys |= {task["key"] for _, task in chunk if isinstance(task.get("key"), str)}
    return faults


def _check_chunk(client: Client, chunk: list[tuple[int, dict[str, Any]]], earlier: list[str]) -> list[BadLine]:
    """Lines with a fault are left out and the others asked about again: one fault must not hide another."""
    faults: list[BadLine] = []
    while chunk:
        try:
            client.ask("check", tasks=[task for _, task in chunk], context=context(), earlier=earlier)
        except AnswerError as error:
            if not error.problems:
                return [*faults, BadLine(chunk[0][0], str(error))]
            found = [_fault(problem, chunk) for problem in error.problems]
            faults += found
            lines = {fault.line for fault in found}
            earlier = [*earlier, *(task["key"] for line, task in chunk if line in lines and "key" in task)]
            chunk = [(line, task) for line, task in chunk if line not in lines]
        else:
            break
    return faults


def _fault(problem: dict[str, Any], chunk: list[tuple[int, dict[str, Any]]]) -> BadLine:
    path = problem["path"]
    if len(path) > 1 and path[0] == "tasks":
        key = ".".join(map(str, path[2:]))
        return BadLine(chunk[path[1]][0], f"{key}: {problem['text']}" if key else problem["text"])
    key = ".".join(map(str, path))
    return BadLine(chunk[0][0], f"{key}: {problem['text']}" if key else problem["text"])


def _chunks(tasks: list[tuple[int, dict[str, Any]]]) -> Iterator[list[tuple[int, dict[str, Any]]]]:
    for start in range(0, len(tasks), CHUNK):
        yield tasks[start : start + CHUNK]


def read_lines(
    text: str, defaults: dict[str, Any], *, shell: bool, prompt: str | None = None
) -> tuple[list[tuple[int, dict[str, Any]]], list[BadLine]]:
    """The tasks of a batch file with their line numbers, and what is wrong with the others."""
    tasks: list[tuple[int, dict[str, Any]]] = []
    faults: list[BadLine] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        try:
            tasks.append((number, defaults | _task_of(line, shell=shell, prompt=prompt)))
        except ValueError as error:
            faults.append(BadLine(number, str(error)))
    return tasks, faults


def _task_of(line: str, *, shell: bool, prompt: str | None) -> dict[str, Any]:
    """With a prompt, each line is what takes the place of {} in it."""
    if line.startswith("{"):
        try:
            task = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"not valid JSON: {error.msg} (column {error.colno})") from None
        except RecursionError:
            raise ValueError("not valid JSON: it is nested too deeply") from None
        return dict(task)
    if prompt is not None:
        return {"prompt": prompt.replace("{}", line) if "{}" in prompt else f"{prompt}\n\n{line}", "name": line}
    if shell:
        return {"shell": line}
    try:
        words = shlex.split(line, comments=True)
    except ValueError as error:
        raise ValueError(f"{error}: close it, or use --shell") from None
    operators = [word for word in words if word in _OPERATORS]
    if operators:
        raise ValueError(f"{operators[0]!r} would be passed on as a word: use --shell for commands of a shell")
    return {"command": words}


def command_of(words: list[str], *, shell: bool) -> dict[str, Any]:
    """What the words behind the options ask for. ValueError where they are more than the one text of a shell."""
    if shell and len(words) > 1:
        given = " ".join(map(shlex.quote, words))
        raise ValueError(
            f"--shell takes one text, and here are {len(words)}: {one_line(given, 120)}. "
            "Quote the whole of it, and write options before it"
        )
    return {"shell": words[0]} if shell else {"command": words}


def task_fields(options: argparse.Namespace, home: Home) -> dict[str, Any]:
    """What the options say about a task, in the keys of a request."""
    plain = {
        "group": options.group,
        "agent": options.agent,
        "capabilities": options.capability,
        "batch": options.batch,
        "resume": options.resume,
        "check": None if options.check is None else _check_words(options.check),
        "priority": options.priority,
        "hold": options.hold or None,
        "delay": options.delay,
        "not_before": options.not_before,
        "cwd": None if options.cwd is None else os.path.abspath(options.cwd),
        "env": _env(options.env) if options.env else None,
        "stdin": _stdin(options.stdin, home) if options.stdin else None,
        "retry": _given(
            attempts=options.retry,
            first=options.retry_delay,
            factor=options.retry_factor,
            cap=options.retry_cap,
            jitter=options.retry_jitter,
            never_exit=options.never_exit,
            lost=options.retry_lost,
            elsewhere=options.retry_elsewhere,
        ),
        "timeout": _given(
            run=options.timeout,
            idle=options.idle_timeout,
            queue=options.queue_timeout,
            total=options.total_timeout,
            grace=options.grace,
        ),
    }
    return {key: value for key, value in plain.items() if value not in (None, {})}


def _check_words(text: str) -> list[str]:
    """argv of a check. ValueError where it is meant for a shell."""
    words = shlex.split(text)
    operators = [word for word in shlex.shlex(text, posix=False, punctuation_chars=True) if word in _OPERATORS]
    if operators:
        how = f"--check {shlex.quote('sh -c ' + shlex.quote(text))}"
        raise ValueError(f"{operators[0]!r} would be passed on as a word, a check has no shell: {how}")
    return words


def _given(**values: object) -> dict[str, object]:
    return {key: value for key, value in values.items() if value is not None}


def _env(assignments: list[str]) -> dict[str, str]:
    env = {}
    for assignment in assignments:
        name, sign, value = assignment.partition("=")
        if not sign:
            value = os.environ.get(name, "")
        env[name] = value
    return env


def _stdin(file: str, home: Home) -> str:
    """A path; what is given on standard input is kept, byte for byte, in a file of the home."""
    if file == "none":
        return os.devnull
    if file != "-":
        return os.path.abspath(file)
    home.make()
    content = sys.stdin.buffer.read()
    path = home.inputs / hashlib.sha256(content).hexdigest()
    try:
        if not path.is_file() or plainfile.size(path) != len(content):
            plainfile.write_whole(path, content)
    except OSError as error:
        raise HomeError(f"cannot keep the input in {home.inputs}: {plainfile.in_words(error)}") from error
    return str(path)
