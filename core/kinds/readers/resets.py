"""The time at which a limit is said to be over, from the words of an error."""

from __future__ import annotations

import re

_STAMP = re.compile(r"(?:\||reset\w*\W{1,5})(1\d{9})(?:\.\d+)?\b", re.IGNORECASE)
_AFTER = re.compile(
    r"(?:again|retry|resets?|retry[_-]?after)\W{0,4}(?:in|after)?\W{0,3}"
    r"((?:\d{1,6}(?:\.\d{1,6})?\s*(?:days?|hours?|hrs?|minutes?|mins?|milliseconds?|seconds?|secs?|ms|[dhms](?![a-z]))[\s,]*(?:and\s+)?)+)",
    re.IGNORECASE,
)
_PART = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s*(millis|ms|[dhms])", re.IGNORECASE)
_ISO = re.compile(r"(20\d\d-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d))")
_CLOCK = re.compile(
    r"(?:resets?|again)(?: at)? (\d{1,2})(?::(\d\d))?\s?([ap]m)\b(?: \(([A-Za-z_/+-]+)\))?", re.IGNORECASE
)
_SECONDS = {"millis": 0.001, "ms": 0.001, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}


def reset_time(text: str, now: float) -> float | None:
    """Unix time; None where the text names none. `now` is Unix time too."""
    if (stamp := _STAMP.search(text)) is not None:
        return float(stamp[1])
    if (after := _AFTER.search(text)) is not None:
        return now + sum(float(count) * _SECONDS[unit.lower()] for count, unit in _PART.findall(after[1]))
    if (iso := _ISO.search(text)) is not None:
        return _of_iso(iso[1])
    return None if (clock := _CLOCK.search(text)) is None else _next_time(clock, now)


def _of_iso(text: str) -> float | None:
    from datetime import datetime

    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def _next_time(clock: re.Match[str], now: float) -> float | None:
    """The next time that a clock shows this, in the zone named, or else in the local one."""
    from datetime import datetime, timedelta
    from zoneinfo import ZoneInfo

    hour, minute = int(clock[1]) % 12 + (12 if clock[3].lower() == "pm" else 0), int(clock[2] or 0)
    try:
        zone = ZoneInfo(clock[4]) if clock[4] else None
        today = datetime.fromtimestamp(now, zone).astimezone(zone)
        at = today.replace(hour=hour, minute=minute, second=0, microsecond=0)
    except (LookupError, ValueError, OSError):  # a zone that this host does not know, or no zone at all
        return None
    return (at if at.timestamp() > now else at + timedelta(days=1)).timestamp()
