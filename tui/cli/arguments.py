"""Arguments that several verbs take: the values, and how a task runs."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, TypeVar

from core import bounds
from core.text import one_line, parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable

N = TypeVar("N", int, float)


def duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def whole(least: int, most: int = bounds.MAX_WHOLE) -> Callable[[str], int]:
    """For `type=` of an argument: a whole number within bounds."""

    def read(text: str) -> int:
        found = _number(int, text, "a whole number")
        return _within(found, least, most)

    return read


def number(least: float, most: float) -> Callable[[str], float]:
    """For `type=` of an argument: a finite number within bounds."""

    def read(text: str) -> float:
        found = _number(float, text, "a number")
        if not bounds.is_finite(found):
            raise argparse.ArgumentTypeError(f"expected a finite number, found {one_line(text, 40)!r}")
        return _within(found, least, most)

    return read


def _number(kind: Callable[[str], N], text: str, words: str) -> N:
    try:
        return kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected {words}, found {one_line(text, 40)!r}") from None


def _within(found: N, least: float, most: float) -> N:
    if not least <= found <= most:
        side, bound = ("least", least) if found < least else ("most", most)
        raise argparse.ArgumentTypeError(f"expected at {side} {bound:.16g}, found {one_line(str(found), 40)}")
    return found


task_number = whole(1)


def references(text: str) -> list[int | str]:
    """Tasks by number or key, with commas between them."""
    return [reference(part) for part in text.split(",") if part]


def reference(text: str) -> int | str:
    """A task by its number, or by its key."""
    if text.isdecimal():
        return task_number(text)
    if len(text) > bounds.MAX_KEY:
        raise argparse.ArgumentTypeError(f"expected a key of at most {bounds.MAX_KEY} characters, found {len(text)}")
    return text


def codes(text: str) -> list[int]:
    """Exit codes with commas between them."""
    code = whole(0, bounds.MAX_EXIT_CODE)
    try:
        return [code(part) for part in text.split(",")]
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{one_line(text, 40)!r} is not a list of exit codes: {error}") from None


def add_verb(verbs: Any, name: str, text: str, **options: Any) -> argparse.ArgumentParser:  # noqa: ANN401 - argparse's own
    made: argparse.ArgumentParser = verbs.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + ".", **options
    )
    return made


def json_flag(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--json", action="store_true", help="print one JSON document")


def one_task(add: argparse.ArgumentParser) -> None:
    task_options(add)
    add.add_argument("-n", "--name", help="what lists show; by default the command")
    add.add_argument("--after-ok", type=references, action="extend", metavar="ID", help="start once these succeeded")
    add.add_argument("--after-any", type=references, action="extend", metavar="ID", help="start once these ended")
    add.add_argument("--after-fail", type=references, action="extend", metavar="ID", help="start once these failed")
    add.add_argument("--key", help="idempotency key: a second add with it gives the first task")
    add.add_argument("-w", "--wait", action="store_true", help="wait for its end; the exit code tells the result")
    json_flag(add)
    text = "argv, passed on exactly to its last word, so options stand before it; with --shell one text"
    add.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND", help=text)


def task_options(verb: argparse.ArgumentParser) -> None:
    place = verb.add_argument_group("where and in what order it runs")
    place.add_argument("-g", "--group", help="a group with its own limit")
    place.add_argument("-a", "--agent", help="the agent that runs it, and no other")
    place.add_argument("-c", "--capability", action="append", metavar="WORD", help="any agent that has all of these")
    place.add_argument("-b", "--batch", metavar="NAME", help="looked at together: muxdeck results NAME")
    place.add_argument(
        "-p",
        "--priority",
        type=whole(-bounds.MAX_PRIORITY, bounds.MAX_PRIORITY),
        metavar="N",
        help="higher goes first; waiting counts too",
    )
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
    retry.add_argument("-r", "--retry", type=whole(1, bounds.MAX_ATTEMPTS), metavar="N", help="attempts in all")
    retry.add_argument("--retry-delay", type=duration, metavar="TIME", help="before the second attempt")
    retry.add_argument(
        "--retry-factor",
        type=number(1, bounds.MAX_FACTOR),
        metavar="F",
        help="each delay is this many times the one before",
    )
    retry.add_argument("--retry-cap", type=duration, metavar="TIME", help="the longest delay")
    retry.add_argument(
        "--retry-jitter",
        type=number(0, bounds.MAX_JITTER),
        metavar="SHARE",
        help="spread of the delays, 0.1 is a tenth",
    )
    retry.add_argument("--never-exit", type=codes, metavar="CODE,…", help="exit codes that are final at once")
    retry.add_argument("--retry-elsewhere", action="store_true", default=None, help="by another agent that can do it")
    retry.add_argument("--retry-lost", action="store_true", default=None, help="also when nobody knows how it ended")
    limits = verb.add_argument_group("how long it may take")
    limits.add_argument("-t", "--timeout", type=duration, metavar="TIME", help="one attempt")
    limits.add_argument("--idle-timeout", type=duration, metavar="TIME", help="without any output")
    limits.add_argument("--queue-timeout", type=duration, metavar="TIME", help="waiting for its start")
    limits.add_argument("--total-timeout", type=duration, metavar="TIME", help="all attempts together")
    limits.add_argument("--grace", type=duration, metavar="TIME", help="between TERM and KILL")
