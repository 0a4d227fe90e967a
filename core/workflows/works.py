"""What a node does, and how often: from the keys of its task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.workflows import clashes, matrix
from core.workflows.calls import is_path
from core.workflows.collecting import NAME, NAME_WORDS, RESERVED, Place
from core.workflows.model import Call, Choose, Command, Each, Fan, Matrix, Over, Prompt, Reduce, Scatter, Shell, Work
from core.workflows.tasktable import many

if TYPE_CHECKING:
    from core.workflows.expressions import Template
    from core.workflows.parts import Parts
    from core.workflows.tasktable import CallTable, ChooseTable, MapTable, TaskTable

MAX_ITEMS = 10_000
"""Elements of a map that does not say how many it may have."""


def work(parts: Parts, task: TaskTable) -> Work | None:
    if task.run is not None:
        return _shell(parts, task.run) if isinstance(task.run, str) else Command(_argv(parts, task.run, "run"))
    if task.prompt is not None:
        if not task.prompt.strip():
            parts.wrong("expected a text for the agent", "prompt")
        return Prompt(parts.template(task.prompt, "prompt"), _argv(parts, task.check, "check") if task.check else ())
    if task.call is not None:
        return _call(parts, task.call)
    return None if task.choose is None else _choose(parts, task.choose)


def _shell(parts: Parts, text: str) -> Shell:
    if "${" in text:
        words = "a text for the shell takes no ${…}: hand values over by env and write $NAME, or write run as a list"
        parts.wrong(words, "run")
    if not text.strip() or "\0" in text:
        parts.wrong("expected a command", "run")
    return Shell(text)


def _argv(parts: Parts, words: tuple[str, ...], key: str) -> tuple[Template, ...]:
    if not words or not words[0]:
        parts.wrong("expected a program and its words", key)
    return tuple(parts.template(word, key, place) for place, word in enumerate(words))


def _call(parts: Parts, call: CallTable) -> Call:
    if not is_path(call.file):
        parts.wrong("expected a path from the folder of this file", "call", "file")
    given = tuple((name, parts.structure(value, "call", "with", name)) for name, value in call.with_.items())
    return Call(call.file, given, call.if_parent_stops)


def _choose(parts: Parts, choose: ChooseTable) -> Choose:
    on = parts.template(choose.on, "choose", "on", place=Place.NODE)
    if on.constant:
        parts.wrong("it is always the same: expected a value of an earlier task, as ${TASK.out…}", "choose", "on")
    if not choose.cases:
        parts.wrong('expected at least one case, as in cases = { "yes" = ["TASK"] }', "choose", "cases")
    return Choose(on, tuple((value, many(names)) for value, names in choose.cases.items()), many(choose.else_))


def fan(parts: Parts, task: TaskTable) -> Fan | None:
    if task.matrix is not None:
        return _matrix(parts, task.matrix)
    return None if task.map is None else _map(parts, task.map)


def _matrix(parts: Parts, written: dict[str, tuple[Any, ...]]) -> Fan | None:
    found = list(matrix.faults(written))
    parts.tell(found, "matrix")
    if found:
        return None
    try:
        return Fan(Matrix(matrix.rows(written)), name="matrix")
    except ValueError as error:
        parts.wrong(str(error), "matrix")
        return None


def _map(parts: Parts, table: MapTable) -> Fan | None:
    parts.tell(clashes.of_map(table), "map")
    if not NAME.fullmatch(table.as_) or table.as_ in RESERVED - {"item"}:
        parts.wrong(f"expected a name of {NAME_WORDS}, which nothing else has", "map", "as")
    if table.each is not None:
        source: Each | Over = Each(table.each)
    elif table.over is not None:
        source = Over(_over(parts, table.over))
    else:
        return None
    return Fan(source, table.as_, table.parallel, table.batch or 1, table.fail_fast, table.max_items or MAX_ITEMS)


def _over(parts: Parts, text: str) -> Template:
    template = parts.template(text, "map", "over", place=Place.NODE)
    if not template.single:
        parts.wrong("expected one ${…} and nothing beside it, which refers to a list", "map", "over")
    elif template.constant and not isinstance(template.value({}), list):
        parts.wrong("expected a list", "map", "over")
    return template


def scatter(parts: Parts, task: TaskTable) -> Scatter | None:
    table = task.scatter
    if table is None:
        return None
    parts.tell(clashes.of_scatter(table), "scatter")
    parts.words(table.needs, "scatter", "needs")
    enough = {"all": table.agents, "first": 1, "quorum": table.quorum or table.agents}
    return Scatter(table.agents, table.until, enough[table.until], table.within)


def reduce(parts: Parts, task: TaskTable) -> Reduce | None:
    return None if task.reduce is None else Reduce(task.reduce.from_, task.reduce.order, task.reduce.min_success)
