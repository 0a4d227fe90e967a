"""What clients ask to be done, turned into commands for the rules."""

from __future__ import annotations

import asyncio
import os
import shlex
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from core import messages as m
from core import requests as r
from core.adapters.repositories import repository_of
from core.adapters.script import inherited
from core.boundary import BadInputError, read_json
from core.bounds import MAX_KEY, MAX_MOMENT
from core.faults import Problem
from core.messages import RefusedError
from core.model import (
    DEFAULT_GROUP,
    LOCAL_AGENT,
    AgentMode,
    Launch,
    Need,
    NeedKind,
    Policy,
    TaskSpec,
    TaskState,
    Wanted,
)
from core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core.adapters.prompts import PromptFiles
    from core.engine.engine import Engine
    from core.ports import Store
    from core.settings import Settings

_PLACE_SIGNS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@+-")


class Prompts(Protocol):
    """Where the texts for coding agents are kept."""

    def keep(self, text: str, at: tuple[str | int, ...]) -> str:
        """The path of the file with the text. BadInputError where it is too long."""


def new_tasks(
    wish: r.Add | r.Check | r.Spawn,
    settings: Settings,
    store: Store,
    now: float,
    prompts: Prompts,
    earlier: tuple[str, ...] = (),
) -> m.Add:
    """BadInputError names every fault with the place of its task. `earlier` are keys that will be known by then."""
    problems: list[Problem] = []
    keys = dict.fromkeys(earlier, -1)
    tasks: list[m.NewTask] = []
    inheritance = _Inheritance(wish.context, settings, now, store, prompts)
    for place, task in enumerate(wish.tasks):
        at = ("tasks", place)
        try:
            needs = _needs(task, keys, store, at)
            tasks.append(m.NewTask(inheritance.spec(task, at), needs))
        except BadInputError as error:
            problems.extend(error.problems)
        if task.key is not None:
            keys.setdefault(task.key, -place - 1)
    if problems:
        raise BadInputError(problems)
    return m.Add(tuple(tasks))


async def asked_tasks(wish: r.Add | r.Spawn, engine: Engine, prompts: PromptFiles) -> m.Add:
    """As `new_tasks`, with the texts for coding agents on disk: that is waited for beside the loop."""
    texts = [task.prompt for task in wish.tasks if task.prompt is not None]
    if texts:
        await asyncio.to_thread(prompts.keep_all, texts)
    return new_tasks(wish, engine.settings, engine.store, time.time(), prompts)


def edited(
    old: TaskSpec, changes: Mapping[str, Any], settings: Settings, now: float, store: Store, prompts: Prompts
) -> TaskSpec:
    """The spec with some keys of a TaskRequest changed; BadInputError where that does not hold together."""
    import json

    at: tuple[str | int, ...] = ("changes",)
    fixed = [key for key in ("after_ok", "after_any", "after_fail", "key", "env") if key in changes]
    if fixed:
        raise BadInputError([Problem((*at, key), "cannot be changed once the task is queued") for key in fixed])
    try:
        task = read_json(r.TaskRequest, json.dumps(dict(changes)))
    except BadInputError as error:
        raise BadInputError([Problem((*at, *one.path), one.text) for one in error.problems]) from None
    if task.command is None and task.shell is None and task.prompt is None:
        launch = replace(old.launch, cwd=task.cwd or old.launch.cwd, stdin=changes.get("stdin", old.launch.stdin))
    else:
        context = r.Context(cwd=old.launch.cwd, env=dict(old.launch.env), umask=old.launch.umask)
        launch = _Inheritance(context, settings, now, store, prompts).launch(task, at)
    start = _not_before(task, now, at) if "delay" in changes or "not_before" in changes else old.not_before
    return replace(
        old,
        launch=launch,
        name=_label(task.name, at, "name") if task.name else old.name,
        group=_place(task.group or old.group, at, "group"),
        wanted=_wanted(task, at) if _says_who(task) else old.wanted,
        priority=changes.get("priority", old.priority),
        held=changes.get("hold", old.held),
        not_before=start,
        policy=Policy(replace(old.policy.retry, **task.retry), replace(old.policy.timeouts, **task.timeout)),
    )


