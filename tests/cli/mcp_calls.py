"""Calls tools of `muxdeck mcp` by the client of the protocol's own SDK:  python mcp_calls.py CALLS.json ANSWERS.json

CALLS is a list of [tool, arguments], or of "wait FILE", which waits until that file is there. ANSWERS is
{"version", "tools": {name: tool}, "answers": [[failed, text]]}, whole or not there.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from mcp.client import Client
from mcp.client.stdio import StdioServerParameters

DEADLINE = 60.0


async def main(calls: Path, answers: Path) -> None:
    ours = {name: value for name, value in os.environ.items() if name.startswith(("MUXDECK_", "PYTHON"))}
    server = StdioServerParameters(command=sys.executable, args=["-m", "tui", "mcp"], env=ours)
    found = []
    async with Client(server, read_timeout_seconds=DEADLINE) as client:
        listed = (await client.list_tools()).tools
        for call in json.loads(calls.read_text()):
            if isinstance(call, str):
                await exists(Path(call.removeprefix("wait ")))
            else:
                answer = await client.call_tool(*call)
                found.append([answer.is_error, "\n".join(part.text for part in answer.content)])
        version = client.server_info.version
    tools = {tool.name: tool.model_dump(by_alias=True, exclude_none=True) for tool in listed}
    growing = answers.with_suffix(".growing")
    growing.write_text(json.dumps({"version": version, "tools": tools, "answers": found}))
    growing.rename(answers)


async def exists(file: Path) -> None:
    async with asyncio.timeout(DEADLINE):
        while not file.exists():
            await asyncio.sleep(0.02)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
