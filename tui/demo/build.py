"""Compiles a part of the standard library into a folder, with progress:  build.py PACKAGE"""

import py_compile
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

package = sys.argv[1]
sources = sorted(Path(sysconfig.get_path("stdlib"), package).rglob("*.py"))
with tempfile.TemporaryDirectory() as folder:
    for number, source in enumerate(sources, start=1):
        py_compile.compile(str(source), cfile=f"{folder}/{number}.pyc", doraise=True)
        print(f"\033[32m[{number:3}/{len(sources)}]\033[0m {package}/\033[1m{source.stem}\033[0m", flush=True)
        time.sleep(0.12)
print(f"\033[1;32m{package}: {len(sources)} modules\033[0m")
