"""The verbs of the sessions: what they show, what is typed into them, who goes into them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import requests as r
from core.engine import documents
from core.engine.documents import document
from core.interactive.signals import Choice
from core.messages import NoteDeed, RefusedError, Typed
from core.model import AttemptId, TaskState
from core.text import one_line, plural

if TYPE_CHECKING:
    from core.engine.engine import Engine
    from core.engine.verbs import Verbs


class SessionVerbs:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def verbs(self) -> Verbs:
        return {
            "sessions": (r.Sessions, self._sessions),
            "kill-foreign": (r.KillForeign, self._kill_foreign),
            "screen": (r.Screen, self._screen),
            "type": (r.Type, self._type),
            "answer": (r.Answer, self._answer),
            "interrupt": (r.One, self._interrupt),
            "attach": (r.One, self._attach),
        }

    async def _sessions(self, wish: r.Sessions, _who: str) -> object:
        found = document(sessions=documents.sessions(self._engine))
        if wish.foreign:
            found["foreign"] = [row._asdict() for row in await self._engine.hands.foreign()]
        return found

    async def _kill_foreign(self, wish: r.KillForeign, _who: str) -> object:
        await self._engine.hands.kill_foreign(wish.socket, wish.session)
        return document(session=wish.session)

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

    async def _type(self, wish: r.Type, who: str) -> object:
        """The history does not repeat the text: it may be a password."""
        attempt = self._live(wish.task)
        await self._engine.hands.type_text(attempt, wish.text.encode(), enter=wish.enter)
        self._engine.post(Typed(attempt))
        await self._engine.wish(NoteDeed(wish.task, f"typed {plural(len(wish.text), 'character')}"), who)
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
        await self._engine.wish(NoteDeed(wish.task, f"answered {choice.key} {choice.label}"), who)
        return document(task=wish.task)

    async def _interrupt(self, wish: r.One, who: str) -> object:
        """Escape, which stops the turn of an interactive agent; a program of another kind may do anything with it."""
        attempt = self._live(documents.find(self._engine, wish.task))
        if self._engine.world.attempts[attempt.task].reading is None:
            raise RefusedError("refused", f"task {attempt.task} is no interactive agent: send it a signal instead")
        await self._engine.hands.answer(attempt, Choice("Escape", "Escape"))
        await self._engine.wish(NoteDeed(attempt.task, "interrupted by Escape"), who)
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
