"""A text as a part of a URL:  python3 slug.py TEXT"""

import re
import sys


def slug(text: str) -> str:
    return "-".join(re.findall("[a-z0-9]+", text.lower()))


def main() -> None:
    sys.stdout.write(slug(" ".join(sys.argv[1:])) + "\n")


if __name__ == "__main__":
    main()
