"""The verbs with which tasks speak: who speaks is taken from a proof, never from text."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from core import messages as m
from core import requests as r
from core.engine import wishes
from core.engine.documents import document, mail_document
from core.messages import RefusedError
from core.model import AttemptId
from core.speech import ReportKind, parse_address, sender_name
from core.text import one_line

if TYPE_CHECKING:
    from core.adapters.prompts import PromptFiles
    from core.adapters.tokens import Tokens
    from core.engine.engine import Engine
    from core.engine.verbs import Verbs
    from core.speech import Address


class Speaking:
    """`who` is the client's name: what an attempt does is noted under its task instead."""

    def __init__(self, engine: Engine, tokens: Tokens, prompts: PromptFiles) -> None:
        self._engine = engine
        self._tokens = tokens
        self._prompts = prompts

    def verbs(self) -> Verbs:
        return {
            "report": (r.Report, self.report),
            "msg": (r.Message, self.send),
            "inbox": (r.Inbox, self.inbox),
            "mail": (r.Mail, self.mail),
            "spawn": (r.Spawn, self.spawn),
            "emit": (r.Emit, self.emit),
        }

    async def report(self, wish: r.Report, who: str) -> object:
        attempt = self._attempt(wish.speaker, "report")
        await self._wish(m.Report(attempt, ReportKind(wish.kind), wish.text), attempt, who)
        return document(attempt=str(attempt))

    async def send(self, wish: r.Message, who: str) -> object:
        sender = self._speaker(wish.speaker, "msg")
        number = await self._wish(m.Send(sender, address(wish.to), wish.text, wish.ttl), sender, who)
        return document(mail=number)

    async def inbox(self, wish: r.Inbox, who: str) -> object:
        reader = self._speaker(wish.speaker, "inbox")
        if wish.ack:
            return document(acknowledged=await self._wish(m.Acknowledge(reader, wish.ack), reader, who))
        taken: Any = await self._wish(m.Collect(reader), reader, who)
        now = time.time()
        return document(mail=[mail_document(mail, now) for mail in taken])

    async def mail(self, wish: r.Mail, _who: str) -> object:
        now = time.time()
        return document(mail=[mail_document(mail, now) for mail in self._engine.reader.mail(wish.limit)])

    async def spawn(self, wish: r.Spawn, who: str) -> object:
        parent = self._attempt(wish.speaker, "spawn")
        asked = await wishes.asked_tasks(wish, self._engine, self._prompts)
        return await self._wish(m.Spawn(parent, asked.tasks), parent, who)

    async def emit(self, wish: r.Emit, who: str) -> object:
        speaker = self._speaker(wish.speaker, "emit")
        number = await self._wish(m.Emit(wish.topic, wish.data, sender_name(speaker), wish.key), speaker, who)
        return document(event=number)

    async def _wish(self, wish: m.Command, speaker: AttemptId | None, who: str) -> object:
        return await self._engine.wish(wish, who if speaker is None else f"task {speaker.task}")

    def _attempt(self, speaker: r.Speaker | None, verb: str) -> AttemptId:
        found = self._speaker(speaker, verb)
        if found is None:
            raise RefusedError("refused", f"{verb} is for tasks: it works from within a session of muxdeck")
        return found

    def _speaker(self, speaker: r.Speaker | None, verb: str) -> AttemptId | None:
        """The attempt that is proved, None for the operator; what is not proved is refused and noted."""
        if speaker is None:
            return None
        if not self._tokens.proves(speaker.attempt, speaker.token):
            self._engine.post(m.Forged(speaker.attempt, verb))
            said = one_line(speaker.attempt, 40)
            raise RefusedError("refused", f"the token is not that of attempt {said}: nothing was done")
        return AttemptId.parse(speaker.attempt)


def address(text: str) -> Address:
    """RefusedError says what an address is."""
    try:
        return parse_address(text)
    except ValueError as error:
        raise RefusedError("usage", str(error)) from None
