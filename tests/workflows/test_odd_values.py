"""Odd values in workflow files, parameters and expressions: each is somebody's fault in words."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import patterns
from core.workflows import loading
from core.workflows.binding import bind
from core.workflows.expressions import Expression, MissingError, Structure, Template
from core.workflows.model import Param, Workflow
from core.workflows.reading import read
from tests.requests.odd import ODD, nested

if TYPE_CHECKING:
    from pathlib import Path

HUGE = 10**400
EVIL = [
    (r"^(a+)+$", "a" * 30 + "!"),
    (r"(a|a)*b", "a" * 40),
    (r"(a|aa)+$", "a" * 60 + "!"),
    (r"(\w+\s?)*$", "a" * 40 + "!!"),
    (r"(x+x+)+y", "x" * 40),
    (r"((a+)+)+\2+c", "a" * 40),
    (r"(?:(?:a{1,100}){1,100}){1,100}b", "a" * 300),
]


def _faults(text: str) -> list[str]:
    return [str(fault) for fault in read(text, "w.toml", lambda _: None)[1]]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("retry = { factor = inf }", "task.a.retry.factor: expected a finite number, found inf"),
        ("retry = { attempts = 1000001 }", "task.a.retry.attempts: expected at most 1000000, found 1000001"),
        ("timeout.run = nan", "task.a.timeout.run: expected a finite number, found nan"),
        ("timeout.run = 1e300", "task.a.timeout.run: expected at most 3153600000, found 1e+300"),
        ('expect = "99999w"', "task.a.expect: '99999w' is too long: at most 100y are possible"),
        ("priority = 1001", "task.a.priority: expected at most 1000, found 1001"),
        ('env = { A = "\\u0000" }', "task.a.env.A: expected text without a NUL character"),
        (f"matrix.x = [{HUGE}]", "task.a.matrix.x[0]: expected a finite number of at most 308 digits"),
        (f"when = '{HUGE} > 1'", "is too large"),
        (
            f"emit = {{ topic = 't', data = {'[' * 120}{']' * 120} }}",
            "task.a.emit.data: more than 100 levels of nesting",
        ),
        (f"x = {'9' * 5000}", "not valid TOML"),
        (f"x{'.a' * 3000} = 1", "it is nested too deeply"),
    ],
)
def test_a_value_out_of_bounds_is_a_fault_of_its_key(line: str, told: str) -> None:
    (fault,) = _faults(f"schema = 1\n[task.a]\nrun = ['true']\n{line}\n")
    assert told in fault


@pytest.mark.parametrize(("pattern", "value"), EVIL)
def test_no_pattern_of_a_parameter_holds_up_the_engine(pattern: str, value: str) -> None:
    workflow = Workflow("w", {}, {name: Param(name, "string", pattern=pattern) for name in "abcdefgh"})
    began = time.monotonic()
    found, problems = bind(workflow, dict.fromkeys("abcdefgh", value))
    assert time.monotonic() - began < 5, "without a limit it would be hours"
    assert found is None
    assert len(problems) == 8
    assert all("expected text like" in one.text or "takes too long to find out" in one.text for one in problems)


def test_a_pattern_is_read_as_before() -> None:
    workflow = Workflow("w", {}, {"p": Param("p", "string", pattern=r"(?P<x>[a-z]+)-(?P=x)(?!\d)|\d{3}")})
    assert bind(workflow, {"p": "ab-ab"})[0] == {"p": "ab-ab"}
    assert bind(workflow, {"p": "123"})[0] == {"p": "123"}
    assert bind(workflow, {"p": "ab-cd"})[0] is None


@pytest.mark.parametrize("pattern", ["(", "a" * 1001, "(?:" * 600 + ")" * 600, "[z-a]", "(?P<x>a)(?P<x>b)"])
def test_what_is_no_pattern_is_said_so(pattern: str) -> None:
    assert patterns.fault(pattern) is not None


def test_a_slow_pattern_of_screens_is_dropped_once_it_was_slow() -> None:
    found = patterns.searching(r"(b|bb)+$")
    began = time.monotonic()
    assert [found.search("b" * 60 + "!") for _ in range(1000)] == [None] * 1000
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("kind", ["string", "int", "float", "bool", "list", "json"])
@pytest.mark.parametrize("value", [*ODD, HUGE, -HUGE, nested(90), nested(150)], ids=lambda value: repr(value)[:30])
def test_any_value_is_bound_or_refused_in_words(kind: Any, value: Any) -> None:
    params = {
        "p": Param("p", kind),
        "q": Param("q", kind, min=-1, max=2**70) if kind in ("int", "float") else Param("q", kind),
    }
    found, problems = bind(Workflow("w", {}, params), {"p": value, "q": value})
    assert (found is None) is bool(problems)
    if found is not None:
        json.dumps(found, allow_nan=False)


OPERANDS = (
    "v",
    "w",
    "1",
    "1.5",
    "'x'",
    "null",
    "true",
    "[v, w]",
    "v.a",
    "v[0]",
    "len(v)",
    "default(v, w)",
    str(10**300),
)
EXPRESSIONS = st.builds(
    lambda left, sign, right: f"{left} {sign} {right}",
    st.sampled_from(OPERANDS),
    st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]),
    st.sampled_from(OPERANDS),
)
VALUES = st.one_of(
    st.sampled_from([*ODD, HUGE, -HUGE, nested(90), {"a": HUGE}, [HUGE]]), st.integers(), st.floats(), st.text()
)


@given(EXPRESSIONS, VALUES, VALUES)
def test_an_expression_over_any_values_is_a_value_or_a_fault_in_words(text: str, v: Any, w: Any) -> None:
    scope = {"v": v, "w": w}
    for ask in (
        Expression.parse(text).evaluate,
        Expression.parse(text).holds,
        Template.parse(f"a ${{{text}}} b").text_of,
    ):
        try:
            ask(scope)
        except MissingError as error:
            assert "\x1b" not in str(error)


def test_a_text_that_grows_by_what_it_refers_to_has_an_end() -> None:
    with pytest.raises(MissingError, match="more than 10,000,000 characters"):
        Template.parse("${v} " * 100).text_of({"v": "x" * 1_000_000})
    value: Any = "x"
    for _ in range(30):
        value = [value] * 100
    with pytest.raises(MissingError, match="too large"):
        Structure.parse({"a": "${v}"}).value({"v": value})
    with pytest.raises(MissingError, match="too deeply"):
        Structure.parse(["${v}"]).value({"v": nested(100)})


@pytest.mark.parametrize("name", ["x\0y.toml", "x" * 5000 + ".toml", "folder.toml", "pipe.toml", "none.toml"])
def test_a_file_that_is_none_is_a_fault(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.toml").mkdir()
    os.mkfifo(tmp_path / "pipe.toml")
    (fault,) = loading.load(tmp_path / name).faults
    assert "cannot be read" in str(fault)
    (tmp_path / "caller.toml").write_text(f"schema = 1\n[task.a]\ncall.file = {json.dumps(name)}\n")
    assert loading.load(tmp_path / "caller.toml").faults
