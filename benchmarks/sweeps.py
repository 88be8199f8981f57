"""The whole sweep of the thirteen-line network, from process start to printed table."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.processes import ROOT, as_installed
from benchmarks.thirteen_lines import ALPHAS, HIDDEN

PEERS = ["NumPy", "NumPy stacked", "JAX loop"]
_ENOUGH = 20.0  # seconds after which a contestant does not go round once more
_TOLERANCE = 1e-6  # of the printed errors, where rounding is not amplified: alphas up to 1


@dataclass
class Sweep:
    """Seconds of each round, and how far the printed errors are from NumPy's, as a share."""

    name: str
    seconds: list[float] = field(default_factory=list)
    deviation: float | None = None
    failed: str = ""
    table: list[list[float]] = field(default_factory=list)

    def record(self) -> dict[str, Any]:
        """All of it, for the JSON."""
        return asdict(self)


def sweeps(talweg: str, rounds: int, iterations: int) -> list[Sweep]:
    """Every contestant in turn, round by round."""
    found = [Sweep(name) for name in [talweg, *PEERS]]
    for _ in range(rounds):
        for each in found:
            if not each.failed and sum(each.seconds) < _ENOUGH:
                _once(each, iterations)
    judge = next(each for each in found if each.name == "NumPy")
    for each in found:
        if not each.failed and not judge.failed:
            _compare(each, judge)
    return found


def _once(sweep: Sweep, iterations: int) -> None:
    command = [sys.executable, "-m", "benchmarks.thirteen_lines", sweep.name, str(iterations)]
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=as_installed())
    taken = time.perf_counter() - begun
    if done.returncode:
        sweep.failed = (done.stderr.strip().splitlines() or ["no word"])[-1]
        return
    sweep.seconds.append(taken)
    lines = [line.split() for line in done.stdout.splitlines() if "hidden" not in line]
    sweep.table = [[float(each) for each in line] for line in lines]


def _compare(sweep: Sweep, judge: Sweep) -> None:
    pairs = [
        (ours, theirs)
        for mine, given in zip(sweep.table, judge.table, strict=True)
        for ours, theirs in zip(mine[1:], given[1:], strict=True)
        if given[0] <= 1
    ]
    sweep.deviation = max(abs(ours - theirs) / theirs for ours, theirs in pairs)
    if not sweep.deviation <= _TOLERANCE:
        sweep.failed = f"its errors are {sweep.deviation:.1e} off, {_TOLERANCE:g} allowed"


def title(iterations: int) -> str:
    """What was swept, in words."""
    return f"{len(ALPHAS)} alphas x {len(HIDDEN)} nets x {iterations:,} iterations, float64"
