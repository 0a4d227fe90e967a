"""What a coding agent's attempt runs: the words of its kind and its settings around the prompt of the task."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core import plainfile
from core.adapters import worktrees
from core.adapters.folders import Folder
from core.adapters.prompts import LONGEST
from core.engine.background import Background
from core.engine.letters import NOTE, coming_again, letters
from core.engine.talk import Plan
from core.engine.talks import SESSION, SPOOL
from core.interactive import hook, hooks, records, registry
from core.interactive.registry import Registry
from core.kinds import catalogue, runner
from core.kinds.kind import Headless, argv_of
from core.kinds.probing import probe
from core.messages import Probed
from core.ports import HopelessError, NotYetError, OutsideError
from core.settings import COMMAND_KIND

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core.adapters.reading import Reader
    from core.home import Home
    from core.kinds.kind import Interactive, Kind
    from core.messages import Observation
    from core.model import AttemptId, Launch
    from core.ports import Store
    from core.rules.world import Attempt
    from core.settings import AgentSettings, Settings

PROBE_EVERY = 300.0
"""Seconds after which an agent whose program could not be run is looked at again."""
RUN_SPEC = "agent.json"
RESULT = "result.json"
MAIL = "mail.txt"
PROMPT = "prompt.txt"
LONGEST_ID = 1 << 12
"""Bytes of a conversation's id."""


class Conversation(NamedTuple):
    """What an earlier run left for one that goes on with it."""

    session: str | None = None
    cost_total: float = 0.0
    tokens_total: list[int | None] | None = None
    agent: str | None = None
    """Who had it."""


