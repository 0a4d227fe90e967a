"""Every check of the project, one after the other:  python -m tests [PYTEST-OPTION…]"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = Path(sys.executable).parent
CHECKS = (
    ("format", [TOOLS / "ruff", "format", "--check", "."]),
    ("lint", [TOOLS / "ruff", "check", "."]),
    ("types", [TOOLS / "mypy"]),
    ("contracts of imports", [TOOLS / "lint-imports"]),
    ("tests", [sys.executable, "-m", "pytest"]),
)


def main() -> int:
    """0 when all of them pass. All are run, so that one fault does not hide the next."""
    failed = []
    for name, command in CHECKS:
        print(f"── {name}", flush=True)
        began = time.monotonic()
        words = [*command, *sys.argv[1:]] if name == "tests" else command
        if subprocess.run(words, cwd=ROOT, check=False).returncode != 0:
            failed.append(name)
        print(f"   {time.monotonic() - began:.0f} s", flush=True)
    print(f"failed: {', '.join(failed)}" if failed else "all checks pass")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
