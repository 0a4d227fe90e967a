"""The indexed state that the rules read and change: every task that has not ended, and what stands around it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from math import exp
from typing import TYPE_CHECKING

from core.model import (
    DEFAULT_GROUP,
    AgentMode,
    AttemptId,
    AttemptState,
    Captured,
    Need,
    Origin,
    PartId,
    Policy,
    ProcessId,
    TaskState,
    Wanted,
)
from core.rules.ready import Lane, Ready
from core.rules.timers import Timers
from core.settings import AgentLimits, Limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from core.interactive.ladder import Reading
    from core.kinds.result import Result
    from core.rules.runs.state import Run
    from core.runs import Armed
    from core.speech import Mail, Told
    from core.vitals import Health, Vital

USE_WINDOW = 300.0
"""Seconds over which the use of an agent is looked at."""
UNLIMITED = 1000
"""Slots that count for an agent without a limit, where loads are compared."""


@dataclass(slots=True)
class Task:
    """What the rules need to know of a task; its command stays in the store."""

    id: int
    policy: Policy
    group: str
    agent: str
    """Who is to run it, as things stand: one that fits what it wants."""
    wanted: Wanted
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
    affinity: str | None = None
    origin: Origin | None = None
    """None where a person has added it."""
    part: PartId | None = None
    """Of a run; None where it is a task of its own."""
    ahead: float = 0.0
    """Seconds by which its place in the queue is before its time."""


@dataclass(slots=True)
class Ending:
    """Somebody or some limit wants a running attempt to end."""

    outcome: TaskState
    """CANCELLED or TIMED_OUT; SUCCEEDED or FAILED at the end of a turn, FAILED over a limit."""
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
    result: Result | None = None
    """What a coding agent told of its run; None of commands."""
    reading: Reading | None = None
    """What an interactive agent does; not kept, it is read again after a restart."""
    resting: bool = False
    """Its turn has ended and it waits for an answer to what it has asked; not kept, it is noticed again."""
    told: Told | None = None
    """What it has reported last."""
    spawned: tuple[float, ...] = ()
    """When it added each of its tasks."""
    output: Captured | None = None
    """What it left for others; None where nobody asked for anything."""


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
class Breaker:
    """Stands open, so that nothing starts, until a time; then one try decides whether it closes."""

    failures: int = 0
    """In a row."""
    openings: int = 0
    """In a row, without a success in between."""
    until: float | None = None
    """Unix time of the next try; None while it is closed."""
    reason: str | None = None


@dataclass(slots=True)
class Use:
    """Slot time in seconds, the past fading away over `USE_WINDOW`."""

    busy: float = 0.0
    available: float = 0.0
    """While there was work for it."""
    counted_to: float | None = None


@dataclass(slots=True)
class Agent:
    name: str
    limits: AgentLimits
    mode: AgentMode = AgentMode.ON
    configured: bool = True
    """False where tasks name it and the configuration no longer does."""
    unusable: str | None = None
    """Why its program cannot run at all, as far as was found out."""
    doubt: str | None = None
    """What is not known about a program that is used all the same: a version that nobody has tried."""
    breaker: Breaker = field(default_factory=Breaker)
    warm: dict[str, None] = field(default_factory=dict)
    """Affinities of what it ran last, the latest last."""
    running: int = 0
    queued: int = 0
    offered: int = 0
    """Of those that are queued, how many could start if a slot were free."""
    use: Use = field(default_factory=Use)

    @property
    def slots(self) -> int:
        """0 is no limit."""
        return self.limits.slots

    @property
    def load(self) -> float:
        """Tasks that it has, for each of its slots."""
        return (self.running + self.queued) / (self.slots or UNLIMITED)

    def fits(self, wanted: Wanted) -> bool:
        if wanted.agent is not None:
            return wanted.agent == self.name
        return wanted.prompts is self.limits.prompts and wanted.capabilities <= self.limits.capabilities

    def may_start(self, now: float) -> bool:
        """Whether it takes work at all: it has a free slot, and nothing stands against it."""
        return self.works(now) and (not self.slots or self.running < self.slots)

    def works(self, now: float) -> bool:
        """A breaker whose time has come lets one task through, and no second one."""
        if not self.configured or self.mode is not AgentMode.ON or self.unusable is not None:
            return False
        return self.breaker.until is None or (self.breaker.until <= now and not self.running)

    @property
    def busy(self) -> int:
        """Slots in which a task runs."""
        return min(self.running, self.slots or self.running)

    @property
    def usable(self) -> int:
        """Slots for which there is work: those that are busy, and those that a task waits for."""
        return min(self.running + self.offered, self.slots or self.running)

    def count_use(self, now: float) -> None:
        """Adds the time since the last call: called before its counts change."""
        use, before = self.use, self.use.counted_to
        use.counted_to = now
        elapsed = 0.0 if before is None else now - before
        if elapsed <= 0:
            return
        kept = exp(-elapsed / USE_WINDOW)
        use.busy = use.busy * kept + self.busy * elapsed
        use.available = use.available * kept + self.usable * elapsed

    @property
    def utilisation(self) -> float | None:
        """Busy share of the slot time for which it had work lately; None where it had none."""
        return self.use.busy / self.use.available if self.use.available else None


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
    mail: dict[int, Mail] = field(default_factory=dict)
    """Mail that the step at hand is about, the oldest first."""
    family_cost: float = 0.0
    """US dollars that the family which the step at hand adds to has told of."""
    runs: dict[int, Run] = field(default_factory=dict)
    """Every run that has not ended, and those ended ones that the step at hand has recalled."""
    run_keys: dict[str, int] = field(default_factory=dict)
    """Runs by idempotency key that the step at hand has to know of."""
    event_keys: dict[str, int] = field(default_factory=dict)
    armed: dict[str, Armed] = field(default_factory=dict)
    """Workflows that begin by their triggers, by name."""
    arming: int = 0
    """How often that has changed: timers of an earlier time mean nothing."""
    fired: dict[tuple[str, str], float] = field(default_factory=dict)
    """When each schedule, by workflow and cron, began a run last."""
    next_run: int = 1
    next_event: int = 1
    counts: Counter[TaskState] = field(default_factory=Counter)
    timers: Timers = field(default_factory=Timers)
    next_task: int = 1
    next_mail: int = 1
    last_queued_at: float = 0.0
    paused: bool = False
    running: int = 0
    failovers: dict[int, int] = field(default_factory=dict)
    """How often in a row each task went on because its agent could not run it."""
    misplaced: dict[int, int] = field(default_factory=dict)
    """How often in a row a start of each task found no session."""
    silent: dict[int, float] = field(default_factory=dict)
    """tmux servers that do not answer, and since when."""
    barred: set[int] = field(default_factory=set)
    """Tasks that a bug keeps from being started."""
    recalled: set[int] = field(default_factory=set)
    ready: Ready = field(init=False)
    _wanted: dict[Wanted, Wanted] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ready = Ready(self._order_in)
        self.configure(self.limits)

    def start_afresh(self) -> None:
        """Empties it, to be restored. Whoever holds the world or its attempts goes on holding them."""
        attempts, fresh = self.attempts, World(self.limits)
        for part in fields(self):
            setattr(self, part.name, getattr(fresh, part.name))
        attempts.clear()
        self.attempts, self.ready = attempts, Ready(self._order_in)

    def _order_in(self, task_id: int, lane: Lane) -> float | None:
        task = self.tasks.get(task_id)
        if task is None or not task.ready or (task.agent, task.group, task.wanted) != lane.key:
            return None
        return task.order

    def configure(self, limits: Limits) -> None:
        for name, _ in self.limits.groups:
            self.group(name).limit, self.group(name).configured = 0, False
        self.limits = limits
        known = {of_agent.name: of_agent for of_agent in limits.agents}
        for name in known:
            self.agent(name)
        for agent in self.agents.values():
            agent.configured = agent.name in known
            agent.limits = known.get(agent.name, agent.limits)
        self.group(DEFAULT_GROUP)
        for name, limit in limits.groups:
            self.group(name).limit, self.group(name).configured = limit, True

    def same(self, wanted: Wanted) -> Wanted:
        """The one object that stands for all equal ones: a million tasks want few different things."""
        return self._wanted.setdefault(wanted, wanted)

    def group(self, name: str) -> Group:
        found = self.groups.get(name)
        if found is None:
            found = self.groups[name] = Group(name)
        return found

    def agent(self, name: str) -> Agent:
        found = self.agents.get(name)
        if found is None:
            found = self.agents[name] = Agent(name, AgentLimits(name), configured=False)
        return found

    def offer(self, task: Task, now: float, *, ready: bool) -> None:
        """Sets whether the dispatcher may take the task."""
        agent = self.agent(task.agent)
        agent.count_use(now)
        agent.offered += ready - task.ready
        task.ready = ready
        if ready:
            self.ready.push(task.id, task.order, task.agent, task.group, task.wanted)

    def attempt(self, attempt_id: AttemptId) -> Attempt | None:
        """The live attempt of that number; None once it is over: late news of it means nothing."""
        found = self.attempts.get(attempt_id.task)
        return found if found is not None and found.id == attempt_id else None

    def state_of(self, task_id: int) -> TaskState | None:
        """The state of a live or recalled task; None for one that is unknown or forgotten."""
        task = self.tasks.get(task_id)
        return task.state if task is not None else self.ended.get(task_id)

    @property
    def slots(self) -> int:
        """Over all agents; 0 is no limit."""
        of_agents = [agent.slots for agent in self.agents.values() if agent.configured]
        together = sum(of_agents) if all(of_agents) else 0
        return min(filter(None, (self.limits.slots, together)), default=0)

    def may_start_in(self, group_name: str) -> bool:
        group = self.groups[group_name]
        return not group.paused and (group.limit == 0 or group.running < group.limit)

    def free_agents(self, now: float) -> Iterator[str]:
        """Agents that may start a task; none where the whole fleet is full or paused."""
        if self.paused or (self.limits.slots and self.running >= self.limits.slots):
            return
        for agent in self.agents.values():
            if agent.may_start(now):
                yield agent.name

    def run_limit(self, task: Task) -> float | None:
        """Seconds that an attempt of a task may run where it is now: its own limit, or that of its agent."""
        own = task.policy.timeouts.run
        return own if own is not None else self.agents[task.agent].limits.run

    def idle_limit(self, task: Task) -> float | None:
        own = task.policy.timeouts.idle
        return own if own is not None else self.agents[task.agent].limits.idle

    def recall(
        self,
        tasks: Iterable[Task],
        ended: dict[int, TaskState],
        keys: dict[str, int],
        mail: Iterable[Mail] = (),
        family_cost: float = 0.0,
        runs: Iterable[Run] = (),
        run_keys: dict[str, int] | None = None,
        event_keys: dict[str, int] | None = None,
    ) -> None:
        """What the store knows comes back for one step; `forget_ended` drops what is over."""
        for task in tasks:
            if self.tasks.setdefault(task.id, task) is task:
                self.recalled.add(task.id)
        self.ended = ended
        self.keys = keys
        self.mail = {one.id: one for one in mail}
        self.family_cost = family_cost
        for run in runs:
            self.runs.setdefault(run.id, run)
        self.run_keys = run_keys or {}
        self.event_keys = event_keys or {}

    def forget_ended(self, touched: Iterable[int]) -> None:
        for task_id in (*touched, *self.recalled):
            task = self.tasks.get(task_id)
            if task is not None and task.state.ended:
                del self.tasks[task_id]
        for run_id in [run.id for run in self.runs.values() if run.state.ended]:
            del self.runs[run_id]
        self.recalled = set()
        self.ended = {}
        self.keys = {}
        self.mail = {}
