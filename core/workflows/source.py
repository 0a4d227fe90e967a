"""A workflow with everything that it calls, as one text: what a run keeps, so that an edit never changes it."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import lru_cache
from typing import TYPE_CHECKING

from core.model import Policy, RetryPolicy, Timeouts
from core.workflows.reading import read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.workflows.model import Workflow


def pack(text: str, file: str, calls: Mapping[str, str], policy: Policy) -> str:
    """`calls` are the texts of all files that it calls, by their names as written; `policy` is what it builds upon."""
    retry = asdict(policy.retry)
    plain = {name: sorted(value) if isinstance(value, frozenset) else value for name, value in retry.items()}
    of_policy = {"retry": plain, "timeouts": asdict(policy.timeouts)}
    return json.dumps({"file": file, "text": text, "calls": dict(calls), "policy": of_policy})


@lru_cache(maxsize=64)
def unpack(source: str) -> Workflow:
    """The inverse. ValueError where this version reads it otherwise than the one that packed it."""
    whole = json.loads(source)
    retry, timeouts = whole["policy"]["retry"], whole["policy"]["timeouts"]
    sets = {name: frozenset(value) for name, value in retry.items() if isinstance(value, list)}
    policy = Policy(RetryPolicy(**retry | sets), Timeouts(**timeouts))
    workflow, faults = read(whole["text"], whole["file"], whole["calls"].get, policy)
    if workflow is None:
        raise ValueError(f"a run's workflow cannot be read again: {'; '.join(map(str, faults))}")
    return workflow