class Agents:
    """The agents of the configuration as programs on this host."""

    def __init__(
        self, home: Home, settings: Settings, reader: Reader, store: Store, post: Callable[[Observation], None]
    ) -> None:
        self._home = home
        self._reader = reader
        self._store = store
        self._post = post
        self._settings = settings
        self._probing = Background()

    def configure(self, settings: Settings) -> None:
        """Looks at once whether their programs can be run."""
        self._settings = settings
        self.close()
        self._probing.start(self._probe_again_and_again())

    def close(self) -> None:
        self._probing.cancel()

    @property
    def kinds(self) -> Mapping[str, Kind]:
        return catalogue.load(self._home.config.parent / "kinds")

    def launch(self, attempt: Attempt, launch: Launch) -> Launch:
        """The launch of a task as its agent runs it. OutsideError says why it cannot."""
        settings = self._settings.agent.get(attempt.agent)
        if settings is None:
            return launch
        if not launch.prompts:
            return replace(launch, wrapper=settings.command) if settings.command else launch
        kind = self.kinds.get(settings.kind)
        if kind is None:
            words = f"agent {attempt.agent} is of kind {settings.kind!r}, which there is not any more"
            raise OutsideError(f"{words}: see muxdeck config check")
        return self._prompted(attempt.id, launch, settings, kind)

    def talks(self, agent: str) -> bool:
        """Whether its full-screen program runs in the session."""
        settings = self._settings.agent.get(agent)
        return settings is not None and settings.mode == "interactive"

    def plan(self, attempt: Attempt, launch: Launch) -> Plan | None:
        """How to talk to an attempt's agent; None where there is no prompt, or its kind is no longer known."""
        settings = self._settings.agent[attempt.agent]
        kind = self.kinds.get(settings.kind)
        if kind is None or kind.interactive is None or not launch.prompts:
            return None
        folder = self._home.attempts / str(attempt.id)
        with_mail = folder / PROMPT
        session, started_in = _text(folder / SESSION), Folder(str(self._home.attempts), attempt.id).started_in()
        env = dict(launch.env) | kind.interactive.env | settings.env
        kept = registry.folder(kind.interactive.registry, env) if session else None
        return Plan(
            folder=folder,
            prompt=with_mail if launch.prompt is None or with_mail.exists() else Path(launch.prompt),
            screens=kind.interactive.screens,
            hooks=kind.interactive.hooks,
            session=session,
            check=launch.check,
            cwd=started_in or launch.cwd,
            env=_sorted(env | {"MUXDECK_ATTEMPT": str(attempt.id), "MUXDECK_HOME": str(self._home.root)}),
            own_rules=self._home.config.parent / "screens",
            records=records.file(kind.interactive.records, env),
            resumes=launch.resume is not None,
            registry=None if kept is None else Registry(kept, session),
        )

    def _prompted(self, attempt: AttemptId, launch: Launch, settings: AgentSettings, kind: Kind) -> Launch:
        how = kind.how(settings.mode)
        if how is None:
            raise OutsideError(f'{kind.title} has no interactive program that is known: use mode = "headless"')
        before = self._conversation(launch.resume)
        self._check_kind(before, launch.resume, settings)
        session = before.session or (str(uuid.uuid4()) if how.session else None)
        folder = self._home.attempts / str(attempt)
        prompt, files = self._prompt_of(attempt, launch, folder, how.orders)
        try:
            argv = argv_of(
                kind,
                how,
                program=settings.command,
                options=settings.options,
                edits=settings.edits,
                model=settings.model,
                session=session,
                resume=before.session,
                prompt=Path(prompt),
                cost=settings.limit.cost,
            )
        except ValueError as error:
            raise OutsideError(str(error)) from error
        run = replace(
            launch,
            prompt=prompt,
            files=files,
            cwd=str(Path(settings.cwd).expanduser()) if settings.cwd else launch.cwd,
            worktree=str(self._home.worktrees) if self._works_in_tree(settings, launch) else None,
        )
        env = dict(launch.env) | how.env | settings.env
        if isinstance(how, Headless):
            return self._headless(replace(run, env=_sorted(env)), how, argv, folder, session, before)
        return self._interactive(replace(run, env=_sorted(env)), how, argv, folder, session)

    def _works_in_tree(self, settings: AgentSettings, launch: Launch) -> bool:
        """A conversation goes on where it was begun."""
        earlier = launch.resume
        begun = None if earlier is None else worktrees.find(self._home.worktrees, earlier)
        return settings.worktree == "task" or (begun is not None and begun.top.is_dir())

    def _headless(
        self,
        launch: Launch,
        how: Headless,
        argv: tuple[str, ...],
        folder: Path,
        session: str | None,
        before: Conversation,
    ) -> Launch:
        """The runner in its terminal, which reads what the program tells and passes it on."""
        assert launch.prompt is not None
        spec = runner.Spec(
            argv=list(argv),
            prompt=launch.prompt,
            stdin="prompt" if how.prompt == "stdin" else "null",
            reader=how.reader,
            result=str(folder / RESULT),
            stream=str(folder / "stream"),
            session=session,
            cost_before=before.cost_total,
            tokens_before=before.tokens_total,
            cumulative=how.cumulative,
            cost_basis=how.cost,
            check=list(launch.check) or None,
        )
        return replace(
            launch,
            argv=(sys.executable, "-I", "-S", runner.__file__, str(folder / RUN_SPEC)),
            files=(*launch.files, (RUN_SPEC, json.dumps(spec._asdict()))),
        )

    def _interactive(
        self, launch: Launch, how: Interactive, argv: tuple[str, ...], folder: Path, session: str | None
    ) -> Launch:
        """The program itself in its terminal, which calls our hook where it can be made to."""
        wiring = hooks.settings(how.hooks, [sys.executable, "-I", "-S", hook.__file__], folder)
        files = tuple((path.name, text) for path, text in wiring.files.items())
        told = {"MUXDECK_HOOKS": str(folder / SPOOL), "MUXDECK_BELL": str(self._home.bell)}
        return replace(
            launch,
            argv=(argv[0], *wiring.arguments, *argv[1:]),
            env=_sorted(dict(launch.env) | wiring.environment | told),
            files=(*launch.files, *files, *(((SESSION, session),) if session is not None else ())),
        )

    def _prompt_of(
        self, attempt: AttemptId, launch: Launch, folder: Path, orders: str
    ) -> tuple[str, tuple[tuple[str, str], ...]]:
        """The prompt's file, and what is written beside the script: the mail that was handed out with the start.

        Where the text would be an order to the program itself, it no longer begins with the sign of one.
        """
        text = launch.prompt_text if launch.prompt is None else _read(launch.prompt)
        mail = [*coming_again(self._store, attempt, time.time()), *self._store.mail_of(str(attempt))]
        if mail:
            told = (MAIL, letters(mail)), (PROMPT, f"{NOTE.format(folder / MAIL)}\n\n{text}")
            return str(folder / PROMPT), told
        if launch.prompt is not None and not text.startswith(tuple(orders)):
            return launch.prompt, ()
        return str(folder / PROMPT), ((PROMPT, f" {text}" if text.startswith(tuple(orders)) else text),)

    def _check_kind(self, before: Conversation, task: int | None, settings: AgentSettings) -> None:
        """A conversation is of one kind of program: no other can go on with it."""
        had_it = None if before.agent is None else self._settings.agent.get(before.agent)
        if had_it is not None and had_it.kind != settings.kind:
            words = f"the conversation of task {task} is one of {had_it.kind} (agent {before.agent})"
            raise HopelessError(f"{words}, and this agent is of kind {settings.kind}: choose another one")

    def _conversation(self, task: int | None) -> Conversation:
        if task is None:
            return Conversation()
        attempts = self._reader.attempts(task)
        for one in reversed(attempts):
            result = one["result"]
            if result and result["session"]:
                cost, tokens = result["cost_total"] or 0.0, result["tokens_total"]
                return Conversation(result["session"], cost, tokens, one["agent"])
            if session := _text(self._home.attempts / one["attempt"] / SESSION):
                return Conversation(session, agent=one["agent"])
        if any(one["ended_at"] is None for one in attempts):
            raise NotYetError(f"the conversation of task {task} has not begun")
        raise HopelessError(f"task {task} has left no conversation to go on with")

    async def _probe_again_and_again(self) -> None:
        """All of them once, and again those that cannot be run: somebody may be mending that."""
        names = [name for name, agent in self._settings.agent.items() if agent.kind != COMMAND_KIND]
        while names:
            names = [name for name in names if not await self._is_usable(name)]
            await asyncio.sleep(PROBE_EVERY)

    async def _is_usable(self, name: str) -> bool:
        settings = self._settings.agent[name]
        kind = self.kinds.get(settings.kind)
        if kind is None:
            self._post(Probed(name, f"there is no kind {settings.kind!r} any more: see muxdeck config check"))
            return False
        found = await asyncio.to_thread(probe, kind, settings.command)
        self._post(Probed(name, None, found.problem) if found.usable else Probed(name, found.problem))
        return found.usable


def _read(prompt: str) -> str:
    try:
        return plainfile.read(prompt, LONGEST).decode("utf-8", "surrogateescape")
    except OSError as error:
        raise OutsideError(f"its prompt {prompt} cannot be read: {plainfile.in_words(error)}") from error


def _sorted(env: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(env.items()))


def _text(path: Path) -> str:
    """The id of a conversation; empty if there is no such file, or it holds none."""
    try:
        return plainfile.read(path, LONGEST_ID).decode("ascii")
    except (OSError, UnicodeDecodeError):
        return ""
