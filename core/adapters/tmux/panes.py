"""Panes of attempts: their screens read, text typed into them, keys pressed."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from core import plainfile
from core.adapters.folders import LARGEST_SCREEN
from core.adapters.tmux.control import TmuxError
from core.interactive.screens import screen
from core.ports import AttachTarget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.adapters.folders import Folder
    from core.adapters.tmux.control import Reply
    from core.adapters.tmux.slots import Slot
    from core.interactive.screens import Screen
    from core.model import AttemptId


class Panes:
    """Every verb raises TmuxError where tmux does not do what was asked, or the attempt has no session."""

    def __init__(self, slots: Mapping[AttemptId, Slot]) -> None:
        self._slots = slots

    async def capture(self, attempt: AttemptId, lines_above: int = 0) -> bytes:
        """The session's screen with its colours, and `lines_above` of what has scrolled off; TmuxError says why not.

        It goes by a file: what a program writes never travels through the control connection.
        """
        slot = self._slot(attempt)
        path = f"{slot.folder}/screen"
        await self._save(slot, path, lines_above)
        return _saved(path)

    async def save_screen(self, slot: Slot, folder: Folder) -> None:
        """Keeps the last screen of an attempt, if its server still answers. tmux itself writes into no folder of an
        attempt: a fifo that the program has put there would hold it up for ever."""
        path = f"{slot.folder}/last"
        with suppress(TmuxError, OSError):
            await self._save(slot, path, 0)
            plainfile.write_whole(folder.screen, _saved(path))

    async def _save(self, slot: Slot, path: str, lines_above: int, *, plain: bool = False) -> Reply:
        """The reply tells the cursor's column and row, and the title that the program has set."""
        if not plainfile.may_be_written(path):
            raise TmuxError(f"{path} is not a file: remove it")
        name = f"muxdeck-{slot.number}"
        style = [] if plain else ["-e", "-N"]
        replies = await slot.control.ask(
            ["capture-pane", *style, "-t", slot.pane_id, "-S", str(-lines_above), "-b", name],
            ["save-buffer", "-b", name, path.replace("#", "##")],
            ["delete-buffer", "-b", name],
            ["display-message", "-p", "-t", slot.pane_id, "#{cursor_x} #{cursor_y} #{pane_title}"],
            deadline=2.0,
        )
        return replies[-1]

    async def look(self, attempt: AttemptId) -> Screen:
        """The screen as plain text, with cursor and title; TmuxError says why not."""
        slot = self._slot(attempt)
        path = f"{slot.folder}/look"
        reply = await self._save(slot, path, 0, plain=True)
        try:
            column, row, title = (*reply.lines[0].split(" ", 2), "")[:3]
            at = int(column), int(row)
        except (ValueError, IndexError) as error:
            raise TmuxError("tmux does not tell where the cursor is") from error
        return screen(_saved(path).decode("utf-8", "replace"), at, title)

    async def press(self, attempt: AttemptId, key: str) -> None:
        """One key that answers a dialog: a letter or a digit as it is, or Escape or Enter. TmuxError says why not."""
        slot = self._slot(attempt)
        words = [key] if key in ("Escape", "Enter") else ["-l", "--", key]
        await slot.control.ask(["send-keys", "-t", slot.pane_id, *words], deadline=2.0)

    async def type_text(self, attempt: AttemptId, text: bytes, *, enter: bool) -> None:
        """Pastes text into the session exactly, then presses Enter. TmuxError says why not.

        Control characters other than tab and line end are left out: they would act, not be typed.
        """
        slot = self._slot(attempt)
        path, name = f"{slot.folder}/text", f"muxdeck-{slot.number}"
        try:
            plainfile.write_whole(path, text.translate(None, _ACTING))
        except OSError as error:
            raise TmuxError(f"cannot write {path}: {plainfile.in_words(error)}") from error
        pane = ["-t", slot.pane_id]
        commands = [["copy-mode", "-q", *pane]]
        if text:
            commands.append(["load-buffer", "-b", name, path.replace("#", "##")])
            commands.append(["paste-buffer", "-p", "-r", "-d", "-b", name, *pane])
        if enter:
            commands.append(["send-keys", *pane, "Enter"])
        await slot.control.ask(*commands, deadline=2.0)

    def _slot(self, attempt: AttemptId) -> Slot:
        slot = self._slots.get(attempt)
        if slot is None:
            raise TmuxError(f"attempt {attempt} has no session")
        return slot

    async def attach_target(self, attempt: AttemptId) -> AttachTarget:
        """TmuxError where there is nothing to attach to."""
        slot = self._slot(attempt)
        if slot.server is None:
            raise TmuxError("its tmux server is gone")
        reply = await slot.control.ask(
            ["display-message", "-p", "-t", slot.pane_id, "#{session_attached}"], deadline=2.0
        )
        return AttachTarget(slot.server.path, slot.session_id, int(reply[0].lines[0]))


def _saved(path: str) -> bytes:
    """What tmux has written; TmuxError if it cannot be read."""
    try:
        return plainfile.read(path, LARGEST_SCREEN)
    except OSError as error:
        raise TmuxError(f"cannot read {path}: {plainfile.in_words(error)}") from error


_ACTING = bytes(code for code in range(0x20) if code not in (0x09, 0x0A)) + b"\x7f"
