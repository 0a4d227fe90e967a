"""Signals by name and number. `signal.Signals` has no names for most of the real-time signals."""

from __future__ import annotations

import re
import signal

_REAL_TIME = re.compile(r"RT(MIN|MAX)([+-]\d{1,2})?", re.ASCII)
_REAL_TIME_NUMBERS = {end: getattr(signal, f"SIGRT{end}", None) for end in ("MIN", "MAX")}
"""None on systems without real-time signals, as macOS."""


def signal_name(number: int) -> str | None:
    """SIGTERM, SIGRTMIN+1; SIG and the number if the system has it without a name. None if it has no such signal."""
    try:
        return signal.Signals(number).name
    except ValueError:
        pass
    lowest, highest = _REAL_TIME_NUMBERS.values()
    if lowest is not None and highest is not None and lowest < number < highest:
        return f"SIGRTMIN+{number - lowest}"
    return f"SIG{number}" if 0 < number < signal.NSIG else None


def signal_number(word: str) -> int | None:
    """Of a name, with or without SIG, or of digits. None if the system has no such signal."""
    if word.isascii() and word.isdecimal():
        number = int(word) if len(word) <= 3 else 0
        return number if signal_name(number) else None
    name = word.upper().removeprefix("SIG")
    if (real_time := _REAL_TIME.fullmatch(name)) is not None:
        end = _REAL_TIME_NUMBERS[real_time[1]]
        number = 0 if end is None else end + int(real_time[2] or 0)
        return number if end is not None and (signal_name(number) or "").startswith("SIGRT") else None
    found = signal.Signals.__members__.get(f"SIG{name}")
    return None if found is None else found.value
