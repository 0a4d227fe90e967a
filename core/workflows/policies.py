"""The policy of a task: what it says itself, else what the file says for all, else what the settings say."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Literal

from core.model import Policy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.workflows.file import DefaultsTable
    from core.workflows.tasktable import RetryTable, TaskTable, TimeoutTable

Lost = Literal["hold", "retry", "fail"]


class Policies:
    """Tasks that ask for the same share one policy."""

    def __init__(self, base: Policy, defaults: DefaultsTable) -> None:
        timeouts = replace(base.timeouts, **_given(defaults.timeout))
        self._base = Policy(replace(base.retry, **_retry(defaults.retry)), timeouts)
        self._made: dict[tuple[RetryTable, TimeoutTable, Lost | None], Policy] = {}

    def of(self, task: TaskTable) -> tuple[Policy, Lost]:
        key = (task.retry, task.timeout, task.lost)
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = self._policy(task)
        return made, task.lost or ("retry" if made.retry.lost else "hold")

    def _policy(self, task: TaskTable) -> Policy:
        retry = replace(self._base.retry, **_retry(task.retry))
        if task.lost is not None:
            retry = replace(retry, lost=task.lost == "retry")
        elif "lost" in (task.retry.on or ()):
            retry = replace(retry, lost=True)
        return Policy(retry, replace(self._base.timeouts, **_given(task.timeout)))


def faults(task: TaskTable) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with what a task says, by the key within it."""
    on = task.retry.on or ()
    if "lost" in on and task.lost not in (None, "retry"):
        yield ("lost",), f'expected "retry", as lost is in retry.on; found "{task.lost}"'
    if task.lost == "retry" and on and "lost" not in on:
        yield ("retry", "on"), 'expected "lost" in it as well, as lost = "retry" says'


def _given(table: RetryTable | TimeoutTable) -> dict[str, Any]:
    values = ((field.name, getattr(table, field.name)) for field in fields(table))
    return {name: value for name, value in values if value is not None}


def _retry(table: RetryTable) -> dict[str, Any]:
    """By the names of the model."""
    given = _given(table)
    for name in ("on", "never_exit"):
        if name in given:
            given[name] = frozenset(given[name])
    if "max" in given:
        given["cap"] = given.pop("max")
    if given.pop("move", None) is not None:
        given["elsewhere"] = True
    return given
