"""Small inputs that once ended the engine, or every next one, with what is right."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.trials import input_homes, input_requests
from tests.trials.deck import Deck, SilenceError
from tests.trials.table import Table, some

if TYPE_CHECKING:
    import argparse

    from tests.trials.input_requests import Input

INPUTS: tuple[Input, ...] = (*input_requests.INPUTS, *input_homes.INPUTS)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="inputs with this in their names")
    parser.add_argument("--quick", action="store_true", help="without those that take more than some ten seconds")


def run(given: argparse.Namespace) -> int:
    table = Table()
    for one in INPUTS:
        if given.only and not any(text in one.name for text in given.only):
            continue
        if given.quick and one.slow:
            continue
        began = time.monotonic()
        wrong = wrongs(one, given.program)
        took = f"{time.monotonic() - began:.1f} s"
        table.add(one.name, not wrong, some(wrong, 3) if wrong else took)
    return table.exit_code()


def wrongs(one: Input, program: list[str] | None = None) -> list[str]:
    """What was not right, in words; empty if everything was."""
    with Deck(program) as deck:
        try:
            found = [words for words in one.try_out(deck) if words]
        except (RuntimeError, SilenceError, OSError) as error:
            found = [f"{type(error).__name__}: {error}"]
        return [words.replace(str(deck.home), "HOME").replace(str(deck.folder), "TRIAL") for words in found]
