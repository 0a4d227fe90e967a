"""Short versions of the long trials: many clients under kills of the engine, and a disk that is full for a while."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 120


def trial(*words: str) -> subprocess.CompletedProcess[str]:
    """It is told to end, and cleans up, if it takes too long."""
    argv = [sys.executable, "-m", "tests.trials", *words]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        try:
            out, _ = running.communicate(timeout=LONGEST)
        except subprocess.TimeoutExpired:
            running.terminate()
            out, _ = running.communicate()
    return subprocess.CompletedProcess(argv, running.returncode, out, "")


def test_nothing_is_lost_or_run_twice_while_the_engine_is_killed() -> None:
    ran = trial("clients", "--clients", "6", "--tasks", "20", "--pause", "0.7", "--deadline", "60")
    assert ran.returncode == 0, ran.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a disk of its own is mounted")
def test_every_end_is_right_after_the_disk_was_full() -> None:
    ran = trial("full", "--tasks", "24", "--seconds", "5", "--patience", "20")
    assert ran.returncode == 0, ran.stdout


def test_the_trials_are_listed() -> None:
    listed = trial()
    assert listed.returncode == 0
    for name in ("clients", "fuzz", "full", "faults", "inputs"):
        assert f"\n    {name}" in listed.stdout
