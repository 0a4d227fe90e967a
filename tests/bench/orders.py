"""How long runs of many shapes take in virtual time by the real rules, beside what no scheduler can stay below.

No schedule is shorter than the longest way through the graph, nor than all work divided by the slots. For comparison:
a list scheduler that takes what is ready first in, first out, and knows nothing of the graph.
"""

from __future__ import annotations

import random
from collections import deque
from heapq import heappop, heappush
from itertools import pairwise
from statistics import fmean
from typing import TYPE_CHECKING

from core import messages as m
from core.effects import Start
from core.engine.ring import Ring
from core.model import ProcessId
from core.runs import Definition, Surroundings
from core.settings import Limits
from core.workflows.expressions import Template
from core.workflows.model import Command, Node, Workflow
from tests.bench.figures import Figure
from tests.fakes import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from core.model import AttemptId

SLOTS = 8
SEEDS = 5
WHERE = Surroundings("/", (), 0o022, "/nowhere")
Graph = dict[str, tuple[str, ...]]
"""What each node needs."""


def chains(chance: random.Random) -> Graph:
    """Of different lengths, side by side."""
    return {
        f"c{one}-{at}": (f"c{one}-{at - 1}",) if at else () for one in range(16) for at in range(chance.randint(2, 24))
    }


def diamonds(_: random.Random) -> Graph:
    """One after the other: apart into six, together again."""
    found: Graph = {}
    for at in range(20):
        found[f"d{at}"] = tuple(f"d{at - 1}-{side}" for side in range(6)) if at else ()
        found |= {f"d{at}-{side}": (f"d{at}",) for side in range(6)}
    return found


def wide(_: random.Random) -> Graph:
    found: Graph = {"first": ()} | {f"w{at}": ("first",) for at in range(200)}
    return found | {"last": tuple(f"w{at}" for at in range(200))}


def layered(chance: random.Random) -> Graph:
    """Each node needs some of the layer before."""
    layers = [[f"l{at}-{one}" for one in range(chance.randint(4, 24))] for at in range(12)]
    found: Graph = dict.fromkeys(layers[0], ())
    for above, layer in pairwise(layers):
        found |= {name: tuple(chance.sample(above, min(len(above), chance.randint(1, 3)))) for name in layer}
    return found


def out_tree(chance: random.Random) -> Graph:
    return {f"t{at}": (f"t{chance.randrange(at)}",) if at else () for at in range(200)}


def in_tree(chance: random.Random) -> Graph:
    found: dict[str, list[str]] = {f"t{at}": [] for at in range(200)}
    for at in range(1, 200):
        found[f"t{chance.randrange(at)}"].append(f"t{at}")
    return {name: tuple(needs) for name, needs in found.items()}


def montage(_: random.Random) -> Graph:
    """As the sky survey's: projections, their overlaps, one fit, corrections, one sum, and a shrinking tail."""
    width = 40
    found: Graph = {f"project{at}": () for at in range(width)}
    found |= {f"overlap{at}": (f"project{at}", f"project{(at + 1) % width}") for at in range(width)}
    found["fit"] = tuple(f"overlap{at}" for at in range(width))
    found["model"] = ("fit",)
    found |= {f"correct{at}": ("model", f"project{at}") for at in range(width)}
    found["add"] = tuple(f"correct{at}" for at in range(width))
    return found | {"shrink": ("add",), "picture": ("shrink",)}


SHAPES: dict[str, Callable[[random.Random], Graph]] = {
    "chains": chains,
    "diamonds": diamonds,
    "wide": wide,
    "layered": layered,
    "out-tree": out_tree,
    "in-tree": in_tree,
    "montage": montage,
}


