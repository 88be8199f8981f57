"""Timing two things alternately, A B A B, with medians and the median ratio."""

from __future__ import annotations

import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from benchmarks.processes import as_installed
from talweg.cores import cores
from talweg.engine.native.llvm.compiler import host
from talweg.version import VERSION

_PACKAGES = ("numpy", "llvmlite", "torch", "jax", "scikit-learn", "onnxruntime")


@dataclass(frozen=True)
class Row:
    """A measurement against a baseline: medians in seconds, and the median of paired ratios."""

    what: str
    seconds: float
    against: str
    baseline: float
    ratio: float


def paired(
    what: str, run: Callable[[], Any], against: str, other: Callable[[], Any], rounds: int = 7
) -> Row:
    """Time both alternately, after one warm-up round."""
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


def process(*arguments: str) -> Callable[[], object]:
    """A function that runs a Python process with these arguments."""
    command = [sys.executable, *arguments]
    return lambda: subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, env=as_installed()
    )


def machine() -> dict[str, Any]:
    """Date, processor and versions, to record with timings."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": _processor(),
        "cpu": host().cpu,
        "vectors": f"of {8 * host().vector_bytes} bits",
        "cores": cores(),
        "system": platform.system(),
        "python": platform.python_version(),
        "talweg": VERSION,
        **{name: _version(name) for name in _PACKAGES},
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":")[1].strip() for line in file if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
