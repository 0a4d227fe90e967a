"""From a TOML file to Settings."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from core.boundary import BadInputError, Problem, adapter, dotted, read_json, unknown_key
from core.config.positions import line_of, lines_of
from core.kinds import catalogue
from core.model import LOCAL_AGENT
from core.settings import COMMAND_KIND, Settings
from core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from core.kinds.kind import Kind

_SYNTAX = re.compile(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)")
_NAME = re.compile(r"[A-Za-z0-9._:/@+-]{1,64}", re.ASCII)


class Fault(NamedTuple):
    """One fault of a file."""

    file: str
    line: int | None
    key: str
    text: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.key}: {self.text}" if self.key else f"{place}: {self.text}"


class ConfigError(Exception):
    """The file is not used; `faults` has everything that is wrong with it."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


def read(path: Path) -> Settings:
    """The settings of a file, or the defaults where there is none. ConfigError names every fault."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Fault(str(path), None, "", f"cannot be read: {error}")]) from None
    return parse(text, str(path))


def parse(text: str, file: str) -> Settings:
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([_syntax_fault(file, str(error))]) from None
    lines = lines_of(text)
    try:
        settings = read_json(Settings, json.dumps(written, default=_unknown))
        problems = [*_senseless(settings), *_of_agents(settings, catalogue.load(Path(file).parent / "kinds"))]
    except BadInputError as error:
        problems = list(error.problems)
    if problems:
        raise ConfigError(
            sorted(
                (Fault(file, line_of(lines, one.path), dotted(one.path), one.text) for one in problems),
                key=lambda fault: fault.line or 0,
            )
        )
    return settings


def schema() -> dict[str, Any]:
    """JSON Schema of the file, for editors."""
    return adapter(Settings).json_schema()


def _senseless(settings: Settings) -> list[Problem]:
    """What each value alone does not show."""
    problems = [
        Problem((table, name), "expected a name of up to 64 letters, digits and . _ : / @ + -")
        for table, names in (("agent", settings.agent), ("group", settings.group))
        for name in names
        if not _NAME.fullmatch(name)
    ]
    local = settings.agent.get(LOCAL_AGENT)
    if local is not None and (local.command or local.kind != COMMAND_KIND):
        key = "command" if local.command else "kind"
        problems.append(Problem(("agent", LOCAL_AGENT, key), "the local agent runs commands as they are"))
    return problems


def _of_agents(settings: Settings, kinds: Mapping[str, Kind]) -> Iterator[Problem]:
    for name, agent in settings.agent.items():
        at = ("agent", name)
        if agent.kind not in (COMMAND_KIND, *kinds):
            known = sorted((COMMAND_KIND, *kinds))
            yield Problem((*at, "kind"), unknown_key(agent.kind, known, "kind"))
        for capability in agent.capabilities:
            if not _NAME.fullmatch(capability):
                yield Problem((*at, "capabilities"), f"{one_line(capability, 40)!r} is not a word of up to 64 letters")
        if agent.kind == COMMAND_KIND:
            given = {key: getattr(agent, key) for key in ("options", "model", "env")}
            given |= {"worktree": agent.worktree == "task", "mode": agent.mode == "interactive"}
            yield from (Problem((*at, key), "is for agents that take prompts") for key, value in given.items() if value)
        elif agent.kind in kinds and not kinds[agent.kind].program and not agent.command:
            yield Problem((*at, "command"), f'expected the program of the agent, as in command = ["{name}"]')


def _syntax_fault(file: str, message: str) -> Fault:
    match = _SYNTAX.fullmatch(message)
    if match is None:
        return Fault(file, None, "", f"not valid TOML: {message}")
    return Fault(file, int(match[2]) if match[2] else None, "", f"not valid TOML: {match[1]}")


def _unknown(value: object) -> str:
    """Dates and times of TOML, which no setting is: their text will not be what is expected."""
    return str(value)
