"""workflow check, graph and schema: what they print and where, and their exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tui.cli.codes import Exit

FILES = Path(__file__).parents[1] / "workflows" / "files"
SKETCH = str(FILES / "review-repo.toml")
FAULTY = str(FILES / "faulty.toml")


@pytest.fixture
def told(tmp_path: Path) -> Any:
    """Runs the verb with a home that is empty and stays so."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "tui", "workflow", *words]
        env = os.environ | {"MUXDECK_HOME": str(tmp_path / "home")}
        return subprocess.run(argv, env=env, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)

    yield run
    assert not (tmp_path / "home").exists(), "no engine, nothing written"


def test_check_tells_what_is_right_and_every_fault(told: Any) -> None:
    fine = told("check", SKETCH)
    assert (fine.stdout, fine.stderr, fine.returncode) == (f"{SKETCH}: nothing is wrong\n", "", Exit.OK)
    both = told("check", FAULTY, SKETCH)
    assert both.returncode == Exit.USAGE
    assert both.stdout == f"{SKETCH}: nothing is wrong\n"
    expected = (FILES / "faulty.txt").read_text().replace("w.toml:", f"{FAULTY}:")
    assert both.stderr == expected


def test_check_prints_one_document_where_it_is_asked_to(told: Any) -> None:
    found = told("check", "--json", FAULTY, SKETCH)
    assert (found.returncode, found.stderr) == (Exit.USAGE, "")
    document = json.loads(found.stdout)
    assert document["schema"] == 1
    assert [len(one["faults"]) for one in document["files"]] == [13, 0]
    assert document["files"][0]["faults"][0] == {
        "file": FAULTY,
        "line": 1,
        "key": "schema",
        "text": "expected 1, found 2",
    }
    assert told("check", "--json", SKETCH).returncode == Exit.OK


def test_what_cannot_be_read_is_a_fault(told: Any, tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"name = '\xe9'")
    (tmp_path / "\x1b[31mred.toml").write_text("a = [")
    found = told("check", "none.toml", "latin.toml", ".", "\x1b[31mred.toml")
    assert found.returncode == Exit.USAGE
    lines = found.stderr.splitlines()
    assert [line.split(":")[0] for line in lines] == ["none.toml", "latin.toml", ".", "␛[31mred.toml"]
    assert all("cannot be read" in line for line in lines[:3])


def test_files_that_are_called_are_found_beside_the_caller(told: Any, tmp_path: Path) -> None:
    (tmp_path / "flows" / "parts").mkdir(parents=True)
    (tmp_path / "flows" / "a.toml").write_text('schema = 1\n[task.x]\ncall = { file = "parts/b.toml" }\n')
    (tmp_path / "flows" / "parts" / "b.toml").write_text('schema = 1\n[task.y]\ncall = { file = "c.toml" }\n')
    missing = told("check", "flows/a.toml")
    assert missing.stderr == (
        "flows/parts/b.toml:3: task.y.call.file: there is no file parts/c.toml that could be read\n"
    )
    (tmp_path / "flows" / "parts" / "c.toml").write_text('schema = 1\n[task.z]\nrun = "x"\n')
    assert told("check", "flows/a.toml").returncode == Exit.OK


def test_graph_draws_in_four_ways(told: Any) -> None:
    assert told("graph", SKETCH).stdout.startswith("       [fetch]\n          ▼\n       [plan]\n")
    assert told("graph", SKETCH, "--format", "mermaid").stdout.startswith("flowchart TD\n  n0[")
    assert told("graph", SKETCH, "--format", "dot").stdout.startswith('digraph "review-repo" {\n')
    found = json.loads(told("graph", SKETCH, "--format", "json").stdout)
    assert (found["schema"], found["name"], len(found["nodes"])) == (1, "review-repo", 10)
    assert found["nodes"][4] == {
        "name": "report",
        "does": "prompt",
        "needs": ["review", "fix"],
        "start": "all_done",
        "layer": 4,
        "final": False,
    }


def test_graph_of_a_faulty_file_tells_its_faults(told: Any) -> None:
    found = told("graph", FAULTY)
    assert (found.stdout, found.returncode) == ("", Exit.USAGE)
    assert len(found.stderr.splitlines()) == 13


def test_the_schema_takes_what_is_right_and_refuses_what_is_not(told: Any) -> None:
    schema = json.loads(told("schema").stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    sketch = tomllib.loads((FILES / "review-repo.toml").read_text())
    assert list(validator.iter_errors(sketch)) == []
    wrong = tomllib.loads((FILES / "faulty.toml").read_text())
    assert {".".join(map(str, error.path)) for error in validator.iter_errors(wrong)} >= {
        "",
        "schema",
        "on.schedule",
        "params.shards.min",
        "params.repo.type",
        "task.plan",
        "task.report.start",
    }
    assert schema["$defs"]["TaskTable"]["properties"]["when"]["description"].startswith("An expression")
    assert schema["$defs"]["MapTable"]["properties"]["as"]["description"] == "What an element is called."
