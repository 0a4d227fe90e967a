"""Order, longest ways and drawings of workflows: every line of a drawing leads from a node to what needs it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.workflows.drawing import signs
from core.workflows.expressions import Template
from core.workflows.graph import dot, draw, layers, mermaid, ranks, topological
from core.workflows.layout import layout
from core.workflows.model import Command, Gate, Node, Wait, Workflow
from core.workflows.reading import read
from core.workflows.routing import Side

FILES = Path(__file__).parent / "files"
WORK = Command((Template.parse("x"),))


def workflow(_finally: str = "", **needs: str) -> Workflow:
    nodes = {name: Node(name, WORK, tuple(text.split())) for name, text in needs.items()}
    nodes |= {name: Node(name, WORK, final=True) for name in _finally.split()}
    return Workflow("w", nodes)


def sketch() -> Workflow:
    found, _ = read((FILES / "review-repo.toml").read_text(), "review-repo.toml", lambda _: None)
    assert found is not None
    return found


DRAWINGS = {
    "pipeline": workflow(fetch="", build="fetch", test="build"),
    "diamond": workflow(fetch="", lint="fetch", test="fetch", release="lint test"),
    "fan-out, fan-in": workflow(plan="", one="plan", two="plan", three="plan", four="plan", merge="one two three four"),
    "both need both": workflow(a="", b="", c="a b", d="a b"),
    "lines that cross": workflow(a="", b="", c="", x="a c", y="a b", z="b c"),
    "lines past layers": workflow(a="", b="a", c="b", d="a c", e="a d", f="b e"),
    "release": workflow(
        lint="", unit="", build="lint", docs="", package="build unit docs", notes="docs lint", release="package notes"
    ),
    "alone": workflow("tidy", a="", b=""),
    "sketch": sketch(),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_graph_is_drawn_as_it_was_looked_at(name: str) -> None:
    golden = dict(part.split("\n", 1) for part in (FILES / "drawings.txt").read_text().split("== ")[1:])
    assert "\n".join(draw(DRAWINGS[name])) == golden[name].rstrip("\n")


GRAPHS = st.lists(st.lists(st.integers(0, 30), max_size=3), max_size=12)


def graph_of(edges: list[list[int]]) -> Workflow:
    """The numbers of each node are those before it, counted round."""
    nodes = {}
    for number, parents in enumerate(edges):
        needs = dict.fromkeys(f"task{parent % number}" for parent in parents) if number else {}
        nodes[f"task{number}"] = Node(f"task{number}", WORK, tuple(needs))
    return Workflow("w", nodes)


LINES_IN_EACH_OTHERS_WAY = [
    *([], [], [], [19], [], [23, 10], [7, 17], [1], [], [], [10], [18, 28], [20, 23, 24], [5, 1, 16], [29, 13]),
]
"""Two lines past the same row that can only be told apart where one of them moves aside."""


def test_whoever_follows_the_lines_comes_to_what_needs_the_node_and_to_nothing_else() -> None:
    chance = random.Random(7)
    graphs = [
        [[chance.randrange(31) for _ in range(chance.randrange(4))] for _ in range(chance.randrange(1, 22))]
        for _ in range(400)
    ]
    for edges in (LINES_IN_EACH_OTHERS_WAY, *graphs):
        flow = graph_of(edges)
        found = layout(flow)
        cells = signs(found)
        tops = {(x, one.y): one.name for one in found.placed for x in range(one.x, one.x + one.width)}
        for one in found.placed:
            starts = {(edge.cells[0].x, edge.cells[0].y) for edge in found.edges if edge.source == one.name}
            reached = set().union(*(followed(cells, tops, start) for start in starts))
            assert reached == {node.name for node in flow.nodes.values() if one.name in node.needs}


SIDES = {
    "│": Side.UP | Side.DOWN,
    "─": Side.LEFT | Side.RIGHT,
    "└": Side.UP | Side.RIGHT,
    "┘": Side.UP | Side.LEFT,
    "┌": Side.DOWN | Side.RIGHT,
    "┐": Side.DOWN | Side.LEFT,
    "├": Side.UP | Side.DOWN | Side.RIGHT,
    "┤": Side.UP | Side.DOWN | Side.LEFT,
    "┴": Side.UP | Side.LEFT | Side.RIGHT,
    "┬": Side.DOWN | Side.LEFT | Side.RIGHT,
    "┼": Side.UP | Side.DOWN | Side.LEFT | Side.RIGHT,
    "▼": Side.UP | Side.DOWN,
}
STEPS = {Side.DOWN: (0, 1), Side.LEFT: (-1, 0), Side.RIGHT: (1, 0)}


def followed(cells: dict[tuple[int, int], str], tops: dict[tuple[int, int], str], start: tuple[int, int]) -> set[str]:
    """The nodes to which the eye comes: down and along lines, never up, and straight over lines that are crossed."""
    found = set()
    seen = set()
    waiting = [(start, Side.DOWN)]
    while waiting:
        place, toward = waiting.pop()
        if (place, toward) in seen:
            continue
        seen.add((place, toward))
        if place in tops:
            found.add(tops[place])
            continue
        sides = SIDES[cells[place]]
        along = toward in (Side.LEFT, Side.RIGHT)
        ways = [toward] if along and cells[place] == "│" else [way for way in STEPS if sides & way]
        for way in ways:
            if along and way in (Side.LEFT, Side.RIGHT) and way is not toward:
                continue
            waiting.append(((place[0] + STEPS[way][0], place[1] + STEPS[way][1]), way))
    return found


@given(GRAPHS)
def test_no_label_and_no_line_lies_upon_a_label(edges: list[list[int]]) -> None:
    found = layout(graph_of(edges))
    labels = [(x, one.y) for one in found.placed for x in range(one.x, one.x + one.width)]
    assert len(labels) == len(set(labels))
    assert not set(labels) & set(signs(found))
    assert all(0 <= x < found.width and 0 <= y < found.height for x, y in [*labels, *signs(found)])


@given(GRAPHS)
def test_each_node_is_in_a_layer_below_all_that_it_needs(edges: list[list[int]]) -> None:
    flow = graph_of(edges)
    depth = {name: place for place, row in enumerate(layers(flow)) for name in row}
    order = topological(flow)
    assert sorted(order) == sorted(depth) == sorted(flow.nodes)
    for node in flow.nodes.values():
        assert depth[node.name] == max((depth[need] + 1 for need in node.needs), default=0)
        assert all(order.index(need) < order.index(node.name) for need in node.needs)


def test_what_is_at_the_end_comes_last_and_below_everything() -> None:
    flow = workflow("tidy", a="", b="a")
    assert topological(flow) == ["a", "b", "tidy"]
    assert layers(flow) == [["a"], ["b"], ["tidy"]]


def test_layers_are_put_in_an_order_without_crossings_where_there_is_one() -> None:
    assert layers(workflow(a="", b="", x="b", y="a")) == [["a", "b"], ["y", "x"]]


def test_a_mark_is_the_label_of_a_node() -> None:
    assert draw(workflow(a="", b="a"), lambda name: f"{name} ok")[::2] == ["a ok", "b ok"]


def test_what_is_too_large_to_be_drawn_is_listed_by_layer() -> None:
    lines = draw(workflow(**{f"n{number}": f"n{number - 1}" if number else "" for number in range(60)}))
    assert lines[:3] == ["[n0]", "  [n1] ← n0", "    [n2] ← n1"]
    assert len(lines) == 60
    wide = draw(workflow(a="", **{f"n{number}-{'x' * 40}": "a" for number in range(20)}))
    assert len(wide) == 21
    many = draw(
        workflow(**{f"n{number}": "" for number in range(60)}, z=" ".join(f"n{number}" for number in range(60)))
    )
    assert many[-1] == "  [z] ← n0, n1, n2, n3, n4, n5, n6, n7, … 52 more"


def test_the_longest_way_to_the_end_is_that_of_what_is_known_of_each() -> None:
    flow = Workflow(
        "w",
        {
            "a": Node("a", WORK, expect=10.0),
            "b": Node("b", WORK, ("a",)),
            "c": Node("c", WORK, ("a",), gate=Gate(Template.parse("?"))),
            "ask": Node("ask", None, ("b",), gate=Gate(Template.parse("?"))),
            "wait": Node("wait", None, ("ask",), wait=Wait(seconds=900.0)),
            "d": Node("d", WORK, ("c", "wait")),
            "tidy": Node("tidy", WORK, final=True),
        },
    )
    assert ranks(flow, {"a": 99.0, "b": 5.0, "d": 2.0}) == {
        "a": 10 + 5 + 2 + 1,
        "b": 5 + 2 + 1,
        "ask": 2 + 1,
        "wait": 2 + 1,
        "c": 1 + 2 + 1,
        "d": 2 + 1,
        "tidy": 1,
    }


def test_mermaid_and_graphviz_get_every_node_edge_and_case() -> None:
    flow = sketch()
    for text, arrow in ((mermaid(flow), "-->"), (dot(flow), "->")):
        assert text.count(arrow) == sum(len(node.needs) for node in flow.nodes.values())
        for name in flow.nodes:
            assert f'"{name}"' in text
    assert '  n6{"route"}\n' in mermaid(flow)
    assert '  n6 -->|"2 #124; 3"| n7\n' in mermaid(flow)
    assert '  n6 -> n7 [label="2 | 3"];\n' in dot(flow)
    assert '  n9 [label="cleanup", shape=box, style=dashed];\n' in dot(flow)


def test_no_case_of_a_branch_gets_out_of_its_label() -> None:
    text = """
        schema = 1
        [params]
        p = {}
        [task.a]
        choose = { on = "${params.p}", cases = { "\\"]; x -> y; \\u001b\\\\" = ["b"] } }
        [task.b]
        needs = "a"
    """
    flow, faults = read(text, "w.toml", lambda _: None)
    assert flow is not None, faults
    assert dot(flow).splitlines()[-2] == '  n0 -> n1 [label="\\"]; x -> y; ␛\\\\"];'
    assert mermaid(flow).splitlines()[-1] == '  n0 -->|"#34;#93;#59; x -#62; y#59; #9243;#92;"| n1'
