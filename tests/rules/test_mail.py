"""Mail: who may be written to, who gets it, that no attempt gets it twice, and when it is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core import messages as m
from core.effects import HandMail
from core.engine.letters import coming_again
from core.interactive.ladder import Reading
from core.interactive.signals import Source, State
from core.kinds.result import Result
from core.model import AttemptId, RetryPolicy, Wanted
from core.rules.mailing import LONGEST_TEXT
from core.settings import AgentLimits
from core.speech import Address, Mail, Recipient, ReportKind
from tests.build import new
from tests.rules.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

R = Recipient
OPERATOR = Address(R.OPERATOR)
PROMPT = Wanted(None, frozenset(), prompts=True)


@pytest.fixture
def table() -> Table:
    """Two tasks that run and one that waits; the second one and the third are of group g."""
    made = Table(slots=0, agents=(AgentLimits("local"), AgentLimits("other"), AgentLimits("ada", 1, "claude")))
    made.add(new(), new(group="g", agent="other"), new(group="g", agent="other", held=True))
    made.start(1)
    made.start(2)
    return made


def task(number: int) -> Address:
    return Address(R.TASK, str(number))


def send(table: Table, to: Address, text: str = "hello", sender: int | None = None, ttl: float | None = None) -> int:
    id_: int = table.tell(m.Send(None if sender is None else table.attempt(sender), to, text, ttl))
    return id_


def collect(table: Table, reader: int | None = None) -> list[int]:
    mail: list[Mail] = table.tell(m.Collect(None if reader is None else table.attempt(reader)))
    return [one.id for one in mail]


@pytest.mark.parametrize(
    ("to", "readers"),
    [
        (task(2), {2}),
        (Address(R.AGENT, "other"), {2}),
        (Address(R.GROUP, "g"), {2}),
        (Address(R.GROUP, "default"), {1}),
        (OPERATOR, {None}),
    ],
)
def test_mail_goes_to_whom_it_is_for_and_to_nobody_else(table: Table, to: Address, readers: set[int | None]) -> None:
    sent = send(table, to, sender=1)
    for reader in (1, 2, None):
        assert collect(table, reader) == ([sent] if reader in readers else [])
    for reader in (1, 2, None):
        assert collect(table, reader) == [], "not a second time"


def test_mail_comes_in_the_order_of_its_sending_also_after_a_restart(table: Table) -> None:
    sent = [send(table, to) for to in (Address(R.GROUP, "g"), task(2), Address(R.AGENT, "other"))]
    table.restart()
    sent.append(send(table, task(2)))
    assert collect(table, 2) == sent == [1, 2, 3, 4]


def test_the_sender_is_told_and_the_history_knows(table: Table) -> None:
    send(table, OPERATOR, "text", sender=2)
    (mail,) = table.tell(m.Collect(None))
    assert (mail.sender, mail.text, mail.at) == (AttemptId(2, 1), "text", table.now)
    assert ("engine", "mail 1 from task 2 to operator") in table.store.notes


def test_what_has_expired_is_for_nobody(table: Table) -> None:
    early, late = send(table, task(1), ttl=10), send(table, task(1), ttl=30)
    table.later(10)
    assert collect(table, 1) == [late]
    assert table.store.mailbox[early].state(table.now) == "expired"


@pytest.mark.parametrize(
    ("to", "code", "words"),
    [
        (task(99), "not-found", "there is no task 99"),
        (task(1), "refused", "task 1 succeeded: it reads no mail any more"),
        (Address(R.AGENT, "nobody"), "not-found", "there is no agent 'nobody'"),
        (Address(R.GROUP, "nowhere"), "not-found", "there is no group 'nowhere'"),
    ],
)
def test_nobody_is_not_written_to(table: Table, to: Address, code: str, words: str) -> None:
    table.exit(1)
    with pytest.raises(m.RefusedError, match=words) as refused:
        send(table, to)
    assert refused.value.code == code
    assert table.store.mailbox == {}


def test_a_queued_task_has_its_mail_waiting(table: Table) -> None:
    sent = send(table, task(3))
    table.tell(m.Release((3,)))
    assert collect(table, 3) == [sent]


def test_text_keeps_tabs_and_lines_and_no_other_control(table: Table) -> None:
    send(table, OPERATOR, "a\tb\r\nc\x1b[2J\x9b\x07\u202e\x00d\ud800")
    (mail,) = table.tell(m.Collect(None))
    assert mail.text == "a\tb\nc[2Jd?"


@pytest.mark.parametrize(("text", "words"), [(" \n\x07", "mail has a text"), ("ä" * (LONGEST_TEXT // 2 + 1), "64K")])
def test_text_that_is_nothing_or_too_much_is_refused(table: Table, text: str, words: str) -> None:
    with pytest.raises(m.RefusedError, match=words):
        send(table, OPERATOR, text)
    send(table, OPERATOR, "ä" * (LONGEST_TEXT // 2))


def test_only_who_has_taken_mail_acknowledges_it(table: Table) -> None:
    sent = send(table, task(1))
    for reader in (None, table.attempt(2), table.attempt(1)):
        with pytest.raises(m.RefusedError, match="mail 1 was not taken by"):
            table.tell(m.Acknowledge(reader, (sent,)))
    collect(table, 1)
    with pytest.raises(m.RefusedError, match="mail 1 was not taken by the operator"):
        table.tell(m.Acknowledge(None, (sent,)))
    with pytest.raises(m.RefusedError, match="there is no mail 7"):
        table.tell(m.Acknowledge(table.attempt(1), (sent, 7)))
    assert table.store.mailbox[sent].state(table.now) == "taken"
    first = table.now
    for _ in range(2):
        table.tell(m.Acknowledge(table.attempt(1), (sent,)))
        table.later(1)
    assert table.store.mailbox[sent].acked_at == first


# Agents that take prompts


def test_a_prompt_takes_its_mail_with_the_start(table: Table) -> None:
    table.add(new(group="g", wanted=PROMPT, held=True), new(group="g", wanted=PROMPT, held=True))
    sent = [send(table, to) for to in (Address(R.AGENT, "ada"), Address(R.GROUP, "g"), task(4), task(5))]
    table.tell(m.Release((4,)))
    assert [mail.taken_by for mail in table.store.mail(sent)] == ["4-1", "4-1", "4-1", None]
    assert collect(table, 4) == []


def test_a_command_is_left_to_ask_for_its_mail(table: Table) -> None:
    sent = send(table, Address(R.AGENT, "other"))
    table.tell(m.Release((3,)))
    assert table.started() == [3]
    assert table.store.mailbox[sent].taken_by is None


def test_one_letter_goes_to_one_of_those_that_start_together() -> None:
    table = Table(slots=0, agents=(AgentLimits("local"), AgentLimits("ada", 2, "claude")))
    sent = send(table, Address(R.AGENT, "ada"))
    table.add(new(wanted=PROMPT), new(wanted=PROMPT))
    assert [table.store.mailbox[sent].taken_by, len(table.started())] == ["1-1", 2]


def test_what_was_handed_to_a_start_that_never_was_waits_again(table: Table) -> None:
    sent = send(table, Address(R.AGENT, "ada"))
    table.add(new(wanted=PROMPT))
    table.tell(m.NotPlaced(table.attempt(4), "no tmux"))
    assert table.store.mailbox[sent].state(table.now) == "waiting"
    table.later(5)
    assert table.store.mailbox[sent].taken_by == "4-1"


def test_mail_to_a_forgotten_task_is_forgotten(table: Table) -> None:
    send(table, task(1))
    kept = send(table, OPERATOR, sender=1)
    table.exit(1)
    table.tell(m.Clean((1,)))
    assert set(table.store.mailbox) == {kept}


# What comes again

AGAIN = RetryPolicy(attempts=9, first=1, jitter=0, lost=True)


@pytest.fixture
def failing() -> Table:
    """Task 1 runs and is tried again where it fails; task 2 runs beside it, of the same agent and group."""
    made = Table(slots=0, agents=(AgentLimits("local"), AgentLimits("ada", 1, "claude")))
    made.add(new(retry=AGAIN), new())
    made.start(1)
    made.start(2)
    return made


def exits(table: Table) -> None:
    table.exit(1, 1)


def reports_a_failure(table: Table) -> None:
    table.tell(m.Report(table.attempt(1), ReportKind.FAIL, "no"))
    table.exit(1)


def is_lost(table: Table) -> None:
    table.tell(m.LauncherGone(table.attempt(1), (), table.now))


def is_stopped_and_retried(table: Table) -> None:
    table.tell(m.Stop((1,)))
    table.tell(m.TreeEnded(table.attempt(1), ()))
    table.exit(1, 143)
    table.tell(m.Retry((1,)))


@pytest.mark.parametrize("fails", [exits, reports_a_failure, is_lost, is_stopped_and_retried])
@pytest.mark.parametrize("to", [task(1), Address(R.AGENT, "local"), Address(R.GROUP, "default")])
def test_what_a_failed_attempt_had_taken_comes_again_to_the_next_one_alone(
    failing: Table, fails: Callable[[Table], None], to: Address
) -> None:
    sent = send(failing, to)
    assert collect(failing, 1) == [sent]
    fails(failing)
    assert (collect(failing, 2), collect(failing)) == ([], []), "it is the task's now"
    failing.later(5)
    failing.restart()
    late = send(failing, to)
    assert collect(failing, 1) == [sent, late]
    assert (collect(failing, 1), collect(failing, 2)) == ([], [])
    assert failing.store.mailbox[sent].taken_by == "1-2"


def test_it_comes_again_to_every_attempt_until_somebody_acknowledges_it(failing: Table) -> None:
    first, second = send(failing, task(1)), send(failing, task(1))
    for expected in ([first, second], [first, second], [second], []):
        assert collect(failing, 1) == expected
        if failing.attempt(1).number > 1 and expected:
            failing.tell(m.Acknowledge(failing.attempt(1), (expected[0],)))
        failing.exit(1, 1)
        failing.later(2 ** failing.store.tasks[1].attempts)


def test_an_attempt_may_acknowledge_what_an_earlier_one_had_taken(failing: Table) -> None:
    sent = send(failing, task(1))
    collect(failing, 1)
    failing.exit(1, 1)
    failing.later(5)
    failing.tell(m.Acknowledge(failing.attempt(1), (sent,)))
    assert collect(failing, 1) == []


def test_what_was_read_on_the_way_to_a_success_does_not_come_again(failing: Table) -> None:
    send(failing, task(1))
    collect(failing, 1)
    failing.exit(1, 1)
    failing.later(5)
    failing.exit(1, 0)
    failing.tell(m.Retry((1,)))
    assert collect(failing, 1) == []


def test_what_has_expired_does_not_come_again(failing: Table) -> None:
    send(failing, task(1), ttl=3)
    collect(failing, 1)
    failing.exit(1, 1)
    failing.later(5)
    assert collect(failing, 1) == []


def test_it_comes_again_by_the_hundred(failing: Table) -> None:
    sent = [send(failing, task(1)) for _ in range(150)]
    assert collect(failing, 1) + collect(failing, 1) == sent
    failing.exit(1, 1)
    failing.later(5)
    assert [collect(failing, 1), collect(failing, 1), collect(failing, 1)] == [sent[:100], sent[100:], []]


def test_a_prompt_gets_it_again_with_its_start_wherever_that_is(failing: Table) -> None:
    first, second = send(failing, Address(R.AGENT, "ada")), send(failing, Address(R.AGENT, "ada"))
    failing.add(new(wanted=PROMPT, retry=AGAIN))
    number = failing.ring.world.next_task - 1
    failing.start(number)
    failing.tell(m.Acknowledge(failing.attempt(number), (second,)))
    assert coming_again(failing.store, failing.attempt(number), failing.now) == []
    failing.exit(number, 1, Result("error"))
    failing.later(5)
    again = coming_again(failing.store, failing.attempt(number), failing.now)
    assert [mail.id for mail in again] == [first]
    assert collect(failing, number) == [], "not a second time by the inbox"
    failing.tell(m.NotPlaced(failing.attempt(number), "no tmux"))
    failing.later(5)
    again = coming_again(failing.store, failing.attempt(number), failing.now)
    assert [mail.id for mail in again] == [first]


# What is forgotten


def test_mail_is_forgotten_once_nobody_will_get_it_any_more(failing: Table) -> None:
    expired, waits = send(failing, task(1), ttl=1), send(failing, Address(R.AGENT, "ada"))
    read, understood, handed = (send(failing, to) for to in (task(1), task(1), OPERATOR))
    failing.later(2)
    collect(failing, 1)
    collect(failing)
    failing.tell(m.Acknowledge(failing.attempt(1), (understood,)))
    everything = tuple(failing.store.mailbox)
    assert failing.tell(m.ForgetMail(everything)) == [expired, understood, handed]
    assert set(failing.store.mailbox) == {waits, read}
    failing.exit(1, 1)
    assert failing.tell(m.ForgetMail(everything)) == [], "its task is tried again"
    failing.later(5)
    failing.exit(1, 0)
    assert failing.tell(m.ForgetMail(everything)) == [read]
    assert set(failing.store.mailbox) == {waits}


def end_turn(table: Table, outcome: str = "ok") -> list[int]:
    """The mail that the agent is told of instead of being asked to end."""
    table.tell(m.TurnEnded(table.attempt(1), Result(outcome, "")))
    return handed(table)


def handed(table: Table) -> list[int]:
    return [mail.id for effect in table.effects if isinstance(effect, HandMail) for mail in effect.mail]


def is_ending(table: Table) -> bool:
    return table.ring.world.attempts[1].ending is not None


def ask(table: Table) -> None:
    table.tell(m.Report(table.attempt(1), ReportKind.ASK, "which one?"))


def test_mail_that_waits_for_it_begins_another_turn_of_an_agent(table: Table) -> None:
    sent = [send(table, task(1)), send(table, task(1), sender=2), send(table, Address(R.AGENT, "local"))]
    sent.append(send(table, Address(R.GROUP, "default")))
    assert end_turn(table) == sent
    assert not is_ending(table)
    assert {table.store.mailbox[one].taken_by for one in sent} == {"1-1"}
    assert end_turn(table) == []
    assert is_ending(table)


def test_an_agent_that_has_asked_stays_until_mail_comes(table: Table) -> None:
    ask(table)
    assert end_turn(table) == []
    assert not is_ending(table)
    for to in (Address(R.AGENT, "local"), Address(R.GROUP, "default")):
        sent = send(table, to)
        assert handed(table) == [sent]
        assert not table.ring.world.attempts[1].told.answered, "that was no answer"
        send(table, Address(R.AGENT, "other"))
        assert handed(table) == []
        end_turn(table)
        assert not is_ending(table)
    sent = send(table, task(1))
    assert handed(table) == [sent]
    assert table.ring.world.attempts[1].told.answered
    send(table, task(1))
    assert handed(table) == [], "its turn has not ended"


def test_an_agent_that_was_answered_in_its_session_ends_with_its_next_turn(table: Table) -> None:
    ask(table)
    end_turn(table)
    table.tell(m.AgentSeen(table.attempt(1), Reading(State.WORKING, Source.SCREEN, table.now, table.now, "")))
    assert table.ring.world.attempts[1].told.answered
    end_turn(table)
    assert is_ending(table)


def test_a_turn_that_failed_takes_no_mail(table: Table) -> None:
    send(table, task(1))
    ask(table)
    assert end_turn(table, "limit") == []
    assert is_ending(table)
