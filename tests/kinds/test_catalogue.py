"""The kinds that come with muxdeck, one's own, their commands, and the question whether a program is there."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from core.kinds import catalogue, probing
from core.kinds.catalogue import load, parse, read
from core.kinds.kind import Kind, argv_of
from core.kinds.probing import probe

GOOD = """title = "Mine"
program = "mine"
version = ["--version"]
tested = ["1.2.3"]
install = "make install"

[headless]
reader = "text"
arguments = ["go"]
model = ["-m", "{model}"]
"""


def kind(text: str = GOOD) -> Kind:
    found, faults = parse(text, "mine.toml")
    assert faults == ()
    assert found is not None
    return found


def argv(name: str, **given: object) -> tuple[str, ...]:
    whole = {"program": (), "options": ("-x",), "model": None, "session": None, "resume": None, "prompt": Path("/p")}
    kind = load()[name]
    return argv_of(kind, kind.headless, **{**whole, **given})  # type: ignore[arg-type]


def test_every_kind_that_comes_with_muxdeck_is_whole() -> None:
    found = read()
    assert found.faults == ()
    assert set(found.kinds) == {"claude", "codex", "gemini", "opencode", "copilot", "aider", "custom"}
    for name, one in found.kinds.items():
        assert one.title
        assert one.login
        assert bool(one.program) == bool(one.install) == (name != "custom")


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("claude", {}, "claude -p --output-format stream-json --verbose -x"),
        ("claude", {"cost": 2.5}, "claude -p --output-format stream-json --verbose -x --max-budget-usd 2.50"),
        (
            "claude",
            {"session": "S", "model": "M"},
            "claude -p --output-format stream-json --verbose -x --model M --session-id S",
        ),
        ("claude", {"resume": "R", "session": "S"}, "claude -p --output-format stream-json --verbose -x --resume R"),
        (
            "claude",
            {"program": ("/opt/c", "--y"), "options": ()},
            "/opt/c --y -p --output-format stream-json --verbose",
        ),
        ("codex", {"session": "S"}, "codex exec --json -x -"),
        ("codex", {"resume": "R", "model": "M"}, "codex exec --json -x --model M resume R -"),
        ("opencode", {"session": "S"}, "opencode run --format json -x"),
        ("copilot", {"resume": "R"}, "copilot --output-format json --no-ask-user --no-auto-update -x --resume=R"),
        (
            "aider",
            {},
            (
                "aider --yes-always --no-auto-commits --no-dirty-commits --no-stream --no-pretty --no-check-update "
                "--no-show-release-notes --no-show-model-warnings --no-analytics --no-detect-urls --message-file /p -x"
            ),
        ),
        ("custom", {"program": ("run",), "session": "S"}, "run -x"),
    ],
)
def test_a_command_has_what_was_asked_for(name: str, given: dict[str, object], expected: str) -> None:
    assert " ".join(argv(name, **given)) == expected


def test_what_is_given_is_never_read_as_a_pattern() -> None:
    assert argv("claude", options=("{model}",), model="{session}", session="{prompt}")[-5:] == (
        "{model}", "--model", "{session}", "--session-id", "{prompt}",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "given"), [("custom", {"model": "M"}), ("custom", {"resume": "R"}), ("aider", {"resume": "R"})]
)
def test_what_a_kind_cannot_do_is_refused(name: str, given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="cannot"):
        argv(name, **given)


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "said"),
    [
        ('reader = "text"', 'reader = "txt"', 8, "headless.reader", "'txt'"),
        ("{model}", "model", 10, "headless.model", "{model}"),
        ('arguments = ["go"]', 'arguments = ["{prompt}"]', 9, "headless.arguments", "{prompt}"),
        ('arguments = ["go"]', 'prompt = "file"', 7, "headless.arguments", "{prompt}"),
        ('arguments = ["go"]', 'arguments = ["a{options}"]', 9, "headless.arguments", "of its own"),
        ('arguments = ["go"]', 'resumed = ["x"]', 9, "headless.resumed", "{session}"),
        ('program = "mine"', 'programm = "mine"', 2, "programm", "did you mean program?"),
        ('title = "Mine"', "title = 5", 1, "title", "expected text"),
        ("[headless]", "[headles]", 7, "headles", "unknown key"),
        ('title = "Mine"', "title =", 1, "", "not valid TOML"),
    ],
)
def test_a_fault_says_where_and_what(old: str, new: str, line: int, key: str, said: str) -> None:
    found, faults = parse(GOOD.replace(old, new), "mine.toml")
    assert found is None
    fault = next(one for one in faults if one.key == key)
    assert (fault.file, fault.line) == ("mine.toml", line)
    assert said in fault.text


def test_ones_own_kinds_count_and_a_broken_one_leaves_the_old(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD)
    (tmp_path / "claude.toml").write_text("title = 5\n")
    (tmp_path / "Bad Name.toml").write_text(GOOD)
    found = read(tmp_path)
    assert found.kinds["mine"] == kind()
    assert found.kinds["claude"] == load()["claude"]
    assert {Path(fault.file).name for fault in found.faults} == {"claude.toml", "Bad Name.toml"}
    (tmp_path / "claude.toml").write_text(GOOD.replace("Mine", "Mine instead"))
    assert load(tmp_path)["claude"].title == "Mine instead"


def test_a_folder_that_is_not_there_is_no_fault(tmp_path: Path) -> None:
    assert read(tmp_path / "nothing") == read()


def test_a_file_that_has_not_changed_is_not_read_again() -> None:
    assert load()["claude"] is load()["claude"]
    assert catalogue.load(None) == load()


def program(folder: Path, script: str) -> tuple[str, ...]:
    path = folder / "mine"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return (str(path),)


@pytest.mark.parametrize(
    ("script", "version", "said", "usable"),
    [
        ("echo mine 1.2.9", "1.2.9", None, True),
        ("echo 2.0.0 >&2", "2.0.0", "Mine 2.0.0 is not one that was tested (1.2.3); it is used as it is.", True),
        ("echo hello", None, "its version cannot be read", True),
        ("echo broken; exit 3", None, "does not run (exit 3): broken; to install it: make install.", False),
    ],
)
def test_a_program_is_asked_for_its_version(
    tmp_path: Path, script: str, version: str | None, said: str | None, usable: bool
) -> None:
    own = program(tmp_path, script)
    found = probe(kind(), own)
    assert (found.path, found.version, found.usable) == (own[0], version, usable)
    assert found.problem is None if said is None else said in (found.problem or "")


def test_a_program_that_is_not_there_comes_with_the_way_to_get_it() -> None:
    found = probe(kind(), ("no-such-agent",))
    assert found == (None, None, "Mine: there is no program 'no-such-agent'; to install it: make install.", False)


def test_a_program_that_never_answers_is_ended_with_all_it_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "DEADLINE", 0.3)
    left = tmp_path / "left"
    found = probe(kind(), program(tmp_path, f"sleep 600 & echo $! > {left}; wait"))
    assert not found.usable
    assert "gives no answer" in (found.problem or "")
    until = time.monotonic() + 20
    while alive(int(left.read_text())):
        assert time.monotonic() < until
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_nobody_is_asked_where_a_kind_has_no_version(tmp_path: Path) -> None:
    found = probe(load()["custom"], program(tmp_path, f"touch {tmp_path}/asked"))
    assert found.usable
    assert not os.path.exists(tmp_path / "asked")