class _Inheritance:
    """What tasks take over from where they are submitted, and from the settings; shared by a whole batch."""

    def __init__(self, context: r.Context, settings: Settings, now: float, store: Store, prompts: Prompts) -> None:
        self._context = context
        self._store = store
        self._prompts = prompts
        self._settings = settings
        self._now = now
        self._env = inherited(context.env)
        self._policies: dict[str, Policy] = {}
        self._affinities: dict[str, str | None] = {}

    def spec(self, task: r.TaskRequest, at: tuple[str | int, ...]) -> TaskSpec:
        launch = self.launch(task, at)
        wanted = _wanted(task, at)
        if launch.resume is not None and not _says_who(task):
            wanted = wanted._replace(agent=self._had_it(launch.resume))
        return TaskSpec(
            launch=launch,
            name=_label(task.name or _first_line(task.prompt) or _name_of(launch), at, "name"),
            group=_place(task.group or DEFAULT_GROUP, at, "group"),
            wanted=wanted,
            affinity=self._affinity(launch.cwd) if launch.prompt is not None else None,
            batch=None if task.batch is None else _place(task.batch, at, "batch"),
            priority=task.priority,
            held=task.hold,
            not_before=_not_before(task, self._now, at),
            policy=self._policy(task),
            key=None if task.key is None else _label(task.key, at, "key"),
        )

    def launch(self, task: r.TaskRequest, at: tuple[str | int, ...]) -> Launch:
        if sum(given is not None for given in (task.command, task.shell, task.prompt)) != 1:
            raise BadInputError([Problem(at, "expected one of command (a list of words), shell or prompt (texts)")])
        if task.prompt is None:
            _refuse(at, "is for prompts", resume=task.resume, check=task.check)
        else:
            _refuse(at, "is for commands", stdin=task.stdin)
        argv = task.command if task.command is not None else () if task.shell is None else (task.shell,)
        cwd = Path(self._context.cwd, task.cwd or ".")
        env = self._env if not task.env else inherited({**dict(self._env), **task.env})
        stdin = None if task.stdin is None else str(cwd / task.stdin)
        return Launch(
            argv=argv,
            shell=task.shell is not None,
            cwd=str(cwd),
            env=env,
            stdin=stdin,
            umask=self._context.umask,
            prompt=None if task.prompt is None else self._prompts.keep(task.prompt, at),
            resume=None if task.resume is None else _earlier(task.resume, self._store, at),
            check=task.check or (),
        )

    def _had_it(self, task: int) -> str | None:
        """The agent with which a conversation goes on, where there still is that agent."""
        agent = self._store.ran_on(task)
        return agent if agent in self._settings.agent else None

    def _affinity(self, cwd: str) -> str | None:
        """The repository; its bytes that are no UTF-8 are escaped."""
        if cwd not in self._affinities:
            found = repository_of(cwd)
            self._affinities[cwd] = None if found is None else os.fsencode(found).decode("utf-8", "backslashreplace")
        return self._affinities[cwd]

    def _policy(self, task: r.TaskRequest) -> Policy:
        said = repr((task.retry, task.timeout))
        policy = self._policies.get(said)
        if policy is None:
            defaults = self._settings.task
            policy = Policy(replace(defaults.retry, **task.retry), replace(defaults.timeout, **task.timeout))
            self._policies[said] = policy
        return policy


def _first_line(prompt: str | None) -> str | None:
    return next((line.strip() for line in (prompt or "").splitlines() if line.strip()), None)


def _refuse(at: tuple[str | int, ...], text: str, **given: object) -> None:
    problems = [Problem((*at, key), text) for key, value in given.items() if value is not None]
    if problems:
        raise BadInputError(problems)


def _says_who(task: r.TaskRequest) -> bool:
    return bool(task.agent is not None or task.capabilities)


def _wanted(task: r.TaskRequest, at: tuple[str | int, ...]) -> Wanted:
    """By name, by capabilities, any that takes prompts; a command that says nothing stays here."""
    if task.agent is not None and task.capabilities:
        raise BadInputError([Problem((*at, "capabilities"), "choose an agent by its name or by capabilities")])
    asked = frozenset(_place(capability, at, "capabilities") for capability in task.capabilities)
    prompts = task.prompt is not None
    return Wanted(task.agent if asked or prompts else task.agent or LOCAL_AGENT, asked, prompts)


def _earlier(reference: int | str, store: Store, at: tuple[str | int, ...]) -> int:
    """The number of a task that exists."""
    number = reference if isinstance(reference, int) else store.by_key([reference]).get(reference)
    if number is None or not store.states([number]):
        raise BadInputError([Problem((*at, "resume"), f"there is no task {one_line(str(reference), 60)}")])
    return number


