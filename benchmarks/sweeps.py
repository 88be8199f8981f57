"""The complete sweep of the thirteen-line network, from process start to printed table."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.processes import ROOT, as_installed
from benchmarks.thirteen_lines import ALPHAS, HIDDEN

PEERS = ["NumPy", "NumPy stacked", "JAX loop"]
_ENOUGH = 20.0  # seconds; a contestant that has used more gets no further round
_TOLERANCE = 1e-6  # relative, of the errors for alphas up to 1, where rounding is not amplified


@dataclass
class Sweep:
    """Seconds of each round, and the relative difference of the printed errors from NumPy's."""

    name: str
    seconds: list[float] = field(default_factory=list)
    deviation: float | None = None
    failed: str = ""
    table: list[list[float]] = field(default_factory=list)

    def record(self) -> dict[str, Any]:
        """All fields, for the JSON."""
        return asdict(self)


def sweeps(talweg: str, rounds: int, iterations: int) -> list[Sweep]:
    """Run all contestants in turn, round by round."""
    contestants = [Sweep(name) for name in [talweg, *PEERS]]
    for _ in range(rounds):
        for sweep in contestants:
            if not sweep.failed and sum(sweep.seconds) < _ENOUGH:
                _once(sweep, iterations)
    judge = next(sweep for sweep in contestants if sweep.name == "NumPy")
    for sweep in contestants:
        if not sweep.failed and not judge.failed:
            _compare(sweep, judge)
    return contestants


def _once(sweep: Sweep, iterations: int) -> None:
    command = [sys.executable, "-m", "benchmarks.thirteen_lines", sweep.name, str(iterations)]
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=as_installed())
    taken = time.perf_counter() - begun
    if done.returncode:
        sweep.failed = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        return
    sweep.seconds.append(taken)
    lines = [line.split() for line in done.stdout.splitlines() if "hidden" not in line]
    sweep.table = [[float(cell) for cell in line] for line in lines]


def _compare(sweep: Sweep, judge: Sweep) -> None:
    pairs = [
        (ours, theirs)
        for mine, given in zip(sweep.table, judge.table, strict=True)
        for ours, theirs in zip(mine[1:], given[1:], strict=True)
        if given[0] <= 1
    ]
    sweep.deviation = max(abs(ours - theirs) / theirs for ours, theirs in pairs)
    if not sweep.deviation <= _TOLERANCE:
        sweep.failed = f"its errors differ by {sweep.deviation:.1e}; {_TOLERANCE:g} is allowed"


def title(iterations: int) -> str:
    """A description of the sweep."""
    return f"{len(ALPHAS)} alphas x {len(HIDDEN)} networks x {iterations:,} iterations, float64"
