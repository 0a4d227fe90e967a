"""Mail: who may be written to, and who gets what waits; no attempt gets anything twice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.effects import HandMail
from core.messages import RefusedError
from core.model import AttemptId
from core.rules.ending import succeeded
from core.rules.queueing import ENDED_WORDS
from core.rules.reporting import answer, speaking
from core.rules.routing import check_agent
from core.speech import OPERATOR, Address, Mail, Recipient, sender_name
from core.text import one_line, plain, size

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.messages import Acknowledge, Collect, ForgetMail, Send
    from core.rules.step import Step
    from core.rules.world import Attempt, World

LONGEST_TEXT = 64 << 10
"""Bytes in UTF-8."""


def send(step: Step, wish: Send) -> None:
    world = step.world
    sender = wish.sender
    if isinstance(sender, AttemptId):
        speaking(step, sender)
    _check_address(world, wish.to)
    text = plain(wish.text)
    if not text.strip():
        raise RefusedError("usage", "mail has a text: muxdeck msg TO TEXT")
    if (length := len(text.encode())) > LONGEST_TEXT:
        raise RefusedError("usage", f"{size(length)} are too long for mail: at most {size(LONGEST_TEXT)}; name a file")
    expires_at = None if wish.ttl is None else step.now + wish.ttl
    mail = Mail(world.next_mail, step.now, wish.sender, wish.to, text, expires_at)
    world.next_mail += 1
    step.mail[mail.id] = mail
    if (reader := _resting(world, wish.to)) is not None:
        _hand(step, reader, [mail])
    task = sender.task if isinstance(sender, AttemptId) else None
    step.note(f"mail {mail.id} from {sender_name(sender)} to {wish.to}", task)
    step.reply = mail.id


def _resting(world: World, to: Address) -> Attempt | None:
    """An agent that waits between two turns, and may be told of mail at once."""
    if to.kind is Recipient.TASK:
        attempt = world.attempts.get(int(to.name))
        return attempt if attempt is not None and attempt.resting else None
    return next((one for one in world.attempts.values() if one.resting and to in addresses(one)), None)


def _check_address(world: World, to: Address) -> None:
    if to.kind is Recipient.AGENT:
        check_agent(world, to.name)
    elif to.kind is Recipient.GROUP and to.name not in world.groups:
        raise RefusedError("not-found", f"there is no group {one_line(to.name, 60)!r}")
    elif to.kind is Recipient.TASK:
        state = world.state_of(int(to.name))
        if state is None:
            raise RefusedError("not-found", f"there is no task {to.name}")
        if state.ended:
            raise RefusedError("refused", f"task {to.name} {ENDED_WORDS[state]}: it reads no mail any more")


def collect(step: Step, wish: Collect) -> None:
    attempt = None if wish.reader is None else speaking(step, wish.reader)
    step.reply = take(step, attempt, step.world.mail.values())


def take(step: Step, attempt: Attempt | None, waiting: Iterable[Mail]) -> list[Mail]:
    """Hands out what waits for an attempt, or for the operator. What comes to its own number answers a question."""
    reader = OPERATOR if attempt is None else str(attempt.id)
    taken = [replace(mail, taken_at=step.now, taken_by=reader) for mail in waiting if mail.id not in step.mail]
    step.mail |= {mail.id: mail for mail in taken}
    if attempt is not None and any(mail.to.kind is Recipient.TASK for mail in taken):
        answer(step, attempt)
    return taken


def hand_over(step: Step, attempt: Attempt) -> bool:
    """Hands out what waits for it to an agent between two turns; whether there was any."""
    waiting = [mail for mail in step.world.mail.values() if mail.id not in step.mail]
    if waiting:
        _hand(step, attempt, waiting)
    return bool(waiting)


def _hand(step: Step, attempt: Attempt, waiting: list[Mail]) -> None:
    taken = tuple(replace(mail, taken_at=step.now, taken_by=str(attempt.id)) for mail in waiting)
    step.mail |= {mail.id: mail for mail in taken}
    step.effects.append(HandMail(attempt.id, taken))
    attempt.resting = False
    if any(mail.to.kind is Recipient.TASK for mail in taken):
        answer(step, attempt)


def put_back(step: Step) -> None:
    """The attempt that had taken this mail has never begun: nobody has read it."""
    step.mail |= {id_: replace(mail, taken_at=None, taken_by=None) for id_, mail in step.world.mail.items()}


def acknowledge(step: Step, wish: Acknowledge) -> None:
    """Any attempt of a task may acknowledge what another one of it had taken."""
    if wish.reader is not None:
        speaking(step, wish.reader)
    for id_ in wish.mail:
        mail = step.world.mail.get(id_)
        if mail is None:
            raise RefusedError("not-found", f"there is no mail {id_}")
        if mail.taken_by is None or _reader_of(mail.taken_by) != _reader_of(_id(wish.reader)):
            raise RefusedError("refused", f"mail {id_} was not taken by {sender_name(wish.reader)}")
    for id_ in wish.mail:
        mail = step.world.mail[id_]
        step.mail[id_] = mail if mail.acked_at is not None else replace(mail, acked_at=step.now)
    step.reply = list(wish.mail)


def owed(taken: Iterable[Mail], attempts: Iterable[Attempt], now: float) -> list[Mail]:
    """Of what earlier attempts of a task had taken: what the next one gets again.

    That is what nobody has acknowledged, where every attempt since has failed. `attempts` are those of the task.
    """
    success = max((one.id.number for one in attempts if succeeded(one)), default=0)
    return [
        mail
        for mail in taken
        if mail.acked_at is None
        and mail.taken_by is not None
        and AttemptId.parse(mail.taken_by).number > success
        and (mail.expires_at is None or mail.expires_at > now)
    ]


def forget(step: Step, wish: ForgetMail) -> None:
    """Those that wait, or may come again to a task that is live, stay."""
    step.forgotten = tuple(mail.id for mail in step.world.mail.values() if _is_spent(step, mail))
    step.reply = list(step.forgotten)


def _is_spent(step: Step, mail: Mail) -> bool:
    state = mail.state(step.now)
    if state != "taken" or mail.taken_by is None or mail.taken_by == OPERATOR:
        return state != "waiting"
    return AttemptId.parse(mail.taken_by).task not in step.world.tasks


def addresses(attempt: Attempt | None) -> tuple[Address, ...]:
    """Where mail for the attempt may wait, or for the operator."""
    if attempt is None:
        return (Address(Recipient.OPERATOR),)
    task = Address(Recipient.TASK, str(attempt.id.task))
    return task, Address(Recipient.AGENT, attempt.agent), Address(Recipient.GROUP, attempt.group)


def _id(reader: AttemptId | None) -> str:
    return OPERATOR if reader is None else str(reader)


def _reader_of(taken_by: str) -> str:
    """The task, or the operator."""
    return taken_by.partition("-")[0]
