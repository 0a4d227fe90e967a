"""What comes from outside is inert on every screen; times and sizes are said shortly, and read back."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text import duration, inert, one_line, parse_duration, parse_size, plural, size

BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
ANYTHING = st.text(st.characters() | st.sampled_from("\x1b\x07\x9b\n\r\t\0\x7f" + BIDI + "\udc80"))


@given(ANYTHING, st.integers(1, 60))
def test_one_line_is_one_line_that_nothing_acts_on(text: str, limit: int) -> None:
    shown = one_line(text, limit)
    assert len(shown) <= limit
    assert len(shown.splitlines()) <= 1
    assert not any(unicodedata.category(sign) in ("Cc", "Cs") or sign in BIDI for sign in shown)
    shown.encode("utf-8")


@given(ANYTHING)
def test_a_text_keeps_its_lines_and_nothing_else_that_acts(text: str) -> None:
    shown = inert(text)
    assert shown.count("\n") == text.count("\n")
    assert not any(unicodedata.category(sign) == "Cc" for sign in shown.replace("\n", "").replace("\t", ""))
    assert not any(sign in BIDI for sign in shown)


def test_a_megabyte_of_a_name_costs_no_more_than_its_beginning() -> None:
    assert one_line("x" * (1 << 20), 10) == "xxxxxxxxx…"
    assert one_line("\x1b[31mred\x1b[0m") == "␛[31mred␛[0m"


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90", 90), ("1.5h", 5400), ("2h30m", 9000), ("250ms", 0.25), (" 1 d ", 86400), ("1w", 604800)],
)
def test_durations_are_read(written: str, seconds: float) -> None:
    assert parse_duration(written) == seconds


@pytest.mark.parametrize("written", ["", "h", "5x", "1h 5", "-3s", "1e3", "٣s"])
def test_what_is_no_duration_is_said_with_what_would_be(written: str) -> None:
    with pytest.raises(ValueError, match="write 90, 90s"):
        parse_duration(written)


@pytest.mark.parametrize(
    ("written", "count"), [("4096", 4096), ("64K", 65536), ("16 MiB", 16 << 20), ("1.5g", 3 << 29)]
)
def test_sizes_are_read(written: str, count: int) -> None:
    assert parse_size(written) == count


@given(st.floats(0, 1e10), st.floats(0, 1e15))
def test_lengths_and_sizes_fit_their_columns(seconds: float, count: float) -> None:
    assert len(duration(seconds)) <= 4
    assert len(size(count)) <= 5


def test_numbers_of_things() -> None:
    assert [plural(1, "task"), plural(2, "task"), plural(3, "process"), plural(1200, "task")] == [
        "1 task",
        "2 tasks",
        "3 processes",
        "1,200 tasks",
    ]
