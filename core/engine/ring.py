"""Take, decide, keep: one message becomes one step that is in the store before anybody acts on it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from core import messages as m
from core.effects import Start
from core.engine.letters import coming_again
from core.engine.seen import Seen
from core.ports import MAIL_AT_ONCE, Damaged, Recalled
from core.rules.decide import decide
from core.rules.mailing import addresses, take
from core.rules.recovery import restoring
from core.rules.runs.restoring import run_of
from core.rules.runs.starting import key_of, wishes_of
from core.rules.world import World
from core.speech import Address, Recipient
from core.text import one_line
from core.workflows.source import unpack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.model import AttemptId
    from core.ports import Store
    from core.rules.runs.state import Run
    from core.rules.step import Step
    from core.runs import Event
    from core.settings import Limits

ENGINE = "engine"
"""Who asked, where nobody did."""


class Ring:
    """A world and the store behind it. Ended tasks live in the store only; a message that names one brings it back."""

    def __init__(self, store: Store, limits: Limits, now: float, *, loads: bool = True) -> None:
        """Without `loads` the world is empty until `loading` has been drained."""
        self.store = store
        self.world = World(limits=limits)
        self.unmatched: list[Event] = []
        """Events that an engine before this one has kept and not matched."""
        self.damaged: list[Damaged] = []
        """Rows that could not be read."""
        if loads:
            self._load(now)

    def _load(self, now: float) -> None:
        for _ in self.loading(now):
            pass

    def loading(self, now: float) -> Iterator[None]:
        """Reads the world in small pieces. Others may look at it in between; nothing may be applied."""
        limits, loaded = self.world.limits, self.store.load()
        for group in loaded.groups:
            self.world.groups[group.name] = group
        for agent in loaded.agents:
            self.world.agents[agent.name] = agent
        self.world.counts.update(loaded.counts)
        self.world.next_task = loaded.next_task
        self.world.next_mail = loaded.next_mail
        self.world.last_queued_at = loaded.last_queued_at
        self.world.paused = loaded.paused
        self.world.next_run, self.world.next_event = loaded.next_run, loaded.next_event
        self.world.fired = loaded.fired
        self.world.configure(limits)
        damaged, runs = [], []
        for stored in loaded.runs:
            try:
                runs.append(run_of(stored, unpack(stored.source)))
            except Exception as error:  # whatever its columns hold: the run is passed over, and named
                damaged.append(Damaged("run", str(stored.id), one_line(repr(error), 120)))
        step = yield from restoring(self.world, loaded.tasks, loaded.attempts, now, runs)
        self.damaged = [*loaded.damaged, *damaged]
        self.unmatched = loaded.unmatched
        if step.tasks:
            self.store.keep(step, ENGINE)
            self.store.commit()
        for task in self.world.barred & self.world.tasks.keys():
            self.world.offer(self.world.tasks[task], now, ready=False)

    def reload(self, now: float) -> None:
        """The world as the store has it, after a step that may have left it half changed. What only the looks at the
        outside tell is taken over. Until this returns, the world is not to be used."""
        seen = Seen(self.world)
        self.world.start_afresh()
        self.world.barred = seen.barred
        self._load(now)
        seen.put_back(self.world, now)

    def apply(
        self,
        message: m.Message,
        now: float,
        *,
        who: str = ENGINE,
        cause_at: float | None = None,
        starts: bool = True,
    ) -> Step:
        """RefusedError leaves world and store as they were; after any other error both have to be put right by
        `store.rollback` and `reload`. `store.commit` ends the turn."""
        recalled = self._recalled(message, now)
        self._bring_back(recalled)
        try:
            step = decide(self.world, message, now, cause_at, starts=starts)
        except m.RefusedError:
            self.world.forget_ended(())
            raise
        self._hand_out(step)
        self.store.keep(step, who)
        self.world.forget_ended(step.tasks)
        return step

    def run(self, number: int) -> Run | None:
        """Live or ended; None where there is none."""
        live = self.world.runs.get(number)
        if live is not None:
            return live
        found = [stored for stored in self.store.recall_runs([number]) if stored.id == number]
        return run_of(found[0], unpack(found[0].source)) if found else None

    def _bring_back(self, recalled: Recalled) -> None:
        known = self.world.runs
        runs = [run_of(stored, unpack(stored.source)) for stored in recalled.runs if stored.id not in known]
        self.world.recall(
            recalled.tasks,
            recalled.ended,
            recalled.keys,
            recalled.mail,
            recalled.family_cost,
            runs,
            recalled.run_keys,
            recalled.event_keys,
        )

    def _hand_out(self, step: Step) -> None:
        """Agents that take prompts get their mail with the start, in the same transaction."""
        starts = [effect.attempt for effect in step.effects if isinstance(effect, Start)]
        for attempt in filter(None, map(self.world.attempt, starts)):
            if self.world.agents[attempt.agent].limits.prompts:
                take(step, attempt, self.store.waiting_mail(addresses(attempt), step.now))

    def _recalled(self, message: m.Message, now: float) -> Recalled:
        match message:
            case m.Add(tasks):
                return self._recall_for(tasks)
            case m.Spawn(parent, tasks):
                task = self.world.tasks.get(parent.task)
                root = parent.task if task is None or task.origin is None else task.origin.root
                return replace(self._recall_for(tasks), family_cost=self.store.family_cost(root))
            case m.Clean(tasks):
                return Recalled(ended=self.store.states(tasks))
            case m.Retry(tasks):
                runs = self.store.recall_runs(self.store.runs_of(self._not_live(tasks)))
                return replace(self._recall(tasks, stopped=True), runs=runs)
            case m.Stop(tasks) | m.SendSignal(tasks) | m.Hold(tasks) | m.Release(tasks):
                return self._recall(tasks)
            case m.SetPriority(tasks) | m.StartNow(tasks):
                return self._recall(tasks)
            case m.Edit(task):
                return self._recall((task,))
            case m.Swap(task, other):
                return self._recall((task, other))
            case _:
                return self._recalled_for_runs(message, now)

    def _recalled_for_runs(self, message: m.Message, now: float) -> Recalled:
        match message:
            case m.RetryRun(run):
                recalled = self._recall(tuple(self.store.tasks_of_run(run)))
                return replace(recalled, runs=self.store.recall_runs([run]))
            case m.CancelRuns(runs) | m.PauseRuns(runs):
                return Recalled(runs=self.store.recall_runs(runs))
            case m.AnswerGate(run):
                return Recalled(runs=self.store.recall_runs([run]))
            case m.StartRun():
                return Recalled(run_keys=self._run_keys([message]))
            case m.Match(event):
                return Recalled(run_keys=self._run_keys(wishes_of(self.world, event)))
            case m.Emit(_, _, _, str(key)):
                return Recalled(event_keys=self.store.events_by_key([key]))
            case _:
                return self._recalled_for_mail(message, now)

    def _recalled_for_mail(self, message: m.Message, now: float) -> Recalled:
        match message:
            case m.Send(_, Address(Recipient.TASK, name)):
                return Recalled(ended=self.store.states(self._not_live((int(name),))))
            case m.Collect(reader):
                return self._recall_mail_for(reader, now)
            case m.Acknowledge(_, ids) | m.ForgetMail(ids):
                return Recalled(mail=self.store.mail(ids))
            case m.TurnEnded(attempt_id):
                attempt = self.world.attempt(attempt_id)
                return Recalled(mail=[] if attempt is None else self.store.waiting_mail(addresses(attempt), now))
            case m.NotPlaced(attempt_id):
                return Recalled(mail=self.store.mail_of(str(attempt_id)))
            case _:
                return Recalled()

    def _run_keys(self, wishes: list[m.StartRun]) -> dict[str, int]:
        keys = []
        for wish in wishes:
            with suppress(m.RefusedError):
                keys.append(key_of(wish))
        return self.store.runs_by_key([key for key in keys if key is not None])

    def _recall_mail_for(self, reader: AttemptId | None, now: float) -> Recalled:
        attempt = None if reader is None else self.world.attempt(reader)
        if reader is not None and attempt is None:
            return Recalled()
        waiting = self.store.waiting_mail(addresses(attempt), now)
        if attempt is None or self.world.agents[attempt.agent].limits.prompts:
            # What comes again to an agent that takes prompts comes with its start.
            return Recalled(mail=waiting)
        again = coming_again(self.store, attempt.id, now)
        return Recalled(mail=sorted((*again, *waiting), key=lambda mail: mail.id)[:MAIL_AT_ONCE])

    def _recall_for(self, tasks: tuple[m.NewTask, ...]) -> Recalled:
        """What new tasks name: ended parents, and keys that are there already."""
        parents = {need.parent for new in tasks for need in new.needs if need.parent > 0}
        ended = self._not_live(parents)
        keys = [new.spec.key for new in tasks if new.spec.key is not None]
        return Recalled(ended=self.store.states(ended) if ended else {}, keys=self.store.by_key(keys) if keys else {})

    def _recall(self, tasks: tuple[int, ...], *, stopped: bool = False) -> Recalled:
        ended = self._not_live(tasks)
        return self.store.recall(ended, stopped=stopped) if ended else Recalled()

    def _not_live(self, tasks: tuple[int, ...] | set[int]) -> list[int]:
        return [task for task in tasks if task not in self.world.tasks]
