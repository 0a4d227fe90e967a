"""What the engine asks of the outside, in a few verbs each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from core.effects import Outside
    from core.interactive.signals import Choice
    from core.model import AttemptId, Launch, TaskSpec, TaskState
    from core.rules.step import Step
    from core.rules.world import Agent, Attempt, Group, Task
    from core.runs import Event, StoredRun
    from core.settings import Settings
    from core.speech import Address, Mail
    from core.wire import ForeignRow


MAIL_AT_ONCE = 100
"""Pieces of mail that are handed out together."""


class OutsideError(Exception):
    """Something outside the engine does not do what was asked; the text says what, fit for the screen."""


class HopelessError(OutsideError):
    """It would be no different another time."""


class StoreFault(NamedTuple):
    """The machine keeps the store from its work; it may be over the next time."""

    text: str
    """What is wrong, and how to mend it."""
    passes: bool
    """Somebody holds the store for a moment: what is asked can wait."""


class StoredAside(NamedTuple):
    """What is kept of a fact that was set aside (`core.engine.aside`)."""

    key: str
    task: int | None
    what: str
    report: str
    tries: int


class Damaged(NamedTuple):
    """A row that cannot be read; everything else can."""

    table: str
    id: str
    """What names it in its table; an attempt as `7-1`."""
    text: str
    """What is wrong with it."""


class NotYetError(OutsideError):
    """Something else is in its way for now; it is no fault."""


@dataclass(slots=True)
class Loaded:
    """Everything that a world is restored from."""

    tasks: Iterator[Task]
    """Live ones, parents before children."""
    attempts: list[Attempt]
    groups: list[Group]
    agents: list[Agent]
    counts: Counter[TaskState]
    """Of ended tasks only."""
    next_task: int
    next_mail: int
    last_queued_at: float
    paused: bool
    runs: list[StoredRun]
    """Live ones, in the order of their numbers."""
    next_run: int
    next_event: int
    unmatched: list[Event]
    """Events that were kept and not matched yet, the oldest first."""
    fired: dict[tuple[str, str], float]
    """When each schedule, by workflow and cron, began a run last."""
    damaged: list[Damaged] = field(default_factory=list)
    """Rows that were passed over; complete once `tasks` is drained."""


@dataclass(slots=True)
class Recalled:
    """What a message is about and no world holds: ended tasks, mail, costs."""

    tasks: list[Task] = field(default_factory=list)
    ended: dict[int, TaskState] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)
    mail: list[Mail] = field(default_factory=list)
    family_cost: float = 0.0
    runs: list[StoredRun] = field(default_factory=list)
    run_keys: dict[str, int] = field(default_factory=dict)
    event_keys: dict[str, int] = field(default_factory=dict)


class Store(Protocol):
    """The truth on disk. Every verb sees what was kept before it, committed or not."""

    def load(self) -> Loaded: ...

    def keep(self, step: Step, who: str) -> None:
        """Writes a step into the open transaction; `who` asked for it."""

    def begin(self) -> None:
        """Opens a transaction, if none is open: whoever else has the store is met here, before anything is decided."""

    def commit(self) -> None:
        """Makes everything kept so far survive the end of this process, however it ends."""

    def rollback(self) -> None:
        """Takes back what was kept since the last commit. Never fails."""

    def fault(self, error: BaseException) -> StoreFault | None:
        """What an exception of this store tells about the machine; None for anything else, which is a bug."""

    def mend(self) -> str | None:
        """Repairs what it can of itself, outside a transaction, and says what a person has to know of that; raises what
        keeps it from that."""

    def probe(self) -> None:
        """Writes something and makes it durable; raises what keeps it from that. To be called outside a transaction."""

    def put_aside(self, one: StoredAside) -> None:
        """Remembers it within a transaction; one with the same key is replaced."""

    def forget_aside(self, keys: Sequence[str]) -> None: ...

    def asides(self) -> list[StoredAside]: ...

    @property
    def syncs(self) -> bool:
        """Whether `sync` has anything to do."""

    def sync(self) -> None:
        """Makes everything committed so far survive a power cut. Waits for the disk; may run in another thread."""

    def states(self, tasks: Iterable[int]) -> dict[int, TaskState]:
        """States of those of the tasks that exist."""

    def ran_on(self, task: int) -> str | None:
        """The agent of the latest attempt of a task, of one that has told of a conversation where there is one."""

    def by_key(self, keys: Sequence[str]) -> dict[str, int]:
        """Tasks with one of these idempotency keys."""

    def recall(self, tasks: Iterable[int], *, stopped: bool) -> Recalled:
        """The ended ones of the tasks; with `stopped`, also those that their ends have stopped, however deep.

        `ended` tells the states of the ended parents of all of them.
        """

    def launch(self, task: int) -> Launch:
        """What the task runs. KeyError where it does not exist."""

    def spec(self, task: int) -> TaskSpec:
        """What was asked for. KeyError where the task does not exist."""

    def waiting_mail(self, to: Sequence[Address], now: float) -> list[Mail]:
        """Mail to one of these that nobody has taken and that holds by `now`: the oldest MAIL_AT_ONCE, in order."""

    def mail(self, ids: Sequence[int]) -> list[Mail]:
        """Those of the mail that exist."""

    def mail_of(self, reader: str) -> list[Mail]:
        """What an attempt, or the operator, has taken: the oldest first."""

    def taken_before(self, attempt: AttemptId) -> list[Mail]:
        """What earlier attempts of its task have taken and nobody has acknowledged: the oldest first."""

    def spent_mail(self, before: int, now: float) -> list[int]:
        """Mail of lower numbers that was taken or has expired by `now`: the oldest first.

        What a live task has taken and nobody has acknowledged is not among it.
        """

    def attempts_of(self, task: int) -> list[Attempt]:
        """All attempts of a task, the first one first."""

    def family_cost(self, root: int) -> float:
        """US dollars that the attempts of a task and of all that came from it have told of."""

    def recall_runs(self, runs: Sequence[int]) -> list[StoredRun]:
        """Those of the runs that exist, with those that called them."""

    def runs_of(self, tasks: Sequence[int]) -> list[int]:
        """The runs that the tasks are of."""

    def tasks_of_run(self, run: int) -> list[int]:
        """The tasks that its parts have now."""

    def runs_by_key(self, keys: Sequence[str]) -> dict[str, int]:
        """Runs with one of these idempotency keys."""

    def events_by_key(self, keys: Sequence[str]) -> dict[str, int]:
        """Events with one of these keys."""

    def cleanable(self, before: float | None, keep: int) -> list[int]:
        """Ended tasks that no live or stopped task and no live run needs, without the `keep` latest; oldest first.

        `before` (Unix time) leaves out those that ended later.
        """


class AttachTarget(NamedTuple):
    socket: Path
    session: str
    attached: int
    """Clients that are attached now."""


class Hands(Protocol):
    """What touches the outside. Verbs that carry out effects return at once: what comes of them is posted as facts."""

    async def open(self, attempts: Sequence[Attempt]) -> None:
        """Finds out what became of the attempts that the store knows as live; posts that before it returns."""

    def carry_out(self, effect: Outside) -> None: ...

    def configure(self, settings: Settings) -> None: ...

    async def capture(self, attempt: AttemptId, lines_above: int) -> bytes:
        """The screen of a live attempt with its colours. OutsideError says why there is none."""

    def last_screen(self, attempt: AttemptId) -> bytes:
        """What an ended attempt's screen showed last, or the end of its output; empty where neither was kept."""

    def output_stamp(self, attempt: AttemptId) -> str:
        """Differs whenever the attempt has written something since."""

    async def type_text(self, attempt: AttemptId, text: bytes, *, enter: bool) -> None:
        """Types into a live attempt's session. OutsideError says why not."""

    async def answer(self, attempt: AttemptId, choice: Choice) -> None:
        """Answers the dialog of an interactive agent. OutsideError says why not."""

    async def log_complete(self, attempt: AttemptId) -> None:
        """Returns once the log of an ended attempt is whole: its last words may come a moment after its end."""

    def read_log(self, attempt: AttemptId, offset: int, limit: int) -> tuple[bytes, int, int]:
        """Bytes of the attempt's output, where they start, and how many there are in all; a negative offset counts
        from the end. Empty where nothing was written or the log is gone."""

    async def attach_target(self, attempt: AttemptId) -> AttachTarget:
        """Where to attach to. OutsideError says why there is nothing."""

    async def foreign(self) -> list[ForeignRow]:
        """The sessions of the person's own tmux servers; a server that does not answer in time is left out."""

    async def kill_foreign(self, socket: str, session: str) -> None:
        """Ends one of them. OutsideError says why not."""

    def servers(self) -> list[dict[str, object]]:
        """The tmux servers: index, socket, pid, sessions, silent_since."""

    async def close(self) -> None:
        """Everything that runs goes on running."""
