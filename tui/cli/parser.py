"""The words of the command line."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from core import __version__
from tui.cli.arguments import add_verb, duration, json_flag, one_task, task_number, task_options, whole
from tui.cli.codes import MEANINGS
from tui.cli.run_words import of_run, run_verbs

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
    _work_of_agents(verbs)
    _speaking(verbs)
    _changing(verbs)
    run_verbs(verbs)
    _workflow(verbs)
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


def _adding(verbs: Any) -> None:  # noqa: ANN401 - argparse's own
    add = add_verb(
        verbs, "add", "put a task in the queue and print its number", usage="muxdeck add [options] -- COMMAND…"
    )
    one_task(add)

    batch = add_verb(verbs, "batch", "put a task a line in the queue: JSON, or plain commands; all of them or none")
    task_options(batch)
    batch.add_argument("-w", "--wait", action="store_true", help="wait for their ends; the exit code tells the result")
    json_flag(batch)
    batch.add_argument("file", metavar="FILE", help="- for standard input")


def _reading(verbs: Any) -> None:  # noqa: ANN401 - argparse's own
    ls = add_verb(verbs, "ls", "list tasks, the latest last")
    ls.add_argument(
        "-s",
        "--state",
        action="extend",
        type=lambda text: text.split(","),
        help="only these states; waiting: for somebody",
    )
    ls.add_argument("-g", "--group", help="only this group")
    ls.add_argument("-n", "--limit", type=whole(1), default=100, metavar="N", help="at most so many (100)")
    ls.add_argument("text", nargs="?", help="only tasks with this in their name or command")
    json_flag(ls)
    for name, text in (
        ("show", "everything about a task"),
        ("why", "why a task stands where it stands"),
    ):
        verb = add_verb(verbs, name, text)
        verb.add_argument("task", metavar="ID")
        json_flag(verb)
    log = add_verb(verbs, "log", "the output of a task, made inert; raw with --raw")
    log.add_argument("task", metavar="ID")
    log.add_argument("-f", "--follow", action="store_true", help="go on until it ends")
    log.add_argument("-n", "--lines", type=whole(0), metavar="N", help="only the last lines")
    log.add_argument("--attempt", type=whole(1), metavar="N", help="by default the latest")
    log.add_argument("--raw", action="store_true", help="byte for byte, escape sequences included")
    json_flag(log)
    wait = add_verb(verbs, "wait", "wait until tasks have ended; the exit code tells the result")
    wait.add_argument("tasks", nargs="+", type=task_number, metavar="ID")
    wait.add_argument("--timeout", type=duration, metavar="TIME", help="give up after this time")
    json_flag(wait)
    sessions = add_verb(verbs, "sessions", "the sessions of running tasks, with their health")
    sessions.add_argument("-a", "--all", action="store_true", help="also those of your own tmux servers")
    json_flag(sessions)
    for name, text in (
        ("groups", "the groups, with their limits"),
        ("stats", "latencies, utilisation, overhead"),
        ("history", "what was asked for, and what went otherwise"),
    ):
        json_flag(add_verb(verbs, name, text))


def _agents(verbs: Any) -> None:  # noqa: ANN401 - argparse's own
    agents = add_verb(verbs, "agents", "the agents: how they stand; add, pause, drain, resume, explain one")
    json_flag(agents)
    agents_verbs = agents.add_subparsers(dest="agents_verb", metavar="VERB")
    json_flag(add_verb(agents_verbs, "list", "all of them, with their slots and load"))
    add = add_verb(agents_verbs, "add", "write one into the configuration file")
    add.add_argument("name", metavar="NAME")
    add.add_argument("-k", "--kind", required=True, help="claude, codex, gemini, opencode, copilot, aider, custom")
    add.add_argument("--slots", type=whole(0), metavar="N", help="tasks at once (1)")
    add.add_argument("--capability", action="append", metavar="WORD", help="what tasks may ask for")
    add.add_argument("--model", help="the model it is told to use")
    add.add_argument("-C", "--cwd", metavar="DIR", help="where its tasks run")
    add.add_argument("--worktree", action="store_true", help="a git worktree of its own for each task")
    add.add_argument("--edits", action="store_true", help="let it change files where it works without asking")
    add.add_argument("--mode", choices=("headless", "interactive"), help="interactive: its full-screen program")
    add.add_argument("--option", action="append", metavar="WORD", help="a further argument of its program: --option=-v")
    add.add_argument("--program", metavar="COMMAND", help="the program, where it is not the kind's own")
    for name, text in (
        ("pause", "let it start nothing"),
        ("drain", "let it start nothing, and give its queue to others"),
        ("resume", "let it start again, and trust it again"),
        ("explain", "everything about one"),
    ):
        verb = add_verb(agents_verbs, name, text)
        verb.add_argument("name", metavar="NAME")
        json_flag(verb)


def _work_of_agents(verbs: Any) -> None:  # noqa: ANN401 - argparse's own
    answer = add_verb(verbs, "answer", "answer the dialog of an interactive agent; without a key, show it")
    answer.add_argument("task", type=task_number, metavar="ID")
    answer.add_argument("key", nargs="?", metavar="KEY", help="one of its choices, or Escape")
    json_flag(answer)
    diff = add_verb(verbs, "diff", "what a task has changed in its git worktree")
    diff.add_argument("task", metavar="ID")
    json_flag(diff)
    merge = add_verb(verbs, "merge", "merge what a task has changed in its worktree into its repository's branch")
    merge.add_argument("tasks", nargs="+", metavar="ID")
    merge.add_argument("-m", "--message", metavar="TEXT", help="commit what is not committed first, with this message")
    json_flag(merge)
    remove = add_verb(verbs, "remove-worktree", "delete a task's worktree and its branch")
    remove.add_argument("tasks", nargs="+", metavar="ID")
    remove.add_argument("--force", action="store_true", help="also what is in no other branch")
    json_flag(remove)
    results = add_verb(verbs, "results", "what the tasks of a batch came to; without one, the batches")
    results.add_argument("batch", nargs="?", metavar="BATCH")
    json_flag(results)


def _speaking(verbs: Any) -> None:  # noqa: ANN401 - argparse's own
    report = add_verb(verbs, "report", "from within a task: tell how it stands")
    report.add_argument("kind", choices=("progress", "done", "fail", "ask"), help="ask waits for a person")
    report.add_argument("text", metavar="TEXT")
    msg = add_verb(verbs, "msg", "send mail to a task, an agent, a group or the operator, and print its number")
    msg.add_argument("to", metavar="TO", help="a task's number, agent:NAME, group:NAME or operator")
    msg.add_argument("text", metavar="TEXT")
    msg.add_argument("--ttl", type=duration, metavar="TIME", help="nobody gets it later than in this time")
    json_flag(msg)
    inbox = add_verb(verbs, "inbox", "take the mail that waits for you: a task within its session, else the operator")
    inbox.add_argument(
        "--ack", type=task_number, nargs="+", metavar="ID", help="take nothing; acknowledge what was taken"
    )
    json_flag(inbox)
    mail = add_verb(verbs, "mail", "all mail with its state, the latest last")
    mail.add_argument("-n", "--limit", type=whole(1), default=200, metavar="N", help="at most so many (200)")
    json_flag(mail)
    spawn = add_verb(
        verbs, "spawn", "from within a task: add a task as its child", usage="muxdeck spawn [options] -- COMMAND…"
    )
    one_task(spawn)
    add_verb(verbs, "mcp", "from within a task: report, msg, inbox and spawn as tools, for agents that speak MCP")


def _changing(verbs: Any) -> None:  # noqa: ANN401 - argparse's own
    _ending(verbs)
    _signal(verbs)
    _edit(verbs)
    _pausing(verbs)
    _clean(verbs)
    _attach(verbs)


def _ending(verbs: Any) -> None:  # noqa: ANN401 - argparse's own
    for name, text in (
        ("retry", "run ended tasks again, with what their end had stopped"),
        ("stop", "cancel queued tasks; end running ones: TERM, grace, KILL"),
        ("kill", "end tasks at once, every process of them"),
        ("hold", "keep queued tasks from starting"),
        ("release", "let held tasks start"),
    ):
        verb = add_verb(verbs, name, text)
        _chosen(verb)
        if name == "retry":
            verb.add_argument("--failed", action="store_true", help="all that failed, timed out or were lost")
            of_run(verb, from_node=True)
        else:
            _all(verb)
        json_flag(verb)


def _signal(verbs: Any) -> None:  # noqa: ANN401 - argparse's own
    signal = add_verb(verbs, "signal", "send a signal to every process of running tasks")
    signal.add_argument("signal", metavar="SIGNAL", help="a name as USR1, or a number")
    _chosen(signal)
    _all(signal)
    json_flag(signal)


def _edit(verbs: Any) -> None:  # noqa: ANN401 - argparse's own
    edit = add_verb(verbs, "edit", "change a queued task", usage="muxdeck edit [options] ID [-- COMMAND…]")
    edit.add_argument("task", type=task_number, metavar="ID")
    edit.add_argument("-n", "--name")
    task_options(edit)
    edit.add_argument("--release", action="store_true", help="no longer hold it")
    json_flag(edit)


def _pausing(verbs: Any) -> None:  # noqa: ANN401 - argparse's own
    for name, text in (
        ("pause", "stop running tasks by a signal, hold queued ones; or stop starting new ones"),
        ("resume", "let go on what was paused"),
    ):
        verb = add_verb(verbs, name, text)
        _chosen(verb, required=False)
        verb.add_argument("-a", "--agent", help="the whole agent")
        of_run(verb)
        verb.add_argument("--all", action="store_true", help="everything")
        json_flag(verb)
    limit = add_verb(verbs, "limit", "how many tasks of a group may run at once")
    limit.add_argument("group")
    limit.add_argument("limit", type=whole(0), metavar="N", help="0 is no limit")
    json_flag(limit)


def _clean(verbs: Any) -> None:  # noqa: ANN401 - argparse's own
    clean = add_verb(verbs, "clean", "forget ended tasks, with their output")
    clean.add_argument("tasks", nargs="*", type=task_number, metavar="ID", help="by default all that succeeded")
    clean.add_argument("-s", "--state", action="extend", type=lambda text: text.split(","), help="these states")
    clean.add_argument("-g", "--group", help="only this group")
    clean.add_argument("--older-than", type=duration, metavar="TIME", help="only what ended so long ago")
    clean.add_argument("--all", action="store_true", help="whatever their state")
    json_flag(clean)


def _attach(verbs: Any) -> None:  # noqa: ANN401 - argparse's own
    attach = add_verb(verbs, "attach", "go into the session of a running task")
    attach.add_argument("task", metavar="ID", help="a task, or SOCKET:SESSION of another tmux server")


def _all(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--all", action="store_true", help="every task to which it can be done")


def _chosen(verb: argparse.ArgumentParser, *, required: bool = True) -> None:
    verb.add_argument("tasks", nargs="*", type=task_number, metavar="ID")
    text = "all tasks of this group" if required else "the whole group"
    verb.add_argument("-g", "--group", help=text)


def _workflow(verbs: Any) -> None:  # noqa: ANN401 - argparse's own
    workflow = add_verb(verbs, "workflow", "workflows as files: check them, draw them")
    workflow_verbs = workflow.add_subparsers(dest="workflow_verb", metavar="VERB", required=True)
    check = add_verb(workflow_verbs, "check", "list everything that is wrong with files and with those that they call")
    check.add_argument("files", nargs="+", metavar="FILE")
    json_flag(check)
    graph = add_verb(workflow_verbs, "graph", "draw what comes before what")
    graph.add_argument("file", metavar="FILE")
    graph.add_argument("--format", choices=("text", "mermaid", "dot", "json"), default="text", help="text by default")
    add_verb(workflow_verbs, "schema", "print the JSON Schema of workflow files, for editors")


def _engine(verbs: Any) -> None:  # noqa: ANN401 - argparse's own
    engine = add_verb(verbs, "engine", "the process that owns the work")
    engine_verbs = engine.add_subparsers(dest="engine_verb", metavar="VERB", required=True)
    add_verb(engine_verbs, "start", "start it in the background, if it does not run")
    add_verb(engine_verbs, "stop", "end it; everything that runs goes on running")
    json_flag(add_verb(engine_verbs, "status", "its process, socket and tmux servers"))
    add_verb(engine_verbs, "run", "run it here, in the foreground")
    json_flag(add_verb(verbs, "doctor", "check everything that muxdeck needs"))
    json_flag(add_verb(verbs, "paths", "where everything lives"))
    config = add_verb(verbs, "config", "the configuration file")
    config_verbs = config.add_subparsers(dest="config_verb", metavar="VERB", required=True)
    add_verb(config_verbs, "init", "write it, with every default and what it means")
    json_flag(add_verb(config_verbs, "check", "list everything that is wrong with it"))
    add_verb(config_verbs, "schema", "print its JSON Schema, for editors")
    completion = add_verb(verbs, "completion", "print the completion script of a shell")
    completion.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    demo = add_verb(verbs, "demo", "a queue of real work in a folder of its own, and the console on it")
    demo.add_argument("--tasks", type=whole(1), default=60, metavar="N", help="how many commands (60)")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """What stands behind -- is a command, whatever stands before it."""
    words = list(argv)
    if "--" not in words or "edit" not in words[: words.index("--")]:
        return parser().parse_args(words)
    cut = words.index("--")
    options = parser().parse_args(words[:cut])
    options.command = words[cut + 1 :]
    return options
