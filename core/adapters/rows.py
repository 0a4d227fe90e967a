"""Nouns as rows of the store, and back."""

from __future__ import annotations

import json
import sys
from math import isfinite
from typing import TYPE_CHECKING, Any

from core import bounds
from core.adapters import damage
from core.adapters.damage import DamagedRowError
from core.boundary import read_json
from core.kinds.result import Result
from core.model import (
    AgentMode,
    AttemptId,
    AttemptState,
    Captured,
    Launch,
    Need,
    NeedKind,
    Origin,
    Output,
    PartId,
    Policy,
    ProcessId,
    RetryPolicy,
    RunId,
    TaskSpec,
    TaskState,
    Timeouts,
    Wanted,
)
from core.rules.world import Agent, Attempt, Breaker, Ending, Group, Task
from core.settings import AgentLimits
from core.speech import Address, Mail, Recipient, ReportKind, Told
from core.text import storable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.adapters.database import Database

__all__ = ["DamagedRowError"]

Row = tuple[Any, ...]

_CHANGING = (
    "state, reason, agent, grp, priority, queued_at, place, held, not_before, attempts, tries, first_start, ended_at"
)
_SPEC = "name, key, policy, argv, shell, cwd, env, stdin, umask, wanted, affinity, batch, prompt, resumes, verify, "
_SPEC += "own_env, prompt_text, leaves, run, node, item, ahead"
_MARKS_13, _MARKS_22 = ", ".join("?" * 13), ", ".join("?" * 22)

_ORIGIN = "spawned_by, root, depth"
INSERT_TASK = f"INSERT INTO task (id, {_CHANGING}, {_ORIGIN}, {_SPEC}) VALUES (?, {_MARKS_13}, ?, ?, ?, {_MARKS_22})"
UPDATE_TASK = f"UPDATE task SET ({_CHANGING}) = ({_MARKS_13}) WHERE id = ?"
UPDATE_SPEC = f"UPDATE task SET ({_SPEC}) = ({_MARKS_22}) WHERE id = ?"
SELECT_TASK = f"SELECT id, {_CHANGING}, key, policy, wanted, affinity, {_ORIGIN}, run, node, item, ahead FROM task"
SELECT_SPEC = f"SELECT grp, priority, held, not_before, {_SPEC} FROM task"

_ATTEMPT = (
    "task, number, state, reason, agent, grp, placed_at, cause_at, server, slot, launcher_pid, launcher_created, boot, "
    "pid, started_at, ended_at, exit_code, ending, leftover, max_memory, cpu_seconds, result, "
    "told, spawned, output"
)
SELECT_ATTEMPT = f"SELECT {_ATTEMPT} FROM attempt"
PUT_ATTEMPT = f"INSERT OR REPLACE INTO attempt ({_ATTEMPT}) VALUES ({', '.join('?' * 25)})"

_MAIL = "id, at, sender, sender_task, kind, name, text, expires_at, taken_at, taken_by, acked_at"
SELECT_MAIL = f"SELECT {_MAIL} FROM mail"
PUT_MAIL = f"INSERT OR REPLACE INTO mail ({_MAIL}) VALUES ({', '.join('?' * 11)})"

_KNOWN_AT_MOST = 1024
"""Distinct environments and policies remembered; beyond that they are read again."""


