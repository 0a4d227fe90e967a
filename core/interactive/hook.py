"""The hook of an agent:  python -I -S hook.py KIND EVENT [JSON]  (without JSON, it comes on stdin).

It appends one line to the spool `$MUXDECK_HOOKS` and rings the bell `$MUXDECK_BELL`. An agent runs it at every tool
call, so it loads nothing but the standard library, says nothing, never waits long, and always exits 0: a hook that
fails must not stop the agent. What it could not write is lost, and the screen still tells.
"""

from __future__ import annotations

import os
import select
import sys
import time

MAX_LINE = 16 * 1024
"""Bytes of a line of the spool."""
SHORT = 4096
"""Bytes of a payload that is not taken apart. A line end in JSON is white space: inside a text it is written `\\n`."""
LONGEST_TEXT = 2000
"""Characters kept of one text of the payload."""
MOST_INPUT = 16 * 1024 * 1024
"""Bytes read from an agent: a tool's whole answer may be among them."""
PATIENCE = 2.0
"""Seconds for the agent to say everything."""
DEPTH = 6
ITEMS = 20

KEPT = frozenset({
    "hook_event_name", "type", "session_id", "thread-id", "turn-id", "turn_id", "agent_id", "source", "reason",
    "trigger", "notification_type", "message", "title", "error", "error_details", "tool_name", "tool_input",
    "tool_use_id", "permission_mode", "last_assistant_message", "last-assistant-message", "stop_hook_active",
    "background_tasks", "session_crons", "prompt", "is_interrupt", "details",
    "input-messages", "toolName", "toolInput",
})  # fmt: skip
"""The keys of an event that are used: the rest, a tool's answer above all, is not kept."""
BULKY = (
    "tool_input",
    "toolInput",
    "details",
    "last_assistant_message",
    "last-assistant-message",
    "prompt",
    "input-messages",
)
"""Left out, in this order, of a line that is still too long."""

_REGULAR, _FIFO, _KIND_OF_FILE = 0o100000, 0o010000, 0o170000


def main() -> None:
    event = (*sys.argv[2:3], "")[0]
    raw = os.fsencode(sys.argv[3]) if len(sys.argv) > 3 else heard(0)
    spooled = append(os.environ.get("MUXDECK_HOOKS", ""), line(time.time(), event, raw))
    if spooled:
        ring(os.environ.get("MUXDECK_BELL", ""), os.environ.get("MUXDECK_ATTEMPT", ""))


def heard(source: int) -> bytes:
    """All that comes before the end, within bounds of time and size. It is read to the end: an agent may not expect
    a broken pipe."""
    until, parts, count = time.monotonic() + PATIENCE, [], 0
    while (left := until - time.monotonic()) > 0 and select.select([source], [], [], left)[0]:
        part = os.read(source, 1 << 16)
        if not part:
            break
        count += len(part)
        if count <= MOST_INPUT:
            parts.append(part)
    return b"".join(parts)


def line(at: float, event: str, raw: bytes) -> bytes:
    """What is spooled, line end included. A short payload goes as it is: to load `json` takes longer than all else."""
    whole = raw.strip()
    if whole[:1] == b"{" and whole[-1:] == b"}" and len(whole) <= SHORT and event.isalnum() and event.isascii():
        inside = whole.replace(b"\n", b" ").replace(b"\r", b" ")
        return b'{"at": %.6f, "event": "%s", "payload": %s}\n' % (at, event.encode(), inside)
    return parsed(at, event, whole)


def parsed(at: float, event: str, raw: bytes) -> bytes:
    """The parts of a long payload that are used. One that cannot be read leaves the event's name."""
    import json

    try:
        told = json.loads(raw)
    except ValueError:
        told = {}
    payload = {key: shortened(told[key]) for key in told if key in KEPT} if isinstance(told, dict) else {}
    for bulky in (None, *BULKY):
        payload.pop(bulky, None)
        whole = json.dumps({"at": at, "event": event[:80], "payload": payload}).encode() + b"\n"
        if len(whole) <= MAX_LINE:
            return whole
    return json.dumps({"at": at, "event": event[:80], "payload": {}}).encode() + b"\n"


def shortened(value: object, depth: int = DEPTH) -> object:
    if isinstance(value, str):
        return value[:LONGEST_TEXT]
    if isinstance(value, (dict, list)) and depth == 0:
        return None
    if isinstance(value, dict):
        return {key[:80]: shortened(part, depth - 1) for key, part in list(value.items())[:ITEMS]}
    if isinstance(value, list):
        return [shortened(part, depth - 1) for part in value[:ITEMS]]
    return value


def append(path: str, whole: bytes) -> bool:
    """One write, so that hooks that run side by side do not mix their lines."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    return write(path, flags, _REGULAR, whole)


def ring(path: str, attempt: str) -> bool:
    """Nobody listens: nothing happens."""
    return write(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, _FIFO, f"H {attempt} 0\n".encode())


def write(path: str, flags: int, kind: int, content: bytes) -> bool:
    """False where the path is nothing of ours, or not what is expected there."""
    if not path:
        return False
    try:
        place = os.open(path, flags, 0o600)
    except OSError:
        return False
    found = os.fstat(place)
    fits = found.st_mode & _KIND_OF_FILE == kind and found.st_uid == os.geteuid()
    return fits and os.write(place, content) == len(content)


if __name__ == "__main__":
    try:
        main()
    finally:
        os._exit(0)
