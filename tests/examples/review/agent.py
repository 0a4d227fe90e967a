"""A coding agent to try workflows with, of kind "custom": it reads its prompt and answers.  python3 agent.py [slow]"""

import json
import re
import sys
import time
from pathlib import Path


def answer(prompt: str) -> object:
    verb, _, rest = prompt.partition(" ")
    path = Path(re.split(r"[:.] ", rest)[0])
    if verb == "Review":
        wrong = "==" in path.read_text()
        return {"file": str(path), "severity": 2 * wrong, "remark": "one = is enough" if wrong else "fine"}
    if verb == "Fix":
        path.write_text(path.read_text().replace("==", "="))
        return {"file": str(path)}
    if "slow" in sys.argv:
        time.sleep(600)
    return {"agree": True}


sys.stdout.write(f"```json\n{json.dumps(answer(sys.stdin.read()))}\n```\n")
