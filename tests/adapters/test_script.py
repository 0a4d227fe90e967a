"""The script that becomes a program: whatever the words are, the program gets exactly them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.adapters.script import inherited, quote, run_script
from core.model import AttemptId, Launch, PartId

if TYPE_CHECKING:
    from collections.abc import Sequence

SHELLS = [shell for shell in ("/bin/dash", "/bin/bash", "/bin/busybox") if Path(shell).exists()]
WORDS = st.lists(st.binary(max_size=40).filter(lambda word: b"\0" not in word).map(os.fsdecode), max_size=5)
NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126, blacklist_characters="="), min_size=1, max_size=12)
ENV = st.dictionaries(
    NAMES, st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=30), max_size=5
)


def run(shell: str, script: bytes, folder: Path) -> bytes:
    (folder / "run").write_bytes(script)
    bell = folder / "bell"
    bell.touch()
    argv = [shell, *(["sh"] if shell.endswith("busybox") else []), "-c", ". ./run", "sh", "slot", str(bell)]
    return subprocess.run(argv, cwd=folder, env={"PATH": os.environ["PATH"]}, capture_output=True, check=True).stdout


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=WORDS)
def test_every_word_reaches_the_program_byte_for_byte(shell: str, words: Sequence[str], tmp_path: Path) -> None:
    launch = Launch(argv=("printf", "%s\\0", *words), cwd="/", env=(("PATH", os.environ["PATH"]),))
    shown = run(shell, run_script(AttemptId(1, 1), launch, "/home"), tmp_path)
    assert shown == b"".join(os.fsencode(word) + b"\0" for word in words) or (not words and shown == b"\0")


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(env=ENV)
def test_every_variable_reaches_the_program(shell: str, env: dict[str, str], tmp_path: Path) -> None:
    taken = inherited({**env, "PATH": os.environ["PATH"]})
    launch = Launch(argv=("env", "-0"), cwd="/", env=taken)
    shown = run(shell, run_script(AttemptId(1, 1), launch, "/home"), tmp_path).split(b"\0")
    assert all(f"{name}={value}".encode() in shown for name, value in taken)


def test_a_word_with_a_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        quote("a\0b")


def test_the_terminal_of_the_submitter_is_not_the_task_s() -> None:
    taken = dict(
        inherited({"TERM": "xterm", "TMUX": "x", "PWD": "/", "MUXDECK_TASK": "3", "MUXDECK_RUN": "1", "KEEP": "1"})
    )
    assert taken == {"KEEP": "1"}


def test_a_task_of_a_run_is_told_its_place() -> None:
    script = run_script(AttemptId(7, 2), Launch(argv=("true",), part=PartId(3, "build", 5)), "/home")
    assert b"MUXDECK_RUN='3'\nexport MUXDECK_NODE='build'\nexport MUXDECK_ITEM='5'" in script


def test_values_of_the_environment_stand_in_no_public_line() -> None:
    script = run_script(AttemptId(7, 2), Launch(argv=("true",), env=(("TOKEN", "secret"),)), "/home")
    assert b"secret" in script
    from core.adapters.script import public

    assert "secret" not in str(public(Launch(argv=("true",), env=(("TOKEN", "secret"),))))
