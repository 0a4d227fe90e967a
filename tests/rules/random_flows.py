"""Random workflow files: graphs of every kind of node, as texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import hypothesis.strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

RULES = ("all_success", "all_success", "all_success", "none_failed", "all_done", "any_success", "any_failed", "always")
SUB = 'schema = 1\n[task.s]\nrun = ["s"]\n[task.t]\nneeds = "s"\nrun = ["t"]\n[finally.f]\nrun = ["f"]\n'
FANS = ("matrix", "map", "each")
KINDS = ("run", "run", "list", "text", *FANS, *FANS, "reduce", "choose", "call", "gate", "scatter")
SHARES = ("0.0", "0.5", "1.0")


class _Flow:
    """One file while it is drawn."""

    def __init__(self, draw: Callable) -> None:
        self.draw = draw
        self.names: dict[str, str] = {}
        """Kinds by name."""
        self.needs: dict[str, list[str]] = {}
        self.chosen: str | None = None

    def any(self, *kinds: str) -> str | None:
        found = [name for name, kind in self.names.items() if kind in kinds]
        return self.draw(st.sampled_from(found)) if found else None

    def node(self, place: int) -> str:
        draw, name = self.draw, f"n{place}"
        kind = draw(st.sampled_from(KINDS))
        earlier = list(self.names)
        needs = draw(st.lists(st.sampled_from(earlier), max_size=2, unique=True)) if earlier else []
        source = {"map": ("list",), "choose": ("text",), "each": FANS, "reduce": (*FANS, "scatter")}.get(kind)
        of = None if source is None else self.any(*source)
        if source is not None and of is None:
            kind = "run"
        lines = self.work(name, kind, str(of))
        if kind in ("map", "choose"):
            needs = list(dict.fromkeys([*needs, str(of)]))
        self.names[name], self.needs[name] = kind, needs
        if needs:
            lines.append(f"needs = {needs}")
        if needs or kind in ("each", "reduce"):
            lines.append(f'start = "{draw(st.sampled_from(RULES))}"')
        if draw(st.integers(0, 9)) == 0:
            lines.append('when = "params.no"')
        return "\n".join(lines).replace("'", '"') + "\n"

    def work(self, name: str, kind: str, of: str) -> list[str]:
        draw = self.draw
        run = f'run = ["{name}"]'
        head = f"[task.{name}]"
        parallel = draw(st.sampled_from(["", ", parallel = 1", ", parallel = 2"]))
        match kind:
            case "run":
                more = ['retry = { attempts = 2, first = "0s" }'] * draw(st.booleans())
                more += ['fallback = [{ agent = "local" }]'] * draw(st.booleans())
                more += [f'lost = "{draw(st.sampled_from(["hold", "fail", "retry"]))}"']
                return [head, run, *more]
            case "list":
                return [head, run, 'output = { json = "-" }']
            case "text":
                return [head, run, 'output = { text = "-" }']
            case "matrix":
                return [head, run, 'output = { text = "-" }', "matrix = { n = [1, 2] }"]
            case "map":
                batch = draw(st.sampled_from(["", ", batch = 2"]))
                over = f'map = {{ over = "${{{of}.out}}"{parallel}{batch} }}'
                when = ['fallback = [{ agent = "local" }]'] * draw(st.booleans())
                return [head, run, 'output = { text = "-" }', over, *when]
            case "each":
                return [head, run, 'output = { text = "-" }', f'map = {{ each = "{of}"{parallel} }}']
            case "reduce":
                return [head, run, f'reduce = {{ from = "{of}", min_success = {draw(st.sampled_from(SHARES))} }}']
            case "choose":
                return [head, f'choose = {{ on = "${{{of}.out}}", cases = {{ "x" = [] }} }}']
            case "call":
                leave = draw(st.sampled_from(["cancel", "leave"]))
                return [head, f'call = {{ file = "sub.toml", if_parent_stops = "{leave}" }}']
            case "gate":
                return [head, run, 'gate = { ask = "go on?" }']
        until = draw(st.sampled_from(['"all"', '"first"', '"quorum", quorum = 2']))
        return [head, run, 'output = { text = "-" }', f"scatter = {{ agents = 3, until = {until} }}"]

    def branches(self, text: str) -> str:
        """The cases of its choices: those that need them."""
        for name, kind in self.names.items():
            below = [one for one, needs in self.needs.items() if name in needs]
            if kind == "choose":
                targets = self.draw(st.lists(st.sampled_from(below), unique=True)) if below else []
                written = str(targets).replace("'", '"')
                place = text.index(f"[task.{name}]\n")
                text = text[:place] + text[place:].replace('"x" = []', f'"x" = {written}', 1)
        return text


@st.composite
def flows(draw: Callable) -> str:
    """Texts of files that may call sub.toml."""
    flow = _Flow(draw)
    text = "".join(flow.node(place) for place in range(draw(st.integers(2, 7))))
    head = 'schema = 1\n[params]\nno = { type = "bool", default = false }\n[run]\n'
    head += draw(st.sampled_from(["", "max_active = 1\n", "max_active = 2\n"]))
    head += draw(st.sampled_from(["", "", "", 'on_failure = "cancel"\n']))
    head += draw(st.sampled_from(["", "", 'group = "g"\ngroup_max = 1\n']))
    last = draw(st.sampled_from(["", '[finally.last]\nrun = ["last"]\n']))
    return head + flow.branches(text) + last
