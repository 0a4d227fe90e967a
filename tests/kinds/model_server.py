"""A model on loopback whose answers are a script: real agents run against it with no account and no network."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.kinds import wires
from tests.kinds.wires import Call, Failure, Hang, Text

if TYPE_CHECKING:
    from types import TracebackType

    from tests.kinds.wires import Turn

ASIDE = Text("A title")
"""The answer to what agents ask beside their work: titles, summaries. Such a question offers no tools."""


class Asked(NamedTuple):
    path: str
    body: dict[str, Any]
    aside: bool


class ModelServer:
    """Serves the turns one by one, a question with tools a turn; the last one stays.

    As a context manager it runs in a thread of its own. `asked` grows with every question; `hanging` is set while one
    of them waits for an answer that never comes.
    """

    def __init__(self, *turns: Turn, tools: bool = True) -> None:
        """Without `tools` for an agent that never offers any: then every question is one of its work."""
        self.asked: list[Asked] = []
        self.hanging = threading.Event()
        self.answered = False
        """A question that had hung has got its answer."""
        self._turns = list(turns)
        self._tools = tools
        self._closing = threading.Event()
        self._released = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> ModelServer:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closing.set()
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def work(self) -> list[Asked]:
        """The questions that were not beside the work."""
        return [asked for asked in self.asked if not asked.aside]

    def tools(self) -> list[str]:
        """Names of the tools in the first question that offers some: to write a script for a new version."""
        for _, body, aside in self.asked:
            if not aside:
                return [_tool_name(tool) for tool in body["tools"]]
        return []

    def turn(self, path: str, body: dict[str, Any]) -> tuple[int, Turn]:
        """The answer to a question, and its number."""
        with self._lock:
            aside = self._tools and not body.get("tools")
            self.asked.append(Asked(path, body, aside))
            if aside:
                return len(self.asked), ASIDE
            return len(self.asked), self.next_turn()

    def next_turn(self) -> Turn:
        return self._turns.pop(0) if len(self._turns) > 1 else self._turns[0]

    def hang(self) -> bool:
        """Waits until somebody releases it, or the server is closed: then False."""
        self.hanging.set()
        self._released.wait()
        return not self._closing.is_set()

    def release(self) -> None:
        """What hangs is answered with the next turn."""
        self._released.set()


def _tool_name(tool: dict[str, Any]) -> str:
    function = tool.get("function", tool)
    return str(function.get("name", tool.get("type", tool)))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, model: ModelServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.model = model

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: an agent that was ended leaves its connection open."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._answer(200, {"object": "list", "data": []})

    def do_HEAD(self) -> None:
        self._answer(200, {})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, body = self.path.split("?")[0], json.loads(raw) if raw.startswith(b"{") else {}
        if "count" in path.lower():
            self._answer(200, {"input_tokens": wires.TOKENS_IN, "totalTokens": wires.TOKENS_IN})
        elif not wires.known(path):
            self._answer(404, {"error": {"message": "nothing here"}})
        else:
            self._turn(path, body, *self.server.model.turn(path, body))

    def _turn(self, path: str, body: dict[str, Any], number: int, turn: Turn) -> None:
        match turn:
            case Hang():
                if self.server.model.hang():
                    self._turn(path, body, number, self.server.model.next_turn())
                    self.server.model.answered = True
                self.close_connection = True
            case Failure():
                self._answer(turn.status, wires.failure(path, turn), turn.headers)
            case Text() if "/chat/completions" in path and not body.get("stream"):
                self._answer(200, wires.completion(number, turn))
            case _:
                self._stream(path, number, turn)

    def _stream(self, path: str, number: int, turn: Text | Call) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for name, event in wires.events(path, number, turn):
            self.wfile.write(wires.written(name, event))
        if "/chat/completions" in path:
            self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def _answer(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Nothing: the test's output is not a log."""
