"""The documents that reading verbs answer with. Times are Unix seconds, sizes bytes; what is not known is null."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from core.adapters.rows import policy_fields
from core.engine.feed import agent_rows, group_rows, session_row
from core.messages import RefusedError
from core.model import AttemptId
from core.rules.why import why
from core.speech import OPERATOR, sender_name
from core.text import one_line
from core.wire import SCHEMA

if TYPE_CHECKING:
    from core.adapters.worktrees import DiffStat
    from core.engine.engine import Engine
    from core.rules.world import Task
    from core.speech import Mail
    from core.wire import TaskRow


SHOWN_OF_PROMPT = 4000
"""Characters."""


def document(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"schema": SCHEMA, **fields}


def find(engine: Engine, reference: int | str) -> int:
    """The number of the task that is called by its number or its key; RefusedError where there is none."""
    if isinstance(reference, str):
        found = engine.store.by_key([reference]).get(reference)
        if found is None:
            raise RefusedError("not-found", f"no task has the key {one_line(reference, 60)!r}")
        return found
    if reference not in engine.world.tasks and not engine.store.states([reference]):
        raise RefusedError("not-found", f"there is no task {reference}")
    return reference


def row_document(row: TaskRow) -> dict[str, Any]:
    """A task in a list."""
    needs = [] if row.needs is None else [int(parent) for parent in row.needs.split(",")]
    return row._asdict() | {"held": bool(row.held), "needs": needs}


def task_document(engine: Engine, task_id: int) -> dict[str, Any]:
    """Everything about one task but the values of its environment."""
    spec, row = engine.store.spec(task_id), engine.reader.rows([task_id])[0]
    queued_at, ended_at = engine.reader.times(task_id)
    launch = spec.launch
    return {
        "id": task_id,
        "name": spec.name,
        "state": row.state,
        "reason": row.reason,
        "command": list(launch.argv) if launch.argv and not launch.shell else None,
        "shell": launch.argv[0] if launch.shell else None,
        "cwd": launch.cwd,
        "environment": [name for name, _ in (*launch.env, *launch.own_env)],
        "stdin": launch.stdin,
        "group": spec.group,
        "agent": row.agent,
        "wanted": {"agent": spec.wanted.agent, "capabilities": sorted(spec.wanted.capabilities)},
        "prompt": launch.prompt_text[:SHOWN_OF_PROMPT]
        or (None if launch.prompt is None else _beginning(launch.prompt)),
        "resume": launch.resume,
        "check": list(launch.check) or None,
        "batch": spec.batch,
        "run": None if spec.part is None else spec.part._asdict(),
        "priority": spec.priority,
        "held": bool(row.held),
        "not_before": row.not_before,
        "key": spec.key,
        **policy_fields(spec.policy),
        "queued_at": queued_at,
        "ended_at": ended_at,
        "needs": engine.reader.needs(task_id),
        "dependents": engine.reader.dependents(task_id),
        **dict(zip(("spawned_by", "root", "depth"), engine.reader.origin(task_id), strict=True)),
        "attempts": engine.reader.attempts(task_id),
        "why": reasons(engine, task_id),
    }


def _beginning(path: str) -> str:
    """Of a text that may be long."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(SHOWN_OF_PROMPT)
    except OSError:
        return ""


def result_document(engine: Engine, task_id: int, changes: DiffStat | None) -> dict[str, Any]:
    """What came of one task of a batch: of its latest attempt; time, cost and tokens of all of them."""
    row, attempts = engine.reader.rows([task_id])[0], engine.reader.attempts(task_id)
    latest = attempts[-1] if attempts else {}
    results = [one["result"] for one in attempts if one["result"] is not None]
    told = latest.get("result") or {}
    spent = [one["ended_at"] - one["started_at"] for one in attempts if one["started_at"] and one["ended_at"]]
    return {
        "task": task_id,
        "name": row.name,
        "state": row.state,
        "reason": row.reason,
        "agent": row.agent,
        "attempts": len(attempts),
        "exit_code": latest.get("exit_code"),
        "outcome": told.get("outcome") or ("lost" if row.state == "lost" else None),
        "seconds": round(sum(spent), 3) if spent else None,
        "cost": None if (cost := _sum(results, "cost")) is None else round(cost, 6),
        "tokens_in": _sum(results, "tokens_in"),
        "tokens_out": _sum(results, "tokens_out"),
        "message": told.get("message"),
        "files_changed": None if changes is None else changes.files,
    }


