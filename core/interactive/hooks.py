"""The hooks of agents: how to make an agent call ours without an edit of its user's files, and what its events mean."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from core.interactive.signals import DETAIL, EVIDENCE, Signal, Source, State
from core.kinds.result import MESSAGE_SIZE
from core.text import inert, one_line, plural

if TYPE_CHECKING:
    from pathlib import Path

    from core.interactive.spool import Event

TIMEOUT = 5
"""Seconds that an agent gives our hook; ours takes some hundredths."""

_CLAUDE_EVENTS = (
    *("SessionStart", "UserPromptSubmit", "PreToolUse", "PermissionRequest", "PostToolUse", "PostToolUseFailure"),
    *("Notification", "Stop", "StopFailure", "SessionEnd"),
)
_COPILOT_EVENTS = ("UserPromptSubmit", "PreToolUse", "PermissionRequest", "PostToolUse", "Stop")
_WORK = frozenset({"UserPromptSubmit", "PreToolUse", "PostToolUse", "PostToolUseFailure"})
_LIMITS = frozenset({"rate_limit", "billing_error"})
_GOES_ON = frozenset({"clear", "resume"})
"""Reasons for which a session of Claude ends while its program goes on."""


@dataclass(frozen=True, slots=True)
class Known:
    """What we know of the turn that we asked for."""

    session: str = ""
    prompt: str = ""


NOTHING_KNOWN = Known()


class Wiring(NamedTuple):
    """What makes an agent call our hook."""

    files: dict[Path, str]
    """To be written with mode 0600 before it starts."""
    arguments: tuple[str, ...]
    environment: dict[str, str]
    note: str
    """What a person should know about it; empty where there is nothing."""


def settings(kind: str, command: list[str], folder: Path) -> Wiring:
    """`command` is the argv of our hook without KIND and EVENT; `folder` is private to this run."""
    if kind == "claude":
        return _claude(command, folder / "hooks.json")
    if kind == "codex":
        return _codex(command)
    if kind == "copilot":
        return _copilot(command, folder)
    return Wiring({}, (), {}, f"{kind} takes hooks only from its user's own files: its title and its screen are read")


def _claude(command: list[str], path: Path) -> Wiring:
    hooks = {event: [{"hooks": [_entry([*command, "claude", event])]}] for event in _CLAUDE_EVENTS}
    return Wiring({path: json.dumps({"hooks": hooks}, indent=1)}, ("--settings", str(path)), {}, "")


def _codex(command: list[str]) -> Wiring:
    """A hook of Codex must be trusted by a person, once for each home; the flag that leaves this out trusts the hooks
    of the project too, and is not used. `notify` needs no trust and takes the place of the user's own."""
    words = ("-c", f"notify={json.dumps([*command, 'codex', 'notify'], ensure_ascii=False)}")
    return Wiring({}, words, {}, "Codex tells the end of a turn in place of the user's own `notify` program")


def _copilot(command: list[str], folder: Path) -> Wiring:
    """A plugin for this run alone. Copilot tells errors also where it tries again: the screen tells those that last."""
    hooks = {event: [_copilot_entry([*command, "copilot", event])] for event in _COPILOT_EVENTS}
    plugin = {"name": "muxdeck", "version": "1.0.0", "description": "tells muxdeck", "hooks": "hooks.json"}
    told = {"plugin.json": plugin, "hooks.json": {"version": 1, "hooks": hooks}}
    files = {folder / name: json.dumps(content, indent=1) for name, content in told.items()}
    return Wiring(files, ("--plugin-dir", str(folder)), {}, "")


def _copilot_entry(words: list[str]) -> dict[str, Any]:
    return {"type": "command", "bash": shlex.join(words), "timeoutSec": TIMEOUT}


def _entry(words: list[str]) -> dict[str, Any]:
    return {"type": "command", "command": shlex.join(words), "timeout": TIMEOUT}


