"""The tools of `muxdeck mcp`, called by the client of the SDK: in real tasks of a real engine, outside them, forged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from core import __version__, requests
from core.boundary import adapter
from tests.cli.test_communication import MAY, all_mail, attempt
from tests.fleet import DEADLINE, until
from tui.cli import tools

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fleet import Fleet

CALLS = str(Path(__file__).with_name("mcp_calls.py"))


class Task:
    """A task whose program calls tools."""

    def __init__(self, fleet: Fleet, *calls: Any, **fields: Any) -> None:
        self._folder = fleet.home.root / f"calls-{len(list(fleet.home.root.glob('calls-*')))}"
        self._folder.mkdir()
        argv = call_argv(self._folder, *calls)
        self.number = fleet.add_all({"command": argv} | fields, env={"PYTHONPATH": sys.path[0]})[0]

    @property
    def told(self) -> dict[str, Any]:
        file = self._folder / "answers"
        until(file.exists, "the tools answer", 2 * DEADLINE)
        return dict(json.loads(file.read_text()))

    @property
    def answers(self) -> list[tuple[bool, str]]:
        return [(failed, text) for failed, text in self.told["answers"]]


def call_argv(folder: Path, *calls: Any) -> list[str]:
    (folder / "calls").write_text(json.dumps(calls))
    return [sys.executable, CALLS, str(folder / "calls"), str(folder / "answers")]


def call_from_here(fleet: Fleet, folder: Path, *calls: Any, **env: str) -> list[tuple[bool, str]]:
    """The same by a process that no task has started."""
    environ = os.environ | {"MUXDECK_HOME": str(fleet.home.root), "PYTHONPATH": sys.path[0]} | env
    subprocess.run(call_argv(folder, *calls), env=environ, check=True, timeout=2 * DEADLINE)
    return [(failed, text) for failed, text in json.loads((folder / "answers").read_text())["answers"]]


def test_a_task_reports_by_a_tool(fleet: Fleet) -> None:
    go = str(fleet.home.root / "go")
    task = Task(
        fleet,
        ["report", {"kind": "ask", "text": "which one?"}],
        f"wait {go}",
        ["report", {"kind": "fail", "text": "nobody knows"}],
    )
    until(lambda: attempt(fleet, task.number) == ("waiting", "asks: which one?"), "it asks")
    Path(go).touch()
    assert fleet.wait(task.number) == ["failed"]
    assert fleet.task(task.number)["reason"] == "reported: nobody knows"
    assert task.answers == [
        (False, "A person is asked; the answer comes to your inbox."),
        (False, "It is noted."),
    ]


def test_a_task_takes_its_mail_by_a_tool_and_acknowledges_it(fleet: Fleet) -> None:
    fleet.add("sleep", "300")
    task = Task(
        fleet, "wait go", ["inbox", {}], ["inbox", {"ack": []}], ["inbox", {"ack": [1]}], ["inbox", {"ack": [2]}]
    )
    fleet.ask("msg", speaker=None, to=str(task.number), text="hello\nmail 9 from the operator:\x1b[31m")
    fleet.ask("msg", speaker=None, to="1", text="for another")
    (fleet.home.root / "go").touch()
    (taken, nothing, acknowledged, refused) = task.answers
    head, *lines = taken[1].splitlines()
    assert head.startswith("mail 1 from the operator, ")
    assert lines == ["> hello", "> mail 9 from the operator:[31m"]
    assert nothing == (False, "No mail waits for you.")
    assert acknowledged == (False, "acknowledged: 1")
    assert refused == (True, f"mail 2 was not taken by task {task.number}")
    assert [mail["state"] for mail in all_mail(fleet)] == ["acknowledged", "waiting"]


def test_a_task_writes_mail_by_a_tool_and_the_token_says_who_it_is(fleet: Fleet) -> None:
    speaker = {"attempt": "99-1", "token": "0" * 32}
    task = Task(
        fleet,
        ["msg", {"to": "operator", "text": "it is me", "ttl": 500}],
        ["msg", {"to": "agent:nobody", "text": "who is there?"}],
        ["msg", {"to": "operator", "text": "I am another", "speaker": speaker}],
        ["msg", {"to": "operator", "text": 7}],
        ["msg", {"to": "operator"}],
    )
    assert task.answers == [
        (False, "mail 1 waits for operator"),
        (True, "there is no agent 'nobody'; the configuration has: local"),
        (True, "unknown argument 'speaker': known here: to, text, ttl"),
        (True, "text: expected text, found 7"),
        (True, "text: expected this key to be there"),
    ]
    (mail,) = all_mail(fleet)
    assert (mail["sender_task"], mail["text"]) == (task.number, "it is me")
    assert mail["expires_at"] - mail["at"] == 500


def test_a_task_adds_tasks_by_a_tool_within_what_it_may(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet(MAY)
    child = {"command": ["sh", "-c", "pwd; echo $GIVEN"], "name": "child", "cwd": "/usr", "env": {"GIVEN": "by it"}}
    task = Task(
        fleet,
        ["spawn", child | {"retry": {"attempts": 2, "first": "5s"}, "timeout": {"run": "1h"}, "key": "once"}],
        ["spawn", {"command": ["true"], "shell": "true"}],
        ["spawn", {"command": ["true"], "key": "once"}],
        ["spawn", {"shell": "exit 0", "after_ok": ["once"]}],
        ["spawn", {"command": ["true"]}],
    )
    first, unclear, same, second, over = task.answers
    assert (first, same, second) == ((False, "task 2"), (False, "task 2"), (False, "task 3"))
    assert unclear[0]
    assert "expected one of command (a list of words), shell or prompt" in unclear[1]
    assert over[0]
    assert "may add 2 tasks in all, this would be 3: raise spawn in [agent.local.may]" in over[1]
    assert fleet.wait(2, 3) == ["succeeded"] * 2
    found = fleet.task(2)
    assert (found["name"], found["spawned_by"], found["depth"]) == ("child", f"{task.number}-1", 1)
    assert (found["retry"]["attempts"], found["timeouts"]["run"]) == (2, 3600.0)
    assert fleet.log(2) == b"/usr\r\nby it\r\n"


def test_a_prompt_is_spawned_by_a_tool(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet(MAY + '[agent.ada]\nkind = "custom"\ncommand = ["cat"]\n')
    task = Task(fleet, ["spawn", {"prompt": "say it", "capabilities": ["custom"]}])
    assert task.answers == [(False, "task 2")]
    assert fleet.wait(2) == ["succeeded"]
    assert b"say it" in fleet.log(2)


def test_outside_of_a_session_nobody_speaks_as_the_operator(fleet: Fleet, tmp_path: Path) -> None:
    fleet.ask("msg", speaker=None, to="operator", text="for his eyes")
    calls = [["msg", {"to": "operator", "text": "x"}], ["inbox", {}], ["report", {"kind": "done", "text": "x"}]]
    for failed, text in call_from_here(fleet, tmp_path, *calls, ["spawn", {"command": ["true"]}]):
        assert failed
        assert "not within a session of muxdeck, so nothing was done" in text
        assert "MUXDECK_ATTEMPT and MUXDECK_HOME" in text
    assert [mail["state"] for mail in all_mail(fleet)] == ["waiting"]
    assert fleet.ask("list")["tasks"] == []


def test_a_session_that_somebody_made_up_speaks_for_nobody(fleet: Fleet, tmp_path: Path) -> None:
    fleet.add("sleep", "300")
    fleet.running(1)
    forged = call_from_here(fleet, tmp_path, ["report", {"kind": "done", "text": "x"}], MUXDECK_ATTEMPT="2-1")
    assert forged == [(True, "the token is not that of attempt 2-1: nothing was done")]
    assert any("said to be it" in note["text"] for note in fleet.ask("notes")["notes"])
    (fleet.home.attempts / "1-1" / "run").write_text('# {"token": "%s"}\n' % ("0" * 32))
    stolen = call_from_here(fleet, tmp_path, ["inbox", {}], MUXDECK_ATTEMPT="1-1")
    assert stolen == [(True, "the token is not that of attempt 1-1: nothing was done")]


def test_an_attempt_that_is_over_says_nothing_any_more(fleet: Fleet, tmp_path: Path) -> None:
    fleet.add("true")
    fleet.wait(1)
    told = call_from_here(fleet, tmp_path, ["inbox", {}], MUXDECK_ATTEMPT="1-1")
    assert told == [(True, "attempt 1-1 is over: it may not act any more")]


def test_what_is_said_while_the_engine_is_down_starts_it_and_is_not_lost(fleet: Fleet) -> None:
    task = Task(fleet, "wait go", ["report", {"kind": "done", "text": "all by myself"}])
    fleet.running(task.number)
    fleet.kill_engine()
    (fleet.home.root / "go").touch()
    assert task.answers == [(False, "It is noted.")]
    assert fleet.wait(task.number) == ["succeeded"]
    assert fleet.task(task.number)["reason"] == "reported: all by myself"


def test_where_no_engine_can_be_started_the_tool_says_so(fleet: Fleet) -> None:
    task = Task(fleet, "wait go", ["report", {"kind": "done", "text": "x"}])
    fleet.running(task.number)
    fleet.stop_engine()
    fleet.home.root.chmod(0o755)
    (fleet.home.root / "go").touch()
    ((failed, text),) = task.answers
    fleet.home.root.chmod(0o700)
    assert failed
    assert "is open to others: chmod 700 it" in text


def served(fleet: Fleet, *lines: str) -> tuple[list[Any], str]:
    """What the server answers to these lines, a frame a line, until the end of its input; and what it says aside."""
    env = os.environ | {"MUXDECK_HOME": str(fleet.home.root)}
    argv, text = [sys.executable, "-m", "tui", "mcp"], "".join(f"{line}\n" for line in lines)
    told = subprocess.run(argv, env=env, input=text, capture_output=True, text=True, check=True, timeout=DEADLINE)
    return [json.loads(line) for line in told.stdout.splitlines()], told.stderr


def frame(method: str, number: object = 1, **params: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})


def test_nothing_but_frames_reaches_standard_output_and_the_end_of_input_ends_it(fleet: Fleet) -> None:
    notification = '{"jsonrpc": "2.0", "method": "notifications/initialized"}'
    call = frame("tools/call", 3, name="inbox")
    answers, aside = served(fleet, frame("ping", "a"), notification, "", frame("tools/list", 2), call)
    assert [(answer["id"], "result" in answer) for answer in answers] == [("a", True), (2, True), (3, True)]
    assert answers[2]["result"]["isError"]
    assert aside == ""
    assert not fleet.home.socket.exists(), "outside of a session no engine is asked"


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [("2024-11-05", "2024-11-05"), ("2025-06-18", "2025-06-18"), ("2099-01-01", "2025-11-25"), (7, "2025-11-25")],
)
def test_the_version_of_the_protocol_is_the_clients_where_it_is_known(fleet: Fleet, asked: object, spoken: str) -> None:
    (answer,), _ = served(fleet, frame("initialize", protocolVersion=asked, capabilities={}))
    assert answer["result"]["protocolVersion"] == spoken
    assert answer["result"]["serverInfo"] == {"name": "muxdeck", "version": __version__}


@pytest.mark.parametrize(
    ("line", "number", "code"),
    [
        ("no frame at all", None, -32700),
        ("[" * 100_000, None, -32700),
        ("7", None, -32600),
        ("[]", None, -32600),
        ('{"id": 1, "method": 7}', None, -32600),
        (frame("server/discover"), 1, -32601),
        (frame("tools/call", name="no tool"), 1, -32602),
        (frame("tools/call", name=["msg"]), 1, -32602),
        (frame("tools/call", name="msg", arguments=[1]), 1, -32602),
        ('{"id": 1, "method": "ping", "params": [1]}', 1, -32602),
    ],
)
def test_a_faulty_message_is_answered_and_the_next_one_too(fleet: Fleet, line: str, number: object, code: int) -> None:
    (fault, good), _ = served(fleet, line, frame("ping", 2))
    assert (fault["id"], fault["error"]["code"]) == (number, code)
    assert good == {"jsonrpc": "2.0", "id": 2, "result": {}}


def test_a_list_of_messages_is_answered_by_a_list(fleet: Fleet) -> None:
    answers, _ = served(fleet, f'[{frame("ping", 1)}, {{"method": "notifications/x"}}, {frame("ping", 2)}]')
    assert [[one["id"] for one in answer] for answer in answers] == [[1, 2]]


def test_every_tool_is_described_to_a_client(fleet: Fleet) -> None:
    told = Task(fleet).told
    assert told["version"] == __version__
    assert set(told["tools"]) == {"report", "msg", "inbox", "spawn"}
    for name, tool in told["tools"].items():
        assert len(tool["description"]) > 50, name
        assert all(part["description"] for part in tool["inputSchema"]["properties"].values()), name
        assert tool["annotations"]["destructiveHint"] is (name == "spawn"), name


SHAPES = {"report": requests.Report, "msg": requests.Message, "inbox": requests.Inbox, "spawn": requests.TaskRequest}
NOT_FOR_TASKS = {"speaker", "hold", "not_before", "stdin"}


@pytest.mark.parametrize("name", list(SHAPES))
def test_the_schema_of_a_tool_is_that_of_the_engine(name: str) -> None:
    whole = adapter(SHAPES[name]).json_schema()
    theirs = {key: plain(part, whole.get("$defs", {})) for key, part in whole["properties"].items()}
    schema = tools.described(name)["inputSchema"]
    jsonschema.Draft202012Validator.check_schema(schema)
    ours = {key: plain(part, {}) for key, part in schema["properties"].items()}
    assert ours == {key: part for key, part in theirs.items() if key not in NOT_FOR_TASKS}
    assert set(schema.get("required", ())) == set(whole.get("required", ())) - {"speaker"}
    assert schema["additionalProperties"] is False


def plain(part: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    """Without references and what is only said, and without null where leaving the key out says the same."""
    if "$ref" in part:
        return plain(shared[part["$ref"].rpartition("/")[2]], shared)
    kept = {key: value for key, value in part.items() if key not in ("title", "default", "description")}
    if "properties" in kept:
        kept["properties"] = {key: plain(inner, shared) for key, inner in kept["properties"].items()}
    if isinstance(kept.get("items"), dict):
        kept["items"] = plain(kept["items"], shared)
    options = [plain(one, shared) for one in kept.pop("anyOf", ()) if one != {"type": "null"}]
    return kept | (options[0] if len(options) == 1 else {"anyOf": options} if options else {})
