"""Every setting with its default: the shape of the configuration file."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge

from core.model import LOCAL_AGENT, RetryPolicy, Timeouts
from core.units import Count, Duration, Positive, Size, shape


def _cores() -> int:
    return os.cpu_count() or 1


@shape
class EngineSettings:
    """How much runs at once, and what each session costs."""

    slots: Count = field(default_factory=_cores)
    """Tasks that may run at once, over all agents; 0 is no limit."""
    age_step: Duration = 900.0
    """A task that waits this long counts as one priority higher."""
    warm_sessions: Count = 8
    """Sessions kept ready, so that a start does not wait for tmux."""
    sessions_per_server: Positive = 64
    """Sessions of one private tmux server before another one is started."""
    width: Annotated[int, Ge(20)] = 200
    height: Annotated[int, Ge(5)] = 50
    history_lines: Count = 1000
    """Scrollback of a session; the log has everything."""
    log_size: Size = 16 << 20
    """An output log is rotated at this size; one older part is kept."""
    keep_ended: Count = 10_000
    """Ended tasks that are kept; older ones are cleaned, the oldest first. 0 keeps all."""
    durability: Literal["full", "normal"] = "full"
    """"normal" survives every crash of a program, "full" also a power cut."""
    quiet_after: Duration = 30.0
    """Without output and work for this long, a session is called quiet."""
    stuck_after: Duration = 900.0
    """Without output and work for this long, a session is called stuck and needs a person."""
    budget: Annotated[float, Ge(0.1)] = 1.0
    """Per cent of a core that health sampling may take; it looks less often rather than exceed this."""


@shape
class TaskSettings:
    """What a task gets that does not say otherwise."""

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    timeout: Timeouts = field(default_factory=Timeouts)


@shape
class ConsoleSettings:
    theme: str = "harbour"
    detach_key: str = "C-q"
    """In tmux's notation; brings an attached person back to the console."""
    ascii: bool = False
    """Plain letters for the symbols of states."""
    read_only: bool = False
    """Takes away every action that changes something."""
    bell: bool = False
    """Rings the terminal's bell when something needs a person."""


@shape
class GroupSettings:
    limit: Count = 0
    """Tasks of the group that may run at once; 0 is no limit."""


@shape
class AgentSettings:
    slots: Count = 1
    """Tasks it may run at once; 0 is no limit."""
    command: tuple[str, ...] = ()
    """Put before the task's own command, as in ["nice", "-n", "10"]."""


@shape
class Settings:
    engine: EngineSettings = field(default_factory=EngineSettings)
    task: TaskSettings = field(default_factory=TaskSettings)
    console: ConsoleSettings = field(default_factory=ConsoleSettings)
    agent: dict[str, AgentSettings] = field(default_factory=dict)
    group: dict[str, GroupSettings] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """The part of the settings that the rules read."""

    slots: int = 0
    age_step: float = 900.0
    agents: tuple[tuple[str, int], ...] = ((LOCAL_AGENT, 0),)
    """Name and slots of each; 0 is no limit."""
    groups: tuple[tuple[str, int], ...] = ()
    """Name and limit of those that the file names."""


def limits(settings: Settings) -> Limits:
    agents = {LOCAL_AGENT: 0} | {name: agent.slots for name, agent in settings.agent.items()}
    return Limits(
        slots=settings.engine.slots,
        age_step=settings.engine.age_step,
        agents=tuple(agents.items()),
        groups=tuple((name, group.limit) for name, group in settings.group.items()),
    )
