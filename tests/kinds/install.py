"""Installs the real agents for the tests, from npm and PyPI:  python -m tests.kinds.install FOLDER"""

from __future__ import annotations

import shutil
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
AIDER = "aider-chat>=0.86,<0.87"
PYTHONS = ("python3.12", "python3.11", "python3.10")
"""aider runs on none that is newer."""
VARIABLE = "MUXDECK_AGENTS"
"""Names the folder for the tests."""
USE = f"python -m tests.kinds.install FOLDER, then {VARIABLE}=FOLDER"


def binaries(folder: Path) -> Path:
    """Where the programs are."""
    return folder / "node_modules" / ".bin"


def install(folder: Path) -> None:
    """Takes a few minutes and about 3 GB. CalledProcessError where npm or pip fails, LookupError without a Python for
    aider: before anything is installed."""
    python = python_for_aider()
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["npm", "install", "--prefix", str(folder), "--no-fund", "--no-audit", *PACKAGES], check=True)
    script = folder / "node_modules" / "@anthropic-ai" / "claude-code" / "install.cjs"
    if script.exists():
        # npm 11 runs no scripts of packages by itself, and Claude Code gets its program by one.
        subprocess.run(["node", str(script)], cwd=script.parent, check=True)
    install_aider(folder, python)


def python_for_aider() -> str:
    """The newest Python here that aider runs on. LookupError where there is none."""
    for name in PYTHONS:
        found = shutil.which(name)
        # A version manager has a command for each version that it knows, also for those that it has not got.
        if found is None:
            continue
        if subprocess.run([found, "-c", "import venv"], check=False, capture_output=True).returncode == 0:
            return found
    raise LookupError(f"aider needs a Python older than 3.13 on the PATH: install one of {', '.join(PYTHONS)}")


def install_aider(folder: Path, python: str) -> None:
    """Into a virtual environment of its own, with a link beside the programs of npm."""
    home = folder.absolute() / "aider"
    subprocess.run([python, "-m", "venv", str(home)], check=True)
    subprocess.run([str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", AIDER], check=True)
    link = binaries(folder) / "aider"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(home / "bin" / "aider")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        install(Path(sys.argv[1]))
    except LookupError as error:
        sys.exit(str(error))
    sys.stdout.write(f"now: {VARIABLE}={sys.argv[1]} python -m pytest tests/kinds\n")
