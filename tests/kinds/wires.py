"""The answers of a model as four vendors' interfaces stream them: server-sent events from a turn of a script."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOKENS_IN, TOKENS_OUT = 120, 30
"""What every answer says it has used."""


@dataclass(frozen=True)
class Text:
    """The model says something, and its turn is over."""

    text: str


@dataclass(frozen=True)
class Call:
    """The model calls a tool of the agent by the agent's own name for it."""

    tool: str
    arguments: dict[str, Any]
    namespace: str = ""
    """Where an interface keeps the tools of an MCP server in one."""


@dataclass(frozen=True)
class Failure:
    """The interface answers with an error."""

    status: int
    message: str = "scripted failure"
    kind: str = "api_error"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Hang:
    """No answer ever comes, until the server is closed."""


Turn = Text | Call | Failure | Hang
Event = tuple[str, dict[str, Any]]


def known(path: str) -> bool:
    """Whether one of the interfaces has the path."""
    return any(part in path for part in _WIRES)


def events(path: str, number: int, turn: Text | Call) -> Iterator[Event]:
    """Events of an answer, by the path that was asked. KeyError where no interface has the path."""
    for part, wire in _WIRES.items():
        if part in path:
            return wire(number, turn)
    raise KeyError(path)


def written(name: str, event: dict[str, Any]) -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(event)}\n\n".encode()


def anthropic(number: int, turn: Text | Call) -> Iterator[Event]:
    message: dict[str, Any] = {
        "id": f"msg_{number:04}",
        "type": "message",
        "role": "assistant",
        "model": "claude-scripted",
    }
    usage = {"input_tokens": TOKENS_IN, "output_tokens": 1, "cache_read_input_tokens": 0}
    start = {**message, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
    yield _typed("message_start", message=start)
    if isinstance(turn, Text):
        yield _typed("content_block_start", index=0, content_block={"type": "text", "text": ""})
        yield _typed("content_block_delta", index=0, delta={"type": "text_delta", "text": turn.text})
    else:
        block = {"type": "tool_use", "id": f"toolu_{number:04}", "name": turn.tool, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(turn.arguments)}
        yield _typed("content_block_start", index=0, content_block=block)
        yield _typed("content_block_delta", index=0, delta=delta)
    yield _typed("content_block_stop", index=0)
    reason = "end_turn" if isinstance(turn, Text) else "tool_use"
    ended = {"stop_reason": reason, "stop_sequence": None}
    yield _typed("message_delta", delta=ended, usage={"output_tokens": TOKENS_OUT})
    yield _typed("message_stop")


def responses(number: int, turn: Text | Call) -> Iterator[Event]:
    response = {"id": f"resp_{number:04}", "object": "response", "status": "in_progress", "output": []}
    yield _typed("response.created", response=response)
    item: dict[str, Any]
    if isinstance(turn, Text):
        content = [{"type": "output_text", "text": turn.text, "annotations": []}]
        item = {"type": "message", "id": f"item_{number:04}", "role": "assistant", "content": content}
    else:
        item = {"type": "function_call", "id": f"item_{number:04}", "call_id": f"call_{number:04}", "name": turn.tool}
        item["arguments"] = json.dumps(turn.arguments)
        item |= {"namespace": turn.namespace} if turn.namespace else {}
    yield _typed("response.output_item.done", output_index=0, item={**item, "status": "completed"})
    usage = {"input_tokens": TOKENS_IN, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": TOKENS_OUT}
    usage |= {"output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": TOKENS_IN + TOKENS_OUT}
    yield _typed("response.completed", response={**response, "status": "completed", "usage": usage})


def completions(number: int, turn: Text | Call) -> Iterator[Event]:
    chunk = {"id": f"chat_{number:04}", "object": "chat.completion.chunk", "created": 1, "model": "scripted"}
    delta: dict[str, Any]
    if isinstance(turn, Text):
        delta = {"role": "assistant", "content": turn.text}
    else:
        function = {"name": turn.tool, "arguments": json.dumps(turn.arguments)}
        call = {"index": 0, "id": f"call_{number:04}", "type": "function", "function": function}
        delta = {"role": "assistant", "content": None, "tool_calls": [call]}
    reason = "stop" if isinstance(turn, Text) else "tool_calls"
    yield "", {**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    usage = {"prompt_tokens": TOKENS_IN, "completion_tokens": TOKENS_OUT, "total_tokens": TOKENS_IN + TOKENS_OUT}
    yield "", {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}], "usage": usage}


def completion(number: int, turn: Text) -> dict[str, Any]:
    """The answer of the same interface to who wants it whole."""
    message = {"role": "assistant", "content": turn.text}
    usage = {"prompt_tokens": TOKENS_IN, "completion_tokens": TOKENS_OUT, "total_tokens": TOKENS_IN + TOKENS_OUT}
    whole = {"id": f"chat_{number:04}", "object": "chat.completion", "created": 1, "model": "scripted"}
    return {**whole, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}


def generated(_number: int, turn: Text | Call) -> Iterator[Event]:
    part: dict[str, Any]
    if isinstance(turn, Text):
        part = {"text": turn.text}
    else:
        part = {"functionCall": {"name": turn.tool, "args": turn.arguments}}
    usage = {"promptTokenCount": TOKENS_IN, "candidatesTokenCount": TOKENS_OUT}
    usage["totalTokenCount"] = TOKENS_IN + TOKENS_OUT
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
    yield "", {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "scripted"}


def failure(path: str, turn: Failure) -> dict[str, Any]:
    """The body of an error, as the interface at this path words it."""
    if "/messages" in path:
        return {"type": "error", "error": {"type": turn.kind, "message": turn.message}}
    if "GenerateContent" in path or "generateContent" in path:
        return {"error": {"code": turn.status, "message": turn.message, "status": turn.kind}}
    return {"error": {"message": turn.message, "type": turn.kind, "code": turn.kind}}


def _typed(name: str, **fields: Any) -> Event:
    return name, {"type": name, **fields}


_WIRES: dict[str, Callable[[int, Text | Call], Iterator[Event]]] = {
    "/messages": anthropic,
    "/responses": responses,
    "/chat/completions": completions,
    "enerateContent": generated,
}
