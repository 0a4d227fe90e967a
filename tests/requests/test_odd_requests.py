"""One real engine answers thousands of odd requests for every verb."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from core.engine import wishes
from core.engine.service import Service
from core.sockets import connect
from tests.requests import odd

if TYPE_CHECKING:
    from tests.fleet import Fleet

WORKFLOW = """
schema = 1
[params.word]
pattern = "(a|aa)+|x"
[params.count]
type = "int"
default = 1
[params.share]
type = "float"
default = 0.5
[params.free]
type = "json"
[task.a]
gate = { ask = "${params.word}?" }
[task.b]
needs = "a"
run = ["true", "${params.free}"]
"""
WAITS = frozenset({"wait", "run-wait"})
"""They are answered later, if ever: here only what they refuse counts."""
MOST = 300
"""Requests of a verb."""


@pytest.fixture
def asked(fleet: Fleet) -> Fleet:
    """With a running task, two that wait, and a run."""
    fleet.home.make()
    fleet.home.workflows.mkdir(parents=True, exist_ok=True)
    (fleet.home.workflows / "odd.toml").write_text(WORKFLOW)
    fleet.add("cat")
    fleet.add_all(*[{"command": ["true"], "hold": True}] * 2)
    fleet.ask("run", file="odd", params={"word": "a"}, context=odd.CONTEXT)
    return fleet


def _requests(verb: str) -> list[Any]:
    found = [one for one in odd.requests(verb) if verb not in WAITS or not _waits(one)]
    return random.Random(verb).sample(found, min(len(found), MOST))


def _waits(parameters: Any) -> bool:
    """Whether it may be answered after a long time."""
    timeout = parameters.get("timeout") if isinstance(parameters, dict) else 0
    return timeout is None or (isinstance(timeout, (int, float)) and timeout > 1) or timeout == "1h"


def test_every_verb_answers_every_odd_request_and_the_engine_lives(asked: Fleet) -> None:
    pid = asked.pid
    with connect(asked.home.socket) as connection, connection.makefile("rb") as lines:
        connection.settimeout(60)
        for verb in odd.GOOD:
            for number, parameters in enumerate(_requests(verb)):
                connection.sendall(json.dumps({"id": number, "do": verb, "with": parameters}).encode() + b"\n")
                line = lines.readline()
                assert line, f"the engine ended of {verb} {parameters!r:.500}"
                reply = json.loads(line)
                assert reply["id"] == number
                code = reply.get("error", {}).get("code", "ok")
                assert code in ("ok", "usage", "not-found", "refused", "failed"), (verb, parameters, reply)
    assert asked.pid == pid
    assert asked.state(1) in ("running", "cancelled")


def test_every_verb_is_asked(fleet: Fleet) -> None:
    """A new verb needs parameters that fit, in `odd.GOOD`."""
    nothing: Any = None
    service = Service(nothing, nothing, fleet.home, nothing, nothing)
    assert {*service._verbs, *wishes.COMMANDS} == {*odd.GOOD}
