"""Every setting with its default: the shape of the configuration file."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Annotated, Literal, NamedTuple

from annotated_types import Ge, Le

from core.model import LOCAL_AGENT, RetryPolicy, Timeouts
from core.units import Arguments, Cost, Count, Duration, Environment, Positive, Size, Word, at_most, shape

COMMAND_KIND = "command"
"""The kind of agents that run commands."""

MAX_SIDE = 10_000
"""Columns or lines: tmux takes no more."""
MAX_HISTORY = 10_000_000
MAX_WARM = 10_000
MAX_WORDS = 1000


def _cores() -> int:
    return os.cpu_count() or 1


@shape
class EngineSettings:
    """How much runs at once, and what each session costs."""

    slots: Count | None = None
    """Tasks that may run at once, over all agents; 0 is no limit. By default each agent has its own slots alone, and
    the local one, which runs commands, has as many as there are cores: coding agents wait for their models."""
    steal: bool = True
    """Agents with nothing to do take queued work from others that could do it too."""
    age_step: Duration = 900.0
    """A task that waits this long counts as one priority higher."""
    warm_sessions: Annotated[Count, Le(MAX_WARM)] = 8
    """Sessions kept ready, so that a start does not wait for tmux."""
    sessions_per_server: Positive = 64
    """Sessions of one private tmux server before another one is started."""
    width: Annotated[int, Ge(20), Le(MAX_SIDE)] = 200
    height: Annotated[int, Ge(5), Le(MAX_SIDE)] = 50
    history_lines: Annotated[Count, Le(MAX_HISTORY)] = 1000
    """Scrollback of a session; the log has everything."""
    log_size: Size = 16 << 20
    """An output log is rotated at this size; one older part is kept."""
    keep_ended: Count = 10_000
    """Ended tasks, and pieces of mail, that are kept; older ones are cleaned, the oldest first, but no mail that
    somebody may still get. 0 keeps all."""
    durability: Literal["full", "normal"] = "full"
    """"normal" survives every crash of a program, "full" also a power cut."""
    quiet_after: Duration = 30.0
    """Without output and work for this long, a session is called quiet."""
    stuck_after: Duration = 900.0
    """Without output and work for this long, a session is called stuck and needs a person."""
    budget: Annotated[float, Ge(0.1), Le(100)] = 1.0
    """Per cent of a core that health sampling may take; it looks less often rather than exceed this."""


@shape
class TaskSettings:
    """What a task gets that does not say otherwise."""

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    timeout: Timeouts = field(default_factory=Timeouts)


@shape
class ConsoleSettings:
    theme: Word = "harbour"
    detach_key: Word = "C-q"
    """In tmux's notation; brings an attached person back to the console."""
    ascii: bool = False
    """Plain letters for the symbols of states."""
    read_only: bool = False
    """Takes away every action that changes something."""
    notify: Literal["none", "bell", "desktop"] = "none"
    """When an attempt begins to need a person: the terminal's bell, or a notification that the terminal is asked to
    show; inside tmux only with its `allow-passthrough` (for windows out of sight `all`), else the bell."""


@shape
class GroupSettings:
    limit: Count = 0
    """Tasks of the group that may run at once; 0 is no limit."""


@shape
class AgentLimitSettings:
    """Of one attempt; None is no limit. A task's own timeouts go before."""

    run: Duration | None = None
    """Longest attempt."""
    idle: Duration | None = None
    """Longest silence."""
    memory: Size | None = None
    """Most memory that all of its processes may use together."""
    cost: Cost | None = None
    """Most US dollars, where the kind of agent can be told."""


@shape
class MaySettings:
    """What tasks of the agent may do themselves, from within: muxdeck spawn. 0 is none."""

    spawn: Count = 0
    """Tasks that one attempt may add."""
    depth: Positive = 1
    """Generations below a task that a person has added."""
    per_minute: Count = 10
    """Tasks that one attempt may add within a minute."""
    cost: Cost | None = None
    """US dollars; where the whole family has cost as much, it adds nothing more."""


@shape
class AgentSettings:
    kind: Word = COMMAND_KIND
    """"command" runs commands; claude, codex, gemini, opencode, copilot, aider and custom take prompts."""
    slots: Count = 1
    """Tasks it may run at once; 0 is no limit."""
    command: Arguments = ()
    """Of kind "command": put before the task's own command, as in ["nice", "-n", "10"]. Of the others: the program."""
    options: Arguments = ()
    """Further arguments of the program."""
    edits: bool = False
    """It may change files of the folder in which it works without asking. What else it may stays as its own settings
    have it."""
    model: Word | None = None
    """The model that the program is told to use; by default its own choice."""
    capabilities: Annotated[frozenset[Word], at_most(MAX_WORDS)] = frozenset()
    """What tasks may ask for; the kind is one of them unasked."""
    cwd: Word | None = None
    """Where its tasks run that do not say otherwise; by default where they were submitted."""
    worktree: Literal["never", "task"] = "never"
    """"task" gives each task a git worktree of its own, on a branch of its own."""
    mode: Literal["headless", "interactive"] = "headless"
    """"interactive" runs its full-screen program in the session, where a person can take part."""
    env: Environment = field(default_factory=dict)
    """Put over the environment of its tasks."""
    limit: AgentLimitSettings = field(default_factory=AgentLimitSettings)
    may: MaySettings = field(default_factory=MaySettings)


@shape
class Settings:
    engine: EngineSettings = field(default_factory=EngineSettings)
    task: TaskSettings = field(default_factory=TaskSettings)
    console: ConsoleSettings = field(default_factory=ConsoleSettings)
    agent: dict[Word, AgentSettings] = field(default_factory=dict)
    group: dict[Word, GroupSettings] = field(default_factory=dict)


class AgentLimits(NamedTuple):
    """What the rules need to know of an agent."""

    name: str
    slots: int = 0
    """0 is no limit."""
    kind: str = COMMAND_KIND
    capabilities: frozenset[str] = frozenset()
    run: float | None = None
    idle: float | None = None
    """Limits of its attempts in seconds, for tasks that have none of their own."""
    memory: int | None = None
    """Bytes that an attempt may use."""
    may: MaySettings = MaySettings()

    @property
    def prompts(self) -> bool:
        """It takes prompts; the others take commands."""
        return self.kind != COMMAND_KIND


@dataclass(frozen=True, slots=True)
class Limits:
    """The part of the settings that the rules read."""

    slots: int = 0
    steal: bool = True
    age_step: float = 900.0
    agents: tuple[AgentLimits, ...] = (AgentLimits(LOCAL_AGENT),)
    groups: tuple[tuple[str, int], ...] = ()
    """Name and limit of those that the file names."""


def limits(settings: Settings) -> Limits:
    total = settings.engine.slots
    agents = {LOCAL_AGENT: AgentLimits(LOCAL_AGENT, _cores() if total is None else 0)} | {
        name: _limits_of(name, agent) for name, agent in settings.agent.items()
    }
    return Limits(
        slots=total or 0,
        steal=settings.engine.steal,
        age_step=settings.engine.age_step,
        agents=tuple(agents.values()),
        groups=tuple((name, group.limit) for name, group in settings.group.items()),
    )


def _limits_of(name: str, agent: AgentSettings) -> AgentLimits:
    return AgentLimits(
        name=name,
        slots=agent.slots,
        kind=agent.kind,
        capabilities=agent.capabilities | ({agent.kind} - {COMMAND_KIND}),
        run=agent.limit.run,
        idle=agent.limit.idle,
        memory=agent.limit.memory,
        may=agent.may,
    )
