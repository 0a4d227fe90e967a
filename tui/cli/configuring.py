"""config: the configuration file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tui.cli.codes import Exit
from tui.cli.output import document, say

if TYPE_CHECKING:
    import argparse

    from core.home import Home


def config(options: argparse.Namespace, home: Home) -> int:
    verbs = {"init": _init, "check": _check, "schema": _schema}
    return verbs[options.config_verb](options, home)


def _init(_options: argparse.Namespace, home: Home) -> int:
    from core.config.template import template

    home.make()
    home.config.parent.mkdir(parents=True, exist_ok=True)
    try:
        with home.config.open("x", encoding="utf-8") as file:
            file.write(template())
    except FileExistsError:
        say(f"{home.config} is there already and stays as it is")
        return Exit.FAILED
    print(home.config)
    return Exit.OK


def _check(options: argparse.Namespace, home: Home) -> int:
    from core.config.reading import check

    faults = check(home.config)
    if options.json:
        document({"schema": 1, "file": str(home.config), "faults": [fault._asdict() for fault in faults]})
    elif faults:
        print("\n".join(map(str, faults)))
    else:
        print(f"{home.config}: {'nothing is wrong' if home.config.exists() else 'not there: all defaults'}")
    return Exit.CONFIG if faults else Exit.OK


def _schema(_options: argparse.Namespace, _home: Home) -> int:
    from core.config.reading import schema

    print(json.dumps(schema(), indent=2))
    return Exit.OK
