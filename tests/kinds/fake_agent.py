"""An agent that prints what a test tells it, in the shape of Claude Code:  python fake_agent.py ACT…"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import time

SESSION = "11111111-2222-4333-8444-555555555555"


def say(**event: object) -> None:
    sys.stdout.write(json.dumps({"session_id": SESSION, **event}) + "\n")
    sys.stdout.flush()


def begin() -> None:
    say(type="system", subtype="init", claude_code_version="2.1.330")


def ok() -> None:
    usage = {"input_tokens": 100, "output_tokens": 20, "cache_read_input_tokens": 50}
    say(type="result", subtype="success", is_error=False, result="done", total_cost_usd=0.5, num_turns=2, usage=usage)


def fail() -> None:
    say(type="result", subtype="success", is_error=True, api_error_status=400, result="no such thing")
    sys.exit(9)


def limit() -> None:
    say(type="rate_limit_event", rate_limit_info={"status": "rejected", "resetsAt": 1_800_000_000})
    say(type="result", subtype="success", is_error=True, api_error_status=429, result="a limit")
    sys.exit(1)


def prompt() -> None:
    text = [{"type": "text", "text": sys.stdin.read()}]
    say(type="assistant", message={"content": text})


def evil() -> None:
    """What a terminal would act on."""
    text = [{"type": "text", "text": "\x1b]0;title\x07\x1b[2J\u202e red \x9b31m"}]
    say(type="assistant", message={"content": text})
    sys.stderr.write("\x1b[31mcoloured\x1b[0m \x1b[2J\n")


def bad_bytes() -> None:
    sys.stdout.buffer.write(b'\xff\xfe\x80 no text\n{"type": "assist\n[1]\nnull\n"x"\n{"type":5}\n')
    sys.stdout.flush()


def huge() -> None:
    sys.stdout.write("x" * 50_000_000 + "\n")


def burst() -> None:
    """As soon as it may, leaves more in its pipe than is read at once, and ends."""
    fcntl.fcntl(1, fcntl.F_SETPIPE_SZ, 1 << 20)
    with open("waiting", "w", encoding="ascii") as file:
        file.write(str(os.getpid()))
    while not os.path.exists("go"):
        time.sleep(0.005)
    last = {"type": "result", "subtype": "success", "is_error": False, "session_id": SESSION}
    os.write(1, b"x" * 500_000 + b"\n" + json.dumps(last).encode() + b"\n")
    os._exit(0)


def cut() -> None:
    sys.stdout.write('{"type": "result", "subtype": "succ')
    sys.stdout.flush()


def close() -> None:
    """Closes its outputs and lives on until it is told to end."""
    sys.stdout.flush()
    os.close(1)
    os.close(2)
    wait()


def leave() -> None:
    """Leaves its outputs to another process, which it tells the number of, and ends."""
    child = os.fork()
    if child == 0:
        time.sleep(600)
        os._exit(0)
    with open("left", "w", encoding="ascii") as file:
        file.write(str(child))


def wait() -> None:
    """Until a signal ends it."""
    with open("waiting", "w", encoding="ascii") as file:
        file.write(str(os.getpid()))
    time.sleep(600)


def polite() -> None:
    """Exits 0 on a signal, as Claude Code does on INT."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))
    wait()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def complain() -> None:
    sys.stderr.write("one\n" * 5000 + "Error: Not logged in · Please run /login\n")
    sys.exit(1)


if __name__ == "__main__":
    for act in sys.argv[1:]:
        globals()[act]()
