"""From the words of the command line to a verb, and from what comes of it to an exit code."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from core.client import AnswerError, NoEngineError
from core.home import HomeError, find
from tui.cli.codes import BY_REFUSAL, Exit
from tui.cli.output import say
from tui.cli.parser import parse

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from core.home import Home

_MODULES = {
    "add": "adding",
    "batch": "adding",
    "ls": "reading",
    "show": "reading",
    "why": "reading",
    "log": "reading",
    "wait": "reading",
    "sessions": "reading",
    "agents": "agents",
    "results": "agents",
    "answer": "agents",
    "diff": "agents",
    "merge": "agents",
    "remove-worktree": "agents",
    "report": "speaking",
    "msg": "speaking",
    "inbox": "speaking",
    "mail": "speaking",
    "spawn": "adding",
    "mcp": "serving",
    "groups": "reading",
    "stats": "reading",
    "history": "reading",
    "retry": "changing",
    "stop": "changing",
    "kill": "changing",
    "hold": "changing",
    "release": "changing",
    "signal": "changing",
    "edit": "changing",
    "pause": "changing",
    "resume": "changing",
    "limit": "changing",
    "clean": "changing",
    "run": "runs",
    "runs": "runs",
    "run-show": "runs",
    "cancel": "runs",
    "approve": "runs",
    "reject": "runs",
    "emit": "runs",
    "events": "runs",
    "attach": "attaching",
    "workflow": "workflows",
    "engine": "engine",
    "doctor": "doctor",
    "paths": "engine",
    "config": "configuring",
    "completion": "completing",
    "demo": "demo",
}
"""Where each verb is: only its module is loaded."""


def run(argv: Sequence[str]) -> int:
    options = parse(argv)
    try:
        return _run(options, find(options.home))
    except AnswerError as error:
        say(str(error))
        return BY_REFUSAL.get(error.code, Exit.FAILED)
    except NoEngineError as error:
        say(str(error))
        return Exit.INTERNAL if error.is_bug else Exit.NO_ENGINE
    except HomeError as error:
        say(str(error))
        return Exit.CONFIG
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output has gone: nothing more to say, and nothing to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK


def _run(options: argparse.Namespace, home: Home) -> int:
    if options.verb is None:
        from tui.console import open_console

        return open_console(home, read_only=options.read_only, plain=options.ascii)
    module = import_module(f"tui.cli.{_MODULES[options.verb]}")
    return int(getattr(module, options.verb.replace("-", "_"))(options, home))
