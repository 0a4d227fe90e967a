"""The example workflows for real: every pattern in tmux, with outputs that are what a plain program finds."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import sys
import sysconfig
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.fleet import DEADLINE, Fleet, until
from tests.kinds import homes, install
from tests.kinds.model_server import ModelServer
from tests.kinds.wires import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXAMPLES = Path(__file__).parents[1] / "examples"
AGENTS = os.environ.get(install.VARIABLE)
ENV = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def agent(name: str, *words: str, can: list[str]) -> str:
    command = json.dumps([sys.executable, str(EXAMPLES / "review" / "agent.py"), *words])
    return f'[agent.{name}]\nkind = "custom"\nslots = 2\ncapabilities = {json.dumps(can)}\ncommand = {command}\n'


CONFIG = (
    "[engine]\nslots = 8\n"
    + agent("ada", can=["review", "judge"])
    + agent("bob", can=["review", "judge"])
    + agent("cleo", "slow", can=["judge"])
)


@pytest.fixture(scope="module")
def engine() -> Iterator[Fleet]:
    """One engine for all examples, which stand in its home."""
    fleet = Fleet(CONFIG)
    shutil.copytree(EXAMPLES, fleet.home.root / "examples")
    yield fleet
    fleet.clear()


def start(fleet: Fleet, example: str, env: dict[str, str] | None = None, **params: Any) -> int:
    """From the folder of the example, as a person would."""
    folder = fleet.home.root / "examples" / example
    context = {"cwd": str(folder), "env": ENV | (env or {}), "umask": 0o022}
    return int(fleet.ask("run", file=str(folder / f"{example}.toml"), params=params, context=context)["run"])


def ended(fleet: Fleet, run: int) -> dict[str, Any]:
    fleet.ask("run-wait", run=run, timeout=DEADLINE)
    return shown(fleet, run)


def shown(fleet: Fleet, run: int) -> dict[str, Any]:
    """The run, with its nodes by name."""
    found = dict(fleet.ask("run-show", run=run)["run"])
    return found | {"nodes": {node["name"]: node for node in found["nodes"]}}


def states(run: dict[str, Any]) -> dict[str, str]:
    return {name: node["state"] for name, node in run["nodes"].items()}


def out(run: dict[str, Any], node: str) -> Any:
    return json.loads(run["nodes"][node]["out"])


def of_state(fleet: Fleet, run: int, node: str, state: str) -> None:
    until(lambda: shown(fleet, run)["nodes"][node]["state"] == state, f"{node} of run {run} is {state}")


def test_map_reduce_counts_the_words_of_a_corpus_as_a_plain_program_does(engine: Fleet) -> None:
    corpus = Path(sysconfig.get_path("stdlib"), "email")
    run = ended(engine, start(engine, "word-count", corpus=str(corpus), files="*.py", chunks="5"))
    assert run["state"] == "succeeded", run["reason"]
    words: Counter[str] = Counter()
    for path in corpus.rglob("*.py"):
        words.update(word.decode().lower() for word in re.findall(rb"[A-Za-z]+", path.read_bytes()))
    most = sorted(words.items(), key=lambda one: (-one[1], one[0]))[:10]
    assert out(run, "merge") == [list(one) for one in most]
    assert run["nodes"]["count"]["counts"] == {"all": 5, "ended": 5, "succeeded": 5, "failed": 0, "active": 0}


def test_a_matrix_is_built_and_tested_item_by_item_and_joined_with_the_lint(engine: Fleet) -> None:
    run = ended(engine, start(engine, "build-matrix"))
    assert set(states(run).values()) == {"succeeded"}, run["reason"]
    built, tested = (run["nodes"][name]["parts"] for name in ("build", "test"))
    assert len(built) == len(tested) == 4
    for one, other in zip(built, tested, strict=True):
        assert one["ended_at"] <= other["started_at"]
    assert max(part["ended_at"] for part in tested) <= run["nodes"]["package"]["started_at"]
    assert out(run, "try") == "hello-world"
    assert sorted(os.listdir(run["folder"])) == ["slug.pyz"], "what comes last cleans up"


def test_agents_review_files_what_is_serious_is_fixed_and_a_share_may_fail(engine: Fleet) -> None:
    run = ended(engine, start(engine, "review"))
    folder = engine.home.root / "examples" / "review"
    assert run["state"] == "succeeded", run["reason"]
    assert (folder / "src" / "one.sh").read_text() == '[ "$1" = yes ] && echo agreed\n'
    report = (folder / "report.md").read_text().splitlines()[2:]
    assert report == [
        "- src/four.bin: no review: failed",
        "- src/one.sh: one = is enough (severity 2)",
        "- src/three.sh: fine (severity 0)",
        "- src/two.sh: fine (severity 0)",
    ]
    assert [part["state"] for part in run["nodes"]["fix"]["parts"]] == [
        "upstream_failed",
        "succeeded",
        "skipped",
        "skipped",
    ]
    task = run["nodes"]["review"]["parts"][0]["task"]
    tried = [attempt["agent"] for attempt in engine.task(task)["attempts"]]
    assert sorted(tried) == ["ada", "bob"], "the second try goes to another agent"


def test_two_of_three_answers_are_enough_and_a_person_decides(engine: Fleet) -> None:
    run = start(engine, "second-opinion")
    of_state(engine, run, "publish", "asking")
    asked = shown(engine, run)["nodes"]
    assert [part["state"] for part in sorted(asked["ask"]["parts"], key=lambda part: str(part["agent"]))] == [
        "succeeded",
        "succeeded",
        "cancelled",
    ]
    assert asked["publish"]["asks"] == "Publish that two and two is four?"
    told = engine.muxdeck("approve", str(run), "publish", "as", "agreed")
    assert told.returncode == 0, told.stderr
    done = ended(engine, run)
    assert done["state"] == "succeeded"
    assert states(done)["escalate"] == "skipped"
    assert out(done, "close") == "publish succeeded, escalate skipped"
    assert (engine.home.root / "examples" / "second-opinion" / "published").read_text() == "two and two is four\n"


def test_a_no_at_the_gate_ends_the_run_as_failed(engine: Fleet) -> None:
    run = start(engine, "second-opinion", claim="nobody asks")
    of_state(engine, run, "publish", "asking")
    assert engine.muxdeck("reject", str(run), "publish", "not today").returncode == 0
    done = ended(engine, run)
    assert done["state"] == "failed"
    assert "not today" in done["reason"]
    assert states(done)["close"] == "upstream_failed"


def test_a_workflow_calls_another_waits_for_its_event_and_tells_of_its_own(engine: Fleet) -> None:
    run = start(engine, "release", version="1.2")
    of_state(engine, run, "checked", "waiting")
    hosts = engine.home.root / "examples" / "release" / "hosts"
    assert {path.name: (path / "version").read_text() for path in hosts.iterdir()} == {
        "alpha": "1.2\n",
        "beta": "1.2\n",
    }
    engine.ask("emit", speaker=None, topic="release.checked", data={"version": "1.1", "by": "somebody else"})
    assert states(shown(engine, run))["checked"] == "waiting"
    engine.ask("emit", speaker=None, topic="release.checked", data={"version": "1.2", "by": "grace"})
    done = ended(engine, run)
    assert done["state"] == "succeeded"
    assert out(done, "install") == [{"restart": "1.2"}] * 2
    assert out(done, "tell") == "checked by grace"
    told = [event["data"] for event in engine.ask("events", limit=50)["events"] if event["topic"] == "release.done"]
    assert told == [{"version": "1.2", "hosts": ["alpha", "beta"]}]


def of_workflow(fleet: Fleet, name: str, count: int) -> list[dict[str, Any]]:
    """So many runs of it, once all of them have ended."""

    def found() -> list[dict[str, Any]]:
        runs = fleet.ask("runs", workflow=name, limit=50)["runs"]
        done = len(runs) >= count and all(run["ended_at"] is not None for run in runs)
        return list(runs) if done else []

    runs = until(found, f"{count} runs of {name} end")
    assert [run["state"] for run in runs] == ["succeeded"] * count
    return list(runs)


def arrived(fleet: Fleet) -> list[str]:
    """The files for which runs have begun, the oldest first."""
    runs = fleet.ask("runs", workflow="inbox", limit=50)["runs"]
    return [shown(fleet, run["id"])["event"]["name"] for run in runs]


def arrives(path: Path, *lines: str) -> None:
    """Slower than its writer is waited for as a whole, and with no pause that is long enough to pass for its end."""
    with open(path, "a", encoding="ascii") as file:
        for line in lines:
            file.write(line)
            file.flush()
            time.sleep(0.2)


def test_a_file_an_event_and_the_clock_start_workflows_once_also_over_a_restart(
    make_fleet: Callable[..., Fleet],
) -> None:
    fleet = make_fleet()
    inbox = fleet.home.workflows / "inbox"
    inbox.mkdir(parents=True)
    for name in ("inbox", "large"):
        shutil.copy(EXAMPLES / "triggers" / f"{name}.toml", fleet.home.workflows)
    fleet.ask("status")
    arrives(inbox / "one.csv", "a,40\n", "b,40\n", "c,40\n", "d,40\n", "e,40\n")
    (first,) = of_workflow(fleet, "inbox", 1)
    assert out(shown(fleet, first["id"]), "sum") == 200
    of_workflow(fleet, "large", 1)
    fleet.stop_engine()
    two_days_ago = time.time() - 2 * 86_400
    with sqlite3.connect(fleet.home.store) as db:
        db.execute("INSERT INTO fired (workflow, cron, at) VALUES ('nightly', '30 2 * * *', ?)", (two_days_ago,))
    shutil.copy(EXAMPLES / "triggers" / "nightly.toml", fleet.home.workflows)
    (night,) = of_workflow(fleet, "nightly", 1)
    assert out(shown(fleet, night["id"]), "report") == "02:30"
    assert night["started_by"] == "schedule 30 2 * * *"
    arrives(inbox / "two.csv", "a,1\n", "b,2\n")
    until(lambda: "two.csv" in arrived(fleet), "the second file starts a run")
    of_workflow(fleet, "inbox", 2)
    assert arrived(fleet) == ["one.csv", "two.csv"]
    of_workflow(fleet, "large", 1)
    assert (fleet.home.workflows / "large").read_text() == "one.csv 200\n"
    fleet.ask("emit", speaker=None, topic="inbox.summed", data={"name": "one.csv", "sum": 300})
    fleet.ask("emit", speaker=None, topic="inbox.summed", data={"name": "three.csv", "sum": 300})
    of_workflow(fleet, "large", 2)


@pytest.mark.skipif(AGENTS is None, reason=f"the real agents are not installed: {install.USE}")
@pytest.mark.parametrize("kind", ["claude", "codex"])
def test_real_agents_review_in_parallel(kind: str, make_fleet: Callable[..., Fleet], tmp_path: Path) -> None:
    binaries = install.binaries(Path(AGENTS or ""))
    answer = '```json\n{"file": "src/one.sh", "severity": 1, "remark": "one = is enough"}\n```'
    with ModelServer(Text(answer)) as model:
        env = homes.environment(kind, model.url, tmp_path / "home", binaries)
        options = 'options = ["--skip-git-repo-check"]\n' if kind == "codex" else ""
        fleet = make_fleet(
            f'[agent.eve]\nkind = "{kind}"\nslots = 2\ncapabilities = ["review"]\n{options}'
            f"command = {json.dumps([str(binaries / kind)])}\n"
        )
        shutil.copytree(EXAMPLES / "review", fleet.home.root / "examples" / "review")
        for name in ("three.sh", "four.bin"):
            (fleet.home.root / "examples" / "review" / "src" / name).unlink()
        run = ended(fleet, start(fleet, "review", env))
    assert run["state"] == "succeeded", run["reason"]
    report = (fleet.home.root / "examples" / "review" / "report.md").read_text()
    assert report.count("one = is enough (severity 1)") == 2
    assert {part["agent"] for part in run["nodes"]["review"]["parts"]} == {"eve"}
