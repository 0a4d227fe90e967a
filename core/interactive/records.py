"""What an agent keeps about its conversations: which of them is ours, where nothing else tells.

opencode (1.18, tried) keeps sessions, messages and their parts in an SQLite file of its own. It is only read.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from core.kinds.result import MESSAGE_SIZE, number

if TYPE_CHECKING:
    from collections.abc import Mapping

SKEW = 2.0
"""Seconds by which a conversation may seem to have begun before its prompt was typed."""
_OURS = """
SELECT session.id FROM session WHERE parent_id IS NULL AND directory = ? AND time_created >= ? AND (
  SELECT json_extract(part.data, '$.text') FROM message JOIN part ON part.message_id = message.id
  WHERE message.session_id = session.id AND json_extract(message.data, '$.role') = 'user'
    AND json_extract(part.data, '$.type') = 'text'
  ORDER BY message.time_created, part.id LIMIT 1
) = ?
"""
_TOLD = """
SELECT cost, (
  SELECT json_extract(part.data, '$.text') FROM message JOIN part ON part.message_id = message.id
  WHERE message.session_id = session.id AND json_extract(message.data, '$.role') = 'assistant'
    AND json_extract(part.data, '$.type') = 'text'
  ORDER BY message.time_created DESC, part.id DESC LIMIT 1
) FROM session WHERE id = ?
"""


class Record(NamedTuple):
    cost: float | None = None
    """US dollars that the conversation has cost until now, as its agent reckons."""
    message: str = ""
    """What the agent has said last."""


def file(kind: str, env: Mapping[str, str]) -> Path | None:
    """Where an agent of that environment keeps them; None where it keeps none that could be read."""
    if kind != "opencode":
        return None
    data = env.get("XDG_DATA_HOME") or (f"{env['HOME']}/.local/share" if "HOME" in env else None)
    return None if data is None else Path(data) / "opencode" / "opencode.db"


def find(file: Path, cwd: str, typed_at: float, prompt: str) -> str | None:
    """The id of the conversation that began with this prompt in this folder, where there is exactly one."""
    found = _asked(file, _OURS, (cwd, (typed_at - SKEW) * 1000, prompt))
    return str(found[0][0]) if len(found) == 1 else None


def read(file: Path, session: str) -> Record:
    """What is told of a conversation."""
    found = _asked(file, _TOLD, (session,))
    return Record(number(found[0][0]), str(found[0][1] or "")[-MESSAGE_SIZE:]) if found else Record()


def _asked(file: Path, query: str, values: tuple[object, ...]) -> list[Any]:
    """At most two rows; none if the file is not as it was when this was written. Waits for the disk alone."""
    try:
        if not file.is_file():
            return []
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=0.2)) as db:
            return db.execute(query, values).fetchmany(2)
    except (sqlite3.Error, OSError):
        return []
