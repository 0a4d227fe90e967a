"""Actions that start and end work. What they hit decides how they ask."""

from __future__ import annotations

import signal as signals
from typing import TYPE_CHECKING, Any

from core.settings import COMMAND_KIND
from core.text import plural, size
from core.wire import ForeignRow
from tui.deeds.desk import Change
from tui.ordering import FAILED, rank
from tui.screens.dialogs import Option, Question

if TYPE_CHECKING:
    from core.wire import TaskRow
    from tui.deeds.desk import Desk

_SIGNALS = (
    ("TERM", "asks it to end"),
    ("INT", "as Ctrl+C"),
    ("HUP", "its terminal is gone; many read their configuration again"),
    ("USR1", "whatever the program makes of it"),
    ("USR2", "whatever the program makes of it"),
    ("QUIT", "as Ctrl+\\; many write a trace"),
    ("STOP", "stands still until CONT"),
    ("CONT", "goes on"),
    ("KILL", "ends at once"),
)


async def retry(desk: Desk) -> None:
    rows = [row for row in desk.targets() if row.ended_at is not None]
    if len(rows) > 1 and not await desk.confirm(Question(f"retry {plural(len(rows), 'task')}?", _names(rows))):
        return
    again = await desk.ask("retry", tasks=[row.id for row in rows])
    desk.say(f"queued again: {', '.join(map(str, again[:8]))}{' …' if len(again) > 8 else ''}")


async def retry_failed(desk: Desk) -> None:
    """Of those that the list shows."""
    shown = (desk.replica.tasks[number] for number in desk.replica.order.all())
    rows = [row for row in shown if rank(row) == FAILED or row.state == "lost"]
    if not rows:
        desk.warn("nothing that is shown here has failed")
        return
    if await desk.confirm(Question(f"retry all {len(rows)} that failed?", _names(rows), verb="retry them")):
        again = await desk.ask("retry", tasks=[row.id for row in rows])
        desk.say(f"queued again: {plural(len(again), 'task')}")


async def stop(desk: Desk) -> None:
    await _end(desk, now=False)


async def kill(desk: Desk) -> None:
    session = desk.session()
    if isinstance(session, ForeignRow):
        await _kill_foreign(desk, session)
    else:
        await _end(desk, now=True)


async def _end(desk: Desk, *, now: bool) -> None:
    rows = desk.targets()
    verb = "kill" if now else "stop"
    running = [row for row in rows if row.state == "running"]
    if running or len(rows) > 1:
        facts, attached = await _hit(desk, rows, running)
        word = str(len(rows)) if len(rows) > 1 or attached else "y"
        title = f"{verb} {rows[0].id} {rows[0].name}?" if len(rows) == 1 else f"{verb} {plural(len(rows), 'task')}?"
        if not await desk.confirm(Question(title, facts, word, f"{verb} {'it' if len(rows) == 1 else 'them'}")):
            return
    tasks = [row.id for row in rows]
    await desk.ask("stop", tasks=tasks, now=now)
    queued = [row.id for row in rows if row.state == "queued"]
    if queued:
        desk.undo.made(
            Change(
                f"cancel {plural(len(queued), 'task')}", (("retry", {"tasks": queued}),), (("stop", {"tasks": queued}),)
            )
        )
    desk.say(f"{verb}: {', '.join(map(str, tasks[:8]))}{' …' if len(tasks) > 8 else ''}")


async def _hit(desk: Desk, rows: list[TaskRow], running: list[TaskRow]) -> tuple[tuple[str, ...], bool]:
    """What will die and what hangs on it, and whether somebody is attached."""
    facts = list(_names(rows)) if len(rows) > 1 else []
    sessions = [session for row in running if (session := desk.replica.sessions.get(row.id)) is not None]
    seen = [session for session in sessions if session.processes is not None]
    if seen:
        processes, memory = sum(one.processes or 0 for one in seen), sum(one.memory or 0 for one in seen)
        facts.append(f"{plural(processes, 'process')} in {plural(len(seen), 'session')}, {size(memory)} of memory")
    if len(seen) < len(running):
        facts.append(f"{plural(len(running) - len(seen), 'session')} whose processes have not been looked at yet")
    attached = False
    if len(rows) == 1:
        task = (await desk.ask("show", task=rows[0].id))["task"]
        waiting = [one["task"] for one in task["dependents"] if one["state"] == "queued"]
        if waiting:
            facts.append(f"waiting for it: {', '.join(map(str, waiting[:12]))}")
        if running:
            attached = (await desk.ask("attach", task=rows[0].id))["attached"] > 0
    if attached:
        facts.append("somebody is attached to its session")
    return tuple(facts), attached


