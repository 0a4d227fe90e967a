"""completion: scripts for shells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import shtab

from tui.cli.codes import Exit
from tui.cli.parser import parser

if TYPE_CHECKING:
    import argparse

    from core.home import Home


def completion(options: argparse.Namespace, _home: Home) -> int:
    print(shtab.complete(parser(), options.shell))
    return Exit.OK
