"""Schedules: what cron's fields mean, also where the clock is put forward or back, and what is no schedule."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.workflows.cron import following, latest

BERLIN = "Europe/Berlin"


def at(text: str, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(BERLIN), fold=fold).timestamp()


def shown(time: float | None) -> str:
    return "never" if time is None else datetime.fromtimestamp(time, ZoneInfo(BERLIN)).strftime("%Y-%m-%d %H:%M%z")


def series(cron: str, begin: float, count: int) -> list[str]:
    found = []
    for _ in range(count):
        time = following(cron, BERLIN, begin)
        assert time is not None
        assert time > begin
        found.append(shown(time))
        begin = time
    return found


@pytest.mark.parametrize(
    ("cron", "begin", "times"),
    [
        ("0 2 * * *", "2025-06-01 02:00", ["2025-06-02 02:00+0200", "2025-06-03 02:00+0200"]),
        ("0 2 * * *", "2025-06-01 01:59:59.5", ["2025-06-01 02:00+0200"]),
        (
            "*/7 * * * *",
            "2025-06-01 10:50",
            ["2025-06-01 10:56+0200", "2025-06-01 11:00+0200", "2025-06-01 11:07+0200"],
        ),
        ("0 12 31 * *", "2025-01-31 12:00", ["2025-03-31 12:00+0200", "2025-05-31 12:00+0200"]),
        ("0 0 29 2 *", "2025-01-01", ["2028-02-29 00:00+0100", "2032-02-29 00:00+0100"]),
        ("5 4 * feb,Mar MON-tue", "2025-02-25", ["2025-02-25 04:05+0100", "2025-03-03 04:05+0100"]),
        ("0 0 13 * 5", "2025-06-01", ["2025-06-06 00:00+0200", "2025-06-13 00:00+0200", "2025-06-20 00:00+0200"]),
        ("0 0 * * 7", "2025-06-02", ["2025-06-08 00:00+0200"]),
        # Forward on 30 March 2025: from 02:00 to 03:00.
        ("30 2 * * *", "2025-03-29 12:00", ["2025-03-30 03:00+0200", "2025-03-31 02:30+0200"]),
        ("15,45 2 * * *", "2025-03-29 12:00", ["2025-03-30 03:00+0200", "2025-03-31 02:15+0200"]),
        ("0 3 * * *", "2025-03-29 12:00", ["2025-03-30 03:00+0200", "2025-03-31 03:00+0200"]),
        (
            "*/30 * * * *",
            "2025-03-30 01:10",
            ["2025-03-30 01:30+0100", "2025-03-30 03:00+0200", "2025-03-30 03:30+0200"],
        ),
        ("0 * * * *", "2025-03-30 00:30", ["2025-03-30 01:00+0100", "2025-03-30 03:00+0200", "2025-03-30 04:00+0200"]),
        # Back on 26 October 2025: from 03:00 to 02:00.
        ("30 2 * * *", "2025-10-25 12:00", ["2025-10-26 02:30+0200", "2025-10-27 02:30+0100"]),
        ("0 * * * *", "2025-10-26 01:30", ["2025-10-26 02:00+0200", "2025-10-26 02:00+0100", "2025-10-26 03:00+0100"]),
        ("0 3 * * *", "2025-10-25 12:00", ["2025-10-26 03:00+0100", "2025-10-27 03:00+0100"]),
    ],
)
def test_a_schedule_comes_at_its_times(cron: str, begin: str, times: list[str]) -> None:
    assert series(cron, at(begin), len(times)) == times


def test_within_the_hour_that_comes_twice_no_time_comes_before_now() -> None:
    second = at("2025-10-26 02:10", fold=1)
    assert shown(following("30 2 * * *", BERLIN, second)) == "2025-10-27 02:30+0100"
    assert shown(following("0,50 2,4 * * *", BERLIN, second)) == "2025-10-26 04:00+0100"


@pytest.mark.parametrize(
    ("cron", "after", "until", "found"),
    [
        ("0 2 * * *", "2025-06-01 00:00", "2025-06-03 12:00", "2025-06-03 02:00+0200"),
        ("0 2 * * *", "2025-06-03 02:00", "2025-06-03 12:00", "never"),
        ("0 2 * * *", "2025-06-03 01:59", "2025-06-03 02:00", "2025-06-03 02:00+0200"),
        ("*/7 * * * *", "2025-01-01", "2025-06-03 12:06", "2025-06-03 12:00+0200"),
        ("30 2 * * *", "2025-03-29 12:00", "2025-03-30 12:00", "2025-03-30 03:00+0200"),
        ("30 2 * * *", "2025-10-25 12:00", "2025-10-26 12:00", "2025-10-26 02:30+0200"),
        ("0 0 29 2 *", "2020-01-01", "2025-01-01", "2024-02-29 00:00+0100"),
        ("0 0 29 2 *", "2024-03-01", "2028-02-28", "never"),
        ("0 2 * * *", "2025-06-05", "2025-06-03", "never"),
    ],
)
def test_the_latest_time_of_a_span_is_found(cron: str, after: str, until: str, found: str) -> None:
    assert shown(latest(cron, BERLIN, at(after), at(until))) == found


@given(
    st.sampled_from(["*/7 * * * *", "30 2 * * *", "0 */5 * * *", "0 0 1,15 * *", "10-20 3 * * 1", "0 0 31 * *"]),
    st.integers(1_700_000_000, 1_800_000_000),
    st.integers(0, 40 * 86400),
)
def test_the_latest_time_is_the_last_of_those_that_follow(cron: str, after: int, span: int) -> None:
    begin, last = float(after + 40 * 86400 - span), None
    end = after + 40 * 86400.0
    time = following(cron, BERLIN, max(begin, end - 86400 * 3))
    while time is not None and time <= end:
        last, time = time, following(cron, BERLIN, time)
    found = latest(cron, BERLIN, begin, end)
    assert found == last or (last is None and found is not None and begin < found <= end - 86400 * 3)


def test_what_never_comes_never_comes() -> None:
    assert following("0 0 */20 * 1L", "UTC", 0.0) is None
    assert latest("0 0 */20 * 1L", "UTC", 0.0, 1e9) is None


@pytest.mark.parametrize(
    ("cron", "tz", "said"),
    [
        ("61 * * * *", "UTC", r"'61 \* \* \* \*' is no schedule \(bad minute\): expected minute, hour, day"),
        ("* * * *", "UTC", r"\(4 fields\)"),
        ("0 0 0 * * *", "UTC", r"\(6 fields\)"),
        ("", "UTC", r"\(0 fields\)"),
        ("@daily", "UTC", r"\(1 field\)"),
        ("0 0 31 2 *", "UTC", "bad day-of-month"),
        ("0 0 ² * *", "UTC", "is no schedule"),
        ("* * * * FOO", "UTC", "bad day-of-week"),
        ("*/0 * * * *", "UTC", "bad minute"),
        ("5-1 * * * *", "UTC", "bad minute"),
        ("0 2 * * *", "Europe/Berln", r"unknown time zone 'Europe/Berln': did you mean Europe/Berlin\?"),
        ("0 2 * * *", "", "unknown time zone"),
        ("0 2 * * *", "/etc/passwd", "unknown time zone"),
        ("0 2 * * *", "../../etc/passwd", "unknown time zone"),
        ("0 2 * * *", "Europe", "unknown time zone"),
        ("0 2 * * *", "a\0b", "unknown time zone"),
    ],
)
def test_what_is_no_schedule_is_said_with_what_is_expected(cron: str, tz: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        following(cron, tz, 0.0)


@given(st.lists(st.text("0123456789*/-,LW#MONJAN \n", max_size=6), min_size=5, max_size=5))
def test_any_text_is_a_schedule_or_an_error(parts: list[str]) -> None:
    try:
        following(" ".join(parts), "UTC", 1e9)
    except ValueError as error:
        assert "is no schedule" in str(error)
