"""Small inputs that come by the command line, the socket, a batch or a workflow file."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, NamedTuple

from tests.trials import system
from tests.trials.deck import SilenceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.trials.deck import Deck, Said

DEEP = 3000
HUGE = ("NaN", "1e999", "-1e999", "1e308", "9223372036854775808", "-1", '"1e400d"')
USAGE = 2


class Input(NamedTuple):
    name: str
    try_out: Callable[[Deck], Iterator[str]]
    """Yields what is not right; an empty text is none."""
    slow: bool = False
    """More than some ten seconds."""


def holds_on(deck: Deck, engine: int) -> Iterator[str]:
    """The same engine lives, answers, and still runs what is added."""
    if deck.engines() != [engine]:
        yield f"engine {engine} is gone; now: {deck.engines()}"
    listed = deck.run("ls")
    if listed.code != 0:
        yield f"ls: {listed.words}"
    added = deck.run("add", "-w", "--", "true")
    if added.code != 0:
        yield f"add afterwards: {added.words}"


def refused(said: Said, *names: str) -> str:
    """Exit code 2, in words that have all of the names; nothing is said of a bug."""
    if said.code != USAGE or said.crashed or "bug" in said.words:
        return f"not refused: {said.words}"
    missing = [name for name in names if name not in said.out + said.err]
    return f"{said.words!r} does not name {missing}" if missing else ""


def many_retries(deck: Deck) -> Iterator[str]:
    """Powers were taken before their cap: the 1,025th delay ended the engine."""
    engine = deck.start()
    number = deck.shell("exit 1", "-r", "2000", "--retry-delay", "0s")
    state = deck.ended(number, timeout=300)
    if state != ["failed"]:
        yield f"task {number} is {state[0]}"
    attempts = len(deck.task(number)["attempts"]) if deck.engines() else 0
    if attempts != 2000:
        yield f"{attempts} attempts, 2000 are right"
    yield from holds_on(deck, engine)


def a_million_retries(deck: Deck) -> Iterator[str]:
    """try until it works: the number itself is accepted, and the delays stay at their cap."""
    engine = deck.start()
    text = f"{deck.append('x', 'tries')}; test $(wc -l <{deck.out}/tries) -ge 5"
    said = deck.run("add", "-w", "-r", "1000000", "--retry-delay", "0s", "--", "sh", "-c", text)
    if said.code != 0:
        yield f"add -r 1000000 -w: {said.words}"
    yield from holds_on(deck, engine)


def numbers_of_batches(deck: Deck) -> Iterator[str]:
    engine = deck.start()
    keys = ("not_before", "delay", "priority")
    lines = [(f'{{"command":["true"],"{key}":{number}}}', key) for key in keys for number in HUGE if number != "-1"]
    inner = [("retry", key) for key in ("first", "cap", "factor", "jitter", "attempts")]
    inner += [("timeout", key) for key in ("queue", "run", "idle", "total", "grace")]
    for table, key in inner:
        odd = ("NaN", "1e999", "-1")
        lines += [(f'{{"command":["true"],"{table}":{{"{key}":{number}}}}}', key) for number in odd]
    for line, key in lines:
        if wrong := refused(deck.run("batch", "-", given=line + "\n"), "1", key):
            yield f"{line}: {wrong}"
        if deck.engines() != [engine]:
            yield f"{line} ended the engine"
            engine = deck.start()
    if deck.tasks():
        yield f"{len(deck.tasks())} of them were added"
    yield from holds_on(deck, engine)


def infinite_options(deck: Deck) -> Iterator[str]:
    """An Infinity in the store ended every later reading of it."""
    engine = deck.start()
    for option in (("--retry-factor", "inf"), ("--retry-factor", "nan"), ("--retry-jitter", "inf"), ("-p", "9" * 30)):
        if wrong := refused(deck.run("add", *option, "--", "true")):
            yield f"add {' '.join(option)}: {wrong}"
        listed = deck.run("ls")
        if listed.code != 0:
            yield f"ls after {' '.join(option)}: {listed.words}"
    yield from holds_on(deck, engine)


def half_a_batch(deck: Deck) -> Iterator[str]:
    """A step that raised was made durable in half, and each later step raised too."""
    engine = deck.start()
    said = deck.run("batch", "-", given='{"command":["true"]}\n{"command":["true"],"not_before":NaN}\n')
    yield refused(said, "2", "not_before")
    if deck.tasks():
        yield f"{len(deck.tasks())} tasks of the refused batch are there"
    yield from holds_on(deck, engine)


def odd_signals(deck: Deck) -> Iterator[str]:
    engine = deck.start()
    number = deck.shell("sleep 30")
    system.until(lambda: deck.task(number)["state"] == "running", 10)
    for sent in ("32", "33", "35", "63", "64", "0", "65", "-1"):
        said = deck.run("signal", sent, str(number))
        if said.crashed or said.code not in (0, 1, USAGE):
            yield f"signal {sent}: {said.words}"
        if deck.engines() != [engine]:
            yield f"signal {sent} ended the engine"
            engine = deck.start()
    deck.run("signal", str(int(signal.SIGKILL)), str(number))
    yield from holds_on(deck, engine)


def odd_hellos(deck: Deck) -> Iterator[str]:
    engine = deck.start()
    for do in ("hello", "watch", "status", "add"):
        for parameters in ("null", "[1]", "7", '"x"', "true", "NaN", '{"client":[]}'):
            line = f'{{"id":1,"do":"{do}","with":{parameters}}}'
            yield _answered(deck, line.encode(), line, may=do == "watch")
    for line in (b"null", b"[]", b"7", b'"x"', b"{}", b"\xff\xfe", b'{"id":1}', b'{"id":[],"do":{},"with":1}', b"\0"):
        yield _answered(deck, line, repr(line))
    yield from holds_on(deck, engine)


def _answered(deck: Deck, line: bytes, shown: str, *, may: bool = False) -> str:
    """Refused with a code other than that of a bug; with `may` it may also be accepted."""
    try:
        answer = deck.exchange(line + b"\n", timeout=5)
    except SilenceError as error:
        return f"{shown}: {error}"
    if may and "ok" in answer:
        return ""
    code = answer.get("error", {}).get("code")
    return f"{shown}: {json.dumps(answer)[:120]}" if code in (None, "bug") else ""


VERBS = ("add", "check", "edit", "list", "show", "stop", "emit", "run", "type", "report", "hello", "watch", "none")


def deep_requests(deck: Deck) -> Iterator[str]:
    engine = deck.start()
    value = "[" * DEEP + "]" * DEEP
    table = '{"a":' * DEEP + "1" + "}" * DEEP
    for do in VERBS:
        for deep in (value, table, f'{{"tasks":{value}}}', f'{{"topic":"t","data":{value}}}'):
            line = f'{{"id":1,"do":"{do}","with":{deep}}}'
            yield _answered(deck, line.encode(), f"{do} {deep[:24]}…", may=do == "watch")
    yield _answered(deck, value.encode(), "a line of brackets")
    yield from holds_on(deck, engine)


def huge_numbers(deck: Deck) -> Iterator[str]:
    """Beyond what SQLite and the clock take."""
    engine = deck.start()
    deck.shell("true")
    for number in (2**63, 2**64, -(2**63) - 1, 10**30):
        requests = [
            f'"do":"show","with":{{"task":{number}}}',
            f'"do":"stop","with":{{"tasks":[{number}]}}',
            f'"do":"swap","with":{{"task":{number},"other":1}}',
            f'"do":"list","with":{{"limit":{number}}}',
            f'"do":"list","with":{{"after":{number}}}',
            f'"do":"log","with":{{"task":1,"offset":{number}}}',
            f'"do":"wait","with":{{"tasks":[{number}],"timeout":1}}',
            f'"do":"run-show","with":{{"run":{number}}}',
            f'"do":"clean","with":{{"tasks":{{"older_than":{number}}}}}',
            f'"do":"group","with":{{"group":"g","limit":{number}}}',
            f'"do":"msg","with":{{"speaker":null,"to":"{number}","text":"t","ttl":1}}',
        ]
        for request in requests:
            yield _answered(deck, f'{{"id":1,{request}}}'.encode(), request, may=number < 0 or "log" in request)
    yield from holds_on(deck, engine)


def odd_texts(deck: Deck) -> Iterator[str]:
    """Half a surrogate pair, a NUL, escapes, and very much of it."""
    engine = deck.start()
    context = {"cwd": str(deck.out), "env": deck.environment()}
    for text in ("\ud800", "\0", "\x1b]0;x\x07", "x" * 3_000_000, "\u2028", "\ufffe"):
        task = {"command": ["true"], "name": text, "key": text[:300], "group": text[:100]}
        for do, parameters in (
            ("add", {"tasks": [task], "context": context}),
            ("add", {"tasks": [{"shell": text}], "context": context}),
            ("list", {"text": text}),
            ("show", {"task": text}),
            ("emit", {"topic": text[:200] or "t", "data": text}),
            ("msg", {"speaker": None, "to": "operator", "text": text}),
            ("agent", {"agent": text, "mode": "paused"}),
            ("run", {"file": text, "context": context}),
        ):
            line = json.dumps({"id": 1, "do": do, "with": parameters}).encode()
            yield _not_a_bug(deck, line, f"{do} with {text[:8]!r}")
    yield from holds_on(deck, engine)


def _not_a_bug(deck: Deck, line: bytes, shown: str) -> str:
    try:
        answer = deck.exchange(line + b"\n", timeout=10)
    except SilenceError as error:
        return f"{shown}: {error}"
    return f"{shown}: {answer['error']}" if answer.get("error", {}).get("code") == "bug" else ""


def workflow(deck: Deck, name: str, text: str) -> None:
    folder = deck.home / "workflows"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.toml").write_text(f'schema = 1\nname = "{name}"\n{text}')


def long_numbers(deck: Deck) -> Iterator[str]:
    """A number of 400 digits in a task's output is a value, or the fault of its task."""
    engine = deck.start()
    for name, printed in (("long", "9" * 400), ("float", "1e400"), ("many", "9" * 5000), ("deep", "[" * DEEP)):
        workflow(
            deck,
            name,
            f"[task.big]\nrun = \"printf '%s' '{printed}'\"\noutput = {{ json = \"-\" }}\n"
            '[task.next]\nneeds = ["big"]\nwhen = "big.out > 1.5"\nrun = ["true"]\n',
        )
        said = deck.run("run", "-w", name, timeout=30)
        if said.crashed or said.code not in (0, 1):
            yield f"a number ({name}): {said.words}"
        if deck.engines() != [engine]:
            yield f"{name} ended the engine"
            engine = deck.start()
    yield from holds_on(deck, engine)


