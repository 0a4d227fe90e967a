"""From a TOML file to Settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import tomlfile
from core.boundary import adapter
from core.faults import Problem, unknown_key
from core.interactive import rulebook
from core.kinds import catalogue
from core.kinds.kind import Headless
from core.model import LOCAL_AGENT
from core.plainfile import read_text
from core.settings import COMMAND_KIND, Settings
from core.text import one_line
from core.tomlfile import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from core.kinds.kind import Kind
    from core.settings import AgentSettings

_NAME = re.compile(r"[A-Za-z0-9._:/@+-]{1,64}", re.ASCII)


class ConfigError(Exception):
    """The file is not used; `faults` has everything that is wrong with it."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


def read(path: Path) -> Settings:
    """The settings of a file, or the defaults where there is none. ConfigError names every fault."""
    try:
        text = read_text(path)
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Fault(str(path), None, "", f"cannot be read: {error}")]) from None
    return parse(text, str(path))


def parse(text: str, file: str) -> Settings:
    folder = Path(file).parent / "kinds"
    kinds = catalogue.load(folder)

    def senseless(found: Settings) -> list[Problem]:
        return [*_senseless(found), *_of_agents(found, kinds, folder)]

    found = tomlfile.read(Settings, text, file, senseless)
    if found[0] is None:
        raise ConfigError(list(found[1]))
    return found[0]


def around(path: Path) -> list[Fault]:
    """What is wrong with the files beside the configuration: those files are passed over."""
    return [*catalogue.read(path.parent / "kinds").faults, *rulebook.faults(path.parent / "screens")]


def check(path: Path) -> list[Fault]:
    """Everything that is wrong with the file, and with those beside it."""
    try:
        read(path)
    except ConfigError as error:
        return [*around(path), *error.faults]
    return around(path)


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


def _of_agents(settings: Settings, kinds: Mapping[str, Kind], folder: Path) -> Iterator[Problem]:
    for name, agent in settings.agent.items():
        at = ("agent", name)
        if agent.kind not in (COMMAND_KIND, *kinds):
            faulty = _NAME.fullmatch(agent.kind) and (folder / f"{agent.kind}.toml").exists()
            known = sorted((COMMAND_KIND, *kinds))
            text = f"kinds/{agent.kind}.toml has faults" if faulty else unknown_key(agent.kind, known, "kind")
            yield Problem((*at, "kind"), text)
        for capability in agent.capabilities:
            if not _NAME.fullmatch(capability):
                yield Problem((*at, "capabilities"), f"{one_line(capability, 40)!r} is not a word of up to 64 letters")
        if agent.kind == COMMAND_KIND:
            given = {key: getattr(agent, key) for key in ("options", "model", "env")}
            given |= {"worktree": agent.worktree == "task", "mode": agent.mode == "interactive", "edits": agent.edits}
            yield from (Problem((*at, key), "is for agents that take prompts") for key, value in given.items() if value)
        elif (kind := kinds.get(agent.kind)) is not None:
            yield from (Problem((*at, *path), text) for path, text in _of_kind(name, agent, kind))


def _of_kind(name: str, agent: AgentSettings, kind: Kind) -> Iterator[tuple[tuple[str, ...], str]]:
    """What an agent is told that its kind cannot do, and what the kind needs."""
    how = kind.how(agent.mode)
    if agent.limit.cost is not None and not (isinstance(how, Headless) and how.budget):
        yield ("limit", "cost"), f"{kind.title} cannot be told what a run may cost"
    if agent.edits and how is not None and how.edits is None:
        yield ("edits",), f"{kind.title} cannot be told: say it in its options"
    if not kind.program and not agent.command:
        yield ("command",), f'expected the program of the agent, as in command = ["{name}"]'
