"""A person's answer at a gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.messages import RefusedError
from core.rules.runs.reviving import known_node, known_run
from core.rules.runs.working import answer
from core.text import one_line
from core.workflows.model import NodeState

if TYPE_CHECKING:
    from core.messages import AnswerGate
    from core.rules.step import Step


def answer_gate(step: Step, wish: AnswerGate) -> None:
    run = known_run(step, wish.run)
    progress = known_node(run, wish.node)
    if progress.state is not NodeState.ASKING:
        raise RefusedError("refused", f"run {run.id}: {wish.node} asks nothing, it is {progress.state}")
    word = "approved" if wish.approved else "rejected"
    said = f": {one_line(wish.text, 200)}" if wish.text.strip() else ""
    step.note(f"run {run.id}: {wish.node} {word}{said}")
    answer(step, run, progress, approved=wish.approved, reason=f"{word} by the operator{said}")
    step.stir(run)
    step.reply = run.id
