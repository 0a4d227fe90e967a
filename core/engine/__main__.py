"""The engine as a process: one per home, started by the first client, ended by a wish or a signal."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import signal
import sys
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING

from core.engine.lock import Lock, LockedError
from core.home import HomeError, find
from core.lean import without_tls

if TYPE_CHECKING:
    from pathlib import Path

    from core.home import Home

EXIT_CONFIG, EXIT_LOCKED, EXIT_INTERNAL = 4, 7, 70
log = logging.getLogger("muxdeck")


def main() -> int:
    parser = argparse.ArgumentParser(prog="muxdeck engine run", description=__doc__)
    parser.add_argument("--home", help="the folder of this engine")
    parser.add_argument("--ready", type=int, metavar="FD", help="closed with a byte once the socket listens")
    options = parser.parse_args()
    try:
        home = find(options.home)
        home.make()
        with Lock(home.lock, home.socket):
            _log_to(home.log, foreground=options.ready is None)
            return _run(home, options.ready)
    except HomeError as error:
        return _fail(str(error), EXIT_CONFIG, options.ready)
    except LockedError as error:
        return _fail(str(error), EXIT_LOCKED, options.ready)


def _run(home: Home, ready: int | None) -> int:
    without_tls()
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"  # to look for them takes longer than all else that it does
    import asyncio

    from core.adapters.store import StoreError
    from core.config.reading import ConfigError
    from core.engine.process import Process

    gc.set_threshold(50_000, 20, 100)
    try:
        process = Process(home)
    except (ConfigError, StoreError) as error:
        return _fail(str(error), EXIT_CONFIG, ready)
    return asyncio.run(_serve(process, ready))


async def _serve(process: object, ready: int | None) -> int:
    import asyncio

    from core.engine.process import Process

    assert isinstance(process, Process)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.stop)
    return await process.run(lambda: _tell(ready))


def _tell(ready: int | None, word: str = "\n") -> None:
    """To the client that started the engine: a line end, or why there is none."""
    if ready is not None:
        os.write(ready, word.encode())
        os.close(ready)


def _log_to(path: Path, *, foreground: bool) -> None:
    handler = RotatingFileHandler(path, maxBytes=1 << 20, backupCount=2, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    if foreground:
        log.addHandler(logging.StreamHandler(sys.stderr))
    log.setLevel(logging.INFO)


def _fail(text: str, code: int, ready: int | None) -> int:
    log.error(text)
    sys.stderr.write(f"muxdeck: {text}\n")
    _tell(ready, text)
    return code


if __name__ == "__main__":
    sys.exit(main())
