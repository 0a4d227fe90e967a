"""The records of opencode, in a file with the tables that its version 1.18 makes."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from core.interactive import records
from core.interactive.records import Record

if TYPE_CHECKING:
    from pathlib import Path

TABLES = """
CREATE TABLE session (id text PRIMARY KEY, parent_id text, directory text NOT NULL, cost real DEFAULT 0 NOT NULL,
                      time_created integer NOT NULL);
CREATE TABLE message (id text PRIMARY KEY, session_id text NOT NULL, time_created integer NOT NULL, data text NOT NULL);
CREATE TABLE part (id text PRIMARY KEY, message_id text NOT NULL, session_id text NOT NULL, data text NOT NULL);
"""


class Kept:
    def __init__(self, file: Path) -> None:
        self.file = file
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.executescript(TABLES)

    def session(self, name: str, *said: tuple[str, str], at: float = 100.0, cwd: str = "/w", **fields: Any) -> None:
        parent, cost = fields.get("parent"), fields.get("cost", 0.5)
        self._db.execute("INSERT INTO session VALUES (?, ?, ?, ?, ?)", (name, parent, cwd, cost, at * 1000))
        for number, (role, text) in enumerate(said):
            message = f"{name}-{number}"
            data = json.dumps({"role": role})
            self._db.execute("INSERT INTO message VALUES (?, ?, ?, ?)", (message, name, at * 1000 + number, data))
            for part, told in (("a", {"type": "step-start"}), ("b", {"type": "text", "text": text})):
                values = (f"{message}-{part}", message, name, json.dumps(told))
                self._db.execute("INSERT INTO part VALUES (?, ?, ?, ?)", values)

    def close(self) -> None:
        self._db.close()


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    made = Kept(tmp_path / "a b#%.db")
    yield made
    made.close()


def test_a_conversation_is_known_by_its_folder_its_time_and_its_prompt(kept: Kept) -> None:
    kept.session("ours", ("user", "say a word"), ("assistant", "otter"), ("user", "more"), ("assistant", "seal"))
    kept.session("earlier", ("user", "say a word"), at=50.0)
    kept.session("elsewhere", ("user", "say a word"), cwd="/x")
    kept.session("other", ("user", "another"))
    kept.session("child", ("user", "say a word"), parent="ours")
    assert records.find(kept.file, "/w", 100.5, "say a word") == "ours"
    assert records.find(kept.file, "/w", 100.5, "say") is None
    assert records.read(kept.file, "ours") == Record(0.5, "seal")
    kept.session("twin", ("user", "say a word"))
    assert records.find(kept.file, "/w", 100.5, "say a word") is None, "nobody can tell which"


def test_what_is_not_there_or_has_other_tables_tells_nothing(tmp_path: Path) -> None:
    assert records.find(tmp_path / "none.db", "/w", 1.0, "x") is None
    assert not (tmp_path / "none.db").exists(), "it is only read"
    sqlite3.connect(tmp_path / "newer.db").execute("CREATE TABLE session (id)").connection.close()
    assert records.find(tmp_path / "newer.db", "/w", 1.0, "x") is None
    assert records.read(tmp_path / "newer.db", "x") == Record()


def test_it_is_where_the_agents_own_environment_says() -> None:
    assert str(records.file("opencode", {"HOME": "/h"})) == "/h/.local/share/opencode/opencode.db"
    assert str(records.file("opencode", {"HOME": "/h", "XDG_DATA_HOME": "/d"})) == "/d/opencode/opencode.db"
    assert records.file("opencode", {}) is None
    assert records.file("", {"HOME": "/h"}) is None
