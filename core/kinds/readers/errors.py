"""What an error of an agent means: its own words, and the status of the interface where it names one."""

from __future__ import annotations

import re
from typing import NamedTuple

from core.kinds.readers.resets import reset_time

_STATUS = re.compile(
    r"(?:status(?: code)?|code|api error|error code)\W{0,4}(?:rejected \()?\s*([45]\d\d)\b", re.IGNORECASE
)
_AUTH = re.compile(
    r"unauthori[sz]ed|unauthenticated|not logged in|log ?in (?:again|required)|please (?:run )?\W*/?log ?in\b"
    r"|authentication[_ ](?:error|failed|required)|failed to authenticate|(?:missing|invalid|incorrect|expired|no) "
    r"(?:\w+ )?(?:api[ _-]?key|token|credentials)|api key (?:not valid|not found|is missing|expired)"
    r"|set an auth method|no authentication",
    re.IGNORECASE,
)
_LIMIT = re.compile(
    r"rate[ _-]?limit|usage limit|too many requests|(?<!disk )quota|resource[_ ]exhausted|hit your (?:\w+ ){0,3}limit"
    r"|(?<!context )(?<!token )(?<!turn )limit reached"
    r"|credit balance|insufficient[_ ](?:credit|funds|balance)|out of (?:usage )?credits|billing",
    re.IGNORECASE,
)


class Fault(NamedTuple):
    """Why a run is not ok."""

    outcome: str
    """One of error, limit and auth."""
    text: str
    retry_at: float | None = None
    """Unix time."""


def fault(text: str, status: float | None, now: float) -> Fault:
    """`text` is what the agent itself says of its error, never what the model has written."""
    if status is None and (found := _STATUS.search(text)) is not None:
        status = float(found[1])
    outcome = _by_status(status) or _by_words(text)
    return Fault(outcome, text, reset_time(text, now) if outcome == "limit" else None)


def _by_status(status: float | None) -> str | None:
    if status in (401, 403):
        return "auth"
    if status in (402, 429):
        return "limit"
    return "error" if status is not None and status >= 500 else None


def _by_words(text: str) -> str:
    if _LIMIT.search(text):
        return "limit"
    return "auth" if _AUTH.search(text) else "error"
