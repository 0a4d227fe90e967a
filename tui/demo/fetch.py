"""Downloads from the demo's own server, with a progress line:  fetch.py URL"""

import sys
import time
import urllib.request

with urllib.request.urlopen(sys.argv[1], timeout=5) as reply:  # noqa: S310 - the demo's own server
    size, got = int(reply.headers["Content-Length"]), 0
    while part := reply.read(size // 40 + 1):
        got += len(part)
        print(f"\r{'#' * (got * 40 // size):40} {got * 100 // size:3}%", end="", flush=True)
        time.sleep(0.08)
print()