def figures() -> Iterator[Figure]:
    for name, shape in SHAPES.items():
        ratios: dict[str, list[float]] = {"known": [], "learnt": [], "unknown": [], "fifo": []}
        busy: list[float] = []
        for seed in range(SEEDS):
            chance = random.Random(f"{name} {seed}")
            graph = shape(chance)
            takes = {node: min(10 * chance.paretovariate(1.5), 500) for node in graph}
            bound = least(graph, takes)
            noisy = {node: seconds * chance.lognormvariate(0, 0.3) for node, seconds in takes.items()}
            made = {"known": Run(graph, takes, takes).makespan(), "learnt": Run(graph, takes, noisy).makespan()}
            made |= {"unknown": Run(graph, takes, {}).makespan(), "fifo": first_come(graph, takes)}
            for how, seconds in made.items():
                ratios[how].append(seconds / bound)
            busy.append(100 * sum(takes.values()) / SLOTS / made["known"])
        yield Figure(f"{name}: makespan over its lower bound, known", fmean(ratios["known"]), "×", None, *_fifo(ratios))
        yield Figure("  learnt from earlier runs, a third off", fmean(ratios["learnt"]), "×")
        yield Figure("  unknown", fmean(ratios["unknown"]), "×")
        yield Figure("  utilisation, known", fmean(busy), "%")


def _fifo(ratios: Mapping[str, list[float]]) -> tuple[float, str]:
    return fmean(ratios["fifo"]), "first come, first served"


def least(graph: Graph, takes: Mapping[str, float]) -> float:
    """Seconds that no scheduler can stay below."""
    return max(*longest_ways(graph, takes).values(), sum(takes.values()) / SLOTS)


def longest_ways(graph: Graph, takes: Mapping[str, float]) -> dict[str, float]:
    """From the beginning to the end of each node."""
    found: dict[str, float] = {}
    waiting = deque(graph)
    while waiting:
        name = waiting.popleft()
        if all(need in found for need in graph[name]):
            found[name] = takes[name] + max((found[need] for need in graph[name]), default=0.0)
        else:
            waiting.append(name)
    return found


def first_come(graph: Graph, takes: Mapping[str, float]) -> float:
    """A list scheduler without ranks."""
    left = {name: len(needs) for name, needs in graph.items()}
    ready = deque(name for name, count in left.items() if not count)
    running: list[tuple[float, str]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < SLOTS:
            name = ready.popleft()
            heappush(running, (now + takes[name], name))
        now, ended = heappop(running)
        for name, needs in graph.items():
            if ended in needs:
                left[name] -= 1
                if not left[name]:
                    ready.append(name)
    return now


class Run:
    """One run over the real rules; only the outside and the clock are made up."""

    def __init__(self, graph: Graph, takes: Mapping[str, float], expected: Mapping[str, float]) -> None:
        work = Command((Template.parse("x"),))
        nodes = {name: Node(name, work, needs) for name, needs in graph.items()}
        self._definition = Definition(Workflow("shape", nodes), "")
        self._takes, self._expected = takes, dict(expected)
        self._ring = Ring(MemoryStore(), Limits(slots=SLOTS), 0.0)
        self._due: list[tuple[float, int, AttemptId]] = []
        self._now = 0.0

    def makespan(self) -> float:
        self._tell(m.StartRun(self._definition, {}, WHERE, self._expected, "the operator"))
        while self._due or self._ring.world.tasks:
            timer = self._ring.world.timers.next_at
            if timer is not None and (not self._due or timer < self._due[0][0]):
                self._now = max(self._now, timer)
                self._tell(m.Ticked())
                continue
            self._now, _, attempt = heappop(self._due)
            self._tell(m.Exited(attempt, 0, self._now))
        return self._now

    def _tell(self, message: m.Message) -> None:
        for effect in self._ring.apply(message, self._now).effects:
            if isinstance(effect, Start):
                self._begin(effect.attempt)

    def _begin(self, attempt: AttemptId) -> None:
        part = self._ring.world.tasks[attempt.task].part
        assert part is not None
        heappush(self._due, (self._now + self._takes[part.node], attempt.task, attempt))
        self._tell(m.Placed(attempt, 0, 0, ProcessId(1, 1.0, "")))
        self._tell(m.Started(attempt, 1, self._now))
