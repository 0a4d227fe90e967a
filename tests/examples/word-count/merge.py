"""The ten most frequent words of all counts:  python3 merge.py INPUTS"""

import json
import sys
from collections import Counter
from pathlib import Path

found: Counter[str] = Counter()
for part in json.loads(Path(sys.argv[1]).read_text()):
    for line in Path(part["out"]).read_text().splitlines():
        count, _, word = line.strip().partition(" ")
        if word:
            found[word] += int(count)
most = sorted(found.items(), key=lambda one: (-one[1], one[0]))[:10]
json.dump(most, sys.stdout)
