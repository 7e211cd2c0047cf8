"""Measure the tables of a page again: ``python benchmarks/tables.py [--help]``.

A table in the page stands behind a comment with the arguments of ``run.py`` that made it:

    <!-- run.py --group calls --only calls -->

It is replaced by what such a run prints now.
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TABLE = re.compile(r"<!-- run\.py (?P<arguments>.*?) -->\n+(?P<table>(?:\|.*\n)+)")


def measured(arguments: str) -> str:
    """The table that a run prints."""
    command = [sys.executable, str(HERE / "run.py"), *shlex.split(arguments)]
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    lines = [line + "\n" for line in printed.splitlines() if line.startswith("|")]
    if not lines:
        raise SystemExit(f"run.py {arguments}: printed no table")
    return "".join(lines)


def update(page: Path, words: list[str]) -> None:
    """Replace the tables whose arguments contain all words, each as soon as it is measured."""
    for arguments in [found["arguments"] for found in TABLE.finditer(page.read_text(encoding="utf-8"))]:
        if all(word in arguments for word in words):
            print(f"run.py {arguments}", flush=True)
            table = measured(arguments)
            text = page.read_text(encoding="utf-8")  # somebody may have written to it meanwhile
            (found,) = (found for found in TABLE.finditer(text) if found["arguments"] == arguments)
            text = text[: found.start("table")] + table + text[found.end("table") :]
            page.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="only tables whose arguments contain all of these words")
    parser.add_argument(
        "--page", type=Path, default=HERE.parent / "docs" / "performance.md", help="default: %(default)s"
    )
    options = parser.parse_args()
    update(options.page, options.words)


if __name__ == "__main__":
    main()
