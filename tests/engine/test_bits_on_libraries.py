"""The same bits where NumPy, its BLAS and the C library choose the instructions of an older x86-64.

NumPy's exp or matrix product in the place of `talweg.numerics` fails here, if this processor has
instructions to switch off.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CASES = (
    *("native/table/abalone classes", "native/table/several targets", "native/find_rate/float64"),
    *("native/full batch/bfgs/float64", "native/full batch/lbfgs/float64"),
    *("native/layer/initializers/float64", "native/schedule/one cycle/float64"),
)
OLDER = {
    "OPENBLAS_CORETYPE": "Nehalem",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX512F,-FMA4",
    # features are called otherwise before NumPy 2.4; it passes over names that it does not know
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 X86_V3 AVX512_ICL AVX512F AVX512CD AVX512_SKX AVX2 FMA3",
}
RUN = """
import json, sys
import numpy as np
from benchmarks.same_bits import CASES, run
numbers = np.random.default_rng(0).random((40, 40))
numpy = np.exp(numbers).tobytes().hex(), (numbers @ numbers).tobytes().hex()
print(json.dumps([numpy, {name: run(CASES[name]).bits for name in sys.argv[1:]}]))
"""

pytestmark = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="instructions of x86-64"
)


def started(**environment: str) -> subprocess.Popen[str]:
    """A process that prints the bits of NumPy's functions, and the hashes of the runs."""
    settings = {**os.environ, **environment}
    command = [sys.executable, "-c", RUN, *CASES]
    return subprocess.Popen(command, cwd=ROOT, env=settings, stdout=subprocess.PIPE, text=True)


def test_older_instructions_give_the_same_bits() -> None:
    processes = [started(), started(**OLDER)]
    outputs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    (numpy, found), (older_numpy, older) = map(json.loads, outputs)
    if numpy == older_numpy:
        pytest.skip("NumPy has the same instructions with and without these variables")
    assert older == found
