"""The check of a task whose agent has its terminal: run beside it, it decides whether the work is done."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from core import plainfile
from core.model import Outcome
from core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from core.kinds.result import Result


async def checked(result: Result, argv: Sequence[str], cwd: str, env: Mapping[str, str], output: Path) -> Result:
    """The result after the check has had its say; what it prints goes to a file. Where this is cancelled it is ended,
    with all that it has started."""
    try:
        plainfile.write_whole(output, b"")
        with open(os.open(output, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK), "wb") as file:
            os.set_blocking(file.fileno(), True)
            process = await asyncio.create_subprocess_exec(
                *argv, cwd=cwd, env=env, stdin=asyncio.subprocess.DEVNULL, stdout=file, stderr=file,
                start_new_session=True,
            )  # fmt: skip
    except (OSError, ValueError) as error:
        return result._replace(outcome=Outcome.ERROR, reason=one_line(f"the check cannot be run: {error}"))
    try:
        status = await process.wait()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        raise
    status = status if status >= 0 else 128 - status
    if status == 0:
        return result._replace(check=0)
    reason = f"the check failed: exit {status}, its output is in {output}"
    return result._replace(outcome=Outcome.ERROR, reason=one_line(reason, 300), check=status)
