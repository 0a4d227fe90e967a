"""What starts a workflow, what it may be given, and how its runs go: from the tables to the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import patterns
from core.workflows import cron
from core.workflows.binding import fitting
from core.workflows.collecting import NAME, NAME_WORDS, TOPIC, TOPIC_WORDS, Collector, Key, Place
from core.workflows.file import EventTable, FileTable
from core.workflows.model import OnEvent, OnFile, Param, RunSettings, Schedule, Triggers
from core.workflows.tasktable import numbered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from core.workflows.file import OnTable, ParamTable, RunTable, ScheduleTable


def triggers(table: OnTable, collector: Collector, *, grouped: bool) -> Triggers:
    """`grouped` where its runs have a group of their own."""
    events, files = [], []
    for key, event in numbered(table.event, "on", "event"):
        if event.file is not None:
            files.append(_file(event, key, collector))
        if (event.topic is None) is (event.file is None):
            collector.wrong(key, 'expected either topic = "NAME" or file = "PATH"')
        elif event.topic is not None:
            events.append(_event(event, event.topic, key, collector))
    written: Iterator[tuple[Key, str | FileTable]] = numbered(table.file, "on", "file")
    for key, file in written:
        files.append(_file(FileTable(file=file) if isinstance(file, str) else file, key, collector))
    schedules = []
    for key, schedule in numbered(table.schedule, "on", "schedule"):
        schedules.append(_schedule(schedule, key, collector))
        if grouped and schedule.overlap == "queue":
            words = '[run] has a group: expected overlap = "allow" and group_max = 1, which makes them wait'
            collector.wrong((*key, "overlap"), words)
    return Triggers(table.manual, tuple(schedules), tuple(events), tuple(files))


def _event(table: EventTable, topic: str, key: Key, collector: Collector) -> OnEvent:
    if not TOPIC.fullmatch(topic):
        collector.wrong((*key, "topic"), f"expected {TOPIC_WORDS}")
    if table.settle is not None:
        collector.wrong((*key, "settle"), "it goes with file")
    where = (*key, "where")
    return OnEvent(topic, None if table.where is None else collector.expression(table.where, where, Place.TRIGGER))


def _file(table: EventTable | FileTable, key: Key, collector: Collector) -> OnFile:
    written = table.file or ""
    parts = written.split("/")
    if isinstance(table, EventTable) and table.where is not None:
        collector.wrong((*key, "where"), "it goes with topic")
    if not parts[-1] or ".." in parts or written.startswith("/") or "\0" in written:
        words = "expected a path below the folder of the workflow, as in inbox/*.md"
        collector.wrong((*key, "file") if isinstance(table, EventTable) else key, words)
    elif any(sign in part for part in parts[:-1] for sign in "*?["):
        collector.wrong(key, "only the last part of a path may have * ? and []")
    return OnFile(written) if table.settle is None else OnFile(written, table.settle)


def _schedule(table: ScheduleTable, key: Key, collector: Collector) -> Schedule:
    for name, fields, zone in (("cron", table.cron, "UTC"), ("tz", "0 0 * * *", table.tz)):
        try:
            if cron.following(fields, zone, 0.0) is None:
                collector.wrong((*key, name), "there is no such day within 50 years")
        except ValueError as error:
            collector.wrong((*key, name), str(error))
    return Schedule(table.cron, table.tz, table.overlap, table.catchup)


def parameters(tables: Mapping[str, ParamTable], collector: Collector) -> dict[str, Param]:
    return {name: _parameter(name, table, collector) for name, table in tables.items()}


def _parameter(name: str, table: ParamTable, collector: Collector) -> Param:
    key = ("params", name)
    before = len(collector.problems)
    if not NAME.fullmatch(name):
        collector.wrong(key, f"expected a name of {NAME_WORDS}")
    for bound in ("min", "max"):
        if getattr(table, bound) is not None and table.type not in ("int", "float"):
            collector.wrong((*key, bound), f"it goes with int and float, not with {table.type}")
    if table.min is not None and table.max is not None and table.min > table.max:
        collector.wrong((*key, "max"), f"expected at least min, which is {table.min:g}")
    if table.pattern is not None:
        _pattern(table, (*key, "pattern"), collector)
    if table.required and table.default is not None:
        collector.wrong((*key, "default"), "it is never used: a value is required")
    param = Param(name, table.type, table.required, table.default, table.min, table.max, (), table.pattern, table.about)
    if len(collector.problems) > before:
        return param
    choices = tuple(
        _fit(param, value, (*key, "choices", place), collector) for place, value in enumerate(table.choices)
    )
    param = Param(name, table.type, table.required, None, table.min, table.max, choices, table.pattern, table.about)
    if table.default is None or len(collector.problems) > before:
        return param
    default = _fit(param, table.default, (*key, "default"), collector)
    return Param(name, table.type, False, default, table.min, table.max, choices, table.pattern, table.about)


def _fit(param: Param, value: object, key: Key, collector: Collector) -> object:
    try:
        return fitting(param, value)
    except ValueError as error:
        collector.wrong(key, str(error))
        return value


def _pattern(table: ParamTable, key: Key, collector: Collector) -> None:
    if table.type != "string":
        collector.wrong(key, f"it goes with string, not with {table.type}")
    if (fault := patterns.fault(table.pattern or "")) is not None:
        collector.wrong(key, fault)


def run_settings(table: RunTable, collector: Collector) -> RunSettings:
    if table.group_max is not None and table.group is None:
        collector.wrong(("run", "group_max"), 'it goes with group, as in group = "NAME"')
    texts = {"key": table.key, "group": table.group}
    for name, text in texts.items():
        if text is not None and not text.strip():
            collector.wrong(("run", name), "expected text")
    made = {
        name: None if text is None else collector.template(text, ("run", name), Place.START)
        for name, text in texts.items()
    }
    return RunSettings(
        made["key"],
        made["group"],
        table.group_max,
        table.max_active,
        table.deadline,
        table.on_failure,
        table.priority,
    )