def signal(kind: str, event: Event, known: Known = NOTHING_KNOWN) -> Signal | None:
    """What an event says about the state; None where it says nothing, or is about another conversation."""
    payload, name = event.payload, event.event
    if name in _WORK:
        tool = payload.get("tool_name")
        return _said(State.WORKING, event, tool if isinstance(tool, str) else "")
    if name == "PermissionRequest":
        return _asked(event)
    if name == "notify":
        return _said(State.FINISHED, event) if _is_ours(payload, known) else None
    if name == "Stop":
        return _stopped(event)
    if name == "StopFailure":
        error = str(payload.get("error", ""))
        cause = str(payload.get("last_assistant_message") or error)
        return _said(State.LIMIT if _is_limit(error, cause) else State.ERROR, event, f"{error}: {cause}")
    if name == "Notification":
        return _notified(event)
    if name == "SessionStart":
        return _said(State.READY, event) if kind == "claude" and payload.get("source") != "compact" else None
    if name == "SessionEnd":
        return None if str(payload.get("reason")) in _GOES_ON else _said(State.EXITED, event)
    return None


def session(event: Event, known: Known) -> str | None:
    """The id of our conversation, where its agent chooses it and an event tells."""
    told = event.payload.get("thread-id") if event.event == "notify" and _is_ours(event.payload, known) else None
    return told if isinstance(told, str) and told else None


def message(event: Event, known: Known) -> str:
    """What the agent has said at the end of its turn; empty where the event does not tell."""
    payload = event.payload
    if event.event == "Stop" and not payload.get("agent_id"):
        told = payload.get("last_assistant_message")
    else:
        told = payload.get("last-assistant-message") if event.event == "notify" and _is_ours(payload, known) else None
    return told[-MESSAGE_SIZE:] if isinstance(told, str) else ""


def _said(state: State, event: Event, more: str = "") -> Signal:
    return Signal(state, Source.HOOK, event.at, one_line(f"{event.event}: {more}" if more else event.event, EVIDENCE))


def _asked(event: Event) -> Signal:
    """A dialog is open. Which keys answer it, the screen tells."""
    payload = event.payload
    tool = str(payload.get("tool_name") or payload.get("toolName", ""))
    wanted = payload.get("tool_input") or payload.get("toolInput")
    state = State.QUESTION if tool == "AskUserQuestion" else State.PERMISSION
    lines = [f"{key}: {_shown(value)}" for key, value in wanted.items()] if isinstance(wanted, dict) else []
    detail = inert("\n".join([tool, *lines]))[:DETAIL]
    evidence = one_line(f"{event.event}: {' '.join([tool, *lines])}", EVIDENCE)
    return Signal(state, Source.HOOK, event.at, evidence, detail)


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _stopped(event: Event) -> Signal | None:
    """The end of a turn; what still runs in the background will wake the agent again."""
    if event.payload.get("agent_id"):
        return None
    waits = [len(of) for key in ("background_tasks", "session_crons") if isinstance(of := event.payload.get(key), list)]
    if sum(waits):
        return _said(State.WORKING, event, f"{plural(sum(waits), 'background task')} go on")
    return _said(State.FINISHED, event)


def _is_limit(error: str, cause: str) -> bool:
    """Claude calls a low balance an invalid request in some versions."""
    return error in _LIMITS or "credit balance" in cause.lower()


def _notified(event: Event) -> Signal | None:
    """Claude's word about permission comes seconds after its PermissionRequest, perhaps after the answer too."""
    what = event.payload.get("notification_type")
    if what == "idle_prompt":
        return _said(State.READY, event, str(what))
    if what in ("elicitation_dialog", "agent_needs_input"):
        return _said(State.QUESTION, event, str(event.payload.get("message", what)))
    return None


def _is_ours(payload: dict[str, Any], known: Known) -> bool:
    """Codex holds conversations of its own, for a title of the task among others, and tells of their ends too."""
    if payload.get("type") != "agent-turn-complete":
        return False
    if known.session:
        return payload.get("thread-id") == known.session
    asked = payload.get("input-messages")
    last = asked[-1] if isinstance(asked, list) and asked else None
    return isinstance(last, str) and bool(known.prompt) and last[:1000].strip() == known.prompt[:1000].strip()
