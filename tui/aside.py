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
    status, _, said = await _asked(*words)
    return None if status == 0 else said or "without a word"


async def tmux_passes_on() -> bool:
    """Whether the person's own tmux, if there is one, passes on what this pane says to the terminal around it."""
    pane = os.environ.get("TMUX_PANE", "")
    return (await _asked("show-options", "-Apv", "-t", pane, "allow-passthrough"))[1] in ("on", "all")


async def _asked(*words: str) -> tuple[int | None, str, str]:
    """Status, output and complaint."""
    try:
        process = await asyncio.create_subprocess_exec(
            "tmux", *words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except OSError as error:
        return None, "", str(error)
    output, said = await process.communicate()
    return process.returncode, output.decode("utf-8", "replace").strip(), said.decode("utf-8", "replace").strip()


def tell_terminal(app: App[Any], text: str) -> None:
    """Between two pictures: one thread writes all of them whole."""
    driver = app._driver  # noqa: SLF001 - Textual has no other way to write what is no picture
    if driver is not None and not driver.is_headless:
        driver.write(text)


def copy(app: App[Any], text: str) -> None:
    """By the terminal, and where there is one by the person's tmux: it keeps the terminal's way to itself."""
    app.copy_to_clipboard(text)
    if os.environ.get("TMUX"):
        with suppress(OSError, subprocess.SubprocessError):
            subprocess.run(["tmux", "load-buffer", "-w", "-"], input=text.encode(), check=False, timeout=2)
