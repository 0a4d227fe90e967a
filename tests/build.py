"""Short ways to write tasks in tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from core.messages import Add, NewTask
from core.model import Launch, Need, NeedKind, Policy, RetryPolicy, TaskSpec, Timeouts, Wanted

TRUE = Launch(argv=("true",))


def spec(
    name: str = "t", *, retry: RetryPolicy | None = None, timeouts: Timeouts | None = None, **fields: Any
) -> TaskSpec:
    policy = Policy(retry or RetryPolicy(), timeouts or Timeouts())
    if "agent" in fields:
        fields["wanted"] = Wanted(fields.pop("agent"))
    return replace(TaskSpec(launch=TRUE, name=name, policy=policy), **fields)


def new(
    name: str = "t", *, ok: tuple[int, ...] = (), any_: tuple[int, ...] = (), fail: tuple[int, ...] = (), **fields: Any
) -> NewTask:
    needs = [Need(parent, NeedKind.OK) for parent in ok]
    needs += [Need(parent, NeedKind.ANY) for parent in any_]
    needs += [Need(parent, NeedKind.FAIL) for parent in fail]
    return NewTask(spec(name, **fields), tuple(needs))


def add(*tasks: NewTask) -> Add:
    return Add(tasks or (new(),))
