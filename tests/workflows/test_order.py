"""Order, cycles and ancestors, against plain definitions of them on random graphs."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from core.workflows.order import ancestors, cycles, topological

GRAPHS = st.dictionaries(
    st.sampled_from("abcdefgh"), st.lists(st.sampled_from("abcdefghz"), max_size=3, unique=True), max_size=8
)


def reached(needs: dict[str, list[str]], name: str) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for parent in needs.get(waiting.pop(), ()):
            if parent in needs and parent not in found:
                found.add(parent)
                waiting.append(parent)
    return found


@given(GRAPHS)
def test_each_comes_after_all_that_it_needs_and_only_cycles_are_left_out(needs: dict[str, list[str]]) -> None:
    order = topological(needs)
    for place, name in enumerate(order):
        assert {parent for parent in needs[name] if parent in needs} <= set(order[:place])
    knotted = {name for name in needs if name in reached(needs, name)}
    assert set(needs) - set(order) == {name for name in needs if ({name} | reached(needs, name)) & knotted}


@given(GRAPHS)
def test_every_knot_has_one_cycle_and_every_cycle_is_one(needs: dict[str, list[str]]) -> None:
    found = cycles(needs)
    for cycle in found:
        assert len(set(cycle)) == len(cycle)
        for name, following in zip(cycle, cycle[1:] + cycle[:1], strict=True):
            assert following in needs[name]
    knots = {frozenset(reached(needs, name) & {one for one in needs if name in reached(needs, one)}) for name in needs}
    assert len(found) == len(knots - {frozenset()})
    for cycle in found:
        assert any(set(cycle) <= knot for knot in knots)


@given(GRAPHS)
def test_ancestors_are_all_that_is_needed_round_about(needs: dict[str, list[str]]) -> None:
    order = topological(needs)
    wanted = [name for name in "aceg" if name in needs]
    for name, bits in ancestors(needs, order, wanted).items():
        assert {one for place, one in enumerate(wanted) if bits >> place & 1} == reached(needs, name) & set(wanted)


def test_a_long_chain_and_a_large_knot_blow_no_stack() -> None:
    chain = {f"n{number}": [f"n{number + 1}"] for number in range(50_000)}
    assert len(topological(chain)) == 50_000
    ring = {**chain, "n49999": ["n0"]}
    assert len(cycles(ring)[0]) == 50_000
    pairs = {f"{side}{number}": [f"{'ba'[side == 'b']}{number}"] for number in range(5000) for side in "ab"}
    shuffled = list(pairs.items())
    random.Random(1).shuffle(shuffled)
    assert len(cycles(dict(shuffled))) == 5000
