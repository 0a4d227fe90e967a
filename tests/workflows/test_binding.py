"""Parameters: texts of the command line become what they are, and every problem is told at once."""

from __future__ import annotations

from typing import Any

import pytest

from core.workflows.binding import bind
from core.workflows.model import Param, Workflow


def workflow(**params: Param) -> Workflow:
    return Workflow("w", {}, params)


@pytest.mark.parametrize(
    ("kind", "given", "bound"),
    [
        ("string", "4", "4"),
        ("string", "", ""),
        ("int", "4", 4),
        ("int", " -12 ", -12),
        ("int", 4, 4),
        ("float", "1.5", 1.5),
        ("float", "3", 3.0),
        ("float", 3, 3.0),
        ("bool", "true", True),
        ("bool", "False", False),
        ("bool", True, True),
        ("list", '["a", 1]', ["a", 1]),
        ("list", [1], [1]),
        ("json", '{"a": [1]}', {"a": [1]}),
        ("json", "plain", "plain"),
        ("json", None, None),
    ],
)
def test_a_value_is_bound_as_its_parameter_says(kind: Any, given: Any, bound: Any) -> None:
    found, problems = bind(workflow(p=Param("p", kind)), {"p": given})
    assert problems == ()
    assert found == {"p": bound}
    assert found is not None
    assert type(found["p"]) is type(bound)


@pytest.mark.parametrize(
    ("param", "given", "told"),
    [
        (Param("p", "int"), "4.5", "expected a whole number, found the text '4.5'"),
        (Param("p", "int"), True, "expected a whole number, found true"),
        (Param("p", "int"), 4.0, "expected a whole number, found the number 4"),
        (Param("p", "int"), "9" * 30, "expected a whole number"),
        (Param("p", "float"), "nan", "expected a number"),
        (Param("p", "float"), 10**400, "expected a number"),
        (Param("p", "bool"), "yes", "expected true or false, found the text 'yes'"),
        (Param("p", "bool"), 1, "expected true or false, found the number 1"),
        (Param("p", "string"), 4, "expected text, found the number 4"),
        (Param("p", "list"), "a,b", 'expected a list, as in ["a", "b"], found the text \'a,b\''),
        (Param("p", "list"), "[" * 100_000, "expected a list"),
        (Param("p", "int", min=3), "2", "expected at least 3, found the number 2"),
        (Param("p", "float", max=3), "3.5", "expected at most 3, found the number 3.5"),
        (Param("p", choices=("a", "b")), "c", 'expected one of "a", "b", found the text \'c\''),
        (Param("p", "int", choices=(1, 2)), 3, "expected one of 1, 2, found the number 3"),
        (Param("p", pattern="[a-z]+"), "ab1", "expected text like [a-z]+, found the text 'ab1'"),
    ],
)
def test_what_does_not_fit_is_told(param: Param, given: Any, told: str) -> None:
    found, problems = bind(workflow(p=param), {"p": given})
    assert found is None
    assert [problem.path for problem in problems] == [("p",)]
    assert problems[0].text.startswith(told)


def test_all_problems_are_told_at_once_and_defaults_are_filled_in() -> None:
    flow = workflow(
        repo=Param("repo", required=True), shards=Param("shards", "int", default=4), note=Param("note", "json")
    )
    assert bind(flow, {"repo": "x"}) == ({"repo": "x", "shards": 4, "note": None}, ())
    found, problems = bind(flow, {"shard": "3", "shards": "x"})
    assert found is None
    assert [str(problem) for problem in problems] == [
        "shard: unknown parameter 'shard': did you mean shards?",
        "repo: expected text: it has no default",
        "shards: expected a whole number, found the text 'x'",
    ]


def test_texts_that_are_values_already_stay_texts() -> None:
    flow = workflow(j=Param("j", "json"), n=Param("n", "int"))
    assert bind(flow, {"j": "3", "n": 1}, texts=False) == ({"j": "3", "n": 1}, ())
    assert bind(flow, {"n": "1"}, texts=False)[0] is None
