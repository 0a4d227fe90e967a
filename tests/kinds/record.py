"""Makes tests/kinds/streams afresh from what the tests with real agents have kept:  python -m tests.kinds.record FOLDER

The streams are those of MUXDECK_KEEP_STREAMS=FOLDER python -m pytest tests/kinds/test_real.py
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

STREAMS = Path(__file__).with_name("streams")
LONGEST_TEXT, LONGEST_LIST = 300, 3
_NAMES = {
    "test_it_writes_a_file_and_says_so_and_its_session_goes_on-{}-0": "ok",
    "test_it_writes_a_file_and_says_so_and_its_session_goes_on-{}-1": "resumed",
    "test_one_without_tools_writes_a_file_and_commits_nothing-{}-0": "ok",
    "test_a_login_that_is_refused_is_told_from_an_error-{}-0": "auth",
    "test_a_question_that_is_refused_is_an_error-{}-0": "error",
    "test_a_limit_is_told_from_an_error-{}-0": "limit",
    "test_what_it_was_not_allowed_to_do_is_no_success-{}-0": "denied",
}
_SCRUBS = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "00000000-0000-4000-8000-{:012}"),
    (re.compile(r"\b(?:ses|msg|prt)_[0-9A-Za-z]{20,}"), "ses_{:026}"),
    (re.compile(r"(?:/[\w.@+-]+)*/work(?=[/\"'\\ ]|$)"), "/project"),
    (re.compile(r"/(?:tmp|root|home)/[^\s\"'\\]*"), "/elsewhere"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:1"),
    (re.compile(r"\b[0-9a-f]{40}\b"), "0" * 40),
)


def scrubbed(raw: str) -> str:
    """Without paths and ids of this host; the same id stays the same."""
    known: dict[str, str] = {}

    def replaced(match: re.Match[str], by: str) -> str:
        return known.setdefault(match[0], by.format(len(known)))

    for pattern, by in _SCRUBS:
        raw = pattern.sub(lambda match, by=by: replaced(match, by), raw)  # type: ignore[misc]
    return raw


def shortened(events: str) -> str:
    """Without what is long."""
    return "".join(json.dumps(_short(json.loads(line)), ensure_ascii=False) + "\n" for line in events.splitlines())


def _short(value: object) -> object:
    if isinstance(value, dict):
        return {name: _short(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_short(one) for one in value[:LONGEST_LIST]]
    return value[:LONGEST_TEXT] if isinstance(value, str) else value


def main(folder: Path) -> None:
    for pattern, name in _NAMES.items():
        for kind in ("claude", "codex", "gemini", "opencode", "copilot"):
            kept = folder / f"{pattern.format(kind)}.jsonl"
            if kept.exists():
                (STREAMS / f"{kind}-{name}.jsonl").write_text(shortened(scrubbed(kept.read_text())))
        plain = folder / f"{pattern.format('aider')}.jsonl"
        if plain.exists():
            (STREAMS / f"aider-{name}.txt").write_text(scrubbed(plain.read_text()))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
