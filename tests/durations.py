"""Where the time of the tests goes: `make durations` runs them all and rewrites durations.txt.

A test of a second or more earns its time or goes, so the table lists each of them.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

TABLE = Path(__file__).with_name("durations.txt")
LONG = 1.0  # seconds


def seconds_of(junit: Path) -> tuple[Counter[str], Counter[str]]:
    """The seconds of each file and of each test, as pytest's JUnit report has them."""
    files: Counter[str] = Counter()
    tests: Counter[str] = Counter()
    for case in ElementTree.parse(junit).iter("testcase"):
        seconds = float(case.get("time", 0))
        files[case.get("classname", "")] += seconds
        tests[f"{case.get('classname')}::{case.get('name')}"] += seconds
    return files, tests


def table(title: str, seconds: Counter[str], least: float) -> list[str]:
    rows = [f"{each:8.1f}  {name}" for name, each in seconds.most_common() if each >= least]
    return [f"{title}, {sum(seconds.values()):.0f} s of processor time", *rows, ""]


def main(junit: str) -> None:
    files, tests = seconds_of(Path(junit))
    lines = [*table("Files", files, LONG), *table(f"Tests of {LONG:g} s or more", tests, LONG)]
    TABLE.write_text("\n".join(lines))


if __name__ == "__main__":
    main(*sys.argv[1:])
