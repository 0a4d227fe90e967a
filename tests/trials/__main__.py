"""Runs one trial of the installed program, or lists them:  python -m tests.trials [NAME [OPTION…]]"""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from importlib import import_module
from typing import NoReturn

TRIALS = {
    "clients": "many clients add tasks while the engine is killed again and again",
    "fuzz": "every verb and odd files in the home, for half an hour, with one engine",
    "full": "the disk of the home is full for a minute in the middle of many tasks",
    "faults": "a table of faults of the machine, each made and taken away on a running engine",
    "inputs": "small inputs that once ended the engine",
}


def main() -> int:
    """1 if something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.trials", description="Long trials of the installed program.")
    trials = parser.add_subparsers(dest="trial", metavar="NAME")
    for name, about in TRIALS.items():
        trial = trials.add_parser(name, help=about, description=about)
        trial.add_argument("--program", type=shlex.split, help="the command line to try; by default that of this tree")
        if len(sys.argv) > 1 and sys.argv[1] == name:
            import_module(f"tests.trials.{name}").options(trial)
    given = parser.parse_args()
    if given.trial is None:
        parser.print_help()
        return 0
    for ending in (signal.SIGTERM, signal.SIGHUP):
        # Set also where HUP was ignored: everything that is started here would inherit that.
        signal.signal(ending, _end)
    try:
        return int(import_module(f"tests.trials.{given.trial}").run(given))
    except KeyboardInterrupt:
        print("interrupted; everything that the trial started is ended", file=sys.stderr)
        return 130


def _end(*_: object) -> NoReturn:
    """The way out by `finally`, so that nothing is left behind."""
    sys.exit(143)


if __name__ == "__main__":
    sys.exit(main())
