"""Writes report.md from what the reviews have left:  python3 report.py INPUTS"""

import json
import sys
from pathlib import Path

lines = ["# Review", ""]
for part in json.loads(Path(sys.argv[1]).read_text()):
    found = part["out"]
    said = f"{found['remark']} (severity {found['severity']})" if found else f"no review: {part['state']}"
    lines.append(f"- {part['item']}: {said}")
Path("report.md").write_text("\n".join(lines) + "\n")
