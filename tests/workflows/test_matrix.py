"""The rows of a matrix are those that GitHub Actions would make of it."""

from __future__ import annotations

import pytest

from core.workflows.matrix import faults, rows


def test_all_combinations_in_the_order_of_the_file() -> None:
    assert rows({"os": ("l", "m"), "n": (1, 2)}) == (
        {"os": "l", "n": 1},
        {"os": "l", "n": 2},
        {"os": "m", "n": 1},
        {"os": "m", "n": 2},
    )


def test_what_is_excluded_matches_in_all_that_it_says() -> None:
    written = {"os": ("l", "m"), "n": (1, True), "exclude": ({"os": "l", "n": 1}, {"os": "m", "n": True})}
    assert rows(written) == ({"os": "l", "n": True}, {"os": "m", "n": 1})
    assert rows({"os": ("l", "m"), "n": (1, 2), "exclude": ({"os": "l"},)}) == (
        {"os": "m", "n": 1},
        {"os": "m", "n": 2},
    )


def test_what_is_included_extends_what_it_fits_and_else_is_a_row_of_its_own() -> None:
    """The example of GitHub's documentation of `include`."""
    written = {
        "fruit": ("apple", "pear"),
        "animal": ("cat", "dog"),
        "include": (
            {"color": "green"},
            {"color": "pink", "animal": "cat"},
            {"fruit": "apple", "shape": "circle"},
            {"fruit": "banana"},
            {"fruit": "banana", "animal": "cat"},
        ),
    }
    assert rows(written) == (
        {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
        {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "pear", "animal": "dog", "color": "green"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    )


def test_rows_may_be_written_one_by_one() -> None:
    assert rows({"include": ({"a": 1}, {"a": 1, "b": 2})}) == ({"a": 1}, {"a": 1, "b": 2})


def test_a_row_that_was_excluded_may_be_included_again() -> None:
    assert rows({"a": (1, 2), "exclude": ({"a": 1},), "include": ({"a": 1, "x": 3},)}) == ({"a": 2}, {"a": 1, "x": 3})


def test_there_are_1024_rows_at_most_and_at_least_one() -> None:
    assert len(rows({"a": tuple(range(32)), "b": tuple(range(32))})) == 1024
    with pytest.raises(ValueError, match="1056 combinations: at most 1024"):
        rows({"a": tuple(range(32)), "b": tuple(range(33))})
    with pytest.raises(ValueError, match="more than 1024 combinations"):
        rows({f"a{number}": (1, 2) for number in range(60)})
    with pytest.raises(ValueError, match="leaves nothing"):
        rows({"a": (1,), "exclude": ({"a": 1},)})


def test_faults_are_told_by_their_key() -> None:
    written = {"a b": (1,), "c": (), "d": ("${x}",), "exclude": ({"e": 1},), "include": ({"f g": 1}, {})}
    assert [key for key, _ in faults(written)] == [
        ("a b",),
        ("c",),
        ("include", 0, "f g"),
        ("include", 1),
        ("exclude", 0, "e"),
        ("d",),
    ]
    assert list(faults({})) == [((), 'expected at least one axis, as in os = ["linux", "mac"]')]
