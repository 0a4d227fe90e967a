"""Whatever JSON comes, `read_json` gives a value within bounds or says which key is out of them."""

from __future__ import annotations

import copy
import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import bounds
from core import requests as r
from core.boundary import BadInputError, read_json
from core.model import RetryPolicy
from core.settings import Settings
from core.text import inert, parse_duration, parse_size
from core.workflows.file import WorkflowFile
from tests.requests import odd

if TYPE_CHECKING:
    from collections.abc import Iterator

SHAPES = {
    shape
    for shape in vars(r).values()
    if isinstance(shape, type) and dataclasses.is_dataclass(shape) and shape.__module__ == r.__name__
}
NUMBERS = st.one_of(
    st.integers(-(10**500), 10**500), st.floats(), st.sampled_from([2**53, 2**53 + 1, 2**63, -1, 0, 1e308, 10**309])
)
TEXTS = st.one_of(st.text(max_size=20), st.sampled_from(["\x00", "\ud800", "9" * 400, "x" * 5000, "1h", "\udcff"]))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)


def _leaves(value: object) -> Iterator[object]:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = [getattr(value, field.name) for field in dataclasses.fields(value)]
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, (list, tuple, frozenset)):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield value


def _assert_within(value: object) -> None:
    for leaf in _leaves(value):
        if isinstance(leaf, str):
            assert bounds.is_stored(leaf)
            assert len(leaf) <= bounds.MAX_TEXT
        elif isinstance(leaf, (int, float)):
            assert bounds.is_finite(leaf)


def _read(shape: type, raw: str | bytes) -> None:
    try:
        value = read_json(shape, raw)
    except BadInputError as error:
        assert error.problems
        assert all(isinstance(one.path, tuple) and one.text for one in error.problems)
        assert inert(str(error)) == str(error)
    else:
        _assert_within(value)


def _keys(shape: type) -> list[str]:
    return [field.name for field in dataclasses.fields(shape)]


@given(st.data())
def test_every_shape_takes_any_json_and_gives_what_is_within_bounds(data: st.DataObject) -> None:
    shape = data.draw(
        st.sampled_from(sorted((*SHAPES, Settings, WorkflowFile, RetryPolicy), key=lambda one: one.__name__))
    )
    tables = st.fixed_dictionaries({}, optional=dict.fromkeys(_keys(shape), VALUES))
    _read(shape, json.dumps(data.draw(st.one_of(tables, VALUES))))


@given(st.data())
def test_a_request_that_fits_but_for_one_thing_is_within_bounds_or_refused(data: st.DataObject) -> None:
    verb = data.draw(st.sampled_from(sorted(odd.GOOD)))
    good: Any = copy.deepcopy(odd.GOOD[verb])
    around = good
    while isinstance(around, (dict, list)) and around:
        key = data.draw(st.sampled_from(sorted(around) if isinstance(around, dict) else range(len(around))))
        if not isinstance(around[key], (dict, list)) or data.draw(st.booleans()):
            around[key] = data.draw(VALUES)
            break
        around = around[key]
    for shape in SHAPES:
        if set(good) <= set(_keys(shape)):
            _read(shape, json.dumps(good))


@given(st.one_of(st.binary(max_size=60), st.text(max_size=60)))
def test_what_is_no_json_at_all_is_refused(raw: str | bytes) -> None:
    _read(r.One, raw)


@pytest.mark.parametrize(
    "raw", ["null", "[]", "3", '"x"', "true", "[" * 5000, '{"task":' * 3000, "", "\ud800", b"\xff"]
)
@pytest.mark.parametrize("shape", sorted(SHAPES, key=lambda one: one.__name__), ids=lambda one: one.__name__)
def test_parameters_that_are_no_table_are_refused(shape: type, raw: str | bytes) -> None:
    with pytest.raises(BadInputError):
        read_json(shape, raw)


ADD = '{"tasks": [{"command": ["true"], %s}], "context": {"cwd": "/", "env": {}}}'


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ('"not_before": NaN', "tasks[0].not_before: expected a finite number, found nan"),
        ('"delay": 1e999', "tasks[0].delay: expected a finite number, found inf"),
        ('"delay": -1', "tasks[0].delay: expected at least 0, found -1"),
        ('"delay": 1e300', "tasks[0].delay: expected at most 3153600000, found 1e+300"),
        ('"delay": "99999999d"', "tasks[0].delay: '99999999d' is too long: at most 100y are possible"),
        ('"not_before": 1e15', "tasks[0].not_before: expected at most 32503680000, found 1000000000000000.0"),
        ('"retry": {"attempts": 3, "first": 1e999}', "tasks[0].retry.first: expected a finite number, found inf"),
        ('"retry": {"factor": Infinity}', "tasks[0].retry.factor: expected a finite number, found inf"),
        ('"retry": {"attempts": 1000001}', "tasks[0].retry.attempts: expected at most 1000000, found 1000001"),
        ('"retry": {"never_exit": [256]}', "tasks[0].retry.never_exit[0]: expected at most 255, found 256"),
        ('"priority": 99999999999', "tasks[0].priority: expected at most 1000, found 99999999999"),
        ('"env": {"A": "\\u0000"}', "tasks[0].env.A: expected text without a NUL character, found '\\x00'"),
        ('"env": {"A": "\\udcff"}', "tasks[0].env.A: expected text that UTF-8 can hold, found a lone surrogate"),
        (f'"after_ok": [{2**53 + 1}]', f"tasks[0].after_ok[0]: expected at most {2**53}, found {2**53 + 1}"),
        (f'"key": "{"k" * 201}"', f"tasks[0].key: expected at most 200 characters, found '{'k' * 58}…"),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_its_key(written: str, told: str) -> None:
    with pytest.raises(BadInputError) as refused:
        read_json(r.Add, ADD % written)
    assert str(refused.value) == told


@pytest.mark.parametrize(
    ("shape", "raw", "told"),
    [
        (
            r.StartRun,
            '{"file": "w", "params": {"a": [1, {"b": NaN}]}, "context": {"cwd": "/", "env": {}}}',
            "params.a[1].b",
        ),
        (r.Emit, '{"topic": "t", "data": {"a": -1e999}}', "data.a"),
        (r.Emit, '{"topic": "t", "data": [%s]}' % ("9" * 400), "data[0]"),
        (r.Emit, f'{{"topic": "t", "data": {json.dumps(odd.nested(120))}}}', "data"),
        (r.Edit, '{"task": 1, "changes": {"retry": {"factor": Infinity}}}', "changes.retry.factor"),
    ],
)
def test_free_data_is_bounded_however_deep(shape: type, raw: str, told: str) -> None:
    with pytest.raises(BadInputError) as refused:
        read_json(shape, raw)
    assert str(refused.value).startswith(f"{told}: ")


def test_many_faults_are_told_in_time_and_number() -> None:
    raw = json.dumps({f"unknown{count}": 0 for count in range(50_000)} | {"task": 1})
    with pytest.raises(BadInputError) as refused:
        read_json(r.One, raw)
    assert len(refused.value.problems) <= 1000


@pytest.mark.parametrize("text", ["9" * 400, "9" * 300 + "h", "1" * 2_000_000, "101y", "5000w" * 90])
def test_no_text_is_a_duration_or_a_size_without_end(text: str) -> None:
    for parse in (parse_duration, parse_size):
        with pytest.raises(ValueError, match=r"is not a|is too"):
            parse(text)
