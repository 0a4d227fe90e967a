"""Stand-ins with the same contracts as the adapters, for tests that need neither disk nor tmux."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import effects as e
from core import messages as m
from core.model import STOPPED_BY_PARENT, AttemptId, Need, ProcessId, TaskState
from core.ports import MAIL_AT_ONCE, AttachTarget, Loaded, OutsideError, Recalled, StoredAside, StoreFault
from core.speech import Address, Recipient
from tests.run_memory import RunMemory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from core.interactive.signals import Choice
    from core.model import Launch, TaskSpec
    from core.rules.step import Step
    from core.rules.world import Agent, Attempt, Group, Task
    from core.runs import StoredRun
    from core.settings import Settings
    from core.speech import Mail
    from core.wire import ForeignRow


def _tables(of: dict[str, Any]) -> dict[str, Any]:
    """Copies of the tables of a store in memory."""

    def copied(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: dict(inner) if isinstance(inner, dict) else inner for key, inner in value.items()}
        return type(value)(value) if isinstance(value, (list, set)) else value

    return {name: copied(value) for name, value in of.items() if name != "_before" and not isinstance(value, RunMemory)}


class MemoryStore:
    """`core.ports.Store` in memory: keeps copies, as a disk would."""

    def __init__(self) -> None:
        self.tasks: dict[int, Task] = {}
        self.specs: dict[int, TaskSpec] = {}
        self.ended_at: dict[int, float] = {}
        self.needs: dict[int, dict[int, tuple[Need, bool]]] = {}
        self.attempts: dict[AttemptId, Attempt] = {}
        self.groups: dict[str, Group] = {}
        self.agents: dict[str, Agent] = {}
        self.notes: list[tuple[str, str]] = []
        self.mailbox: dict[int, Mail] = {}
        self.next_task = self.next_mail = 1
        self.last_queued_at = 0.0
        self.paused = False
        self.runs = RunMemory()
        self.aside: dict[str, StoredAside] = {}
        self._before: dict[str, Any] | None = None

    def begin(self) -> None:
        """What is kept is never changed in place, but for the needs: copies of the tables are enough to go back."""
        if self._before is None:
            self._before = _tables(vars(self)) | {"runs": _tables(vars(self.runs))}

    def commit(self) -> None:
        self._before = None

    def rollback(self) -> None:
        if self._before is not None:
            before, self._before = self._before, None
            vars(self.runs).update(before.pop("runs"))
            vars(self).update(before)

    def fault(self, error: BaseException) -> StoreFault | None:
        return StoreFault("the disk is full", passes=False) if isinstance(error, OSError) else None

    def mend(self) -> str | None:
        return None

    def probe(self) -> None:
        pass

    def put_aside(self, one: StoredAside) -> None:
        self.aside[one.key] = one

    def forget_aside(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.aside.pop(key, None)

    def asides(self) -> list[StoredAside]:
        return [self.aside[key] for key in sorted(self.aside)]

    def keep(self, step: Step, who: str) -> None:
        for task, spec in step.added:
            self.specs[task.id] = spec
        self.specs.update(step.edited)
        for task in step.tasks.values():
            self.tasks[task.id] = replace(task, needs=(), ready=False)
            if task.state.ended:
                self.ended_at[task.id] = step.now
            else:
                self.ended_at.pop(task.id, None)
        for (child, parent), (kind, met) in step.needs.items():
            self.needs.setdefault(child, {})[parent] = (Need(parent, kind), met)
        for task_id in step.removed:
            for table in (self.tasks, self.specs, self.ended_at, self.needs):
                table.pop(task_id, None)
        for attempt in step.attempts.values():
            self.attempts[attempt.id] = replace(attempt)
        for attempt_id in step.withdrawn:
            self.attempts.pop(attempt_id, None)
        for group in step.groups.values():
            self.groups[group.name] = replace(group, running=0, queued=0, limit=0 if group.configured else group.limit)
        for agent in step.agents.values():
            self.agents[agent.name] = replace(agent, running=0, queued=0, offered=0)
        self.notes.extend((who, note.text) for note in step.notes)
        self.mailbox |= step.mail
        for mail_id in step.forgotten:
            del self.mailbox[mail_id]
        gone = {Address(Recipient.TASK, str(task_id)) for task_id in step.removed}
        self.mailbox = {id_: mail for id_, mail in self.mailbox.items() if mail.to not in gone}
        self.next_mail = step.world.next_mail
        self.next_task, self.last_queued_at = step.world.next_task, step.world.last_queued_at
        self.paused = step.world.paused
        self.runs.keep(step)

    syncs = False

    def sync(self) -> None:
        pass

    def load(self) -> Loaded:
        live = [self._task(id_, met=False) for id_, task in sorted(self.tasks.items()) if not task.state.ended]
        return Loaded(
            tasks=iter(live),
            attempts=[replace(attempt) for attempt in self.attempts.values() if attempt.state.live],
            groups=[replace(group) for group in self.groups.values()],
            agents=[replace(agent) for agent in self.agents.values()],
            counts=Counter(task.state for task in self.tasks.values() if task.state.ended),
            next_task=self.next_task,
            next_mail=self.next_mail,
            last_queued_at=self.last_queued_at,
            paused=self.paused,
            runs=self.runs.live(),
            next_run=self.runs.next_run,
            next_event=self.runs.next_event,
            unmatched=self.runs.unmatched(),
            fired=dict(self.runs.fired),
        )

    def _task(self, task_id: int, *, met: bool) -> Task:
        """A copy with its unmet needs, or with all of them."""
        needs = self.needs.get(task_id, {}).values()
        return replace(self.tasks[task_id], needs=tuple(need for need, is_met in needs if met or not is_met))

    def states(self, tasks: Iterable[int]) -> dict[int, TaskState]:
        return {task_id: self.tasks[task_id].state for task_id in tasks if task_id in self.tasks}

    def ran_on(self, task: int) -> str | None:
        found = [one for id_, one in sorted(self.attempts.items()) if id_.task == task]
        told = [one for one in found if one.result is not None and one.result.session]
        return (told or found)[-1].agent if found else None

    def by_key(self, keys: Sequence[str]) -> dict[str, int]:
        return {task.key: task.id for task in self.tasks.values() if task.key is not None and task.key in keys}

    def recall(self, tasks: Iterable[int], *, stopped: bool) -> Recalled:
        found = {task_id for task_id in tasks if task_id in self.tasks and self.tasks[task_id].state.ended}
        size = -1
        while stopped and size != len(found):
            size = len(found)
            for task in self.tasks.values():
                if task.state in STOPPED_BY_PARENT and found & set(self.needs.get(task.id, ())):
                    found.add(task.id)
        recalled = [self._task(task_id, met=True) for task_id in sorted(found)]
        parents = {need.parent for task in recalled for need in task.needs}
        return Recalled(recalled, {id_: state for id_, state in self.states(parents).items() if state.ended})

    def waiting_mail(self, to: Sequence[Address], now: float) -> list[Mail]:
        found = [self.mailbox[id_] for id_ in sorted(self.mailbox)]
        return [mail for mail in found if mail.to in to and mail.state(now) == "waiting"][:MAIL_AT_ONCE]

    def mail(self, ids: Sequence[int]) -> list[Mail]:
        return [self.mailbox[id_] for id_ in sorted(set(ids) & set(self.mailbox))]

    def mail_of(self, reader: str) -> list[Mail]:
        return [self.mailbox[id_] for id_ in sorted(self.mailbox) if self.mailbox[id_].taken_by == reader]

    def taken_before(self, attempt: AttemptId) -> list[Mail]:
        earlier = {str(attempt._replace(number=number)) for number in range(1, attempt.number)}
        found = [self.mailbox[id_] for id_ in sorted(self.mailbox)]
        return [mail for mail in found if mail.taken_by in earlier and mail.acked_at is None]

    def spent_mail(self, before: int, now: float) -> list[int]:
        return [id_ for id_ in sorted(self.mailbox) if id_ < before and self._is_spent(self.mailbox[id_], now)]

    def _is_spent(self, mail: Mail, now: float) -> bool:
        if mail.state(now) != "taken" or mail.taken_by == "operator":
            return mail.state(now) != "waiting"
        task = self.tasks.get(AttemptId.parse(mail.taken_by).task)
        return task is None or task.state.ended

    def attempts_of(self, task: int) -> list[Attempt]:
        return [replace(self.attempts[id_]) for id_ in sorted(self.attempts) if id_.task == task]

    def family_cost(self, root: int) -> float:
        family = {root} | {task.id for task in self.tasks.values() if task.origin and task.origin.root == root}
        results = [attempt.result for attempt in self.attempts.values() if attempt.id.task in family]
        return sum(result.cost or 0.0 for result in results if result is not None)

    def launch(self, task: int) -> Launch:
        return self.specs[task].launch

    def spec(self, task: int) -> TaskSpec:
        return self.specs[task]

    def recall_runs(self, runs: Sequence[int]) -> list[StoredRun]:
        return self.runs.recall(runs)

    def runs_of(self, tasks: Sequence[int]) -> list[int]:
        found = {part.run for id_ in tasks if id_ in self.specs and (part := self.specs[id_].part) is not None}
        return sorted(found)

    def tasks_of_run(self, run: int) -> list[int]:
        parts = [(of, part.task) for of, part in self.runs.parts.items() if of.run == run]
        return [task for of, task in parts if task in self.specs and self.specs[task].part == of]

    def runs_by_key(self, keys: Sequence[str]) -> dict[str, int]:
        return {run.key: run.id for run in self.runs.runs.values() if run.key is not None and run.key in keys}

    def events_by_key(self, keys: Sequence[str]) -> dict[str, int]:
        return {one.key: one.id for one in self.runs.events.values() if one.key is not None and one.key in keys}

    def cleanable(self, before: float | None, keep: int) -> list[int]:
        needed = {
            parent
            for task in self.tasks.values()
            if not task.state.ended or task.state in STOPPED_BY_PARENT
            for parent in self.needs.get(task.id, ())
        }
        live = {run.id for run in self.runs.live()}
        needed |= {id_ for id_, task in self.tasks.items() if task.part is not None and task.part.run in live}
        latest_first = sorted(self.ended_at.items(), key=lambda item: (-item[1], -item[0]))
        free = [(id_, at) for id_, at in latest_first if id_ not in needed and (before is None or at <= before)]
        return [task_id for task_id, _ in free[keep:]][::-1]


class FakeHands:
    """`core.ports.Hands` without an outside: programs begin at once and end when a test says so, or when killed."""

    def __init__(self, post: Callable[[m.Observation], None], now: Callable[[], float]) -> None:
        self._post = post
        self._now = now
        self.running: dict[int, AttemptId] = {}
        self.screens: dict[int, str] = {}
        self.logs: dict[int, bytes] = {}
        self.typed: list[tuple[int, str]] = []
        self.signals: list[tuple[int, int]] = []
        self.attached = 0
        self.foreigners: list[ForeignRow] = []
        self.ended_foreigners: list[str] = []

    async def open(self, attempts: Sequence[Attempt]) -> None:
        pass

    def configure(self, settings: Settings) -> None:
        pass

    def carry_out(self, effect: e.Outside) -> None:
        match effect:
            case e.Start(attempt):
                self.running[attempt.task] = attempt
                self._post(m.Placed(attempt, 0, attempt.task, ProcessId(100 + attempt.task, 1.0, "boot")))
                self._post(m.Started(attempt, 1000 + attempt.task, self._now()))
            case e.SignalTree(attempt, number):
                self.signals.append((attempt.task, number))
                if number == 15:
                    self.end(attempt.task, 143)
            case e.EndTree(attempt):
                self._post(m.TreeEnded(attempt, ()))
                self.end(attempt.task, 137)

    def end(self, task: int, code: int) -> None:
        """The program of a task ends."""
        attempt = self.running.pop(task, None)
        if attempt is not None:
            self._post(m.Exited(attempt, code, self._now()))

    async def capture(self, attempt: AttemptId, lines_above: int) -> bytes:
        return self.screens.get(attempt.task, "").encode()

    def last_screen(self, attempt: AttemptId) -> bytes:
        return self.logs.get(attempt.task, b"")

    def output_stamp(self, attempt: AttemptId) -> str:
        return f"{len(self.screens.get(attempt.task, ''))}-{attempt.task in self.running}"

    async def log_complete(self, attempt: AttemptId) -> None:
        pass

    def read_log(self, attempt: AttemptId, offset: int, limit: int) -> tuple[bytes, int, int]:
        content = self.logs.get(attempt.task, b"")
        start = max(len(content) + offset, 0) if offset < 0 else min(offset, len(content))
        return content[start : start + limit], start, len(content)

    async def answer(self, attempt: AttemptId, choice: Choice) -> None:
        self.typed.append((attempt.task, choice.key))

    async def type_text(self, attempt: AttemptId, text: bytes, *, enter: bool) -> None:
        self.typed.append((attempt.task, text.decode()))

    async def attach_target(self, attempt: AttemptId) -> AttachTarget:
        return AttachTarget(Path("/nowhere/tmux.sock"), f"${attempt.task}", self.attached)

    async def foreign(self) -> list[ForeignRow]:
        return self.foreigners

    async def kill_foreign(self, socket: str, session: str) -> None:
        if not self.foreigners:
            raise OutsideError("no such session")
        self.ended_foreigners.append(session)

    def servers(self) -> list[dict[str, Any]]:
        return []

    async def close(self) -> None:
        pass