class Shared:
    """Environments, policies and what is wanted of agents: each distinct one stored once and read once."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._ids: dict[object, int] = {}
        self._policies: dict[int, Policy] = {}
        self._wanted: dict[int, Wanted] = {}
        self._envs: dict[int, tuple[tuple[str, str], ...]] = {}

    def of_spec(self, spec: TaskSpec) -> Row:
        """The columns of `_SPEC`."""
        launch = spec.launch
        return (
            storable(spec.name),
            spec.key,
            self._policy_id(spec.policy),
            json.dumps(launch.argv),
            launch.shell,
            json.dumps(launch.cwd),
            self.env_id(launch.env),
            None if launch.stdin is None else json.dumps(launch.stdin),
            launch.umask,
            self._wanted_id(spec.wanted),
            spec.affinity,
            spec.batch,
            launch.prompt,
            launch.resume,
            json.dumps(launch.check) if launch.check else None,
            json.dumps(launch.own_env) if launch.own_env else None,
            storable(launch.prompt_text) or None,
            json.dumps(launch.leaves) if launch.leaves else None,
            *(spec.part or (None, None, None)),
            spec.ahead,
        )

    def policy(self, shared_id: int) -> Policy:
        found = self._policies.get(shared_id)
        if found is None:
            written = json.loads(self.text(shared_id))
            retry = read_json(RetryPolicy, json.dumps(written["retry"] | _capped(written["retry"], _RETRY_CAPS)))
            timeouts = written["timeouts"] | _capped(written["timeouts"], _TIMEOUT_CAPS)
            found = self._policies[shared_id] = Policy(retry, read_json(Timeouts, json.dumps(timeouts)))
        return found

    def wanted(self, shared_id: int) -> Wanted:
        found = self._wanted.get(shared_id)
        if found is None:
            agent, capabilities, prompts = json.loads(self.text(shared_id))
            damage.texts(agent=agent or "", **{str(place): one for place, one in enumerate(capabilities)})
            found = self._wanted[shared_id] = Wanted(agent, frozenset(capabilities), prompts)
        return found

    def env(self, shared_id: int) -> tuple[tuple[str, str], ...]:
        found = self._envs.get(shared_id)
        if found is None:
            if len(self._envs) >= _KNOWN_AT_MOST:
                self._envs.clear()
            written = json.loads(self.text(shared_id))
            damage.texts(**written)
            found = self._envs[shared_id] = tuple(written.items())
        return found

    def forget(self) -> None:
        """What was stored last may have been taken back."""
        self._ids.clear()
        self._policies.clear()
        self._wanted.clear()
        self._envs.clear()

    def _policy_id(self, policy: Policy) -> int:
        return self._ids.get(policy) or self._put(policy, json.dumps(policy_fields(policy)))

    def _wanted_id(self, wanted: Wanted) -> int:
        text = json.dumps([wanted.agent, sorted(wanted.capabilities), wanted.prompts])
        return self._ids.get(wanted) or self._put(wanted, text)

    def env_id(self, env: tuple[tuple[str, str], ...]) -> int:
        return self._ids.get(env) or self._put(env, json.dumps(dict(env)))

    def put(self, text: str) -> int:
        """A text that many rows have."""
        return self._ids.get(text) or self._put(text, text)

    def _put(self, value: object, text: str) -> int:
        self._db.execute("INSERT OR IGNORE INTO shared (text) VALUES (?)", (text,))
        row = self._db.execute("SELECT id FROM shared WHERE text = ?", (text,)).fetchone()
        if len(self._ids) >= _KNOWN_AT_MOST:
            self._ids.clear()
        self._ids[value] = row[0]
        return int(row[0])

    def text(self, shared_id: int) -> str:
        return str(self._db.execute("SELECT text FROM shared WHERE id = ?", (shared_id,)).fetchone()[0])


_RETRY_CAPS = {
    "attempts": bounds.MAX_ATTEMPTS,
    "first": bounds.MAX_DURATION,
    "factor": bounds.MAX_FACTOR,
    "cap": bounds.MAX_DURATION,
    "jitter": bounds.MAX_JITTER,
}
_TIMEOUT_CAPS = dict.fromkeys(("queue", "run", "idle", "total", "grace"), bounds.MAX_DURATION)


def _capped(written: dict[str, Any], caps: Mapping[str, float]) -> dict[str, float]:
    """What is beyond its bound, at its bound: earlier versions took any number, also an infinite one."""
    return {name: cap for name, cap in caps.items() if written.get(name) is not None and written[name] > cap}


def policy_fields(policy: Policy) -> dict[str, Any]:
    retry, timeouts = policy.retry, policy.timeouts
    return {
        "retry": {
            "attempts": retry.attempts,
            "first": retry.first,
            "factor": retry.factor,
            "cap": retry.cap,
            "jitter": retry.jitter,
            "never_exit": sorted(retry.never_exit),
            "on": sorted(retry.on),
            "lost": retry.lost,
            "elsewhere": retry.elsewhere,
        },
        "timeouts": {
            "queue": timeouts.queue,
            "run": timeouts.run,
            "idle": timeouts.idle,
            "total": timeouts.total,
            "grace": timeouts.grace,
        },
    }


def _changing(task: Task, now: float) -> Row:
    return (
        task.state.value,
        task.reason,
        task.agent,
        task.group,
        task.priority,
        task.queued_at,
        task.order,
        task.held,
        task.not_before,
        task.attempts,
        task.tries,
        task.first_start,
        now if task.state.ended else None,
    )


def of_new_task(task: Task, now: float) -> Row:
    origin = task.origin
    came = (None, None, None) if origin is None else (str(origin.by), origin.root, origin.depth)
    return (task.id, *_changing(task, now), *came)


def of_changed_task(task: Task, now: float) -> Row:
    return (*_changing(task, now), task.id)


def need(parent: int, kind: str) -> Need:
    """DamagedRowError if there is no such kind."""
    return Need(parent, damage.read("need of", parent, NeedKind, kind))


def checked_task(row: Row, needs: tuple[Need, ...], shared: Shared) -> Task:
    """As `task`; DamagedRowError if the row cannot be read, or has something that no task has."""
    return damage.read("task", row[0], _checked_task, row, needs, shared)


def _checked_task(row: Row, needs: tuple[Need, ...], shared: Shared) -> Task:
    read = task(row, needs, shared)
    # A million rows are read at a start: what is wrong with one is looked for only if it is not plainly right.
    if not _is_plain(read):
        _check(read)
    return read


def _is_plain(read: Task) -> bool:
    """Whether a task without a run has what a row may have, in a quarter of the time that `_check` takes."""
    return (
        type(read.id) is type(read.priority) is type(read.attempts) is type(read.tries) is int
        and isfinite(read.queued_at + read.order + read.not_before + read.ahead)
        and (read.first_start is None or isfinite(read.first_start))
        and type(read.agent) is type(read.group) is str
        and read.part is None
        and read.key is None
        and read.affinity is None
    )


def _check(read: Task) -> None:
    """ValueError says which column has what no task has."""
    damage.whole(id=read.id, priority=read.priority, attempts=read.attempts, tries=read.tries)
    damage.numbers(queued_at=read.queued_at, place=read.order, not_before=read.not_before, ahead=read.ahead)
    damage.optional_numbers(first_start=read.first_start)
    damage.texts(agent=read.agent, grp=read.group, key=read.key or "", affinity=read.affinity or "")
    if read.part is not None:
        damage.whole(run=read.part.run, item=read.part.item)
        damage.texts(node=read.part.node)


def task(row: Row, needs: tuple[Need, ...], shared: Shared) -> Task:
    (task_id, state, reason, agent_name, grp, priority, queued_at, place, held, not_before, *rest) = row
    attempts, tries, first_start, _ended_at, key, policy, wanted, affinity, spawned_by, root, depth, *rest = rest
    *of_run, ahead = rest
    return Task(
        id=task_id,
        policy=shared.policy(policy),
        group=sys.intern(grp),
        agent=sys.intern(agent_name),
        wanted=shared.wanted(wanted),
        priority=priority,
        queued_at=queued_at,
        order=place,
        state=TaskState(state),
        reason=reason,
        held=bool(held),
        not_before=not_before,
        needs=needs,
        attempts=attempts,
        tries=tries,
        first_start=first_start,
        key=key,
        affinity=affinity,
        origin=None if spawned_by is None else Origin(AttemptId.parse(spawned_by), root, depth),
        part=None if of_run[0] is None else PartId(*of_run),
        ahead=ahead,
    )


def spec(row: Row, shared: Shared, task_id: int | str = "?") -> TaskSpec:
    """DamagedRowError if it cannot be read; `task_id` names it there."""
    return damage.read("task", task_id, _checked_spec, row, shared)


def _checked_spec(row: Row, shared: Shared) -> TaskSpec:
    read = _spec(row, shared)
    damage.texts(name=read.name, grp=read.group, cwd=read.launch.cwd, stdin=read.launch.stdin or "")
    damage.texts(**{f"argv[{place}]": word for place, word in enumerate(read.launch.argv)})
    damage.whole(umask=read.launch.umask, priority=read.priority)
    damage.numbers(not_before=read.not_before, ahead=read.ahead)
    return read


def _spec(row: Row, shared: Shared) -> TaskSpec:
    grp, priority, held, not_before, name, key, policy, argv, shell, cwd, env, stdin, umask, *rest = row
    wanted, affinity, batch, prompt, resumes, verify, own_env, prompt_text, leaves, *rest = rest
    *of_run, ahead = rest
    return TaskSpec(
        launch=Launch(
            argv=tuple(json.loads(argv)),
            shell=bool(shell),
            cwd=json.loads(cwd),
            env=shared.env(env),
            stdin=None if stdin is None else json.loads(stdin),
            umask=umask,
            prompt=prompt,
            resume=resumes,
            check=tuple(json.loads(verify)) if verify else (),
            own_env=tuple((name, value) for name, value in json.loads(own_env)) if own_env else (),
            prompt_text=prompt_text or "",
            leaves=Output(*json.loads(leaves)) if leaves else None,
        ),
        name=name,
        group=grp,
        wanted=shared.wanted(wanted),
        affinity=affinity,
        batch=batch,
        priority=priority,
        held=bool(held),
        not_before=not_before,
        policy=shared.policy(policy),
        key=key,
        part=None if of_run[0] is None else PartId(*of_run),
        ahead=ahead,
    )


def of_attempt(attempt: Attempt) -> Row:
    launcher = attempt.launcher or (None, None, None)
    ending = attempt.ending
    return (
        *attempt.id,
        attempt.state.value,
        attempt.reason,
        attempt.agent,
        attempt.group,
        attempt.placed_at,
        attempt.cause_at,
        attempt.server,
        attempt.slot,
        *launcher,
        attempt.pid,
        attempt.started_at,
        attempt.ended_at,
        attempt.exit_code,
        None if ending is None else json.dumps([ending.outcome, ending.reason, ending.final]),
        json.dumps(attempt.left) if attempt.left else None,
        attempt.max_memory,
        attempt.cpu_seconds,
        None if attempt.result is None else json.dumps(attempt.result._asdict()),
        None if attempt.told is None else json.dumps(attempt.told),
        json.dumps(attempt.spawned) if attempt.spawned else None,
        None if attempt.output is None else json.dumps(attempt.output),
    )


def attempt(row: Row) -> Attempt:
    """DamagedRowError if it cannot be read."""
    return damage.read("attempt", f"{row[0]}-{row[1]}", _checked_attempt, row)


def _checked_attempt(row: Row) -> Attempt:
    read = _attempt(row)
    damage.whole(task=read.id.task, number=read.id.number, max_memory=read.max_memory)
    damage.texts(agent=read.agent, grp=read.group)
    damage.numbers(placed_at=read.placed_at, cause_at=read.cause_at, cpu_seconds=read.cpu_seconds)
    damage.optional_numbers(started_at=read.started_at, ended_at=read.ended_at)
    for name, value in (("server", read.server), ("slot", read.slot), ("pid", read.pid), ("exit", read.exit_code)):
        if value is not None:
            damage.whole(**{name: value})
    if read.launcher is not None:
        damage.whole(launcher=read.launcher.pid)
        damage.numbers(launcher_created=read.launcher.created)
    return read


def _attempt(row: Row) -> Attempt:
    task_id, number, state, reason, agent_name, grp, placed_at, cause_at, server, slot, *rest = row
    launcher_pid, launcher_created, boot, pid, started_at, ended_at, exit_code, ending, *rest = rest
    leftover, memory, cpu, result, told, spawned, output = rest
    launcher = None if launcher_pid is None else ProcessId(launcher_pid, launcher_created, boot)
    return Attempt(
        id=AttemptId(task_id, number),
        agent=agent_name,
        group=grp,
        placed_at=placed_at,
        cause_at=cause_at,
        state=AttemptState(state),
        reason=reason,
        server=server,
        slot=slot,
        launcher=launcher,
        pid=pid,
        started_at=started_at,
        ended_at=ended_at,
        exit_code=exit_code,
        ending=None if ending is None else _ending(*json.loads(ending)),
        left=tuple(json.loads(leftover)) if leftover else (),
        max_memory=memory,
        cpu_seconds=cpu,
        result=None if result is None else _result(json.loads(result)),
        told=None if told is None else _told(*json.loads(told)),
        spawned=tuple(json.loads(spawned)) if spawned else (),
        output=None if output is None else Captured(*json.loads(output)),
    )


def _told(kind: str, text: str, at: float, answered: bool) -> Told:
    return Told(ReportKind(kind), text, at, answered)


def _result(written: dict[str, Any]) -> Result:
    total = written["tokens_total"]
    kept = {"denials": tuple(written["denials"]), "tokens_total": None if total is None else tuple(total)}
    return Result(**written | kept)


def _ending(outcome: str, reason: str, final: bool) -> Ending:
    return Ending(TaskState(outcome), reason, final)


def of_mail(mail: Mail) -> Row:
    return (
        mail.id,
        mail.at,
        None if mail.sender is None else str(mail.sender),
        mail.sender.task if isinstance(mail.sender, AttemptId) else None,
        *mail.to,
        mail.text,
        mail.expires_at,
        mail.taken_at,
        mail.taken_by,
        mail.acked_at,
    )


def mail(row: Row) -> Mail:
    """DamagedRowError if it cannot be read."""
    return damage.read("mail", row[0], _mail, row)


def _mail(row: Row) -> Mail:
    id_, at, sender, _sender_task, kind, name, text, *times = row
    damage.texts(name=name, text=text)
    damage.numbers(at=at)
    damage.optional_numbers(expires_at=times[0], taken_at=times[1], acked_at=times[3])
    return Mail(id_, at, None if sender is None else _sender(sender), Address(Recipient(kind), name), text, *times)


def _sender(text: str) -> AttemptId | RunId:
    return RunId(int(text.removeprefix("run-"))) if text.startswith("run-") else AttemptId.parse(text)


def of_group(group: Group) -> Row:
    """A limit that the configuration sets is not the store's to remember."""
    return group.name, 0 if group.configured else group.limit, group.paused


def group(row: Row) -> Group:
    """DamagedRowError if it cannot be read."""
    return damage.read("grp", row[0], _group, row)


def _group(row: Row) -> Group:
    damage.texts(name=row[0])
    damage.whole(cap=row[1])
    return Group(row[0], limit=row[1], paused=bool(row[2]))


def of_agent(agent: Agent) -> Row:
    breaker = agent.breaker
    warm = json.dumps(list(agent.warm))
    return agent.name, agent.mode.value, breaker.failures, breaker.openings, breaker.until, breaker.reason, warm


def agent(row: Row) -> Agent:
    """DamagedRowError if it cannot be read."""
    return damage.read("agent", row[0], _agent, row)


def _agent(row: Row) -> Agent:
    name, mode, failures, openings, until, reason, warm = row
    damage.texts(name=name)
    damage.whole(failures=failures, openings=openings)
    damage.optional_numbers(until=until)
    breaker = Breaker(failures, openings, until, reason)
    return Agent(name, AgentLimits(name), AgentMode(mode), breaker=breaker, warm=dict.fromkeys(json.loads(warm)))
