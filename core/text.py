"""Text from outside made inert, and times and sizes for people."""

from __future__ import annotations

import re

from core import bounds

_BIDI = [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C, 0x2028, 0x2029, 0xFEFF]
_VISIBLE = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}
_HIDDEN = dict.fromkeys([*range(0x80, 0xA0), *_BIDI], "\ufffd")
_INERT_LINE = _VISIBLE | _HIDDEN
_INERT_TEXT = {code: sign for code, sign in _INERT_LINE.items() if code not in (0x09, 0x0A)}
_NO_CONTROLS = dict.fromkeys(_INERT_TEXT)

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PLAIN = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])", re.ASCII)

_LONGEST_NUMBER = 400
"""Characters of a duration or a size: reading a longer one would take time that grows with its square."""
_SIZES = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?", re.ASCII | re.IGNORECASE)


def one_line(text: str, limit: int = 200) -> str:
    """`text` as one line of at most `limit` characters that no terminal and no markup parser acts on."""
    head = text[: limit + 1].translate(_INERT_LINE).encode("utf-8", "replace").decode("utf-8")
    return head if len(head) <= limit else head[: limit - 1] + "…"


def storable(text: str) -> str:
    r"""`text` as UTF-8, and so SQLite, can hold it: a byte that was not UTF-8 is written as \udcff."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def plain(text: str) -> str:
    """`text` without any control but tabs and line ends: what others may read as it is."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n").translate(_NO_CONTROLS)
    return unified.encode("utf-8", "replace").decode("utf-8")


def without_escapes(text: str) -> str:
    """`text` as a terminal would show it: without the sequences that colour, move and title."""
    return _ESCAPE.sub("", text)


def inert(text: str) -> str:
    """`text` with tabs and line ends kept and every other control made visible."""
    return text.translate(_INERT_TEXT).encode("utf-8", "replace").decode("utf-8")


def parse_duration(text: str) -> float:
    """Seconds of "90", "90s", "1.5h" or "2h30m". ValueError says what is accepted."""
    compact = text[:_LONGEST_NUMBER].strip().lower().replace(" ", "")
    written = f"{compact}s" if _PLAIN.fullmatch(compact) else compact
    parts = _PART.findall(written)
    if not parts or "".join(number + unit for number, unit in parts) != written or len(text) > _LONGEST_NUMBER:
        raise ValueError(f"{one_line(text, 40)!r} is not a duration: write 90, 90s, 15m, 2h30m or 1d")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if seconds > bounds.MAX_DURATION:
        raise ValueError(f"{one_line(text, 40)!r} is too long: at most {duration(bounds.MAX_DURATION)} are possible")
    return seconds


def parse_size(text: str) -> int:
    """Bytes of "4096", "64K", "16 MiB" or "2g", in powers of 1024. ValueError says what is accepted."""
    match = _SIZE.fullmatch(text[:_LONGEST_NUMBER].strip())
    if len(text) > _LONGEST_NUMBER or match is None:
        raise ValueError(f"{one_line(text, 40)!r} is not a size: write 4096, 64K, 16M or 2G")
    count = float(match[1]) * _SIZES[match[2].lower() or "b"]
    if count > bounds.MAX_SIZE:
        raise ValueError(f"{one_line(text, 40)!r} is too much: at most {size(bounds.MAX_SIZE)} are possible")
    return int(count)


def duration(seconds: float) -> str:
    """A length of time in at most four characters: 0.2s, 12s, 4m, 2h, 3d."""
    if seconds < 0.95:
        return f"{max(seconds, 0.0):.1f}s"
    for unit, length, following in (("s", 1, 60), ("m", 60, 3600), ("h", 3600, 86400)):
        if seconds < following:
            return f"{int(seconds // length)}{unit}"
    days = int(seconds // 86400)
    return f"{days}d" if days < 1000 else f"{days // 365}y"


def size(count: float) -> str:
    """Bytes in at most five characters: 312, 4.0K, 312M, 1.1G."""
    if count < 1000:
        return f"{int(count)}"
    value = float(count)
    for unit in "KMGT":
        value /= 1024
        if value < 9.95:
            return f"{value:.1f}{unit}"
        if value < 999.5:
            return f"{value:.0f}{unit}"
    return f"{value:.0f}T"


def plural(count: int, noun: str) -> str:
    """ "1 task", "2 tasks", "3 processes"."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun}{'es' if noun.endswith('s') else 's'}"
