"""Mail that comes again: what a task's earlier attempts had taken, for the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.rules.mailing import owed

if TYPE_CHECKING:
    from core.model import AttemptId
    from core.ports import Store
    from core.speech import Mail


def unread(store: Store, attempt: AttemptId, now: float) -> list[Mail]:
    """The oldest first; nothing for a first attempt, and seldom anything for others."""
    taken = store.taken_before(attempt) if attempt.number > 1 else []
    return owed(taken, store.attempts_of(attempt.task), now) if taken else []
