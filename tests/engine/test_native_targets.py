"""A whole run compiles for processors other than this one, where it cannot run."""

from __future__ import annotations

import numpy as np
import pytest

import talweg as tw
from conformance.engines import CLASSES, X, network, program_of
from talweg.engine.native.build import build
from talweg.engine.native.llvm.compiler import Target, object_code

pytest.importorskip("llvmlite")

TARGETS = {
    "arm": Target("aarch64-unknown-linux-gnu", "generic", "", vector_bytes=16, registers=32),
    "apple": Target("arm64-apple-darwin", "apple-m1", "", vector_bytes=16, registers=32),
    "x86 without AVX": Target("x86_64-unknown-linux-gnu", "x86-64", "", vector_bytes=16),
    "x86 with AVX": Target("x86_64-unknown-linux-gnu", "x86-64-v3", "", vector_bytes=32),
    "x86 with AVX-512": Target(
        "x86_64-unknown-linux-gnu", "x86-64-v4", "", vector_bytes=64, registers=32
    ),
    "windows": Target("x86_64-pc-windows-msvc-elf", "x86-64-v3", "", vector_bytes=32),
}
RUNS = {
    "small": {"batch_size": 7},
    "watched": {"batch_size": 2, "watch": True},
    "all there is": {
        "batch_size": 16,
        "validation": 0.3,
        "metrics": ["accuracy"],
        "stop": [tw.EarlyStopping(2), tw.TimeBudget(9) & tw.MinDecrease(0.1)],
    },
}


def net() -> tw.Sequential:
    """A run with packed products and several mathematical functions."""
    layers = [tw.Dense(40, name) for name in ("relu", "tanh", "gelu", "softplus")]
    return tw.Sequential(*layers, tw.Dense(3, "softmax"))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("target", TARGETS)
def test_a_run_compiles_for(target: str, run: str, dtype: str) -> None:
    program = program_of(net, X, CLASSES, loss="cross_entropy", dtype=dtype, **RUNS[run])
    code = object_code(build(program, TARGETS[target]).text, TARGETS[target])
    assert len(code) > 10_000


def test_a_small_run_compiles_for_arm() -> None:
    program = program_of(network, X, np.sin(X[:, :2]), batch_size=None)
    text = build(program, TARGETS["arm"]).text
    assert object_code(text, TARGETS["arm"])[:4] == b"\x7fELF"
