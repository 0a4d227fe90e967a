"""One message in, one step out: the only place where the rules meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core import messages as m
from core.rules import (
    adding,
    editing,
    ending,
    mailing,
    placing,
    reporting,
    spawning,
    stopping,
    timing,
    turns,
    watching,
)
from core.rules.runs import events, finishing, gates, reviving, schedules, starting
from core.rules.runs.advance import advance
from core.rules.step import Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.rules.world import World

RULES: dict[type, Callable[[Step, Any], None]] = {
    m.Add: adding.add,
    m.Retry: editing.retry,
    m.Stop: stopping.stop,
    m.SendSignal: stopping.send_signal,
    m.Hold: editing.hold,
    m.Release: editing.release,
    m.Edit: editing.edit,
    m.SetPriority: editing.set_priority,
    m.Swap: editing.swap,
    m.StartNow: editing.start_now,
    m.SetGroup: editing.set_group,
    m.SetAgentMode: editing.set_agent_mode,
    m.PauseAll: editing.pause_all,
    m.NoteDeed: turns.note_deed,
    m.Clean: editing.clean,
    m.Configure: editing.configure,
    m.Report: reporting.report,
    m.Send: mailing.send,
    m.Collect: mailing.collect,
    m.Acknowledge: mailing.acknowledge,
    m.ForgetMail: mailing.forget,
    m.Spawn: spawning.spawn,
    m.StartRun: starting.start,
    m.CancelRuns: finishing.cancel,
    m.PauseRuns: finishing.pause,
    m.RetryRun: reviving.retry_run,
    m.AnswerGate: gates.answer_gate,
    m.Emit: events.emit,
    m.Arm: schedules.arm,
    m.CleanRuns: finishing.clean,
    m.Ticked: timing.tick,
    m.Placed: placing.placed,
    m.NotPlaced: placing.not_placed,
    m.Started: placing.started,
    m.Exited: ending.exited,
    m.LauncherGone: ending.launcher_gone,
    m.TreeEnded: ending.tree_ended,
    m.LeftBehind: ending.left_behind,
    m.Sampled: watching.sampled,
    m.OutputSeen: timing.output_seen,
    m.ServerSilent: watching.server_silent,
    m.ServerBack: watching.server_back,
    m.Probed: editing.probed,
    m.AgentSeen: turns.agent_seen,
    m.TurnEnded: turns.turn_ended,
    m.Typed: reporting.typed,
    m.Forged: reporting.forged,
    m.Barred: placing.unbar,
    m.Unreadable: ending.unreadable,
    m.Match: starting.match,
}
"""The rule for each message; every message has one."""


class DispatchError(Exception):
    """A bug in the start of tasks, whatever the message was. `task` is the one that was about to start, if known."""

    def __init__(self, task: int | None) -> None:
        super().__init__(f"task {task} could not be started" if task is not None else "no task can be chosen")
        self.task = task


def decide(world: World, message: m.Message, now: float, cause_at: float | None = None, *, starts: bool = True) -> Step:
    """Changes the world by one message. RefusedError leaves it as it was. After any other error, of which a
    DispatchError is one, the world is not to be used any more.

    `now` is Unix time in seconds; `cause_at` is when the message arrived, if that was earlier. Without `starts` no
    queued task is started.
    """
    step = Step(world, now, now if cause_at is None else cause_at)
    RULES[type(message)](step, message)
    advance(step)
    if starts:
        try:
            placing.dispatch(step)
        except Exception as error:
            raise DispatchError(step.starting) from error
    return step
