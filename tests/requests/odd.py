"""Odd requests: for each verb parameters that fit, and the same with something odd in the place of one of them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]

ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    2**31,
    2**53 + 1,
    2**63,
    -(2**63) - 1,
    10**400,
    1e308,
    -1e308,
    float("inf"),
    float("-inf"),
    float("nan"),
    "",
    " ",
    "a\x00b",
    "\x1b]0;x\x07",
    "\u202e\n\r\u2028",
    "\ud800",
    "\udcff",
    "9" * 400,
    "9" * 4000 + "h",
    "1e999",
    "nan",
    "../../etc/passwd",
    "/dev/zero",
    "~" * 5000,
    "999999999999d",
    "0001-01-01T00:00",
    "9999-12-31T23:59:59",
    [],
    [[]],
    [None],
    [1, "a", {}],
    [2**63, -1, 0],
    [float("nan")],
    ["\x00"],
    {},
    {"": None},
    {"a": {"b": float("inf")}},
    {"\x00": "\ud800"},
    {"states": ["asleep"], "group": "\x00", "older_than": 1e308},
    [0] * 3000,
)


def nested(levels: int) -> Any:
    value: Any = 0
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


CONTEXT: Json = {"cwd": "/", "env": {"PATH": "/usr/bin:/bin", "HOME": "/"}, "umask": 0o022}
TASK: Json = {
    "command": ["true", "x"],
    "name": "odd",
    "cwd": "tmp",
    "env": {"A": "b"},
    "stdin": "/dev/null",
    "priority": 0,
    "after_any": [1],
    "group": "odd",
    "batch": "odd",
    "hold": True,
    "delay": 3600,
    "not_before": 4e9,
    "retry": {
        "attempts": 2,
        "first": 1.0,
        "factor": 2.0,
        "cap": 9.0,
        "jitter": 0.1,
        "never_exit": [2],
        "lost": False,
        "elsewhere": False,
    },
    "timeout": {"queue": 9e5, "run": 9.0, "idle": 9.0, "total": 9.0, "grace": 1.0},
}
SPEAKER: Json = {"attempt": "1-1", "token": "x"}
GOOD: dict[str, Json] = {
    "add": {"tasks": [TASK, {"shell": "true", "hold": True}], "context": CONTEXT},
    "check": {
        "tasks": [TASK, {"prompt": "text", "check": ["true"], "resume": 1}],
        "context": CONTEXT,
        "earlier": ["k"],
    },
    "edit": {"task": 2, "changes": TASK},
    "pause": {"tasks": [2]},
    "resume": {"tasks": {"states": ["queued"], "group": "odd", "older_than": None}},
    "list": {"states": ["queued"], "group": "odd", "text": "x", "limit": 10, "after": 0},
    "show": {"task": 2},
    "why": {"task": 2},
    "log": {"task": 1, "attempt": 1, "offset": 0, "limit": 100},
    "wait": {"tasks": [1], "timeout": 0.01},
    "notes": {"task": 2, "limit": 5},
    "agents": {},
    "agent-explain": {"agent": "local"},
    "groups": {},
    "stats": {},
    "status": {},
    "sessions": {"foreign": False},
    "kill-foreign": {
        "socket": "/nowhere/at-all",
        "session": "$99999999",
        "confirmed": "kill a session that is not muxdeck's",
    },
    "screen": {"task": 1, "lines_above": 5, "seen": "x"},
    "type": {"task": 1, "text": "x", "enter": True},
    "answer": {"task": 1, "key": "1", "since": 1e9},
    "interrupt": {"task": 1},
    "attach": {"task": 1},
    "run": {"file": "odd", "params": {"word": "x", "count": 1, "share": 0.5, "free": {"a": 1}}, "context": CONTEXT},
    "runs": {"state": "failed", "workflow": "odd", "limit": 5},
    "run-show": {"run": 1},
    "run-file": {"run": 1},
    "run-wait": {"run": 1, "timeout": 0.01},
    "run-cancel": {"runs": [1]},
    "run-pause": {"runs": [1]},
    "run-resume": {"runs": [1]},
    "run-retry": {"run": 1, "node": "a"},
    "run-clean": {"runs": [99]},
    "gate": {"run": 1, "node": "a", "approved": True, "text": "x"},
    "events": {"limit": 5},
    "results": {"batch": "odd"},
    "diff": {"task": 1},
    "merge": {"task": 1, "message": "x"},
    "remove-worktree": {"task": 1, "force": False},
    "clean": {"tasks": [99]},
    "report": {"speaker": SPEAKER, "kind": "progress", "text": "x"},
    "msg": {"speaker": None, "to": "operator", "text": "x", "ttl": 9.0},
    "inbox": {"speaker": None, "ack": [1]},
    "mail": {"limit": 5},
    "spawn": {"speaker": SPEAKER, "tasks": [TASK], "context": CONTEXT},
    "emit": {"topic": "odd", "speaker": None, "data": {"a": [1]}, "key": "k"},
    "retry": {"tasks": [1]},
    "stop": {"tasks": [3], "now": False},
    "signal": {"tasks": [1], "signal": 18},
    "hold": {"tasks": [2]},
    "release": {"tasks": [99]},
    "start-now": {"tasks": [99]},
    "priority": {"tasks": [2], "priority": 1},
    "swap": {"task": 2, "other": 3},
    "group": {"group": "odd", "paused": False, "limit": 3},
    "agent": {"agent": "local", "mode": "on"},
    "everything": {"paused": False},
    "quit": {},
}
"""By verb; `quit` is only asked with what it must refuse."""


def requests(verb: str) -> Iterator[Any]:
    """Parameters with one odd thing, and parameters that are odd as a whole."""
    good = GOOD[verb]
    for odd in (*ODD, nested(90), nested(150)):
        if odd != {}:
            yield odd
        yield {**good, "odd": odd}
    for path in _paths(good):
        yield _without(good, path)
        for odd in (*ODD, nested(90), nested(150)):
            yield _with(good, path, odd)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from _paths(inner, (*path, key))


def _with(good: Any, path: tuple[Any, ...], odd: Any) -> Any:
    changed = copy.deepcopy(good)
    _around(changed, path)[path[-1]] = odd
    return changed


def _without(good: Any, path: tuple[Any, ...]) -> Any:
    changed = copy.deepcopy(good)
    del _around(changed, path)[path[-1]]
    return changed


def _around(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        value = value[key]
    return value