async def _kill_foreign(desk: Desk, session: ForeignRow) -> None:
    facts = (
        f"{plural(session.windows, 'window')}, {plural(session.processes, 'process')}: {session.command}",
        session.socket,
    )
    question = Question(f"this session is not muxdeck's: end {session.name}?", facts, session.name, "end it")
    if await desk.confirm(question):
        words = "kill a session that is not muxdeck's"
        await desk.ask("kill-foreign", socket=session.socket, session=session.id, confirmed=words)
        desk.say(f"ended session {session.name}")


async def signal(desk: Desk) -> None:
    rows = [row for row in desk.targets() if row.state == "running"]
    options = [
        Option(name, name, note, keys=(name[0].lower(),) if name in ("TERM", "INT") else ()) for name, note in _SIGNALS
    ]
    chosen = await desk.choose(f"signal to {plural(len(rows), 'task')}", options)
    if chosen is None:
        return
    number = signals.Signals[f"SIG{chosen}"].value
    await desk.ask("signal", tasks=[row.id for row in rows], signal=number)
    desk.say(f"{chosen} sent to {', '.join(str(row.id) for row in rows[:8])}")


async def start_now(desk: Desk) -> None:
    rows = [row for row in desk.targets() if row.state == "queued"]
    question = Question(f"start {plural(len(rows), 'task')} over all limits?", _names(rows), verb="start now")
    if await desk.confirm(question):
        await desk.ask("start-now", tasks=[row.id for row in rows])


async def dispatch(desk: Desk) -> None:
    rows = [row for row in desk.targets() if row.state == "queued"]
    commands = {agent.name for agent in desk.replica.agents if agent.kind == COMMAND_KIND}
    prompts = rows[0].agent not in commands
    options = [
        Option(agent.name, agent.name, agent.problem or f"{agent.running} of {agent.slots or 'any'} running")
        for agent in desk.replica.agents
        if agent.configured and (agent.name not in commands) is prompts
    ]
    chosen = await desk.choose(f"start {plural(len(rows), 'task')} now, on which agent?", options, rows[0].agent)
    if chosen is None:
        return
    for row in rows:
        if row.agent != chosen:
            await desk.ask("edit", task=row.id, changes={"agent": chosen})
    await desk.ask("start-now", tasks=[row.id for row in rows])


async def clean(desk: Desk) -> None:
    rows = [row for row in desk.targets() if row.ended_at is not None]
    counts = desk.replica.count
    ended = counts("succeeded", "failed", "timed_out", "lost", "cancelled", "skipped", "upstream_failed")
    options = [Option("succeeded", "succeeded", plural(counts("succeeded"), "task"))]
    options.append(Option("all", "everything that ended", plural(ended, "task")))
    if rows:
        options.insert(0, Option("these", "these" if len(rows) > 1 else f"only {rows[0].id}", _names(rows)[0]))
    chosen = await desk.choose("forget ended tasks, with their output", options)
    if chosen is None:
        return
    selected: Any = [row.id for row in rows] if chosen == "these" else {"states": [] if chosen == "all" else [chosen]}
    count = len(rows) if chosen == "these" else ended if chosen == "all" else counts("succeeded")
    word = str(count) if count > 1 else "y"
    if count and await desk.confirm(
        Question(f"forget {plural(count, 'task')}, with their output?", (), word, "forget them")
    ):
        gone = await desk.ask("clean", tasks=selected)
        desk.say(f"forgotten: {plural(len(gone), 'task')}")


def _names(rows: list[TaskRow]) -> tuple[str, ...]:
    shown = tuple(f"{row.id}  {row.name}" for row in rows[:6])
    return (*shown, f"and {len(rows) - 6} more") if len(rows) > 6 else shown
