"""Files with odd names start their workflows, odd outputs fail their tasks, and the engine lives on."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.fleet import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fleet import Fleet

NAMES = [
    b"plain.pdf",
    b"caf\xe9.pdf",
    b"a\nb.pdf",
    b"\x1b]0;x\x07.pdf",
    "\u202e\u2028.pdf".encode(),
    b"x" * 250 + b".pdf",
]
ON_FILE = """
schema = 1
name = "inbox"
[on]
file = { file = "in/*.pdf", settle = "0s" }
[run]
key = "${event.path}"
[task.read]
run = ["cat", "${event.path}"]
env = { NAME = "${event.name}" }
affinity = "${event.name}"
output = { text = "-" }
[task.tell]
needs = "read"
run = ["true"]
emit = { topic = "seen", data = { path = "${event.path}" } }
send = { to = "operator", text = "${event.name} was read" }
"""


def _write(folder: Path, name: bytes, text: str) -> None:
    with open(os.fsencode(folder) + b"/" + name, "w") as file:
        file.write(text)


def _runs(fleet: Fleet) -> list[dict[str, Any]]:
    return list(fleet.ask("runs", limit=50)["runs"])


def _outputs(fleet: Fleet) -> set[str]:
    found = [fleet.ask("run-show", run=run["id"])["run"] for run in _runs(fleet)]
    return {
        str(json.loads(json.dumps(node["out"]))) for run in found for node in run["nodes"] if node["name"] == "read"
    }


def test_a_run_reads_exactly_the_file_that_started_it_whatever_its_name(fleet: Fleet) -> None:
    folder = fleet.home.workflows / "in"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "pipe.pdf")
    (folder / "folder.pdf").mkdir()
    (folder / "gone.pdf").symlink_to("nowhere")
    for name in NAMES:
        _write(folder, name, f"content of {name!r}")
    (fleet.home.workflows / "inbox.toml").write_text(ON_FILE)
    pid = fleet.pid
    ended = lambda: len(_runs(fleet)) == len(NAMES) and all(run["ended_at"] for run in _runs(fleet))  # noqa: E731
    until(ended, "each file has its run")
    assert {run["state"] for run in _runs(fleet)} == {"succeeded"}
    told = " ".join(_outputs(fleet))
    assert all(f"content of {name!r}" in told.replace("\\\\", "\\").replace("\\'", "'") for name in NAMES), told
    fleet.kill_engine()
    assert len(_runs(fleet)) == len(NAMES), "none is read twice by the next engine"
    assert fleet.pid != pid
    for words in (
        ["runs"],
        ["run-show", "1"],
        ["run-show", "2"],
        ["ls"],
        ["show", "2"],
        ["events"],
        ["mail"],
        ["history"],
    ):
        shown = fleet.muxdeck(*words)
        assert shown.returncode == 0, (words, shown.stderr)
        assert "\x1b" not in shown.stdout


@pytest.mark.skipif(os.getuid() == 0, reason="the superuser reads every folder")
def test_a_folder_that_cannot_be_read_is_shown(fleet: Fleet) -> None:
    folder = fleet.home.workflows / "in"
    folder.mkdir(parents=True, mode=0o000)
    (fleet.home.workflows / "inbox.toml").write_text(ON_FILE)
    until(lambda: any("cannot be read" in one for one in fleet.ask("status")["problems"]), "it is said")
    folder.chmod(0o700)
    _write(folder, b"plain.pdf", "x")
    until(lambda: _runs(fleet), "the file is seen")
    assert not any("cannot be read" in one for one in fleet.ask("status")["problems"])


def test_a_file_in_the_place_of_a_folder_is_shown(fleet: Fleet) -> None:
    fleet.home.workflows.mkdir(parents=True)
    (fleet.home.workflows / "in").write_text("no folder")
    (fleet.home.workflows / "inbox.toml").write_text(ON_FILE)
    until(lambda: any("cannot be read" in one for one in fleet.ask("status")["problems"]), "it is said")


OUTPUT = """
schema = 1
[task.print]
run = ["cat", "out.json"]
output = { json = "-" }
[task.judge]
needs = "print"
when = "print.out.n > 5"
run = ["true", "${print.out.n}"]
[task.each]
needs = "print"
map.over = "${print.out.list}"
run = ["true", "${item}"]
"""


@pytest.mark.parametrize(
    ("text", "states"),
    [
        ('{"n": 6, "list": [1]}', ("succeeded", "succeeded", "succeeded")),
        ('{"n": 1' + "0" * 300 + ', "list": [1' + "0" * 300 + "]}", ("succeeded", "succeeded", "succeeded")),
        ('{"n": 1' + "0" * 400 + ', "list": []}', ("failed", "upstream_failed", "upstream_failed")),
        ('{"n": 1' + "0" * 5000 + ', "list": []}', ("failed", "upstream_failed", "upstream_failed")),
        ('{"n": 1e999, "list": []}', ("failed", "upstream_failed", "upstream_failed")),
        ('{"n": NaN, "list": []}', ("failed", "upstream_failed", "upstream_failed")),
        ("[" * 3000 + "]" * 3000, ("failed", "upstream_failed", "upstream_failed")),
        ('{"n": "6", "list": {"a": 1}}', ("succeeded", "failed", "failed")),
        ('{"n": null, "list": "abc"}', ("succeeded", "failed", "failed")),
        ('{"n": 6, "list": ["\\ud800"]}', ("succeeded", "succeeded", "failed")),
        ('{"n": 6, "list": ["a\\u0000b"]}', ("succeeded", "succeeded", "failed")),
    ],
)
def test_an_odd_output_is_a_value_or_its_tasks_fault(fleet: Fleet, text: str, states: tuple[str, ...]) -> None:
    folder = fleet.home.root
    (folder / "out.json").write_text(text)
    (folder / "odd.toml").write_text(OUTPUT)
    context = {"cwd": str(folder), "env": {"PATH": os.environ["PATH"]}, "umask": 0o022}
    run = fleet.ask("run", file=str(folder / "odd.toml"), context=context)["run"]
    pid = fleet.pid
    fleet.ask("run-wait", run=run, timeout=30)
    nodes = {node["name"]: node for node in fleet.ask("run-show", run=run)["run"]["nodes"]}
    assert tuple(nodes[name]["state"] for name in ("print", "judge", "each")) == states
    assert all(node["reason"] for node in nodes.values() if node["state"] == "failed")
    assert fleet.pid == pid