def slow_pattern(deck: Deck) -> Iterator[str]:
    """A pattern that would take ages is refused or bounded; meanwhile others are answered."""
    engine = deck.start()
    workflow(
        deck,
        "slow",
        '[params]\nword = { type = "string", required = true, pattern = "^(a+)+$" }\n[task.one]\nrun = ["true"]\n',
    )
    said = deck.run("run", "slow", "-p", f"word={'a' * 32}!", timeout=15)
    if said.code not in (1, USAGE) or said.crashed:
        yield f"run: {said.words}"
    try:
        deck.ask("status", timeout=2)
    except SilenceError as error:
        yield f"status: {error}"
        deck.kill_engine()
        return
    yield from holds_on(deck, engine)


def names_that_are_no_text(deck: Deck) -> Iterator[str]:
    """A file whose name is not UTF-8, where a workflow waits for files: others go on."""
    inbox = deck.home / "workflows" / "inbox"
    inbox.mkdir(parents=True)
    workflow(
        deck,
        "inbox",
        f'[on]\nmanual = false\nfile = {{ file = "inbox/*.pdf", settle = "200ms" }}\n'
        f'[task.read]\nenv = {{ FILE = "${{event.path}}" }}\nrun = \'cat "$FILE" >>{deck.out}/read\'\n',
    )
    engine = deck.start()
    with open(bytes(inbox) + b"/caf\xe9.pdf", "wb") as file:
        file.write(b"odd\n")
    (inbox / "plain.pdf").write_bytes(b"plain\n")
    if not system.until(lambda: "plain" in deck.lines("read"), 15):
        yield "the file beside it started no run"
    system.until(lambda: "odd" in deck.lines("read"), 3)
    runs = deck.told("runs")["runs"]
    if "odd" not in deck.lines("read") and len(runs) > 1:
        yield f"a run for the odd name did not read it: {[run['state'] for run in runs]}"
    yield from holds_on(deck, engine)


