"""The verbs of the socket: each has a shape that its parameters are checked against, and a method that answers."""

from __future__ import annotations

import asyncio
import os
import platform
import sqlite3
import time
from typing import TYPE_CHECKING, Any

from core import __version__
from core import requests as r
from core.adapters.prompts import NoFiles, PromptFiles
from core.adapters.reading import Only
from core.boundary import read_json
from core.engine import documents, wishes
from core.engine.documents import document
from core.engine.speaking import Speaking
from core.engine.trees import Trees
from core.interactive.signals import Choice
from core.messages import Edit, NoteAnswer, RefusedError, SendSignal, Typed
from core.model import AttemptId, TaskState
from core.rules.routing import check_agent, check_wanted
from core.text import duration, one_line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.adapters.tokens import Tokens
    from core.engine.engine import Engine
    from core.home import Home
    from core.messages import Command

Verb = tuple[type, "Callable[[Any, str], Awaitable[Any]]"]


class Service:
    """Answers one request after the other; it keeps nothing about who asked."""

    def __init__(self, engine: Engine, home: Home, tokens: Tokens, stop: Callable[[], None]) -> None:
        self._engine = engine
        self._home = home
        self._stop = stop
        self._prompts = PromptFiles(home.inputs)
        self._trees = Trees(home, engine)
        speaking = Speaking(engine, tokens, self._prompts)
        self._verbs: dict[str, Verb] = {
            "add": (r.Add, self._add),
            "check": (r.Check, self._check),
            "edit": (r.Edit, self._edit),
            "pause": (r.Tasks, self._pause),
            "resume": (r.Tasks, self._resume),
            "list": (r.List, self._list),
            "show": (r.One, self._show),
            "why": (r.One, self._why),
            "log": (r.Log, self._log),
            "wait": (r.Wait, self._wait),
            "notes": (r.Notes, self._notes),
            "sessions": (r.Sessions, self._sessions),
            "kill-foreign": (r.KillForeign, self._kill_foreign),
            "agents": (r.Nothing, self._agents),
            "agent-explain": (r.ExplainAgent, self._explain_agent),
            "diff": (r.One, self._diff),
            "merge": (r.One, self._merge),
            "remove-worktree": (r.RemoveWorktree, self._remove_worktree),
            "results": (r.Results, self._results),
            "groups": (r.Nothing, self._groups),
            "stats": (r.Nothing, self._stats),
            "status": (r.Nothing, self._status),
            "screen": (r.Screen, self._screen),
            "type": (r.Type, self._type),
            "answer": (r.Answer, self._answer),
            "interrupt": (r.One, self._interrupt),
            "attach": (r.One, self._attach),
            "report": (r.Report, speaking.report),
            "msg": (r.Message, speaking.send),
            "inbox": (r.Inbox, speaking.inbox),
            "mail": (r.Mail, speaking.mail),
            "spawn": (r.Spawn, speaking.spawn),
            "quit": (r.Nothing, self._quit),
        }

    async def answer(self, do: str, raw: bytes | str, who: str) -> Any:  # noqa: ANN401 - JSON
        """The document of a verb. RefusedError and BadInputError say why there is none."""
        if do in wishes.COMMANDS:
            return await self._engine.wish(self._command(do, read_json(wishes.COMMANDS[do][0], raw)), who)
        if do not in self._verbs:
            raise RefusedError("usage", f"the engine has no verb {one_line(do, 40)!r}: is it an older one?")
        shape, verb = self._verbs[do]
        return await verb(read_json(shape, raw), who)

    def _command(self, do: str, wish: Any) -> Command:  # noqa: ANN401 - one shape a verb
        return wishes.COMMANDS[do][1](wish, lambda chosen: self._choose(chosen, do))

    def _choose(self, chosen: r.Chosen, do: str) -> tuple[int, ...]:
        """Task numbers; RefusedError where a selection is empty."""
        if isinstance(chosen, tuple):
            tasks = chosen
        elif do == "clean":
            return self._cleanable(chosen)
        else:
            wishes.states_of(chosen.states)
            tasks = self._engine.reader.chosen(_only(chosen))
        if not tasks:
            raise RefusedError("not-found", "no task is chosen by that")
        return tasks

    def _cleanable(self, selector: r.Selector) -> tuple[int, ...]:
        only = _only(selector)
        wishes.states_of(only.states)
        free = self._engine.store.cleanable(only.ended_before, keep=0)
        return tuple(sorted(set(free) & set(self._engine.reader.chosen(only))))

    # Wishes that are more than a command

    async def _add(self, wish: r.Add, who: str) -> object:
        prompts = [task.prompt for task in wish.tasks if task.prompt is not None]
        if prompts:
            await asyncio.to_thread(self._prompts.keep_all, prompts)
        command = wishes.new_tasks(wish, self._engine.settings, self._engine.store, time.time(), self._prompts)
        return await self._engine.wish(command, who)

    async def _check(self, wish: r.Check, _who: str) -> object:
        settings, store = self._engine.settings, self._engine.store
        command = wishes.new_tasks(wish, settings, store, time.time(), NoFiles(), wish.earlier)
        for wanted in {new.spec.wanted for new in command.tasks}:
            check_wanted(self._engine.world, wanted)
        return document(tasks=len(command.tasks))

    async def _edit(self, wish: r.Edit, who: str) -> object:
        task = documents.find(self._engine, wish.task)
        engine = self._engine
        old = engine.store.spec(task)
        spec = wishes.edited(old, wish.changes, engine.settings, time.time(), engine.store, self._prompts)
        return await engine.wish(Edit(task, spec), who)

    async def _pause(self, wish: r.Tasks, who: str) -> object:
        return await self._stop_or_hold(wish, who, "hold", 19)

    async def _resume(self, wish: r.Tasks, who: str) -> object:
        return await self._stop_or_hold(wish, who, "release", 18)

    async def _stop_or_hold(self, wish: r.Tasks, who: str, verb: str, number: int) -> object:
        """Running tasks are stopped or continued by a signal, queued ones held or released."""
        tasks = self._choose(wish.tasks, verb)
        running = tuple(task for task in tasks if task in self._engine.world.attempts)
        others = tuple(task for task in tasks if task not in running)
        reply: list[Any] = []
        if others:
            reply += list(await self._engine.wish(self._command(verb, r.Tasks(others)), who))  # type: ignore[call-overload]
        if running:
            reply += list(await self._engine.wish(SendSignal(running, number), who))  # type: ignore[call-overload]
        return sorted(reply)

    # Reading

    async def _list(self, wish: r.List, _who: str) -> object:
        wishes.states_of(wish.states)
        only = Only(wish.states, wish.group, wish.text, wish.after)
        rows = self._engine.reader.listed(only, wish.limit)
        return document(tasks=list(map(documents.row_document, rows)), counts=self._engine.head()["counts"])

    async def _show(self, wish: r.One, _who: str) -> object:
        return document(task=documents.task_document(self._engine, documents.find(self._engine, wish.task)))

    async def _why(self, wish: r.One, _who: str) -> object:
        task = documents.find(self._engine, wish.task)
        state = self._engine.store.states([task])[task]
        return document(task=task, state=state, why=documents.reasons(self._engine, task))

    async def _log(self, wish: r.Log, _who: str) -> object:
        task = documents.find(self._engine, wish.task)
        return document(**await documents.log_part(self._engine, task, wish.attempt, wish.offset, wish.limit))

    async def _wait(self, wish: r.Wait, _who: str) -> object:
        for task in wish.tasks:
            documents.find(self._engine, task)
        try:
            async with asyncio.timeout(wish.timeout):
                await self._engine.ended(wish.tasks)
        except TimeoutError:
            raise RefusedError("failed", f"still not ended after {duration(wish.timeout or 0)}") from None
        return document(tasks=list(map(documents.row_document, sorted(self._engine.reader.rows(wish.tasks)))))

    async def _notes(self, wish: r.Notes, _who: str) -> object:
        return document(notes=self._engine.reader.notes(wish.task, wish.limit))

    async def _sessions(self, wish: r.Sessions, _who: str) -> object:
        found = document(sessions=documents.sessions(self._engine))
        if wish.foreign:
            found["foreign"] = [row._asdict() for row in await self._engine.hands.foreign()]
        return found

    async def _kill_foreign(self, wish: r.KillForeign, _who: str) -> object:
        await self._engine.hands.kill_foreign(wish.socket, wish.session)
        return document(session=wish.session)

    async def _agents(self, _wish: r.Nothing, _who: str) -> object:
        return document(agents=documents.agents(self._engine))

    async def _explain_agent(self, wish: r.ExplainAgent, _who: str) -> object:
        check_agent(self._engine.world, wish.agent)
        return document(**documents.agent_document(self._engine, wish.agent))

    async def _results(self, wish: r.Results, _who: str) -> object:
        tasks = self._engine.reader.of_batch(wish.batch)
        if not tasks:
            raise RefusedError("not-found", f"there is no batch {one_line(wish.batch, 60)!r}")
        stats = [await self._trees.stat(task) for task in tasks]
        found = [documents.result_document(self._engine, task, stat) for task, stat in zip(tasks, stats, strict=True)]
        return document(batch=wish.batch, tasks=found)

    async def _diff(self, wish: r.One, _who: str) -> object:
        task = documents.find(self._engine, wish.task)
        return document(task=task, diff=await self._trees.diff(task))

    async def _merge(self, wish: r.One, _who: str) -> object:
        task = documents.find(self._engine, wish.task)
        return document(task=task, commit=await self._trees.merge(task))

    async def _remove_worktree(self, wish: r.RemoveWorktree, _who: str) -> object:
        task = documents.find(self._engine, wish.task)
        await self._trees.remove(task, force=wish.force)
        return document(task=task)

    async def _groups(self, _wish: r.Nothing, _who: str) -> object:
        return document(groups=documents.groups(self._engine), paused=self._engine.world.paused)

    async def _stats(self, _wish: r.Nothing, _who: str) -> object:
        return document(**self._engine.head(), since=self._engine.metrics.began_at)

    async def _status(self, _wish: r.Nothing, _who: str) -> object:
        return document(
            version=__version__,
            pid=os.getpid(),
            socket=str(self._home.socket),
            home=str(self._home.root),
            python=platform.python_version(),
            sqlite=sqlite3.sqlite_version,
            since=self._engine.metrics.began_at,
            tmux_servers=self._engine.hands.servers(),
            problems=list(self._engine.problems),
        )

    # Sessions

    async def _screen(self, wish: r.Screen, _who: str) -> object:
        hands, attempt = self._engine.hands, self._engine.world.attempts.get(wish.task)
        live = attempt is not None and attempt.started_at is not None
        attempt_id = attempt.id if attempt is not None else documents.latest_attempt(self._engine, wish.task)
        stamp = hands.output_stamp(attempt_id)
        if wish.seen == stamp:
            return document(task=wish.task, stamp=stamp, live=live, content=None)
        if live:
            content = await hands.capture(attempt_id, wish.lines_above)
        else:
            await hands.log_complete(attempt_id)
            content = hands.last_screen(attempt_id)
        return document(task=wish.task, stamp=stamp, live=live, content=content.decode("utf-8", "replace"))

    async def _type(self, wish: r.Type, _who: str) -> object:
        attempt = self._live(wish.task)
        await self._engine.hands.type_text(attempt, wish.text.encode(), enter=wish.enter)
        self._engine.post(Typed(attempt))
        return document(task=wish.task)

    async def _answer(self, wish: r.Answer, who: str) -> object:
        attempt = self._live(wish.task)
        reading = self._engine.world.attempts[wish.task].reading
        if reading is None or reading.since != wish.since:
            raise RefusedError("refused", f"task {wish.task} shows another dialog now, or none: look again")
        known = {choice.key: choice for choice in (*reading.choices, Choice("Escape", "Escape"))}
        choice = known.get(wish.key)
        if choice is None:
            raise RefusedError("usage", f"{one_line(wish.key, 20)!r} is no answer here: {', '.join(known)}")
        await self._engine.hands.answer(attempt, choice)
        await self._engine.wish(NoteAnswer(wish.task, f"{choice.key} {choice.label}"), who)
        return document(task=wish.task)

    async def _interrupt(self, wish: r.One, who: str) -> object:
        """Escape, which stops the turn of an interactive agent; a program of another kind may do anything with it."""
        attempt = self._live(documents.find(self._engine, wish.task))
        if self._engine.world.attempts[attempt.task].reading is None:
            raise RefusedError("refused", f"task {attempt.task} is no interactive agent: send it a signal instead")
        await self._engine.hands.answer(attempt, Choice("Escape", "Escape"))
        await self._engine.wish(NoteAnswer(attempt.task, "Escape"), who)
        return document(task=attempt.task)

    async def _attach(self, wish: r.One, _who: str) -> object:
        target = await self._engine.hands.attach_target(self._live(documents.find(self._engine, wish.task)))
        return document(socket=str(target.socket), session=target.session, attached=target.attached)

    def _live(self, task: int) -> AttemptId:
        attempt = self._engine.world.attempts.get(task)
        if attempt is None:
            state = self._engine.store.states([task]).get(task)
            word = "does not exist" if state is None else f"is {TaskState(state).value}"
            raise RefusedError("refused", f"task {task} {word}: it has no session")
        return attempt.id

    async def _quit(self, _wish: r.Nothing, _who: str) -> object:
        asyncio.get_running_loop().call_soon(self._stop)
        return document(pid=os.getpid())


def _only(selector: r.Selector) -> Only:
    before = None if selector.older_than is None else time.time() - selector.older_than
    return Only(states=selector.states, group=selector.group, ended_before=before)
