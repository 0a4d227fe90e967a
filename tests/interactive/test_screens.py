"""The rules of each agent, on recorded screens of the real ones and on hostile ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.interactive import rulebook, screens
from core.interactive.rulebook import load
from core.interactive.signals import ASKING, State
from tests.interactive.fixtures import AGENTS, RECORDED, recorded

WITHOUT_COMPOSER = {("aider", State.WORKING)}
"""It has one only while it waits."""
AT_FIRST = (State.TRUST, "permission-gitignore")
"""Dialogs that come before any work, and are still there to read above it."""
KINDS = [path.stem for path in sorted(rulebook.FOLDER.glob("*.toml"))]


@pytest.mark.parametrize(("agent", "name"), RECORDED)
def test_every_recorded_screen_has_the_state_of_its_name(agent: str, name: str) -> None:
    book, faults = load(agent)
    assert faults == []
    for told in screens.read(book, recorded(agent, name), 1.0):
        assert told.state == name.split("-", maxsplit=1)[0], told.evidence


@pytest.mark.parametrize(("agent", "name"), RECORDED)
def test_without_cursor_and_title_the_screen_says_the_same_or_does_not_know(agent: str, name: str) -> None:
    seen = replace(recorded(agent, name), cursor=None, title="")
    (told,) = screens.read(load(agent)[0], seen, 1.0)
    assert told.state in (name.split("-", maxsplit=1)[0], State.UNKNOWN)


@pytest.mark.parametrize(("agent", "name"), RECORDED)
def test_no_other_agents_rules_ask_for_permission_on_it(agent: str, name: str) -> None:
    if name.split("-", maxsplit=1)[0] in ASKING:
        return
    for kind in KINDS:
        for told in screens.read(load(kind)[0], recorded(agent, name), 1.0):
            assert told.state is not State.PERMISSION, (kind, told.evidence)


@pytest.mark.parametrize(("agent", "name"), RECORDED)
def test_the_composer_is_empty_only_where_nothing_was_typed_and_nobody_is_asked(agent: str, name: str) -> None:
    place = screens.composer(load(agent)[0], recorded(agent, name))
    state, *more = name.split("-")
    if state in ASKING or "offline" in more or (agent, state) in WITHOUT_COMPOSER:
        assert place is None
    else:
        assert place is not None
        assert place.empty is not bool({"typed", "menu", "restored"} & set(more))


def test_a_dialog_comes_with_its_text_and_its_keys() -> None:
    for agent, command, keys in (
        ("claude", "touch made-by-agent.txt", ["1", "2", "3"]),
        ("codex", "$ touch /home/ann/", ["1", "2", "3"]),
        ("gemini", "touch made-by-agent.txt", ["1", "2", "3"]),
        ("copilot", "touch made-by-agent.txt", ["1", "2", "3"]),
        ("opencode", "$ touch made-by-agent.txt", ["Enter", "Escape"]),
        ("aider", "touch made-by-agent.txt", ["n", "Enter"]),
    ):
        for width in (200, 80):
            told = screens.read(load(agent)[0], recorded(agent, f"permission-{width}"), 1.0)[-1]
            assert command in told.detail
            assert [choice.key for choice in told.choices] == keys


def test_aider_still_asks_while_the_letter_of_an_answer_is_typed_and_not_sent() -> None:
    seen = recorded("aider", "permission-80")
    lines = [line for line in seen.lines if line]
    for answer, state in ((" n", State.PERMISSION), (" y\nApplied edit to made.txt", State.UNKNOWN)):
        (told,) = screens.read(load("aider")[0], screens.screen("\n".join(lines) + answer), 1.0)
        assert told.state is state


def test_a_label_over_two_lines_is_one() -> None:
    told = screens.read(load("codex")[0], recorded("codex", "permission-80"), 1.0)[-1]
    assert told.choices[1].label.endswith("elsewhere/made.txt` (p)") or told.choices[1].label.endswith(".txt` (p)")


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("width", [200, 80])
def test_a_file_that_quotes_a_dialog_just_above_the_composer_is_no_dialog(agent: str, width: int) -> None:
    rest, book = recorded(agent, f"finished-{width}"), load(agent)[0]
    place = screens.composer(book, rest)
    assert place is not None
    asking = [name for one, name in RECORDED if one == agent and State(name.split("-")[0]) in ASKING]
    for name in asking:
        dialog = [line for line in recorded(agent, name).lines if line]
        for indent in ("", "  "):
            cut = place.row - 1
            quoted = (*rest.lines[:cut], *(indent + line for line in dialog), *rest.lines[cut:])
            cursor = None if rest.cursor is None else (rest.cursor[0], rest.cursor[1] + len(dialog))
            for told in screens.read(book, replace(rest, lines=quoted, cursor=cursor), 1.0):
                assert told.state not in ASKING, (name, told.evidence)


def test_a_placeholder_is_only_one_while_the_cursor_is_before_it() -> None:
    seen = recorded("codex", "ready-80")
    assert seen.cursor is not None
    book = load("codex")[0]
    place = screens.composer(book, seen)
    typed = screens.composer(book, replace(seen, cursor=(26, seen.cursor[1])))
    assert place is not None
    assert place.empty
    assert typed is not None
    assert not typed.empty


def test_a_cursor_below_the_first_line_means_that_somebody_writes_more_lines() -> None:
    seen = recorded("claude", "ready-80")
    assert seen.cursor is not None
    place = screens.composer(load("claude")[0], replace(seen, cursor=(2, seen.cursor[1] + 1)))
    assert place is not None
    assert not place.empty


def test_an_empty_and_a_strange_screen_are_unknown_and_evidence_is_inert() -> None:
    book = load("claude")[0]
    for text in ("", "\n" * 50, "$ \x1b[31mls\x07", "x" * 100_000):
        (told,) = screens.read(book, screens.screen(text), 1.0)
        assert told.state is State.UNKNOWN
        assert "\x1b" not in told.evidence
        assert len(told.evidence) <= 200


def test_an_agent_without_rules_has_the_generic_ones() -> None:
    assert load("nobody-knows-it") == load("generic")
    assert load("../../etc/passwd")[0] == load("generic")[0]


def test_faults_of_a_file_name_file_line_and_key(tmp_path: Path) -> None:
    path = tmp_path / "claude.toml"
    for written, said in (
        ("turn = ?", "not valid TOML"),
        (
            "[[rule]]\nname = 'a'\nstate = 'ready'\nall = ['x']\n[[rule]]\nname = 'b'\nstate = 'x'\n",
            ":7: rule[1].state",
        ),
        ("[[rule]]\nname = 'a'\nstate = 'ready'\nall = ['(']\n", ":4: rule[0].all[0]: not a pattern"),
        ("[[rule]]\nname = 'a'\nstate = 'ready'\nany = ['(a+)+b']\n", ":4: rule[0].any[0]: a repeat of a repeat"),
        ("[[rule]]\nname = 'a'\nstate = 'ready'\n", ":1: rule[0]: expected bottom"),
        ("[[rule]]\nnmae = 'a'\nstate = 'ready'\nall = ['x']\n", "did you mean name?"),
        ("[composer]\nline = '^>'\n", ":2: composer.line: expected 1 groups, found 0"),
    ):
        path.write_text(written)
        rulebook._load.cache_clear()
        book, faults = load("claude", tmp_path)
        assert book == load("claude")[0]
        assert any(said in str(fault) for fault in faults), list(map(str, faults))
        assert all(fault.file == str(path) for fault in faults)


def test_a_users_own_file_comes_first(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[[rule]]\nname = 'all'\nstate = 'ready'\nall = ['%']\n")
    book, faults = load("mine", tmp_path)
    assert faults == []
    assert screens.read(book, screens.screen("50 %"), 1.0)[0].state is State.READY


@pytest.mark.parametrize(
    ("drawn", "new"),
    [
        (b"\r\xe2\xa0\x99 Working (12s)", False),
        (b"\x1b[3A\x1b[2K\xe2\x9c\xb3 \x1b[38;5;1mW\x1b[38;5;2morking\x1b[0m (1m 13s)\x1b[3B", False),
        (b"\x1b]0;\xe2\xa0\x99 demo\x07", False),
        (b"\x1b]0;Action Required\x07", True),
        (b"\x1b[H\x1b[JWorking", False),
        (b"Do you want to proceed?\r\n1. Yes", True),
        (b"work\x1b[5Cing", False),
        (b"hello\x1b[Cworld", False),
        (b"world hello", True),
        (b"esc\x1b[1Chello", True),
        (b"world\r\nhello\x1b[3;1Hworking\x1b[Kworld", False),
        ("\u3042\u306a\u305f".encode(), True),
        (b"\xff\xfe\x1b[", False),
        (b"", False),
    ],
)
def test_spinners_and_clocks_draw_nothing_new(drawn: bytes, new: bool) -> None:
    seen = screens.Screen(("> hello world", "* Working on it, working (11s)", "esc to inter", "rupt"), title="x demo")
    assert screens.has_new_text(drawn, seen) is new
    assert not screens.has_new_text(b"interrupt", seen), "a word that wraps is one"


@pytest.mark.parametrize("agent", AGENTS)
def test_whatever_asks_has_text_that_no_screen_of_an_agent_at_work_has(agent: str) -> None:
    of_agent = [name for kind, name in RECORDED if kind == agent]
    working = [name for name in of_agent if name.startswith(State.WORKING)]
    asking = [name for name in of_agent if name.split("-", maxsplit=1)[0] in ASKING and not name.startswith(AT_FIRST)]
    for name in asking:
        drawn = "\r\n".join(recorded(agent, name).lines).encode()
        assert all(screens.has_new_text(drawn, recorded(agent, one)) for one in working), name