def schedule_of_nowhere(deck: Deck) -> Iterator[str]:
    """Odd schedules and settings are faults with words."""
    engine = deck.start()
    for text in (
        'cron = "0 0 30 2 *"',
        'cron = "* * * * *", tz = "Nowhere/Land"',
        'cron = "* * * * *", catchup = "1e9d"',
        'cron = "99 99 99 99 99"',
    ):
        workflow(deck, "odd", f'[on]\nschedule = {{ {text} }}\n[task.one]\nrun = ["true"]\n')
        said = deck.run("workflow", "check", "odd")
        if said.crashed:
            yield f"check of {text}: {said.words}"
        system.until(lambda: deck.engines() != [engine], 1)
    for text in (
        "slots = 1e999",
        "age_step = nan",
        "age_step = inf",
        f"keep_ended = {2**70}",
        'quiet_after = "1e400d"',
    ):
        deck.configure(f"[engine]\n{text}\n")
        said = deck.run("config", "check")
        if said.code == 0 or said.crashed:
            yield f"config check of {text}: {said.words}"
        deck.run("ls")
    deck.configure("")
    yield from holds_on(deck, engine)


INPUTS = (
    Input("2,000 tries without a delay", many_retries, slow=True),
    Input("a million tries", a_million_retries),
    Input("NaN, 1e999 and other numbers in a batch", numbers_of_batches, slow=True),
    Input("an infinite or huge number as an option", infinite_options),
    Input("a batch whose second line is bad", half_a_batch),
    Input("signals 32 to 64, and those that are none", odd_signals),
    Input("hello with null, a list, a number; lines that are no requests", odd_hellos),
    Input("JSON 3,000 deep in any verb", deep_requests),
    Input("numbers beyond 64 bits in any verb", huge_numbers),
    Input("half surrogates, NUL, escapes and megabytes as texts", odd_texts),
    Input("a number of 400 digits as an output", long_numbers),
    Input("a pattern that backtracks for ever", slow_pattern),
    Input("a file name that is not UTF-8 for on.file", names_that_are_no_text),
    Input("odd schedules and settings", schedule_of_nowhere),
)
