"""demo: a queue of real work in a folder of its own, and the console on it."""

from __future__ import annotations

import shlex
import socket
import sys
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.client import Client, context
from core.home import find
from tui.cli.codes import Exit
from tui.cli.output import say

if TYPE_CHECKING:
    import argparse

    from core.home import Home

CONFIG = """# The settings of the demo.
[engine]
slots = 6

[agent.builder]
slots = 2
command = ["nice", "-n", "5"]

[group.downloads]
limit = 2
"""
PACKAGES = ("json", "logging", "unittest", "email", "http", "asyncio", "xml", "concurrent")


def demo(options: argparse.Namespace, _home: Home) -> int:
    """Nothing outside its folder is touched; it stays, with its engine, until the person ends it."""
    folder = Path(tempfile.mkdtemp(prefix="muxdeck-demo-"))
    home = find(str(folder / "demo"))
    home.make()
    home.config.write_text(CONFIG, encoding="utf-8")
    files_served = folder / "files"
    files_served.mkdir()
    for number in range(8):
        (files_served / f"part-{number}").write_bytes(bytes(1 << 18))
    with Client(home, start=True) as client:
        client.ask("add", tasks=work(options.tasks, files_served), context=context())
    say(f"a queue of {options.tasks} real commands, in {folder}")
    code: int = Exit.OK
    if sys.stdout.isatty():
        from tui.console import open_console

        code = open_console(home, read_only=False, plain=False)
    again = f"muxdeck --home {shlex.quote(str(home.root))}"
    say(f"the work goes on; back to it: {again}")
    say(f"to end it: {again} kill --all; {again} engine stop; rm -r {shlex.quote(str(folder))}")
    return code


def work(count: int, served: Path) -> list[dict[str, Any]]:
    """Test suites, builds and downloads; some fail, one asks, one hangs, some wait for others."""
    port = _free_port()
    tasks = [
        _python("server", "-m", "http.server", str(port), "--bind", "127.0.0.1", cwd=str(served), group="services"),
        _python("migrate", "-c", "input('Apply 3 migrations to the demo database? [y/N] ')", key="migrate", priority=5),
        _python("crawl", "-c", "import time; time.sleep(3600)", timeout={"idle": "45s", "grace": "3s"}),
        _python("deploy", "-c", "print('deployed')", after_ok=["migrate", "suite-0", "build-json"]),
        _python("nightly report", "-c", "print('report')", hold=True),
    ]
    makers = (_suite, _suite, _build, _download)
    tasks += [makers[number % 4](number // 4 * 2 + number % 2, port) for number in range(count - len(tasks))]
    needed_last = [task for task in tasks if "after_ok" in task]
    return [task for task in tasks if "after_ok" not in task] + needed_last


def _suite(number: int, _port: int) -> dict[str, Any]:
    failing = 2 if number % 7 == 3 else 0
    retry = {"attempts": 2, "first": "10s"} if number % 14 == 3 else {}
    key = f"suite-{number}"
    return _script("suite.py", f"tests {number:02}", str(number), str(failing), group="tests", retry=retry, key=key)


def _build(number: int, _port: int) -> dict[str, Any]:
    package = PACKAGES[number // 2 % len(PACKAGES)]
    key = f"build-{package}" if number < 2 * len(PACKAGES) else None
    return _script("build.py", f"build {package}", package, agent="builder", key=key)


def _download(number: int, port: int) -> dict[str, Any]:
    url = f"http://127.0.0.1:{port}/part-{number % 10}"
    return _script(
        "fetch.py", f"fetch part-{number % 10}", url, group="downloads", retry={"attempts": 3, "first": "2s"}
    )


def _script(script: str, name: str, *words: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return _python(name, str(files("tui.demo").joinpath(script)), *words, **fields)


def _python(name: str, *words: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"name": name, "command": [sys.executable, "-u", *words]} | fields


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
