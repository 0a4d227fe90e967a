"""Actions that change what waits in the queue. Each can be taken back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from core.client import context
from core.text import duration, plural
from tui.deeds.desk import Change
from tui.screens.dialogs import Option
from tui.screens.form import TaskForm
from tui.wording import command_of

if TYPE_CHECKING:
    from core.wire import TaskRow
    from tui.deeds.desk import Desk, Request

PRIORITIES = (100, 10, 5, 1, 0, -1, -10)


async def new(desk: Desk) -> None:
    async def submit(task: dict[str, Any]) -> int:
        (number,) = await desk.ask("add", tasks=[task], context=context())
        return int(number)

    row = desk.chosen()
    values = {"group": row.group} if row is not None else {}
    number = await desk.open(TaskForm("new task", values, submit, new=True))
    if number is not None:
        added(desk, [number])


async def go_on(desk: Desk) -> None:
    """A prompt for the agent that ran the chosen task, which remembers it."""
    row = desk.chosen()
    assert row is not None
    task = (await desk.ask("show", task=row.id))["task"]
    if not any(one["result"] is not None and one["result"]["session"] for one in task["attempts"]):
        desk.warn(f"go on: {row.id} has left no conversation to go on with")
        return

    async def submit(asked: dict[str, Any]) -> int:
        (number,) = await desk.ask("add", tasks=[asked | {"resume": row.id}], context=context())
        return int(number)

    values = {key: task[key] for key in ("cwd", "group", "agent")}
    number = await desk.open(TaskForm(f"go on with {row.id} {row.name}", values, submit, new=True, talks=True))
    if number is not None:
        added(desk, [number])


def added(desk: Desk, numbers: list[int]) -> None:
    back: Request = ("stop", {"tasks": numbers})
    desk.undo.made(Change(f"add {plural(len(numbers), 'task')}", (back,), (("retry", {"tasks": numbers}),)))
    desk.say(f"queued as {', '.join(map(str, numbers))}")


async def edit(desk: Desk) -> None:
    row = desk.chosen()
    assert row is not None
    task = (await desk.ask("show", task=row.id))["task"]
    before = _as_request(task)

    async def submit(changes: dict[str, Any]) -> dict[str, Any]:
        await desk.ask("edit", task=row.id, changes=changes)
        return changes

    changes = await desk.open(TaskForm(f"edit {row.id}", _as_fields(task), submit, new=False))
    if changes is not None:
        back: Request = ("edit", {"task": row.id, "changes": before})
        desk.undo.made(Change(f"edit {row.id}", (back,), (("edit", {"task": row.id, "changes": changes}),)))


def _as_fields(task: dict[str, Any]) -> dict[str, str]:
    limit = task["timeouts"]["run"]
    return {
        "command": "" if task["prompt"] is not None else command_of(task)[1],
        "shell": "yes" if task["shell"] is not None else "no",
        "hold": "yes" if task["held"] else "no",
        "name": task["name"],
        "cwd": task["cwd"],
        "group": task["group"],
        "agent": task["wanted"]["agent"] or "",
        "capabilities": ", ".join(task["wanted"]["capabilities"]),
        "priority": str(task["priority"]),
        "attempts": str(task["retry"]["attempts"]),
        "run": f"{limit:g}s" if limit is not None else "",
    }


def _as_request(task: dict[str, Any]) -> dict[str, Any]:
    command = {key: task[key] for key in ("shell", "command") if task[key] is not None}
    plain = {key: task[key] for key in ("name", "cwd", "group", "priority")}
    plain |= {key: value for key, value in task["wanted"].items() if value}
    limits = {"retry": {"attempts": task["retry"]["attempts"]}, "timeout": {"run": task["timeouts"]["run"]}}
    return command | plain | limits | {"hold": task["held"]}


async def hold(desk: Desk) -> None:
    """Holds those that are free; where all are held, releases them."""
    rows = [row for row in desk.targets() if row.state == "queued"]
    free = [row.id for row in rows if not row.held]
    verb, back, tasks = ("hold", "release", free) if free else ("release", "hold", [row.id for row in rows])
    words = f"{verb} {plural(len(tasks), 'task')}"
    await _make(desk, Change(words, ((back, {"tasks": tasks}),), ((verb, {"tasks": tasks}),)))


async def _make(desk: Desk, change: Change) -> None:
    for verb, parameters in change.again:
        await desk.ask(verb, **parameters)
    desk.undo.made(change)
    desk.say(change.words)


async def pause(desk: Desk) -> None:
    """An agent, where the agents have the focus; otherwise tasks: running ones are stopped, queued ones held."""
    agent = desk.agent()
    if agent is not None:
        mode = "paused" if agent.mode == "on" else "on"
        await desk.ask("agent", agent=agent.name, mode=mode)
        desk.say(f"{'resumed' if mode == 'on' else 'paused'} agent {agent.name}")
        return
    rows = desk.targets()
    still = all(row.held or _is_stopped(desk, row) for row in rows)
    verb, back, queued_back = ("resume", "pause", "hold") if still else ("pause", "resume", "release")
    # A queued task that is let go may run when that is taken back: what holds queued ones does not stop it then.
    each = ((back, [row.id for row in rows if row.state == "running"]),
            (queued_back, [row.id for row in rows if row.state == "queued"]))  # fmt: skip
    again: Request = (verb, {"tasks": [row.id for row in rows]})
    words = f"{verb} {plural(len(rows), 'task')}"
    await _make(desk, Change(words, tuple((name, {"tasks": tasks}) for name, tasks in each if tasks), (again,)))


def _is_stopped(desk: Desk, row: TaskRow) -> bool:
    session = desk.replica.sessions.get(row.id)
    return session is not None and session.health == "stopped"


async def pause_group(desk: Desk) -> None:
    row = desk.chosen()
    assert row is not None
    paused = any(group.name == row.group and group.paused for group in desk.replica.groups)
    words = f"{'resume' if paused else 'pause'} group {row.group}"
    back: Request = ("group", {"group": row.group, "paused": paused})
    await _make(desk, Change(words, (back,), (("group", {"group": row.group, "paused": not paused}),)))


async def priority(desk: Desk) -> None:
    rows = [row for row in desk.targets() if row.state == "queued"]
    step = desk.replica.situation(time.time(), plain=False).age_step
    options = [Option(str(value), f"{value:+d}" if value else "0", _priority_note(value, step)) for value in PRIORITIES]
    chosen = await desk.choose(f"priority of {plural(len(rows), 'task')}", options, str(rows[0].priority))
    if chosen is None:
        return
    tasks = [row.id for row in rows]
    again: Request = ("priority", {"tasks": tasks, "priority": int(chosen)})
    await desk.ask(again[0], **again[1])
    before = {row.priority for row in rows}
    back = tuple(
        ("priority", {"tasks": [row.id for row in rows if row.priority == value], "priority": value})
        for value in before
    )
    desk.undo.made(Change(f"priority {chosen}", back, (again,)))


def _priority_note(value: int, age_step: float) -> str:
    if not value:
        return "as everything else"
    long = duration(abs(value) * age_step)
    return f"as if it had waited {long} longer" if value > 0 else f"as if it had come {long} later"


async def earlier(desk: Desk) -> None:
    await _swap(desk, -1)


async def later(desk: Desk) -> None:
    await _swap(desk, 1)


async def _swap(desk: Desk, step: int) -> None:
    row = desk.chosen()
    assert row is not None
    queued = sorted(
        (task for task in desk.replica.tasks.values() if task.state == "queued"), key=lambda task: task.place
    )
    at = queued.index(row) + step
    if not 0 <= at < len(queued):
        desk.warn(f"{row.id} is {'the first' if step < 0 else 'the last'} in the queue already")
        return
    request: Request = ("swap", {"task": row.id, "other": queued[at].id})
    await desk.ask(request[0], **request[1])
    desk.undo.made(Change(f"{row.id} changed places with {queued[at].id}", (request,), (request,)))


async def undo(desk: Desk) -> None:
    change = desk.undo.take_back()
    if change is None:
        desk.warn("there is nothing to take back")
        return
    for verb, parameters in change.back:
        await desk.ask(verb, **parameters)
    desk.say(f"taken back: {change.words}")


async def redo(desk: Desk) -> None:
    change = desk.undo.make_again()
    if change is None:
        desk.warn("there is nothing to make again")
        return
    for verb, parameters in change.again:
        await desk.ask(verb, **parameters)
    desk.say(f"made again: {change.words}")