def _name_of(launch: Launch) -> str:
    """A command's name for the eye: its words, the folder of the program left out."""
    if launch.shell:
        return launch.argv[0]
    return shlex.join((Path(launch.argv[0]).name or launch.argv[0], *launch.argv[1:]))


def _label(text: str, at: tuple[str | int, ...], key: str) -> str:
    if not text.strip():
        raise BadInputError([Problem((*at, key), "expected a text that is not empty")])
    return text[:MAX_KEY]


def _place(name: str, at: tuple[str | int, ...], key: str) -> str:
    if not name or len(name) > 64 or not set(name) <= _PLACE_SIGNS:
        text = "expected up to 64 letters, digits and . _ : / @ + -"
        raise BadInputError([Problem((*at, key), f"{text}, found {one_line(name, 60)!r}")])
    return name


def _not_before(task: r.TaskRequest, now: float, at: tuple[str | int, ...]) -> float:
    written = task.not_before
    if written is None:
        return now + task.delay if task.delay else 0.0
    try:
        start = written if isinstance(written, float) else datetime.fromisoformat(written).timestamp()
    except (ValueError, OverflowError):
        text = f"{one_line(str(written), 40)!r} is not a time: write 2030-01-31T08:00, or seconds since 1970"
        raise BadInputError([Problem((*at, "not_before"), text)]) from None
    if not 0 <= start <= MAX_MOMENT:
        text = f"{one_line(str(written), 40)!r} is out of bounds: expected a time from 1970 to the year 3000"
        raise BadInputError([Problem((*at, "not_before"), text)])
    return max(start, now + task.delay)


def _needs(task: r.TaskRequest, keys: Mapping[str, int], store: Store, at: tuple[str | int, ...]) -> tuple[Need, ...]:
    """Earlier tasks of the same wish are called by negative numbers."""
    named = ((NeedKind.OK, task.after_ok), (NeedKind.ANY, task.after_any), (NeedKind.FAIL, task.after_fail))
    return tuple(
        Need(parent if isinstance(parent, int) else _by_key(parent, keys, store, (*at, kind.replace("-", "_"))), kind)
        for kind, parents in named
        for parent in parents
    )


def _by_key(key: str, keys: Mapping[str, int], store: Store, at: tuple[str | int, ...]) -> int:
    found = keys.get(key) or store.by_key([key]).get(key)
    if found is None:
        raise BadInputError([Problem(at, f"no earlier task has the key {one_line(key, 60)!r}")])
    return found


COMMANDS: dict[str, tuple[type, Callable[[Any, Callable[[r.Chosen], tuple[int, ...]]], m.Command]]] = {
    "retry": (r.Tasks, lambda wish, choose: m.Retry(choose(wish.tasks))),
    "stop": (r.Stop, lambda wish, choose: m.Stop(choose(wish.tasks), wish.now)),
    "signal": (r.Signal, lambda wish, choose: m.SendSignal(choose(wish.tasks), wish.signal)),
    "hold": (r.Tasks, lambda wish, choose: m.Hold(choose(wish.tasks))),
    "release": (r.Tasks, lambda wish, choose: m.Release(choose(wish.tasks))),
    "start-now": (r.Tasks, lambda wish, choose: m.StartNow(choose(wish.tasks))),
    "priority": (r.Priority, lambda wish, choose: m.SetPriority(choose(wish.tasks), wish.priority)),
    "swap": (r.Swap, lambda wish, _: m.Swap(wish.task, wish.other)),
    "group": (r.Group, lambda wish, _: m.SetGroup(_place(wish.group, (), "group"), wish.paused, wish.limit)),
    "agent": (r.Agent, lambda wish, _: m.SetAgentMode(wish.agent, AgentMode(wish.mode))),
    "everything": (r.Everything, lambda wish, _: m.PauseAll(wish.paused)),
}
"""Verbs that are one command each: the shape of their parameters, and what they ask for."""


def states_of(names: tuple[str, ...]) -> tuple[TaskState, ...]:
    """RefusedError names the words that are known."""
    known = {state.value for state in TaskState}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise RefusedError("usage", f"{one_line(unknown[0], 40)!r} is not a state of tasks: {', '.join(sorted(known))}")
    return tuple(TaskState(name) for name in names)
