"""The line below: the keys that work here; those that do not are dim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.actions import ACTIONS, Action, key_name
from tui.views.line import Line, Span, width_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def footer_line(why_not: Callable[[Action], str | None], width: int, actions: Sequence[Action] = ACTIONS) -> Line:
    """As many as fit; the help is always there."""
    shown = [action for action in actions if action.footer]
    others, last = [action for action in shown if action.id != "help"], next(one for one in shown if one.id == "help")
    ending = _pair(last, works=True)
    spans: list[Span] = []
    for action in others:
        pair = _pair(action, works=why_not(action) is None)
        if width_of((*spans, *pair, *ending)) > width:
            break
        spans += pair
    return (*spans, *ending)


def _pair(action: Action, *, works: bool) -> Line:
    key = Span(f" {key_name(action.keys[0])}", "accent" if works else "faint")
    return key, Span(f" {action.label} ", "muted" if works else "faint")
