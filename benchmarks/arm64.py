"""Check that 64-bit ARM, under emulation, computes the same bits as this machine.

    python -m benchmarks.arm64                # 84 runs of `benchmarks.same_bits`
    python -m benchmarks.arm64 'native/*'     # others, by names or patterns

It prints which parts of which runs differ, and by how much: the largest difference in an array,
relative to the largest number in it. The exit status is 1 if a bit differs. On a Zen 4, the default
runs take 170 s of processor time when all is compiled anew and 70 s later, half on each core.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import emulation
from benchmarks.processes import ROOT, as_installed
from benchmarks.same_bits import chosen
from benchmarks.same_bits_cases.parts import Array

# every gate, layer and optimizer, and each way to run; both dtypes where they compile differently
PATTERNS = (
    "native/gates/*",
    "native/predict/*",
    "native/run/resumed from a checkpoint/*",
    "native/run/two threads/*",
    "native/layer/*/float32",
    "native/layer/initializers/float64",
    "native/layer/mixed rows/float64",
    "native/layer/large/float64",
    "native/layer/layer norm/float64",
    "native/optimizer/*/float64",
    "native/optimizer/muon/float32",
    "native/loss/cross_entropy/*",
    "native/loss/huber/float64",
    "native/full batch/*/float64",
    "native/schedule/*/float64",
    "native/run/validated on many rows/float32",
    "native/run/class weights/float64",
    "native/run/watching steps/float32",
    "native/run/adaptive sampling of rows/float32",
    "native/stop/either/float32",
    "native/pretrain/rbm/float32",
    "native/sweep/replicas*/float32",
    "native/sweep/halving/float64",
    "native/restarts/float64",
    "native/find_rate/*",
    "native/table/regression",
    "native/table/binary",
    "native/table/several targets",
)
Saved = Mapping[str, Array]


def main() -> None:
    """Run the cases here and under emulation, and compare their bits."""
    parser = argparse.ArgumentParser("arm64", description=__doc__.split("\n")[0])
    parser.add_argument("patterns", nargs="*", help="as for benchmarks.same_bits")
    names = chosen(parser.parse_args().patterns or PATTERNS)
    start = time.perf_counter()
    here, there = _run(names)
    for where, saved in (("here", here), ("there", there)):
        print(f"{where}: {_machine(saved)}")
    differing = sum([_differs(name, here, there) for name in names])
    print(f"{time.perf_counter() - start:.0f} s")
    print(f"{len(names) - differing} of {len(names)} have the same bits")
    sys.exit(differing > 0)


def _run(names: Sequence[str]) -> tuple[Saved, Saved]:
    """The arrays of cases from one process here and two under emulation."""
    python, environment = emulation.command(), emulation.environment()
    files = [emulation.FOLDER / f"{name}.npz" for name in ("here", "there0", "there1")]
    processes = [
        _start([sys.executable], as_installed(), names, files[0]),
        _start(python, environment, names[::2], files[1]),
        _start(python, environment, names[1::2], files[2]),
    ]
    codes = [process.wait() for process in processes]
    if any(codes):
        sys.exit("a run failed; its traceback stands above")
    here, *there = [dict(np.load(file)) for file in files]
    return here, {name: array for saved in there for name, array in saved.items()}


def _start(
    python: Sequence[str], environment: Mapping[str, str], names: Sequence[str], file: Path
) -> subprocess.Popen[Any]:
    """A process that runs cases and saves their arrays."""
    arguments = ["-m", "benchmarks.same_bits", "--arrays", str(file), *names]
    return subprocess.Popen([*python, *arguments], env=environment, cwd=ROOT)


def _machine(saved: Saved) -> str:
    facts = json.loads(str(saved["machine"]))
    return ", ".join(f"{name} {facts[name]}" for name in ("cpu", "vectors", "numpy"))


def _differs(case: str, here: Saved, there: Saved) -> bool:
    """Print a row of the table: the case, and the parts of it that differ; whether any do."""
    parts: dict[str, list[float]] = defaultdict(list)
    for name in sorted(here.keys() | there.keys()):
        if name.startswith(f"{case}: ") and not _equal(here.get(name), there.get(name)):
            parts[name.split(": ")[1]].append(_difference(here.get(name), there.get(name)))
    verdict = ", ".join(f"{part} {max(found):.1e}" for part, found in parts.items())
    print(f"{case:52} {f'differs: {verdict}' if parts else 'same'}")
    return bool(parts)


def _equal(x: Array | None, y: Array | None) -> bool:
    if x is None or y is None:
        return False
    return (x.dtype, x.shape, _bits(x)) == (y.dtype, y.shape, _bits(y))


def _bits(array: Array) -> bytes:
    """The bytes of an array. All NaN count as equal: x86 makes negative ones, ARM positive."""
    if array.dtype.kind == "f":
        array = np.where(np.isnan(array), array.dtype.type(np.nan), array)
    return array.tobytes()


def _difference(x: Array | None, y: Array | None) -> float:
    """The largest difference relative to the largest number; infinite for other texts or shapes."""
    if x is None or y is None or x.shape != y.shape or x.dtype.kind not in "fiub":
        return np.inf
    finite = np.isfinite(x) & np.isfinite(y)
    if not np.array_equal(x[~finite], y[~finite], equal_nan=True) or not finite.any():
        return np.inf
    x, y = (array[finite].astype(float) for array in (x, y))
    return float(abs(x - y).max() / max(abs(x).max(), np.finfo(float).tiny))


if __name__ == "__main__":
    main()
