"""The keys that a workflow file may have: shapes that pydantic checks. What they mean together is not known here."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from pydantic import Tag

from core import bounds
from core.units import Data, Duration, Positive, Rank, at_most
from core.workflows.tasktable import AgentOrName, Many, RetryTable, TaskTable, TimeoutTable, either, table


@table
class ScheduleTable:
    cron: str
    """Minute, hour, day of the month, month, day of the week, as in "30 2 * * 1-5"."""
    tz: str = "UTC"
    """Name of the time zone, as Europe/Berlin."""
    overlap: Literal["skip", "queue", "allow"] = "skip"
    """What happens where the run before has not ended."""
    catchup: Duration = 0.0
    """For so long, a start that was missed is made up for: the latest of them."""


@table
class EventTable:
    topic: str | None = None
    where: str | None = None
    """An expression over `event`."""
    file: str | None = None
    """Instead of a topic: a path below the folder of the workflow; its last part may have * ? and []."""
    settle: Duration | None = None
    """For so long, the file must not have changed (1s)."""


@table
class FileTable:
    file: str
    """A path below the folder of the workflow; its last part may have * ? and []."""
    settle: Duration | None = None
    """For so long, the file must not have changed (1s)."""


FileOrTable = Annotated[
    Annotated[str, Tag("[text]")] | Annotated[FileTable, Tag("[one]")],
    either("a path, or a table with file and settle"),
]


@table
class OnTable:
    """What starts a run."""

    manual: bool = True
    schedule: Many[ScheduleTable] = ()
    event: Many[EventTable] = ()
    file: Annotated[
        Annotated[str, Tag("[text]")]
        | Annotated[FileTable, Tag("[one]")]
        | Annotated[tuple[FileOrTable, ...], Tag("[list]")],
        either("a path, a table with file and settle, or a list of them"),
    ] = ()


@table
class ParamTable:
    """A value that whoever starts a run gives."""

    type: Literal["string", "int", "float", "bool", "list", "json"] = "string"
    required: bool = False
    default: Data = None
    min: float | None = None
    max: float | None = None
    choices: Annotated[tuple[Data, ...], at_most(bounds.MAX_ITEMS)] = ()
    pattern: str | None = None
    """A regular expression that the whole text must match."""
    about: str = ""


@table
class RunTable:
    key: str | None = None
    """A second start with the same key gives the run that there is."""
    group: str | None = None
    group_max: Positive | None = None
    """Runs of the group at once; the others wait."""
    max_active: Positive | None = None
    """Tasks of the run at once."""
    deadline: Duration | None = None
    on_failure: Literal["finish", "cancel"] = "finish"
    """Whether what does not depend on a failed task goes on."""
    priority: Rank = 0


@table
class DefaultsTable:
    """What tasks have that do not say otherwise."""

    timeout: TimeoutTable = field(default_factory=TimeoutTable)
    retry: RetryTable = field(default_factory=RetryTable)
    agent: AgentOrName | None = None
    cwd: str | None = None
    env: dict[str, str] = field(default_factory=dict)


@table
class WorkflowFile:
    """A workflow of muxdeck."""

    schema: Literal[1]
    name: str | None = None
    """By default that of the file."""
    about: str = ""
    on: OnTable = field(default_factory=OnTable)
    params: dict[str, ParamTable] = field(default_factory=dict)
    run: RunTable = field(default_factory=RunTable)
    defaults: DefaultsTable = field(default_factory=DefaultsTable)
    task: dict[str, TaskTable] = field(default_factory=dict)
    finally_: dict[str, TaskTable] = field(default_factory=dict)
    """Tasks that run once after everything else, whatever happened."""
