"""The indexed state that the rules read and change: every task that has not ended, and what stands around it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.model import DEFAULT_GROUP, AttemptId, AttemptState, Need, Policy, ProcessId, TaskState
from core.rules.ready import Lane, Ready
from core.rules.timers import Timers
from core.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from core.vitals import Health, Vital


@dataclass(slots=True)
class Task:
    """What the rules need to know of a task; its command stays in the store."""

    id: int
    policy: Policy
    group: str
    agent: str
    priority: int
    queued_at: float
    """When a person last put it in the queue."""
    order: float
    """Its place: smaller goes first (`queueing.order_of`)."""
    state: TaskState = TaskState.QUEUED
    reason: str | None = None
    """Why it stands as it does, where the state alone does not say."""
    held: bool = False
    not_before: float = 0.0
    needs: tuple[Need, ...] = ()
    """Those not met yet; of a recalled task all. A need that was met stays met until the task is retried."""
    ready: bool = False
    """Offered to the dispatcher: an index over the conditions above."""
    attempts: int = 0
    """Attempts so far; the number of the latest."""
    tries: int = 0
    """Attempts since a person last asked for it: what the retry policy counts."""
    first_start: float | None = None
    """When the first attempt of this round began: the total limit counts from here."""
    key: str | None = None


@dataclass(slots=True)
class Ending:
    """Somebody or some limit wants a running attempt to end."""

    outcome: TaskState
    """CANCELLED or TIMED_OUT."""
    reason: str
    final: bool
    """No retry follows, whatever the policy says."""
    killing: bool = False
    """KILL is under way; before that the program has its grace."""


@dataclass(slots=True)
class Attempt:
    """A live run of a task."""

    id: AttemptId
    agent: str
    group: str
    placed_at: float
    cause_at: float
    """Arrival of the message that made this start possible: the start latency counts from here."""
    state: AttemptState = AttemptState.PLACED
    reason: str | None = None
    server: int | None = None
    slot: int | None = None
    launcher: ProcessId | None = None
    pid: int | None = None
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int | None = None
    launcher_gone: bool = False
    tree_ended: bool = False
    left: tuple[str, ...] = ()
    """Processes that could not be ended."""
    ending: Ending | None = None
    vital: Vital | None = None
    health: Health | None = None
    max_memory: int = 0
    """Bytes, the most that a look found."""
    cpu_seconds: float = 0.0
    """The most that a look found; what ran and ended between two looks is not in it."""


@dataclass(slots=True)
class Group:
    name: str
    limit: int = 0
    configured: bool = False
    """Its limit stands in the configuration file."""
    paused: bool = False
    running: int = 0
    queued: int = 0


@dataclass(slots=True)
class Agent:
    name: str
    slots: int = 0
    paused: bool = False
    configured: bool = True
    """False where tasks name it and the configuration no longer does."""
    running: int = 0
    queued: int = 0


@dataclass(slots=True)
class World:
    limits: Limits = field(default_factory=Limits)
    tasks: dict[int, Task] = field(default_factory=dict)
    """Every live task, and those ended ones that the step at hand has recalled."""
    attempts: dict[int, Attempt] = field(default_factory=dict)
    """Live attempts, by task."""
    groups: dict[str, Group] = field(default_factory=dict)
    agents: dict[str, Agent] = field(default_factory=dict)
    children: dict[int, set[int]] = field(default_factory=dict)
    """Tasks that wait, or once waited, for each live task."""
    ended: dict[int, TaskState] = field(default_factory=dict)
    """Ended tasks that the step at hand has to know of."""
    keys: dict[str, int] = field(default_factory=dict)
    """Tasks by idempotency key that the step at hand has to know of."""
    counts: Counter[TaskState] = field(default_factory=Counter)
    timers: Timers = field(default_factory=Timers)
    next_task: int = 1
    last_queued_at: float = 0.0
    paused: bool = False
    running: int = 0
    offered: int = 0
    """Tasks that could start if a slot were free."""
    misplaced: dict[int, int] = field(default_factory=dict)
    """How often in a row a start of each task found no session."""
    silent: dict[int, float] = field(default_factory=dict)
    """tmux servers that do not answer, and since when."""
    recalled: set[int] = field(default_factory=set)
    ready: Ready = field(init=False)

    def __post_init__(self) -> None:
        self.ready = Ready(self._order_in)
        self.configure(self.limits)

    def _order_in(self, task_id: int, lane: Lane) -> float | None:
        task = self.tasks.get(task_id)
        if task is None or not task.ready or task.agent != lane.agent or task.group != lane.group:
            return None
        return task.order

    def configure(self, limits: Limits) -> None:
        for name, _ in self.limits.groups:
            self.group(name).limit, self.group(name).configured = 0, False
        self.limits = limits
        slots = dict(limits.agents)
        for name in slots:
            self.agent(name)
        for agent in self.agents.values():
            agent.configured = agent.name in slots
            agent.slots = slots.get(agent.name, agent.slots)
        self.group(DEFAULT_GROUP)
        for name, limit in limits.groups:
            self.group(name).limit, self.group(name).configured = limit, True

    def group(self, name: str) -> Group:
        found = self.groups.get(name)
        if found is None:
            found = self.groups[name] = Group(name)
        return found

    def agent(self, name: str) -> Agent:
        found = self.agents.get(name)
        if found is None:
            found = self.agents[name] = Agent(name, configured=False)
        return found

    def offer(self, task: Task, *, ready: bool) -> None:
        """Sets whether the dispatcher may take the task."""
        self.offered += ready - task.ready
        task.ready = ready
        if ready:
            self.ready.push(task.id, task.order, task.agent, task.group)

    def attempt(self, attempt_id: AttemptId) -> Attempt | None:
        """The live attempt of that number; None once it is over: late news of it means nothing."""
        found = self.attempts.get(attempt_id.task)
        return found if found is not None and found.id == attempt_id else None

    def state_of(self, task_id: int) -> TaskState | None:
        """The state of a live or recalled task; None for one that is unknown or forgotten."""
        task = self.tasks.get(task_id)
        return task.state if task is not None else self.ended.get(task_id)

    def may_start_in(self, group_name: str) -> bool:
        group = self.groups[group_name]
        return not group.paused and (group.limit == 0 or group.running < group.limit)

    def free_agents(self) -> Iterator[str]:
        """Agents that may start a task; none where the whole fleet is full or paused."""
        if self.paused or (self.limits.slots and self.running >= self.limits.slots):
            return
        for agent in self.agents.values():
            if agent.configured and not agent.paused and (not agent.slots or agent.running < agent.slots):
                yield agent.name

    def recall(self, tasks: Iterable[Task], ended: dict[int, TaskState], keys: dict[str, int]) -> None:
        """Ended tasks come back from the store for one step; `forget_ended` drops those that stay ended."""
        for task in tasks:
            if self.tasks.setdefault(task.id, task) is task:
                self.recalled.add(task.id)
        self.ended = ended
        self.keys = keys

    def forget_ended(self, touched: Iterable[int]) -> None:
        for task_id in (*touched, *self.recalled):
            task = self.tasks.get(task_id)
            if task is not None and task.state.ended:
                del self.tasks[task_id]
        self.recalled = set()
        self.ended = {}
        self.keys = {}
