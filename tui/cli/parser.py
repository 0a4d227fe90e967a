"""The words of the command line."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from core import __version__
from core.text import parse_duration
from tui.cli.codes import MEANINGS

if TYPE_CHECKING:
    from collections.abc import Sequence


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="muxdeck",
        description="The operator's console for fleets of agents and long jobs in tmux. Without a verb: the console.",
        epilog="exit codes:\n" + "\n".join(f"  {code:2}  {meaning}" for code, meaning in MEANINGS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--home", metavar="DIR", help="the folder of the engine (MUXDECK_HOME)")
    top.add_argument(
        "--version", action=_Version, nargs=0, help="show the versions of muxdeck, Python, tmux and SQLite"
    )
    top.add_argument("--read-only", action="store_true", help="console: take away every action that changes something")
    top.add_argument("--ascii", action="store_true", help="console: plain letters for the symbols of states")
    verbs = top.add_subparsers(dest="verb", metavar="VERB", title="verbs")
    _adding(verbs)
    _reading(verbs)
    _agents(verbs)
    _speaking(verbs)
    _changing(verbs)
    _engine(verbs)
    return top


class _Version(argparse.Action):
    def __call__(self, *_: Any) -> None:  # noqa: ANN401 - argparse's own
        import platform
        import sqlite3
        import subprocess

        try:
            tmux = subprocess.run(["tmux", "-V"], capture_output=True, text=True, check=False, timeout=5).stdout.strip()
        except (OSError, subprocess.TimeoutExpired):
            tmux = "no tmux"
        print(f"muxdeck {__version__}, Python {platform.python_version()}, {tmux}, SQLite {sqlite3.sqlite_version}")
        raise SystemExit(0)


def duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def references(text: str) -> list[int | str]:
    """Tasks by number or key, with commas between them."""
    return [int(part) if part.isdecimal() else part for part in text.split(",") if part]


def reference(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def codes(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of exit codes: write 2,64") from None


def _verb(verbs: Any, name: str, text: str, **options: Any) -> argparse.ArgumentParser:  # noqa: ANN401 - argparse's own
    made: argparse.ArgumentParser = verbs.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + ".", **options
    )
    return made


def _json(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--json", action="store_true", help="print one JSON document")


def _adding(verbs: Any) -> None:  # noqa: ANN401 - argparse's own
    add = _verb(verbs, "add", "put a task in the queue and print its number", usage="muxdeck add [options] -- COMMAND…")
    _one_task(add)

    batch = _verb(verbs, "batch", "put a task a line in the queue: JSON, or plain commands; all of them or none")
    _task_options(batch)
    batch.add_argument("-w", "--wait", action="store_true", help="wait for their ends; the exit code tells the result")
    _json(batch)
    batch.add_argument("file", metavar="FILE", help="- for standard input")


def _one_task(add: argparse.ArgumentParser) -> None:
    _task_options(add)
    add.add_argument("-n", "--name", help="what lists show; by default the command")
    add.add_argument("--after-ok", type=references, action="extend", metavar="ID", help="start once these succeeded")
    add.add_argument("--after-any", type=references, action="extend", metavar="ID", help="start once these ended")
    add.add_argument("--after-fail", type=references, action="extend", metavar="ID", help="start once these failed")
    add.add_argument("--key", help="idempotency key: a second add with it gives the first task")
    add.add_argument("-w", "--wait", action="store_true", help="wait for its end; the exit code tells the result")
    _json(add)
    add.add_argument(
        "command", nargs=argparse.REMAINDER, metavar="COMMAND", help="argv, passed on exactly; with --shell one text"
    )


def _task_options(verb: argparse.ArgumentParser) -> None:
    place = verb.add_argument_group("where and in what order it runs")
    place.add_argument("-g", "--group", help="a group with its own limit")
    place.add_argument("-a", "--agent", help="the agent that runs it, and no other")
    place.add_argument("-c", "--capability", action="append", metavar="WORD", help="any agent that has all of these")
    place.add_argument("-b", "--batch", metavar="NAME", help="looked at together: muxdeck results NAME")
    place.add_argument("-p", "--priority", type=int, metavar="N", help="higher goes first; waiting counts too")
    place.add_argument("--hold", action="store_true", help="keep it until it is released")
    place.add_argument("--delay", type=duration, metavar="TIME", help="start no sooner than in this time")
    place.add_argument("--not-before", metavar="WHEN", help="start no sooner than then: 2030-01-31T08:00")
    run = verb.add_argument_group("how it runs")
    run.add_argument("-P", "--prompt", metavar="TEXT", help="a text for a coding agent, instead of a command")
    run.add_argument("--prompt-file", metavar="FILE", help="the same from a file; - for standard input")
    run.add_argument("--resume", type=reference, metavar="ID", help="go on with the conversation of this task")
    run.add_argument("--check", metavar="COMMAND", help="decides whether the agent's work is done: it ends with 0")
    run.add_argument("-s", "--shell", action="store_true", help="give the text to your shell")
    run.add_argument("-C", "--cwd", metavar="DIR", help="working folder; by default this one")
    run.add_argument("-e", "--env", action="append", metavar="NAME=VALUE", help="set in its environment")
    run.add_argument("--stdin", metavar="FILE", help="its standard input; - takes what is given here, none is nothing")
    retry = verb.add_argument_group("what happens when it fails")
    retry.add_argument("-r", "--retry", type=int, metavar="N", help="attempts in all")
    retry.add_argument("--retry-delay", type=duration, metavar="TIME", help="before the second attempt")
    retry.add_argument("--retry-factor", type=float, metavar="F", help="each delay is this many times the one before")
    retry.add_argument("--retry-cap", type=duration, metavar="TIME", help="the longest delay")
    retry.add_argument("--retry-jitter", type=float, metavar="SHARE", help="spread of the delays, 0.1 is a tenth")
    retry.add_argument("--never-exit", type=codes, metavar="CODE,…", help="exit codes that are final at once")
    retry.add_argument("--retry-elsewhere", action="store_true", default=None, help="by another agent that can do it")
    retry.add_argument("--retry-lost", action="store_true", default=None, help="also when nobody knows how it ended")
    limits = verb.add_argument_group("how long it may take")
    limits.add_argument("-t", "--timeout", type=duration, metavar="TIME", help="one attempt")
    limits.add_argument("--idle-timeout", type=duration, metavar="TIME", help="without any output")
    limits.add_argument("--queue-timeout", type=duration, metavar="TIME", help="waiting for its start")
    limits.add_argument("--total-timeout", type=duration, metavar="TIME", help="all attempts together")
    limits.add_argument("--grace", type=duration, metavar="TIME", help="between TERM and KILL")


def _reading(verbs: Any) -> None:  # noqa: ANN401 - argparse's own
    ls = _verb(verbs, "ls", "list tasks, the latest last")
    ls.add_argument("-s", "--state", action="extend", type=lambda text: text.split(","), help="only these states")
    ls.add_argument("-g", "--group", help="only this group")
    ls.add_argument("-n", "--limit", type=int, default=100, metavar="N", help="at most so many (100)")
    ls.add_argument("text", nargs="?", help="only tasks with this in their name or command")
    _json(ls)
    for name, text in (
        ("show", "everything about a task"),
        ("why", "why a task stands where it stands"),
    ):
        verb = _verb(verbs, name, text)
        verb.add_argument("task", metavar="ID")
        _json(verb)
    log = _verb(verbs, "log", "the output of a task, made inert; raw with --raw")
    log.add_argument("task", metavar="ID")
    log.add_argument("-f", "--follow", action="store_true", help="go on until it ends")
    log.add_argument("-n", "--lines", type=int, metavar="N", help="only the last lines")
    log.add_argument("--attempt", type=int, metavar="N", help="by default the latest")
    log.add_argument("--raw", action="store_true", help="byte for byte, escape sequences included")
    _json(log)
    wait = _verb(verbs, "wait", "wait until tasks have ended; the exit code tells the result")
    wait.add_argument("tasks", nargs="+", type=int, metavar="ID")
    wait.add_argument("--timeout", type=duration, metavar="TIME", help="give up after this time")
    _json(wait)
    sessions = _verb(verbs, "sessions", "the sessions of running tasks, with their health")
    sessions.add_argument("-a", "--all", action="store_true", help="also those of your own tmux servers")
    _json(sessions)
    for name, text in (
        ("groups", "the groups, with their limits"),
        ("stats", "latencies, utilisation, overhead"),
        ("history", "what was asked for, and what went otherwise"),
    ):
        _json(_verb(verbs, name, text))


def _agents(verbs: Any) -> None:  # noqa: ANN401 - argparse's own
    agents = _verb(verbs, "agents", "the agents: how they stand; add, pause, drain, resume, explain one")
    _json(agents)
    agents_verbs = agents.add_subparsers(dest="agents_verb", metavar="VERB")
    _json(_verb(agents_verbs, "list", "all of them, with their slots and load"))
    add = _verb(agents_verbs, "add", "write one into the configuration file")
    add.add_argument("name", metavar="NAME")
    add.add_argument("-k", "--kind", required=True, help="claude, codex, gemini, opencode, copilot, aider, custom")
    add.add_argument("--slots", type=int, metavar="N", help="tasks at once (1)")
    add.add_argument("--capability", action="append", metavar="WORD", help="what tasks may ask for")
    add.add_argument("--model", help="the model it is told to use")
    add.add_argument("-C", "--cwd", metavar="DIR", help="where its tasks run")
    add.add_argument("--worktree", action="store_true", help="a git worktree of its own for each task")
    add.add_argument("--program", metavar="COMMAND", help="the program, where it is not the kind's own")
    for name, text in (
        ("pause", "let it start nothing"),
        ("drain", "let it start nothing, and give its queue to others"),
        ("resume", "let it start again, and trust it again"),
        ("explain", "everything about one"),
    ):
        verb = _verb(agents_verbs, name, text)
        verb.add_argument("name", metavar="NAME")
        _json(verb)
    answer = _verb(verbs, "answer", "answer the dialog of an interactive agent; without a key, show it")
    answer.add_argument("task", type=int, metavar="ID")
    answer.add_argument("key", nargs="?", metavar="KEY", help="one of its choices, or Escape")
    _json(answer)
    diff = _verb(verbs, "diff", "what a task has changed in its git worktree")
    diff.add_argument("task", metavar="ID")
    _json(diff)
    merge = _verb(verbs, "merge", "merge what a task has committed in its worktree into its repository's branch")
    merge.add_argument("task", metavar="ID")
    _json(merge)
    remove = _verb(verbs, "remove-worktree", "delete a task's worktree and its branch")
    remove.add_argument("task", metavar="ID")
    remove.add_argument("--force", action="store_true", help="also what is in no other branch")
    _json(remove)
    results = _verb(verbs, "results", "what the tasks of a batch came to")
    results.add_argument("batch", metavar="BATCH")
    _json(results)


def _speaking(verbs: Any) -> None:  # noqa: ANN401 - argparse's own
    report = _verb(verbs, "report", "from within a task: tell how it stands")
    report.add_argument("kind", choices=("progress", "done", "fail", "ask"), help="ask waits for a person")
    report.add_argument("text", metavar="TEXT")
    msg = _verb(verbs, "msg", "send mail to a task, an agent, a group or the operator, and print its number")
    msg.add_argument("to", metavar="TO", help="a task's number, agent:NAME, group:NAME or operator")
    msg.add_argument("text", metavar="TEXT")
    msg.add_argument("--ttl", type=duration, metavar="TIME", help="nobody gets it later than in this time")
    _json(msg)
    inbox = _verb(verbs, "inbox", "take the mail that waits for you: a task within its session, else the operator")
    inbox.add_argument("--ack", type=int, nargs="+", metavar="ID", help="take nothing; acknowledge what was taken")
    _json(inbox)
    mail = _verb(verbs, "mail", "all mail with its state, the latest last")
    mail.add_argument("-n", "--limit", type=int, default=200, metavar="N", help="at most so many (200)")
    _json(mail)
    spawn = _verb(
        verbs, "spawn", "from within a task: add a task as its child", usage="muxdeck spawn [options] -- COMMAND…"
    )
    _one_task(spawn)


def _changing(verbs: Any) -> None:  # noqa: ANN401 - argparse's own
    for name, text in (
        ("retry", "run ended tasks again, with what their end had stopped"),
        ("stop", "cancel queued tasks; end running ones: TERM, grace, KILL"),
        ("kill", "end tasks at once, every process of them"),
        ("hold", "keep queued tasks from starting"),
        ("release", "let held tasks start"),
    ):
        verb = _verb(verbs, name, text)
        _chosen(verb)
        if name == "retry":
            verb.add_argument("--failed", action="store_true", help="all that failed, timed out or were lost")
        else:
            _all(verb)
        _json(verb)
    signal = _verb(verbs, "signal", "send a signal to every process of running tasks")
    signal.add_argument("signal", metavar="SIGNAL", help="a name as USR1, or a number")
    _chosen(signal)
    _all(signal)
    _json(signal)
    edit = _verb(verbs, "edit", "change a queued task", usage="muxdeck edit [options] ID [-- COMMAND…]")
    edit.add_argument("task", type=int, metavar="ID")
    edit.add_argument("-n", "--name")
    _task_options(edit)
    edit.add_argument("--release", action="store_true", help="no longer hold it")
    _json(edit)
    for name, text in (
        ("pause", "stop running tasks by a signal, hold queued ones; or stop starting new ones"),
        ("resume", "let go on what was paused"),
    ):
        verb = _verb(verbs, name, text)
        _chosen(verb, required=False)
        verb.add_argument("-a", "--agent", help="the whole agent")
        verb.add_argument("--all", action="store_true", help="everything")
        _json(verb)
    limit = _verb(verbs, "limit", "how many tasks of a group may run at once")
    limit.add_argument("group")
    limit.add_argument("limit", type=int, metavar="N", help="0 is no limit")
    _json(limit)
    clean = _verb(verbs, "clean", "forget ended tasks, with their output")
    clean.add_argument("tasks", nargs="*", type=int, metavar="ID", help="by default all that succeeded")
    clean.add_argument("-s", "--state", action="extend", type=lambda text: text.split(","), help="these states")
    clean.add_argument("-g", "--group", help="only this group")
    clean.add_argument("--older-than", type=duration, metavar="TIME", help="only what ended so long ago")
    clean.add_argument("--all", action="store_true", help="whatever their state")
    _json(clean)
    attach = _verb(verbs, "attach", "go into the session of a running task")
    attach.add_argument("task", metavar="ID", help="a task, or SOCKET:SESSION of another tmux server")


def _all(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--all", action="store_true", help="every task to which it can be done")


def _chosen(verb: argparse.ArgumentParser, *, required: bool = True) -> None:
    verb.add_argument("tasks", nargs="*", type=int, metavar="ID")
    text = "all tasks of this group" if required else "the whole group"
    verb.add_argument("-g", "--group", help=text)


def _engine(verbs: Any) -> None:  # noqa: ANN401 - argparse's own
    engine = _verb(verbs, "engine", "the process that owns the work")
    engine_verbs = engine.add_subparsers(dest="engine_verb", metavar="VERB", required=True)
    _verb(engine_verbs, "start", "start it in the background, if it does not run")
    _verb(engine_verbs, "stop", "end it; everything that runs goes on running")
    _json(_verb(engine_verbs, "status", "its process, socket and tmux servers"))
    _verb(engine_verbs, "run", "run it here, in the foreground")
    _json(_verb(verbs, "doctor", "check everything that muxdeck needs"))
    _json(_verb(verbs, "paths", "where everything lives"))
    config = _verb(verbs, "config", "the configuration file")
    config_verbs = config.add_subparsers(dest="config_verb", metavar="VERB", required=True)
    _verb(config_verbs, "init", "write it, with every default and what it means")
    _json(_verb(config_verbs, "check", "list everything that is wrong with it"))
    _verb(config_verbs, "schema", "print its JSON Schema, for editors")
    completion = _verb(verbs, "completion", "print the completion script of a shell")
    completion.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    demo = _verb(verbs, "demo", "a queue of real work in a folder of its own, and the console on it")
    demo.add_argument("--tasks", type=int, default=60, metavar="N", help="how many commands (60)")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """What stands behind -- is a command, whatever stands before it."""
    words = list(argv)
    if "--" not in words or "edit" not in words[: words.index("--")]:
        return parser().parse_args(words)
    cut = words.index("--")
    options = parser().parse_args(words[:cut])
    options.command = words[cut + 1 :]
    return options
