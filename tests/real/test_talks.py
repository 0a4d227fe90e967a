"""Interactive agents over a real engine and real tmux: typed to, read, answered, and noticed when they are done."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from core.client import AnswerError
from tests.fleet import DEADLINE, Fleet, has_ended, until
from tests.interactive import fake_agent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MANY = 12


def talking(slots: int = 4) -> str:
    argv = json.dumps([sys.executable, "-I", "-S", fake_agent.__file__])
    agent = f'[agent.fay]\nkind = "custom"\nmode = "interactive"\nslots = {slots}\ncommand = {argv}\n'
    return f"[engine]\nslots = {slots}\n{agent}"


def prompt(fleet: Fleet, text: str, **fields: Any) -> int:
    return fleet.add_all({"prompt": text} | fields)[0]


def dialog(fleet: Fleet, task: int, deadline: float = DEADLINE) -> dict[str, Any]:
    """Once it is there, with its answers: a hook may tell of it before the screen shows them."""

    def asked() -> dict[str, Any] | None:
        session = next((one for one in fleet.ask("sessions")["sessions"] if one["task"] == task), None)
        found = json.loads(session["dialog"]) if session is not None and session["dialog"] is not None else None
        return found if found is not None and found["choices"] else None

    return dict(until(asked, "it asks", deadline))


def test_a_prompt_is_typed_once_and_the_end_of_the_turn_is_the_end_of_the_task(
    make_fleet: Callable[..., Fleet],
) -> None:
    fleet = make_fleet(talking())
    tasks = [prompt(fleet, f"work 0.{number}") for number in range(1, 4)]
    assert fleet.wait(*tasks) == ["succeeded"] * 3
    assert fleet.log(tasks[0]).count(b"work 0.1\r\n") <= 1
    until(lambda: not fleet.processes(), "its program has ended too")


def test_a_dialog_needs_the_operator_and_is_answered_from_afar(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet(talking())
    task = prompt(fleet, "ask")
    asked = dialog(fleet, task)
    assert fleet.running(task)["state"] == "waiting"
    assert "Do you want to run this command?" in asked["detail"]
    assert [label for _, label in asked["choices"]] == ["Yes", "No"]
    assert "permission · screen" in "; ".join(fleet.ask("why", task=task)["why"])
    shown = fleet.muxdeck("answer", str(task))
    assert "1  Yes" in shown.stdout
    assert "is no answer here" in fleet.muxdeck("answer", str(task), "9").stderr
    assert fleet.muxdeck("answer", str(task), "1").returncode == 0
    assert fleet.wait(task) == ["succeeded"]
    assert any("answered 1 Yes" in note["text"] for note in fleet.ask("notes")["notes"])


def test_an_engine_that_is_killed_in_the_middle_types_nothing_twice(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet(talking())
    task = prompt(fleet, "ask")
    before = dialog(fleet, task)
    fleet.kill_engine()
    assert dialog(fleet, task)["choices"] == before["choices"]
    fleet.muxdeck("answer", str(task), "1")
    assert fleet.wait(task) == ["succeeded"]
    assert len(fleet.task(task)["attempts"]) == 1


def turns(fleet: Fleet, task: int) -> list[str]:
    """The first word of each prompt that its agent has carried out."""
    return re.findall(r"Done: (\S+)", fleet.log(task).decode())


def send(fleet: Fleet, task: int, text: str) -> None:
    assert fleet.muxdeck("msg", str(task), text).returncode == 0


def asking_agent(make_fleet: Callable[..., Fleet], **fields: Any) -> tuple[Fleet, int]:
    """One that has asked by a report, and rests."""
    fleet = make_fleet(talking())
    env = {"MUXDECK": f"{sys.executable} -m tui"}
    task = fleet.add_all({"prompt": "report work 0.5"} | fields, env=env)[0]
    until(lambda: fleet.running(task)["reason"] == "asks: which one? (its turn has ended)", "it asks and rests")
    return fleet, task


def test_mail_that_came_during_a_turn_begins_the_next_one(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet(talking())
    task = prompt(fleet, "ask")
    asked = dialog(fleet, task)
    send(fleet, task, "one more thing")
    fleet.ask("answer", task=task, key="1", since=asked["since"])
    assert fleet.wait(task) == ["succeeded"]
    assert turns(fleet, task) == ["ask", "Mail"]
    (mail,) = fleet.ask("mail")["mail"]
    assert mail["taken_by"] == f"{task}-1"
    assert (fleet.home.attempts / f"{task}-1" / f"mail-{mail['id']}.txt").read_text() == (
        f"mail {mail['id']} from the operator:\n> one more thing\n"
    )


def test_mail_waits_for_an_empty_composer_and_survives_the_engine(make_fleet: Callable[..., Fleet]) -> None:
    fleet, task = asking_agent(make_fleet)
    attempt = fleet.home.attempts / f"{task}-1"
    fleet.ask("type", task=task, text="half a li", enter=False)
    until(lambda: b"half a li" in fleet.log(task), "a person is writing")
    send(fleet, task, "the first")
    until(lambda: list(attempt.glob("mail-*.txt")), "it was handed out")
    assert fleet.wait(prompt(fleet, "work 0.1")) == ["succeeded"], "there was time to look at both"
    assert not list(attempt.glob("mail-*.read"))
    fleet.kill_engine()
    until(lambda: fleet.running(task)["health"] == "quiet", "the next engine sees it at rest")
    assert not list(attempt.glob("mail-*.read"))
    fleet.tmux(0, "send-keys", "-t", fleet.ask("attach", task=task)["session"], "C-u")
    assert fleet.wait(task) == ["succeeded"]
    assert turns(fleet, task) == ["report", "Mail"]
    assert b"half a liMail" not in fleet.log(task)


def test_what_an_agent_asks_is_answered_by_what_the_operator_types(make_fleet: Callable[..., Fleet]) -> None:
    fleet, task = asking_agent(make_fleet)
    fleet.ask("type", task=task, text="work 0.1", enter=True)
    assert fleet.wait(task) == ["succeeded"]
    assert b"Done: work 0.1" in fleet.log(task)


@pytest.mark.parametrize(
    ("script", "state", "reason"),
    [("limit", "queued", "limit"), ("error", "failed", "error"), ("crash", "failed", "exit 3")],
)
def test_how_a_turn_fails_is_told(script: str, state: str, reason: str, make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet(talking())
    task = prompt(fleet, script)
    until(lambda: fleet.task(task)["attempts"] and fleet.state(task) == state, f"it is {state}")
    assert reason in str(fleet.task(task)["reason"])


def test_many_at_once_are_each_read_rightly(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet(talking(slots=MANY))
    asking = [prompt(fleet, "ask") for _ in range(MANY // 2)]
    working = [prompt(fleet, "work 30") for _ in range(MANY // 2)]
    until(lambda: sum(one["state"] == "waiting" for one in fleet.ask("sessions")["sessions"]) == len(asking), "all ask")
    until(
        lambda: (
            {one["task"] for one in fleet.ask("sessions")["sessions"] if one["health"] == "working"} == set(working)
        ),
        "all the others work",
    )
    for task in asking:
        fleet.ask("answer", task=task, key="2", since=dialog(fleet, task)["since"])
    assert set(fleet.wait(*asking)) == {"failed"}
    assert fleet.task(asking[0])["reason"] == "denied: the operator answered No"
    fleet.ask("stop", tasks=working, now=True)


def test_nothing_is_typed_into_a_dialog_that_has_opened_meanwhile(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet(talking())
    task = prompt(fleet, "ask work 0.1")
    dialog(fleet, task)
    with pytest.raises(AnswerError, match="asks something now, nothing was typed: answer that first"):
        fleet.ask("type", task=task, text="please do not")
    assert fleet.running(task)["state"] == "waiting", "Enter has answered nothing"
    fleet.muxdeck("answer", str(task), "1")
    assert fleet.wait(task) == ["succeeded"]
    assert not any("typed" in note["text"] for note in fleet.ask("notes")["notes"])


def test_what_is_typed_stands_in_the_history_without_its_words(make_fleet: Callable[..., Fleet]) -> None:
    fleet, task = asking_agent(make_fleet)
    fleet.ask("type", task=task, text="a secret")
    assert any(note["text"] == f"task {task}: typed 8 characters" for note in fleet.ask("notes")["notes"])


def test_a_program_that_ends_before_its_turn_has_not_succeeded(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet(talking())
    task = prompt(fleet, "quit")
    assert fleet.wait(task) == ["failed"]
    told = fleet.task(task)
    assert told["reason"] == "error: its program ended before its turn had"
    assert told["attempts"][0]["exit_code"] == 0


def test_a_check_decides_whether_the_turn_has_done_its_work(make_fleet: Callable[..., Fleet], tmp_path: Path) -> None:
    fleet = make_fleet(talking())
    done = prompt(fleet, "work 0.1", check=["sh", "-c", 'pwd; test -n "$MUXDECK_ATTEMPT"'], cwd=str(tmp_path))
    undone = prompt(fleet, "work 0.1", check=["sh", "-c", "echo too bad; exit 4"])
    absent = prompt(fleet, "work 0.1", check=["/nowhere/check"])
    assert fleet.wait(done, undone, absent) == ["succeeded", "failed", "failed"]
    assert (fleet.home.attempts / f"{done}-1" / "check.log").read_text().strip() == str(tmp_path)
    assert fleet.task(done)["attempts"][0]["result"]["check"] == 0
    assert "the check failed: exit 4, its output is in " in fleet.task(undone)["reason"]
    assert (fleet.home.attempts / f"{undone}-1" / "check.log").read_text() == "too bad\n"
    assert "the check cannot be run" in fleet.task(absent)["reason"]


def test_a_task_that_is_stopped_takes_its_check_with_it(make_fleet: Callable[..., Fleet], tmp_path: Path) -> None:
    fleet = make_fleet(talking())
    pid = tmp_path / "pid"
    task = prompt(fleet, "work 0.1", check=["sh", "-c", f"echo $$ > {pid}; exec sleep 300"])
    until(lambda: pid.exists() and pid.read_text().strip(), "the check runs")
    check = psutil.Process(int(pid.read_text()))
    fleet.ask("stop", tasks=[task])
    assert fleet.wait(task) == ["cancelled"]
    until(lambda: has_ended(check), "the check has ended too")


def test_a_check_waits_until_what_the_agent_has_asked_is_answered(make_fleet: Callable[..., Fleet]) -> None:
    fleet, task = asking_agent(make_fleet, check=["false"])
    assert fleet.running(task)["state"] == "waiting", "it stays, and nothing is checked"
    fleet.ask("type", task=task, text="work 0.1", enter=True)
    assert fleet.wait(task) == ["failed"]
    assert "the check failed: exit 1" in fleet.task(task)["reason"]
