"""Reports of muxdeck's own bugs: a file for each, with what was asked, where it failed and what came before."""

from __future__ import annotations

import logging
import time
import traceback
from contextlib import suppress
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from core.troubles import Troubles

KEPT = 50
"""Reports that stay on disk, the latest ones."""
AGAIN_AFTER = 3600.0
"""Seconds for which the same bug is not written again, and for which the latest one is shown."""
DEEPEST, MOST_SHOWN = 5, 5
PLAIN_FIELDS = frozenset({"agent", "group", "node", "verb", "outcome", "kind", "state", "key_of_timer", "attempt"})
"""Fields whose text is a name of ours or of the configuration. Any other text may be a secret and is left out."""
log = logging.getLogger("muxdeck")


class Reports:
    def __init__(self, folder: Path, troubles: Troubles) -> None:
        self._folder = folder
        self._troubles = troubles
        self._written: dict[tuple[object, ...], tuple[str, float]] = {}
        self._count = 0

    def write(self, doing: str, error: BaseException, message: object = None, latest: Iterable[object] = ()) -> str:
        """The name of the report, also if the disk refuses it. `doing` says in words what failed.

        Texts of `message` and `latest` are left out: they may hold secrets.
        """
        now = time.time()
        self._forget_old(now)
        known = self._written.get(_place(doing, error))
        if known is not None:
            return known[0]
        self._count += 1
        name = time.strftime("%Y%m%d-%H%M%S", time.localtime(now)) + f"-{self._count}.txt"
        self._written[_place(doing, error)] = name, now
        text = _text(doing, error, message, latest)
        log.error("a bug of muxdeck, %s:\n%s", name, text)
        self._troubles.note("bug", f"muxdeck had a bug and goes on ({doing}): see {self._folder / name}")
        with suppress(OSError):
            self._keep(name, text)
        return name

    def _keep(self, name: str, text: str) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        (self._folder / name).write_text(text, encoding="utf-8", errors="backslashreplace")
        for old in sorted(self._folder.glob("*.txt"))[:-KEPT]:
            old.unlink(missing_ok=True)

    def _forget_old(self, now: float) -> None:
        self._written = {place: one for place, one in self._written.items() if now - one[1] < AGAIN_AFTER}

    def refresh(self) -> None:
        """To be called now and then: the latest bug is shown for a while, and no longer."""
        self._forget_old(time.time())
        if not self._written:
            self._troubles.clear("bug")


def _place(doing: str, error: BaseException) -> tuple[object, ...]:
    frames = traceback.extract_tb(error.__traceback__)
    return (doing, type(error), *((frame.filename, frame.lineno) for frame in frames[-2:]))


def _text(doing: str, error: BaseException, message: object, latest: Iterable[object]) -> str:
    trace = "".join(traceback.format_exception(error))
    before = list(latest)
    for secret in sorted({*_texts(message), *(text for one in before for text in _texts(one))}, key=len, reverse=True):
        trace = trace.replace(secret, f"<{len(secret)} characters>").replace(repr(secret)[1:-1], "<text>")
    lines = [f"muxdeck could not do this: {doing}", "", trace]
    if message is not None:
        lines += [f"message: {outline(message)}", ""]
    lines += [f"before it: {outline(one)}" for one in before]
    return "\n".join(lines) + "\n"


def outline(value: object, depth: int = DEEPEST) -> str:
    """What a message is about, without any text in it that may be a secret."""
    if isinstance(value, Enum):
        return str(value.value)
    if value is None or isinstance(value, (bool, float)):
        return repr(value)
    if isinstance(value, int):
        return str(value) if abs(value) < 1 << 64 else "<a huge number>"
    if isinstance(value, (str, bytes)):
        return f"<{len(value)} characters>"
    if depth == 0:
        return "…"
    named = list(_fields(value))
    if named:
        shown = (f"{name}={_shown(name, inner, depth)}" for name, inner in named)
        return f"{type(value).__name__}({', '.join(shown)})"
    if isinstance(value, dict):
        pairs = [f"{outline(key, depth - 1)}: {outline(inner, depth - 1)}" for key, inner in _first(value.items())]
        return f"{{{_some(pairs, len(value))}}}"
    if isinstance(value, (list, tuple, set, frozenset)):
        return f"[{_some([outline(one, depth - 1) for one in _first(value)], len(value))}]"
    return f"<{type(value).__name__}>"


def _shown(name: str, value: object, depth: int) -> str:
    return one_line(value, 80) if name in PLAIN_FIELDS and isinstance(value, str) else outline(value, depth - 1)


def _first(values: Iterable[Any]) -> list[Any]:
    return [one for one, _ in zip(values, range(MOST_SHOWN), strict=False)]


def _some(shown: list[str], count: int) -> str:
    return ", ".join(shown) + (f", … {count - MOST_SHOWN} more" if count > MOST_SHOWN else "")


def _fields(value: object) -> Iterator[tuple[str, object]]:
    """Of a dataclass or a named tuple; nothing of others."""
    if is_dataclass(value):
        yield from ((field.name, getattr(value, field.name, None)) for field in fields(value))
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        yield from zip(value._fields, value, strict=True)


def _texts(value: object, depth: int = DEEPEST + 2) -> Iterator[str]:
    """Every text in a message that may be a secret."""
    if isinstance(value, str):
        if len(value) > 3 and not isinstance(value, Enum):
            yield value
    elif depth == 0:
        return
    elif named := list(_fields(value)):
        for name, inner in named:
            if name not in PLAIN_FIELDS:
                yield from _texts(inner, depth - 1)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(key, depth - 1)
            yield from _texts(inner, depth - 1)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for inner in value:
            yield from _texts(inner, depth - 1)
