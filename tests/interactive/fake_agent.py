"""An agent without a model, for tests:  python -I -S fake_agent.py KIND [hook command...]

It has what the real ones have: a composer, bracketed paste, a spinner, a numbered dialog, an end of each turn, and
hooks. The words of the prompt are its script: `work 0.5` works so long, `ask` opens a dialog, `limit` and `error` end
the turn so, `report` asks the operator by way of muxdeck, `crash` ends the program with status 3, `quit` with 0,
`quote` shows a file with a dialog in it.
Some megabytes and no thread: a hundred can run at once.
"""

import os
import select
import sys
import termios
import time

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
DIALOG = ("Do you want to run this command?", "  touch somewhere", "", "> 1. Yes", "  2. No", "", "Esc to cancel")


def main():
    before = termios.tcgetattr(0)
    raw = termios.tcgetattr(0)
    raw[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG)
    raw[0] &= ~(termios.ICRNL | termios.IXON)
    termios.tcsetattr(0, termios.TCSANOW, raw)
    out("\x1b[?2004h")
    try:
        hook("SessionStart", '{"source": "startup"}')
        while turn(prompt()):
            pass
    finally:
        hook("SessionEnd", '{"reason": "other"}')
        out("\x1b[?2004l\r\n")
        termios.tcsetattr(0, termios.TCSANOW, before)


def out(text):
    os.write(1, text.encode())


def hook(event, payload="{}"):
    """By the hook's own program where one is given, else one line to the spool: a hundred agents need not start it."""
    command, spool = sys.argv[2:], os.environ.get("MUXDECK_HOOKS")
    if command:
        given, told = os.pipe()
        os.write(told, payload.encode())
        os.close(told)
        words = [*command, sys.argv[1], event]
        os.waitpid(os.posix_spawn(words[0], words, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, given, 0)]), 0)
        os.close(given)
    elif spool:
        place = os.open(spool, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(
            place, b'{"at": %.6f, "event": "%s", "payload": %s}\n' % (time.time(), event.encode(), payload.encode())
        )
        os.close(place)


def key(wait=None):
    """One key, a whole paste, or nothing within the time."""
    if not select.select([0], [], [], wait)[0]:
        return ""
    got = os.read(0, 65536)
    if got.startswith(b"\x1b[200~"):
        while b"\x1b[201~" not in got:
            got += os.read(0, 65536)
    return got.decode("utf-8", "replace")


def prompt():
    typed, pending = "", ""
    while True:
        out("\r\x1b[J> " + typed.replace("\n", " "))
        got = pending or key()
        pending = ""
        if got.startswith("\x1b[200~"):
            text, _, pending = got[6:].partition("\x1b[201~")
            typed += text.replace("\r", "\n")
        elif got[:1] in "\r\n" and typed.strip():
            out("\r\x1b[J> " + typed.replace("\n", " ") + "\r\n\r\n")
            return typed
        elif got[:1] == "\x15":
            typed = ""
        elif got[:1] == "\x7f":
            typed = typed[:-1]
        elif got[:1] == "\x04" and not typed:
            return "quit"
        elif got[:1] >= " ":
            typed, pending = typed + got[0], got[1:]


def turn(text):
    words = text.split()
    hook("UserPromptSubmit")
    for at, word in enumerate(words):
        if word == "work":
            work(float(words[at + 1]))
        elif word == "ask" and not ask():
            return said("Interrupted", None)
        elif word == "limit":
            return said("Usage limit reached, resets at 7pm", "StopFailure", '{"error": "rate_limit"}')
        elif word == "error":
            return said("Error: the service is not there", "StopFailure", '{"error": "server_error"}')
        elif word == "report":
            asks = [*os.environ["MUXDECK"].split(), "report", "ask", "which one?"]
            os.waitpid(os.posix_spawn(asks[0], asks, os.environ), 0)
        elif word == "quote":
            out("\r\n".join(["A file:", *DIALOG]) + "\r\n")
        elif word == "crash":
            os._exit(3)
        elif word == "quit":
            return False
    return said("Done: " + " ".join(words)[:60], "Stop", '{"background_tasks": []}')


def said(line, event, payload="{}"):
    out(line + "\r\n\r\n")
    if event:
        hook(event, payload)
    return True


def work(seconds):
    until, step = time.monotonic() + seconds, 0
    while (left := until - time.monotonic()) > 0:
        out("\r\x1b[J" + SPINNER[step % 10] + " Working (esc to interrupt)")
        step += 1
        if key(min(0.25, left)) == "\x1b":
            break
    out("\r\x1b[J")


def ask():
    hook("PermissionRequest", '{"tool_name": "Bash", "tool_input": {"command": "touch somewhere"}}')
    out("\r\n".join(DIALOG))
    while (answer := key()) not in ("1", "2", "\r", "\x1b"):
        pass
    out(f"\r\x1b[{len(DIALOG) - 1}A\x1b[J")
    if answer in ("1", "\r"):
        hook("PostToolUse", '{"tool_name": "Bash"}')
    return answer in ("1", "\r")


if __name__ == "__main__":
    main()
