"""Requests for every verb, made from the shapes of its parameters: good, nearly good, and odd ones."""

from __future__ import annotations

import json
import random
import re
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from core import requests

ENGINE = Path(requests.__file__).parent / "engine"
GROUP = "fuzz"
"""Of the tasks that are added here, and the only ones that are stopped, held or cleaned here."""
OWN = 5
"""The tasks with the first numbers are of this group."""
DEEP = "@deep@"
_KEPT_AWAY = frozenset({"quit"})

COMMANDS = (["true"], ["sh", "-c", "exit 3"], ["sleep", "0.2"], ["printf", "x\\0y"], ["/nowhere"], ["cat"])
TEXTS = (
    *("", "x", "\0", "\ud800", "../../..", "/dev/null", "\x1b]0;x\x07", "a" * 5000, "1", "-1", "1-1", "operator", "\n"),
    *("agent:local", "group:fuzz", "%s", "🦊", "${x}", "local", "default", "fuzz", "queued", "running", "1h", "1e400d"),
    *("2030-01-31T08:00", "9999-12-31T23:59", "0000-00-00", "NaN", "nobody", "odd", "inbox", "Escape", "\u2028"),
)
NUMBERS = (-1, 0, 1, 2, 3, OWN, 2**31, 2**53, 2**63 - 1, 2**63, 2**64, 10**30, -(2**63) - 1, 0.5, 1e308, -0.0)
ODD: tuple[Any, ...] = (
    *(None, True, [], {}, [[]], {"": None}, float("nan"), float("inf"), float("-inf"), DEEP, 10**400),
    *(*NUMBERS, *TEXTS),
)


def verbs() -> dict[str, type]:
    """The shape of the parameters of each, read from the source of the engine."""
    pairs = re.compile(r'"([a-z-]+)"\]?\s*[:=]\s*\(r\.(\w+),')
    found = {}
    for file in sorted(ENGINE.rglob("*.py")):
        for name, shape in pairs.findall(file.read_text(encoding="utf-8")):
            found[name] = getattr(requests, shape)
    found |= {"hello": requests.Hello, "watch": requests.Nothing}
    return {name: shape for name, shape in found.items() if name not in _KEPT_AWAY}


class Requests:
    """Makes them at random, from a seed; `folder` is where programs may run."""

    def __init__(self, seed: str, folder: str, environment: dict[str, str]) -> None:
        self._chance = random.Random(seed)
        self._folder = folder
        self._environment = environment
        self._verbs = verbs()
        self.known: list[int] = list(range(1, OWN + 1))
        """Tasks that were added by such requests."""

    def next(self) -> tuple[str, bytes]:
        """The verb, and the line without its end."""
        do = self._chance.choice(list(self._verbs))
        parameters: Any = self._good(self._verbs[do])
        roll = self._chance.random()
        if roll < 0.5:
            parameters = self._spoiled(parameters)
        elif roll < 0.6:
            parameters = self._chance.choice(ODD)
        return do, self.line(do, self._harmless(do, parameters))

    def line(self, do: object, parameters: object) -> bytes:
        text = json.dumps({"id": self._chance.randrange(1 << 30), "do": do, "with": parameters})
        deep = self._chance.choice(("[" * 3000 + "]" * 3000, '{"a":' * 3000 + "1" + "}" * 3000))
        return text.replace(json.dumps(DEEP), deep).encode()

    def garbage(self) -> bytes:
        """A line that is no request, or a part of one."""
        _, line = self.next()
        return self._chance.choice(
            (
                self._chance.randbytes(self._chance.randrange(1, 2000)).replace(b"\n", b""),
                line[: self._chance.randrange(len(line))],
                b"null",
                b"[]",
                b'{"id":' + b"9" * 5000 + b',"do":"status"}',
                b'{"id":[],"do":{},"with":7}',
                b'{"id":1,"do":"status","with":NaN}',
                b"",
            )
        )

    def _harmless(self, do: str, parameters: Any) -> Any:
        """Keeps away from what others have: real tasks, sessions of people."""
        if not isinstance(parameters, dict):
            return parameters
        if do == "kill-foreign":
            return parameters | {"socket": f"{self._folder}/none.sock"}
        if isinstance(parameters.get("tasks"), dict):
            parameters = parameters | {"tasks": parameters["tasks"] | {"group": GROUP}}
        if do == "group" and parameters.get("group") == "real":
            return parameters | {"group": GROUP}
        return parameters

    def _spoiled(self, value: Any) -> Any:
        """One place of it is something odd."""
        if isinstance(value, dict) and value and self._chance.random() < 0.9:
            key = self._chance.choice(list(value))
            return value | {key: self._spoiled(value[key])}
        if isinstance(value, list) and value and self._chance.random() < 0.8:
            place = self._chance.randrange(len(value))
            return [*value[:place], self._spoiled(value[place]), *value[place + 1 :]]
        return self._chance.choice(ODD)

    def _good(self, hint: Any, name: str = "") -> Any:
        named = self._named(name)
        if named is not None:
            return named
        origin, inside = get_origin(hint), get_args(hint)
        if origin is Annotated:
            return self._good(inside[0], name)
        if origin in (Union, UnionType):
            return self._good(self._chance.choice(inside), name)
        if origin is Literal:
            return self._chance.choice(inside)
        if origin in (tuple, frozenset, list):
            return [self._good(inside[0]) for _ in range(self._chance.randrange(3))] if inside else []
        if origin is dict:
            return {self._chance.choice(TEXTS): self._good(inside[1]) for _ in range(self._chance.randrange(3))}
        if is_dataclass(hint):
            return self._table(hint)
        if is_typeddict(hint):
            hints = get_type_hints(hint, include_extras=True)
            return {key: self._good(kind, key) for key, kind in hints.items() if self._chance.random() < 0.3}
        return self._plain(hint)

    def _named(self, name: str) -> Any:
        """What programs and folders are is never left to chance."""
        return {
            "command": self._chance.choice(COMMANDS),
            "shell": self._chance.choice(("true", "exit 3", "sleep 0.1", "")),
            "cwd": self._chance.choice((self._folder, "/nowhere", self._folder)),
            "env": self._environment if self._chance.random() < 0.9 else {"A": "\0"},
            "group": GROUP,
            "changes": {"name": self._chance.choice(TEXTS)},
        }.get(name)

    def _table(self, hint: Any) -> dict[str, Any]:
        hints = get_type_hints(hint, include_extras=True)
        named = [one for one in fields(hint) if self._wanted(one)]
        if hint is requests.TaskRequest:
            kind = self._chance.choice(("command", "command", "shell", "prompt"))
            named = [one for one in named if one.name not in ("command", "shell", "prompt", "env", "resume", "check")]
            return {one.name: self._good(hints[one.name], one.name) for one in named} | {
                kind: self._good(hints[kind], kind),
                "group": GROUP,
            }
        return {one.name: self._good(hints[one.name], one.name) for one in named}

    def _wanted(self, one: Any) -> bool:
        """What must be there, and a part of what may."""
        must = one.default is MISSING and one.default_factory is MISSING
        return must or self._chance.random() < 0.25

    def _plain(self, hint: Any) -> Any:
        if hint is bool:
            return self._chance.random() < 0.5
        if hint is int:
            return self._chance.choice((*self.known[-20:], 1, 2, 3, OWN))
        if hint is float:
            return self._chance.choice((0.0, 0.5, 1.0, 3600.0))
        if hint in (None, NoneType):
            return None
        if hint is str:
            return self._chance.choice(TEXTS)
        return self._chance.choice(ODD)
