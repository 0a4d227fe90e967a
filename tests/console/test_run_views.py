"""Graph and timeline of a run as text: what is drawn of a document."""

from __future__ import annotations

from typing import Any

from tui.situation import Situation
from tui.views import run_graph, timeline
from tui.views.line import Line, width_of

AT = Situation(1000.0)


def part(item: int, began: float | None, ended: float | None = None, **more: Any) -> dict[str, Any]:
    usual = {"item": item, "state": "running", "reason": None, "task": item + 1, "agent": "ada", "attempts": 1}
    times = {"queued_at": began, "started_at": began, "ended_at": ended, "cost": None}
    return usual | times | more


def node(name: str, *needs: str, parts: tuple[dict[str, Any], ...] = (), **more: Any) -> dict[str, Any]:
    began = min((one["started_at"] for one in parts if one["started_at"] is not None), default=None)
    counts = {"all": len(parts), "ended": sum(one["ended_at"] is not None for one in parts)}
    usual = {"name": name, "needs": list(needs), "state": "pending", "final": False, "many": len(parts) > 1}
    told = {"critical": False, "reason": None, "asks": None, "why": [f"why {name}"], "since": None, "ended_at": None}
    return usual | told | {"counts": counts, "parts": list(parts), "started_at": began} | more


def run(*nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    usual = {"nodes": list(nodes), "critical_path": [], "started_at": 400.0, "queued_at": 400.0, "ended_at": None}
    return usual | more


def text(lines: list[Line]) -> list[str]:
    return ["".join(span.text for span in line).rstrip() for line in lines]


def roles(line: Line) -> dict[str, str]:
    return {span.text.strip(): span.role for span in line}


DIAMOND = run(
    node("fetch", state="succeeded", critical=True),
    node("lint", "fetch", state="failed"),
    node("test", "fetch", state="running", critical=True, many=True, counts={"all": 40, "ended": 12}),
    node("ship", "lint", "test", state="upstream_failed"),
    critical_path=["fetch", "test"],
)


def test_the_critical_path_is_heavy_and_parts_are_counted() -> None:
    found = run_graph.picture(DIAMOND, "test", AT)
    assert found is not None
    drawn = text(found.lines)
    joined = "\n".join(drawn)
    assert "*✓ fetch" in drawn[0]
    assert "*● test 12/40" in joined
    assert "✗ lint" in joined
    assert "⊘ ship" in joined
    assert "━" in drawn[1]
    assert "─" in drawn[1]
    row, first, last = found.cursor or (0, 0, 0)
    assert drawn[row][first:last].strip() == "*● test 12/40"
    assert roles(found.lines[row])["✗"] == "failed"


def test_a_graph_keeps_its_places_while_its_parts_end() -> None:
    before = run_graph.picture(DIAMOND, None, AT)
    grown = [one | ({"counts": {"all": 40, "ended": 9}} if one["name"] == "test" else {}) for one in DIAMOND["nodes"]]
    after = run_graph.picture(DIAMOND | {"nodes": grown}, None, AT)
    assert before is not None
    assert after is not None
    assert before.placed == after.placed


def test_a_plain_terminal_gets_no_lines_that_it_may_not_have() -> None:
    found = run_graph.picture(DIAMOND, None, AT._replace(plain=True))
    assert found is not None
    assert "\n".join(text(found.lines)).isascii()


def test_too_many_nodes_are_not_drawn() -> None:
    many = run(*(node(f"n{number}") for number in range(run_graph.DRAWN_AT_MOST + 1)))
    assert run_graph.picture(many, None, AT) is None


def test_the_cursor_goes_over_the_graph_by_its_places() -> None:
    def walk(*moves: str) -> str | None:
        name: str | None = None
        for move in moves:
            name = run_graph.step(DIAMOND, name, move)
        return name

    assert walk("down") == "fetch"
    assert walk("top", "down") in ("lint", "test")
    assert walk("top", "down", "down") == "ship"
    assert {walk("top", "right"), walk("top", "right", "right")} == {"lint", "test"}
    assert walk("bottom") == "ship"
    assert walk("bottom", "right") == "ship"


def bar(found: dict[str, Any], index: int, width: int = 80) -> str:
    row = timeline.rows(found)[index]
    return text([timeline.timeline_line(row, found, width, AT)])[0]


def test_bars_stand_where_the_run_was_at_that_time() -> None:
    found = run(
        node("first", parts=(part(0, 400.0, 700.0, state="succeeded"),), state="succeeded"),
        node("second", "first", parts=(part(0, 700.0, attempts=2, agent="bob"),), state="running"),
    )
    first, second = bar(found, 0), bar(found, 1)
    half = timeline.columns(80)[1] // 2
    assert abs(first.count("▇") - half) <= 1
    assert abs(second.count("▇") - half) <= 1
    assert first.index("▇") < second.index("▇")
    assert first.endswith("5m  ada")
    assert second.endswith("5m  bob ×2")


def test_time_in_the_queue_is_dotted() -> None:
    waited = part(0, 700.0, queued_at=400.0)
    assert "···▇" in bar(run(node("only", parts=(waited,), state="running")), 0)


def test_many_parts_are_one_line_as_high_as_what_ran_at_once() -> None:
    parts = tuple(part(item, 400.0 + 30 * item, 1000.0, state="succeeded") for item in range(12))
    found = run(node("review", parts=parts, state="running"))
    assert len(timeline.rows(found)) == 1
    line = bar(found, 0)
    assert "review" in line
    assert "12/12" in line
    assert "▁" in line
    assert line.rindex("▁") < line.index("█")


def test_parts_one_after_the_other_are_one_at_a_time() -> None:
    parts = tuple(part(item, 400.0 + 50 * item, 450.0 + 50 * item, state="succeeded") for item in range(12))
    line = bar(run(node("review", parts=parts, state="succeeded", ended_at=1000.0)), 0)
    assert len({sign for sign in line if sign in "▁▂▃▄▅▆▇█"}) == 1


def test_few_parts_are_a_line_each() -> None:
    parts = tuple(part(item, 400.0, 500.0) for item in range(3))
    assert [bar(run(node("build", parts=parts)), index).split()[1] for index in range(3)] == [
        "build.0",
        "build.1",
        "build.2",
    ]


def test_what_has_not_begun_says_why() -> None:
    assert "why ship" in bar(run(node("ship")), 0)


def test_the_scale_has_round_times() -> None:
    for length, marks in ((9.0, "╷0"), (600.0, "╷2m"), (9000.0, "╷30m"), (400_000.0, "╷1d")):
        found = run(started_at=1000.0 - length)
        line = text([timeline.ruler(found, 80, AT)])[0]
        assert marks in line
        assert len(line) <= 80


def test_lines_fill_their_width_and_no_more() -> None:
    found = run(
        node("a" * 60, parts=(part(0, 990.0, agent="b" * 60),), state="running"),
        node("gate", state="asking", since=500.0),
    )
    for width in (40, 60, 80, 120):
        for row in timeline.rows(found):
            assert width_of(timeline.timeline_line(row, found, width, AT)) <= width
