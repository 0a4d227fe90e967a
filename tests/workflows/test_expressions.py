"""Expressions and templates: what they mean, what they refuse, and that no value from outside gets out of its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.workflows.expressions import Expression, ExpressionError, MissingError, Structure, Template, UnfitError

SCOPE: dict[str, Any] = {
    "params": {"repo": "a b", "shards": 4, "deep": False, "none": None, "words": ["x", "y z"]},
    "plan": {
        "out": {"files": ["f1", "f2"], "a key": {"n": 1.5}, "mixed": [1, True, None, {"k": [1]}]},
        "state": "failed",
    },
    "my-node": {"out": "text"},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("params.shards", 4),
        ("plan.out.files[1]", "f2"),
        ('plan.out["a key"].n', 1.5),
        ("my-node.out", "text"),
        (r"'it\'s'", "it's"),
        (r'"a\n\t\\"', "a\n\t\\"),
        ("-2.5e1", -25.0),
        ("[1, 'x', [true], null,]", [1, "x", [True], None]),
        ("[]", []),
        ("true and not false", True),
        ("false or false or true", True),
        ("false and true or true", True),
        ("false and (true or true)", False),
        ("not params.shards == 5", True),
        ("not not true", True),
        ("1 == 1.0", True),
        ("1 == true", False),
        ("0 == false", False),
        ("'1' == 1", False),
        ("null == false", False),
        ("[1, [true]] == [1.0, [true]]", True),
        ("[1, [true]] == [1, [1]]", False),
        ("plan.out.mixed[3] == plan.out.mixed[3]", True),
        ("plan.out == params", False),
        ("1 != 2", True),
        ("2 <= 2.0 and 'a' < 'b' and 3 > 2 and 'b' >= 'b'", True),
        ("'f1' in plan.out.files", True),
        ("1 in [true, '1']", False),
        ("'a b' in 'xa by'", True),
        ("'files' in plan.out", True),
        ("'z' not in plan.out.files", True),
        ("not 'f1' in plan.out.files", False),
        ("len(plan.out.files)", 2),
        ("len('äö') == 2 and len(params) == 5", True),
        ("default(plan.out.gone, 7)", 7),
        ("default(params.none, 7)", 7),
        ("default(params.deep, 7)", False),
        ("default(default(gone.a[3].b, gone2), params.shards)", 4),
        ("${plan.out.files[0]} == 'f1' and (${params.shards} >= 4)", True),
        ("false and gone.x", False),
        ("true or gone.x", True),
        ("plan.state\n  ==\n  'failed'", True),
    ],
)
def test_an_expression_comes_to_its_value(text: str, value: object) -> None:
    found = Expression.parse(text).evaluate(SCOPE)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gone", "gone is not there: there is params, plan, my-node"),
        ("plan.out.filse", "plan.out.filse is not there: plan.out is a table of files, a key, mixed"),
        ("plan.out.files[2]", "plan.out.files[2] is not there: plan.out.files is a list of 2 elements"),
        ("plan.out.files.x", "plan.out.files.x is not there: plan.out.files is a list of 2 elements"),
        ("params.none.x", "params.none.x is not there: params.none is null"),
        ("params.repo[0]", "params.repo[0] is not there: params.repo is the text 'a b'"),
        ('plan["out"]["no such"]', 'plan.out["no such"] is not there: plan.out is a table of files, a key, mixed'),
        ("params.shards.x", "params.shards.x is not there: params.shards is the number 4"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(text: str, said: str) -> None:
    with pytest.raises(MissingError) as caught:
        Expression.parse(text).evaluate(SCOPE)
    assert str(caught.value) == said
    assert not isinstance(caught.value, UnfitError)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 < 'a'", "the number 1 < the text 'a': only two numbers or two texts have an order"),
        ("true < 2", "true < the number 2: only two numbers"),
        ("null >= null", "null >= null: only two"),
        ("params and true", "params is not true or false but a table of repo"),
        ("true and params.shards", "params.shards is not true or false but the number 4"),
        ("not params.repo", "params.repo is not true or false but the text 'a b'"),
        ("len(3)", "len() of the number 3: a text, a list or a table is expected"),
        ("1 in 'x1'", "the number 1 in the text 'x1': a list, a table or two texts"),
        ("1 in 2", "the number 1 in the number 2"),
        ("default(len(3), 4)", "len() of the number 3"),
    ],
)
def test_what_does_not_fit_is_an_error_and_no_default_hides_it(text: str, said: str) -> None:
    with pytest.raises(UnfitError) as caught:
        Expression.parse(text).evaluate(SCOPE)
    assert str(caught.value).startswith(said)


def test_a_condition_is_true_or_false_and_nothing_else() -> None:
    assert Expression.parse("params.shards == 4").holds(SCOPE)
    assert not Expression.parse("params.deep").holds(SCOPE)
    for text in ("params.shards", "params.none", "'true'", "0"):
        with pytest.raises(UnfitError, match=f"{text} is not true or false but"):
            Expression.parse(text).holds(SCOPE)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "character 1: expected a value, found the end"),
        ("   ", "character 4: expected a value, found the end"),
        ("a b", "character 3: expected an operator or the end, found b"),
        ("a.", "character 3: expected a name, found the end"),
        ("a.1", "character 3: expected a name, found 1"),
        ("a[-1]", 'character 3: expected a place from 0, or a key as in ["key"], found -1'),
        ("a[b]", "character 3: expected a place from 0"),
        ("a[0", "character 4: expected ], found the end"),
        ("(a", "character 3: expected ), found the end"),
        ("${a)", "character 4: expected }, found )"),
        ("[a b]", "character 4: expected , or ], found b"),
        ("1 < 2 < 3", "character 7: a comparison has two sides"),
        ("a not b", "character 7: expected in, found b"),
        ("and", "character 1: expected a value, found and"),
        ("a and", "character 6: expected a value, found the end"),
        ("exec(a)", "character 1: there is no function exec: expected len(x) or default(x, y)"),
        ("len(a, b)", "character 1: len() takes 1 value, not 2"),
        ("default(a)", "character 1: default() takes 2 values, not 1"),
        ("a.b(1)", "character 4: expected an operator or the end, found ("),
        ("'abc", "character 1: the text that begins here has no end"),
        (r"'\x41'", r"character 1: there is no escape \x"),
        ("a + b", "character 3: expected a value or an operator, found '+'"),
        ("a = b", "character 3: expected a value or an operator, found '='"),
        ("a \x1b b", "character 3: expected a value or an operator, found '\\x1b'"),
        ("1e999", "character 1: 1e999 is too large"),
        ("(" * 5000, "character 51: more than 50 levels of nesting"),
        ("not " * 900, "character 201: more than 50 levels of nesting"),
        ("[" * 60, "character 51: more than 50 levels of nesting"),
        ("${" * 60, "character 101: more than 50 levels of nesting"),
        ("a" + ".a" * 2100, "character 4097: more than 4096 characters"),
        ("'" + "x" * 5000 + "'", "character 1: more than 4096 characters"),
    ],
)
def test_what_is_no_expression_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression.parse(text)
    assert str(caught.value).startswith(said)


def test_long_chains_do_not_nest() -> None:
    assert Expression.parse(" and ".join(["true"] * 400)).evaluate({}) is True
    assert Expression.parse("[" + ",".join("1" * 900) + "]").evaluate({}) == [1] * 900


def test_an_expression_knows_what_it_refers_to() -> None:
    text = "plan.out.files[0] in default(params.words, other) and 'no.path' == x[\"a.b\"] or not ${y}"
    assert Expression.parse(text).references == {
        ("plan", "out", "files", "0"),
        ("params", "words"),
        ("other",),
        ("x", "a.b"),
        ("y",),
    }


def test_equal_texts_are_equal_expressions() -> None:
    assert Expression.parse("a == 1") == Expression.parse("a == 1")
    assert len({Expression.parse("a"), Expression.parse("a"), Expression.parse("b")}) == 2
    assert Template.parse("${a}") == Template.parse("${a}") != Template.parse("${ a }")


@pytest.mark.parametrize(
    ("text", "value", "shown", "words"),
    [
        ("plain $5 $", "plain $5 $", "plain $5 $", ("plain $5 $",)),
        ("", "", "", ("",)),
        ("${params.shards}", 4, "4", ("4",)),
        ("n=${params.shards}!", "n=4!", "n=4!", ("n=4!",)),
        ("${params.repo}", "a b", "a b", ("a b",)),
        ("${params.words}", ["x", "y z"], '["x","y z"]', ("x", "y z")),
        ("${[]}", [], "[]", ()),
        ("-${params.words}", '-["x","y z"]', '-["x","y z"]', ('-["x","y z"]',)),
        (
            "${plan.out.mixed}",
            [1, True, None, {"k": [1]}],
            '[1,true,null,{"k":[1]}]',
            ("1", "true", "null", '{"k":[1]}'),
        ),
        ("${params.none}${params.deep}", "nullfalse", "nullfalse", ("nullfalse",)),
        ("$${params.repo}", "${params.repo}", "${params.repo}", ("${params.repo}",)),
        ("$$${params.repo}", "$${params.repo}", "$${params.repo}", ("$${params.repo}",)),
        ("a$${b}${params.shards}$${c", "a${b}4${c", "a${b}4${c", ("a${b}4${c",)),
        ("${'}'}${ \"${\" }", "}${", "}${", ("}${",)),
        ("${params.shards >= 4}", True, "true", ("true",)),
        ("${default(gone, '}')}z}", "}z}", "}z}", ("}z}",)),
        ("${[params.repo, 'é']}", ["a b", "é"], '["a b","é"]', ("a b", "é")),
    ],
)
def test_a_template_is_its_text_with_values(text: str, value: object, shown: str, words: tuple[str, ...]) -> None:
    template = Template.parse(text)
    assert template.value(SCOPE) == value
    assert template.text_of(SCOPE) == shown
    assert template.words(SCOPE) == words


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ab ${a", "character 7: expected }, found the end"),
        ("ab ${", "character 6: expected a value, found the end"),
        ("${a b}", "character 5: expected }, found b"),
        ("${}", "character 3: expected a value, found }"),
        ("a\0b", "character 2: a NUL character"),
        ("x" * 9000 + "${" + "a" * 4097 + "}", "character 9003: more than 4096 characters"),
    ],
)
def test_what_is_no_template_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Template.parse(text)
    assert str(caught.value).startswith(said)


def test_a_template_may_be_longer_than_an_expression() -> None:
    template = Template.parse("x" * 100_000 + "${a}" * 1000)
    assert template.text_of({"a": 1}) == "x" * 100_000 + "1" * 1000
    assert template.references == {("a",)}
    assert not template.constant
    assert Template.parse("x").constant


def test_what_no_program_could_take_is_an_error() -> None:
    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    for value in ("a\0b", "\ud800", {"k": "\udc00x\ud812"}, nested, {1, 2}):
        with pytest.raises(UnfitError):
            Template.parse("x ${v}").text_of({"v": value})
        with pytest.raises(UnfitError):
            Template.parse("${v}").words({"v": [value]})
    assert Template.parse("${v}").words({"v": "\udc80"}) == ("\udc80",), "a byte of a file name that is not UTF-8"
    other = [nested[0]]
    assert Expression.parse("a == b").evaluate({"a": nested, "b": other}) is True


@given(JSON, JSON)
def test_equality_is_that_of_json_where_whole_and_other_numbers_are_one(one: Any, other: Any) -> None:
    def told_apart(value: Any) -> Any:
        if isinstance(value, bool):
            return ("bool", value)
        if isinstance(value, list):
            return [told_apart(element) for element in value]
        return {key: told_apart(inner) for key, inner in value.items()} if isinstance(value, dict) else value

    scope = {"a": one, "b": other}
    assert Expression.parse("a == b").holds(scope) == (told_apart(one) == told_apart(other))
    assert Expression.parse("a == a").holds(scope)
    assert Expression.parse("a != b").holds(scope) != Expression.parse("a == b").holds(scope)


@given(st.text(alphabet="ab.[]()${}'\" \\01,=!<>-notand", max_size=40))
def test_any_text_is_an_expression_or_an_error_that_says_where(text: str) -> None:
    for kind in (Expression, Template):
        try:
            kind.parse(text)
        except ExpressionError as error:
            assert str(error).startswith("character ")


def test_a_structure_keeps_every_value_in_its_place() -> None:
    written = {"title": "by ${who}", "n": 3, "list": ["${what}", {"plain": "$${x}"}, True, None], "all": "${what}"}
    structure = Structure.parse(written)
    assert structure.references == {("who",), ("what",)}
    hostile = '", "n": 99, "x": "'
    assert structure.value({"who": hostile, "what": {"k": [hostile]}}) == {
        "title": f"by {hostile}",
        "n": 3,
        "list": [{"k": [hostile]}, {"plain": "${x}"}, True, None],
        "all": {"k": [hostile]},
    }
    assert json.loads(structure.text) == written
    assert structure == Structure.parse(written)
    assert not structure.constant
    assert Structure.parse([1, "x"]).constant


@given(JSON)
def test_what_a_structure_refers_to_fills_its_place_whatever_it_is(value: Any) -> None:
    found = Structure.parse({"a": "${v}", "b": ["${v}", 1]}).value({"v": value})
    assert found == {"a": value, "b": [value, 1]}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"a": ["${x"]}, "character 4: expected }"),
        ({"a": {"${x}": 1}}, 'a key holds no ${…}, only a value does: "${x}"'),
        (float("nan"), "expected a number that JSON can hold"),
        (float("inf"), "expected a number that JSON can hold"),
        (1 << 70, "expected a number that JSON can hold"),
        ({"a": {1}}, "expected a text, a number, true, false, a list or a table, found set"),
    ],
)
def test_what_is_no_structure_is_refused(written: Any, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Structure.parse(written)
    assert str(caught.value).startswith(said)
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    with pytest.raises(ExpressionError, match="more than 50 levels"):
        Structure.parse(deep)
