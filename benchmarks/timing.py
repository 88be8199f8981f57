"""Measuring two things in turn, A B A B, and quoting medians and their ratio."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from talweg.version import VERSION


@dataclass(frozen=True)
class Row:
    """What was measured against what: medians in seconds, and the median of paired ratios."""

    what: str
    seconds: float
    against: str
    baseline: float
    ratio: float


def paired(
    what: str, run: Callable[[], Any], against: str, other: Callable[[], Any], rounds: int = 7
) -> Row:
    """Time both in turn after a round that does not count."""
    run(), other()
    pairs = [(_seconds(run), _seconds(other)) for _ in range(rounds)]
    return Row(
        what,
        statistics.median(a for a, _ in pairs),
        against,
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
    )


def _seconds(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def process(*arguments: str) -> Callable[[], None]:
    """A Python process with these arguments, from start to end."""
    command = [sys.executable, *arguments]
    return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL) and None


def machine() -> dict[str, Any]:
    """The facts that a timing needs beside it."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "talweg": VERSION,
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":")[1].strip() for line in file if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def table(rows: list[Row]) -> str:
    """A row a measurement, in Markdown."""
    lines = ["| what | median | against | median | ratio |", "|---|---|---|---|---|"]
    lines += [
        f"| {r.what} | {_text(r.seconds)} | {r.against} | {_text(r.baseline)} | {r.ratio:.2f} |"
        for r in rows
    ]
    return "\n".join(lines)


def _text(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1e3:.1f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.1f} us"


def write(path: str, rows: list[Row], more: Mapping[str, Any]) -> None:
    """All that was measured, as JSON."""
    with open(path, "w") as file:
        json.dump({**machine(), **more, "rows": [vars(row) for row in rows]}, file, indent=1)
