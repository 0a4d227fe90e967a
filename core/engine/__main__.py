"""The engine as a process: one per home, started by the first client, ended by a wish or a signal."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from core.engine.lock import Lock, LockedError
from core.engine.logs import log_to
from core.home import HomeError, find
from core.lean import without_tls
from core.plainfile import in_words
from core.text import one_line

if TYPE_CHECKING:
    from core.engine.logs import EngineLog
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
    except HomeError as error:
        return _fail(str(error), EXIT_CONFIG, options.ready)
    try:
        return _locked(home, options.ready)
    except HomeError as error:
        return _fail(str(error), EXIT_CONFIG, options.ready)
    except LockedError as error:
        return _fail(str(error), EXIT_LOCKED, options.ready)
    except OSError as error:
        log.exception("the engine ends")
        return _fail(f"{in_words(error)}; {home.log} says where", EXIT_INTERNAL, options.ready)
    except Exception as error:
        log.exception("the engine ends by a bug of muxdeck")
        text = f"a bug of muxdeck: {type(error).__name__}: {one_line(str(error), 200)}; {home.log} has all of it"
        return _fail(text, EXIT_INTERNAL, options.ready)


def _locked(home: Home, ready: int | None) -> int:
    with Lock(home.lock, home.socket) as lock:
        code = _run(home, lock, log_to(home.log, foreground=ready is None), ready)
        if lock.held:
            return code
        # The files at these paths may be another engine's by now: SQLite would tidy up by name.
        logging.shutdown()
        os._exit(code)


def _run(home: Home, lock: Lock, to: EngineLog, ready: int | None) -> int:
    without_tls()
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"  # to look for them takes longer than all else that it does
    import asyncio

    from core.adapters.store import StoreError
    from core.config.reading import ConfigError
    from core.engine.process import Process

    gc.set_threshold(50_000, 20, 100)
    try:
        process = Process(home, lock, to)
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
        with suppress(OSError):  # it has not waited, or was told before
            os.write(ready, word.encode("utf-8", "backslashreplace"))
            os.close(ready)


def _fail(text: str, code: int, ready: int | None) -> int:
    log.error(text)
    with suppress(OSError):
        sys.stderr.write(f"muxdeck: {text}\n")
    _tell(ready, text)
    return code


if __name__ == "__main__":
    sys.exit(main())
