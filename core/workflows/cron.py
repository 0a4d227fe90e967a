"""When a schedule comes: cron's five fields in a time zone, as Debian's cron reads them.

Where the clock is put forward, a time that is left out comes at the first moment after it; where it is put back, a
time that there is twice comes once. Schedules that begin with * in the minute or the hour go by the time that passes.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from core.faults import unknown_key
from core.text import one_line, plural

FIELDS = "minute, hour, day of the month, month, day of the week"
_GROWTH = 8


def following(cron: str, tz: str, after: float) -> float | None:
    """The first time after another, both in Unix time; None where there is none within 50 years.

    ValueError says what is wrong with the schedule or the name of its time zone.
    """
    zone = _zone(tz)
    begin = datetime.fromtimestamp(after, zone)
    try:
        times = CronSim(_fields(cron), begin)
    except CronSimError as error:
        raise ValueError(_refusal(cron, str(error).lower())) from None
    for time in times:
        # Where an hour comes twice, the iterator counts the second one as the first.
        if (found := time.timestamp()) > after:
            return found
    return None


def latest(cron: str, tz: str, after: float, until: float) -> float | None:
    """The last time that is after one and not after the other, in Unix time; None where there is none.

    ValueError as `following`.
    """
    span = 60.0
    while True:
        begin = max(after, until - span)
        found = following(cron, tz, begin)
        if found is not None and found <= until:
            return _last(cron, tz, found, until)
        if begin <= after:
            return None
        span *= _GROWTH


def _last(cron: str, tz: str, found: float, until: float) -> float:
    while (later := following(cron, tz, found)) is not None and later <= until:
        found = later
    return found


def _fields(cron: str) -> str:
    """Five fields. A library would take seconds as a sixth, and signs of other alphabets as digits."""
    if len(cron.split()) != 5 or not cron.isascii() or len(cron) > 200:
        raise ValueError(_refusal(cron, plural(len(cron.split()), "field")))
    return cron


def _refusal(cron: str, why: str) -> str:
    return f'{one_line(cron, 60)!r} is no schedule ({why}): expected {FIELDS}, as in "30 2 * * 1-5"'


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise ValueError(unknown_key(name, sorted(available_timezones()), "time zone")) from None
