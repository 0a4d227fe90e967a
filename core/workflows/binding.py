"""The parameters of a run: what was given, converted and checked, and what was not."""

from __future__ import annotations

import json
import math
import re
import time
from typing import TYPE_CHECKING, Any

from core import patterns
from core.bounds import excess, is_finite
from core.faults import Problem, unknown_key
from core.workflows.terms import described, same

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.workflows.model import Param, Workflow

MATCH_TIME = 0.2
"""Seconds for the patterns of all parameters of a run together."""
_EXPECTED = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": 'a list, as in ["a", "b"]',
    "json": "JSON",
}


def bind(
    workflow: Workflow, given: Mapping[str, Any], *, texts: bool = True
) -> tuple[dict[str, Any] | None, tuple[Problem, ...]]:
    """A value for every parameter, None where it has none; or None and all problems.

    With `texts`, a text that is given is read as the type of its parameter says, as the command line needs it; else it
    is only a text.
    """
    problems = [
        Problem((name,), unknown_key(name, list(workflow.params), "parameter"))
        for name in given
        if name not in workflow.params
    ]
    bound = {}
    until = time.monotonic() + MATCH_TIME
    for name, param in workflow.params.items():
        if name not in given:
            bound[name] = param.default
            if param.required:
                problems.append(Problem((name,), f"expected {_EXPECTED[param.type]}: it has no default"))
            continue
        try:
            bound[name] = fitting(param, given[name], texts=texts, seconds=max(until - time.monotonic(), 0.001))
        except ValueError as error:
            problems.append(Problem((name,), str(error)))
    return (None, tuple(problems)) if problems else (bound, ())


def fitting(param: Param, value: Any, *, texts: bool = False, seconds: float = MATCH_TIME) -> Any:  # noqa: ANN401
    """The value as the parameter has it. ValueError says what is expected instead.

    A pattern may take `seconds`: they are those of the engine.
    """
    if texts and isinstance(value, str):
        value = _read(param, value)
    if param.type == "float" and isinstance(value, int) and not isinstance(value, bool):
        value = _as_float(value)
    if not _is_of(param, value):
        raise ValueError(f"expected {_EXPECTED[param.type]}, found {described(value)}")
    if param.min is not None and value < param.min:
        raise ValueError(f"expected at least {param.min:g}, found {described(value)}")
    if param.max is not None and value > param.max:
        raise ValueError(f"expected at most {param.max:g}, found {described(value)}")
    if param.pattern is not None:
        _check_pattern(param.pattern, value, seconds)
    if param.choices and not any(same(value, choice) for choice in param.choices):
        choices = ", ".join(json.dumps(choice, ensure_ascii=False) for choice in param.choices)
        raise ValueError(f"expected one of {choices}, found {described(value)}")
    return value


def _check_pattern(pattern: str, value: str, seconds: float) -> None:
    try:
        if not patterns.matches_whole(pattern, value, seconds):
            raise ValueError(f"expected text like {pattern}, found {described(value)}")
    except patterns.SlowPatternError:
        words = f"whether {described(value)} is like {pattern} takes too long to find out"
        raise ValueError(f"{words}: write the pattern without repeats of repeats") from None


def _read(param: Param, text: str) -> Any:  # noqa: ANN401 - any JSON value
    """A text of the command line; as it is where it is not of the type."""
    compact = text.strip()
    try:
        if param.type == "int":
            return int(compact) if re.fullmatch(r"[+-]?\d{1,18}", compact, re.ASCII) else text
        if param.type == "float":
            return float(compact)
        if param.type == "bool":
            return {"true": True, "false": False}.get(compact.lower(), text)
        return json.loads(compact) if param.type in ("list", "json") else text
    except (ValueError, RecursionError):
        return text


def _as_float(value: int) -> float:
    return float(value) if is_finite(value) else math.inf


def _is_of(param: Param, value: object) -> bool:
    if param.type in ("json", "list") and excess(value, escapes=True) is not None:
        return False
    if param.type == "json":
        return True
    if param.type == "float":
        return isinstance(value, float) and math.isfinite(value)
    kinds: dict[str, type] = {"string": str, "int": int, "bool": bool, "list": list}
    return isinstance(value, kinds[param.type]) and (param.type == "bool" or not isinstance(value, bool))
