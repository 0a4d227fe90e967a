"""What one message does: the nouns it touched, what is to be remembered of it, and what is to be done outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.model import PartId, TaskState
from core.text import storable

if TYPE_CHECKING:
    from core.effects import Effect
    from core.model import AttemptId, Need, NeedKind, TaskSpec
    from core.rules.runs.state import Part, Progress, Run
    from core.rules.world import Agent, Attempt, Group, Task, World
    from core.runs import Event
    from core.speech import Mail


@dataclass(frozen=True, slots=True)
class Note:
    """A line of the history that people read: something asked for, or something that went otherwise than asked."""

    text: str
    task: int | None = None


@dataclass(slots=True)
class Step:
    """Collects the outcome of one message. `now` is Unix time in seconds and never goes back."""

    world: World
    now: float
    cause_at: float
    """Arrival of the message: start latencies count from here."""
    tasks: dict[int, Task] = field(default_factory=dict)
    attempts: dict[AttemptId, Attempt] = field(default_factory=dict)
    withdrawn: list[AttemptId] = field(default_factory=list)
    """Attempts that were placed and never began: as if they had not been."""
    groups: dict[str, Group] = field(default_factory=dict)
    agents: dict[str, Agent] = field(default_factory=dict)
    added: list[tuple[Task, TaskSpec]] = field(default_factory=list)
    needs: dict[tuple[int, int], tuple[NeedKind, bool]] = field(default_factory=dict)
    """Needs that were made or changed, by child and parent: their kind, and whether they are met now."""
    edited: dict[int, TaskSpec] = field(default_factory=dict)
    mail: dict[int, Mail] = field(default_factory=dict)
    """Mail that was sent, taken or acknowledged."""
    forgotten: tuple[int, ...] = ()
    """Mail that is not kept any longer."""
    removed: tuple[int, ...] = ()
    new_runs: list[Run] = field(default_factory=list)
    runs: dict[int, Run] = field(default_factory=dict)
    """Runs that have changed, new ones too."""
    nodes: dict[tuple[int, str], Progress] = field(default_factory=dict)
    parts: dict[PartId, Part] = field(default_factory=dict)
    outputs: dict[PartId, Any] = field(default_factory=dict)
    """What parts have left, as JSON values."""
    cleared: list[tuple[int, str]] = field(default_factory=list)
    """Nodes that begin afresh: what was known of their parts goes, before what is kept now."""
    removed_runs: tuple[int, ...] = ()
    events: list[Event] = field(default_factory=list)
    matched: list[int] = field(default_factory=list)
    """Events that are done with."""
    fired: dict[tuple[str, str], float] = field(default_factory=dict)
    """Times at which schedules, by workflow and cron, have begun a run last."""
    stirred: dict[int, Run] = field(default_factory=dict)
    """Runs to carry on within this step, as is what follows."""
    ended_nodes: list[tuple[Run, Progress]] = field(default_factory=list)
    ended_runs: list[Run] = field(default_factory=list)
    stop_runs: list[tuple[int, str]] = field(default_factory=list)
    """Runs that others had called and want no longer, and why."""
    calls: list[tuple[Run, Progress, int, dict[str, Any]]] = field(default_factory=list)
    """Parts that call other workflows, with what they give them."""
    paused_all: bool = False
    """The switch over everything was turned."""
    starting: int | None = None
    """The task that the dispatcher is about to start."""
    notes: list[Note] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    reply: object = None

    def note(self, text: str, task: int | None = None) -> None:
        self.notes.append(Note(storable(text), task))

    def set_need(self, child: Task, need: Need, *, met: bool) -> None:
        self.needs[child.id, need.parent] = (need.kind, met)

    def touch_attempt(self, attempt: Attempt) -> None:
        self.attempts[attempt.id] = attempt

    def stir(self, run: Run) -> None:
        """Something of the run has changed that others in it may wait for."""
        self.stirred[run.id] = run

    def touch_run(self, run: Run) -> None:
        self.runs[run.id] = run

    def touch_node(self, run: Run, progress: Progress) -> None:
        self.nodes[run.id, progress.node.name] = progress

    def touch_part(self, run: Run, progress: Progress, index: int) -> None:
        part = progress.parts[index]
        part.kept = part.kept or part.wants_row(progress.node)
        self.parts[PartId(run.id, progress.node.name, index)] = part

    def enter(self, task: Task, state: TaskState, reason: str | None = None) -> None:
        """Moves a task to `state` and keeps every count that depends on it."""
        self._count(task, -1)
        task.state, task.reason = state, reason
        self._count(task, +1)
        self.tasks[task.id] = task

    def adopt(self, task: Task) -> None:
        """A task that the counts do not know yet."""
        self.world.tasks[task.id] = task
        self._count(task, +1)
        self.tasks[task.id] = task

    def disown(self, task: Task) -> None:
        """Takes a task out of the counts while its group or agent changes; `adopt` brings it back."""
        self._count(task, -1)

    def _count(self, task: Task, by: int) -> None:
        world = self.world
        world.counts[task.state] += by
        if task.state.ended:
            return
        group, agent = world.group(task.group), world.agent(task.agent)
        agent.count_use(self.now)
        if task.state is TaskState.RUNNING:
            world.running += by
            group.running += by
            agent.running += by
            if by < 0:
                world.ready.reopen(task.group)
        else:
            group.queued += by
            agent.queued += by
