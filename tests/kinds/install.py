"""Installs the real agents for the tests, from npm:  python -m tests.kinds.install FOLDER"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PACKAGES = (
    "@anthropic-ai/claude-code",
    "@openai/codex",
    "@google/gemini-cli",
    "opencode-ai",
    "@github/copilot",
)
VARIABLE = "MUXDECK_AGENTS"
"""Names the folder for the tests."""
USE = f"python -m tests.kinds.install FOLDER, then {VARIABLE}=FOLDER"


def binaries(folder: Path) -> Path:
    """Where npm puts the programs."""
    return folder / "node_modules" / ".bin"


def install(folder: Path) -> None:
    """Takes a few minutes and about 2 GB. CalledProcessError where npm fails."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["npm", "install", "--prefix", str(folder), "--no-fund", "--no-audit", *PACKAGES], check=True)
    script = folder / "node_modules" / "@anthropic-ai" / "claude-code" / "install.cjs"
    if script.exists():
        # npm 11 runs no scripts of packages by itself, and Claude Code gets its program by one.
        subprocess.run(["node", str(script)], cwd=script.parent, check=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    install(Path(sys.argv[1]))
    sys.stdout.write(f"now: {VARIABLE}={sys.argv[1]} python -m pytest tests/kinds\n")
