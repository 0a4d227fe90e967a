"""One message in, one step out: the only place where the rules meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from core import messages as m
from core.rules import adding, editing, ending, placing, stopping, timing, watching
from core.rules.step import Step

if TYPE_CHECKING:
    from core.rules.world import World


def decide(world: World, message: m.Message, now: float, cause_at: float | None = None) -> Step:
    """Changes the world by one message. RefusedError leaves it as it was.

    `now` is Unix time in seconds; `cause_at` is when the message arrived, where that was earlier.
    """
    step = Step(world, now, now if cause_at is None else cause_at)
    _apply(step, message)
    placing.dispatch(step)
    return step


def _apply(step: Step, message: m.Message) -> None:  # noqa: C901, PLR0912 - a table, written as one
    match message:
        case m.Add():
            adding.add(step, message)
        case m.Retry():
            editing.retry(step, message)
        case m.Stop():
            stopping.stop(step, message)
        case m.SendSignal():
            stopping.send_signal(step, message)
        case m.Hold():
            editing.hold(step, message)
        case m.Release():
            editing.release(step, message)
        case m.Edit():
            editing.edit(step, message)
        case m.SetPriority():
            editing.set_priority(step, message)
        case m.Swap():
            editing.swap(step, message)
        case m.StartNow():
            editing.start_now(step, message)
        case m.SetGroup():
            editing.set_group(step, message)
        case m.PauseAgent():
            editing.pause_agent(step, message)
        case m.PauseAll():
            editing.pause_all(step, message)
        case m.Clean():
            editing.clean(step, message)
        case m.Configure():
            editing.configure(step, message)
        case m.Ticked():
            timing.tick(step)
        case m.Placed():
            placing.placed(step, message)
        case m.NotPlaced():
            placing.not_placed(step, message)
        case m.Started():
            placing.started(step, message)
        case m.Exited():
            ending.exited(step, message)
        case m.LauncherGone():
            ending.launcher_gone(step, message)
        case m.TreeEnded():
            ending.tree_ended(step, message)
        case m.LeftBehind():
            ending.left_behind(step, message)
        case m.Sampled():
            watching.sampled(step, message)
        case m.OutputSeen():
            timing.output_seen(step, message)
        case m.ServerSilent():
            watching.server_silent(step, message)
        case m.ServerBack():
            watching.server_back(step, message)
        case _:
            assert_never(message)
