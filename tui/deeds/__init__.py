"""What the actions do: each a short story told to a desk, which knows the screen and the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.deeds import looking, queue, work

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tui.deeds.desk import Desk

DEEDS: dict[str, Callable[[Desk], Awaitable[None]]] = {
    "open": looking.open_chosen,
    "attach": looking.attach,
    "describe": looking.describe,
    "logs": looking.logs,
    "send": looking.send,
    "copy": looking.copy,
    "diff": looking.diff,
    "messages": looking.messages,
    "interrupt": looking.interrupt,
    "asked": looking.asked,
    "new": queue.new,
    "go-on": queue.go_on,
    "edit": queue.edit,
    "hold": queue.hold,
    "pause": queue.pause,
    "pause-group": queue.pause_group,
    "priority": queue.priority,
    "earlier": queue.earlier,
    "later": queue.later,
    "undo": queue.undo,
    "redo": queue.redo,
    "retry": work.retry,
    "retry-failed": work.retry_failed,
    "stop": work.stop,
    "kill": work.kill,
    "signal": work.signal,
    "start-now": work.start_now,
    "dispatch": work.dispatch,
    "clean": work.clean,
}
"""By the id of the action; the rest are moves of the screen."""
