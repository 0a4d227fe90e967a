"""Giving the terminal away and taking it back; putting text where it can be pasted."""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from textual.app import SuspendNotSupported

if TYPE_CHECKING:
    from textual.app import App


async def step_aside(app: App[Any], argv: list[str], env: dict[str, str]) -> str | None:
    """Runs a program on the whole terminal until it ends; says why where that cannot be.

    Inside the person's own tmux a popup does it: the console stays as it is underneath.
    """
    if os.environ.get("TMUX"):
        return await _popup(argv)
    try:
        # Held back, the screen's updates cannot fill the queue of a writer that stands still.
        with app.batch_update(), app.suspend():
            await asyncio.to_thread(subprocess.run, argv, env=env, check=False)
    except SuspendNotSupported:
        return "this terminal cannot be given away"
    return None


async def _popup(argv: list[str]) -> str | None:
    command = shlex.join(["env", "-u", "TMUX", "-u", "TMUX_PANE", *argv])
    failed = await _tmux("display-popup", "-E", "-w", "100%", "-h", "100%", command)
    if failed is None:
        return None
    return None if await _tmux("new-window", command) is None else f"your tmux cannot show it: {failed}"


async def _tmux(*words: str) -> str | None:
    """A command of the person's own tmux; what it says where it fails."""
    process = await asyncio.create_subprocess_exec(
        "tmux", *words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    _, said = await process.communicate()
    return None if process.returncode == 0 else said.decode("utf-8", "replace").strip() or "without a word"


def copy(app: App[Any], text: str) -> None:
    """By the terminal, and where there is one by the person's tmux: it keeps the terminal's way to itself."""
    app.copy_to_clipboard(text)
    if os.environ.get("TMUX"):
        with suppress(OSError, subprocess.SubprocessError):
            subprocess.run(["tmux", "load-buffer", "-w", "-"], input=text.encode(), check=False, timeout=2)