def _sum(results: list[dict[str, Any]], key: str) -> Any:  # noqa: ANN401 - a count or an amount
    """Over the attempts that tell; None where none does."""
    told = [one[key] for one in results if one[key] is not None]
    return sum(told) if told else None


def mail_document(mail: Mail, now: float) -> dict[str, Any]:
    """Mail with its state: waiting, taken, acknowledged or expired."""
    return {
        "id": mail.id,
        "at": mail.at,
        "from": OPERATOR if mail.sender is None else sender_name(mail.sender).replace(" ", ":"),
        "sender": None if mail.sender is None else str(mail.sender),
        "sender_task": mail.sender.task if isinstance(mail.sender, AttemptId) else None,
        "to": str(mail.to),
        "text": mail.text,
        "state": mail.state(now),
        "expires_at": mail.expires_at,
        "taken_at": mail.taken_at,
        "taken_by": mail.taken_by,
        "acknowledged_at": mail.acked_at,
    }


def reasons(engine: Engine, task_id: int) -> list[str]:
    task = _task(engine, task_id)
    return [*engine.why_aside(task_id), *why(engine.world, task, time.time())]


def _task(engine: Engine, task_id: int) -> Task:
    found = engine.world.tasks.get(task_id)
    return found if found is not None else engine.store.recall([task_id], stopped=False).tasks[0]


def sessions(engine: Engine) -> list[dict[str, Any]]:
    attempts = list(engine.world.attempts.values())
    names = {row.id: row.name for row in engine.reader.rows([one.id.task for one in attempts])}
    return [session_row(one, names[one.id.task])._asdict() for one in attempts]


def agents(engine: Engine) -> list[dict[str, Any]]:
    return [
        row._asdict() | {"capabilities": [word for word in row.capabilities.split(",") if word]}
        for row in agent_rows(engine.world)
    ]


def agent_document(engine: Engine, name: str) -> dict[str, Any]:
    """Everything about one agent."""
    settings, agent = engine.settings.agent.get(name), engine.world.agent(name)
    attempts, cost = engine.reader.spent(name)
    return {
        "agent": next(one for one in agents(engine) if one["name"] == name),
        "program": None if settings is None or not settings.command else list(settings.command),
        "warm": list(agent.warm),
        "attempts": attempts,
        "cost": cost,
    }


def groups(engine: Engine) -> list[dict[str, Any]]:
    return [row._asdict() for row in group_rows(engine.world)]


def latest_attempt(engine: Engine, task_id: int) -> AttemptId:
    """RefusedError where the task has not run yet."""
    task = _task(engine, find(engine, task_id))
    if not task.attempts:
        raise RefusedError("not-found", f"task {task_id} has not run yet: there is no output")
    return AttemptId(task_id, task.attempts)


async def log_part(engine: Engine, task_id: int, number: int | None, offset: int, limit: int) -> dict[str, Any]:
    """Bytes of an attempt's log as text in Latin-1, which keeps every one of them."""
    latest = latest_attempt(engine, task_id)
    if number is not None and number > latest.number:
        raise RefusedError("not-found", f"task {task_id} has no attempt {number}: the latest is {latest.number}")
    attempt = AttemptId(task_id, number or latest.number)
    live = engine.world.attempt(attempt) is not None
    if not live:
        await engine.hands.log_complete(attempt)
    content, start, end = engine.hands.read_log(attempt, offset, limit)
    return {"attempt": str(attempt), "live": live, "start": start, "end": end, "content": content.decode("latin-1")}
