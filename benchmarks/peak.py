"""Peak rates right now: what NumPy's BLAS reaches on large matrices, and fma on registers."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from talweg.engine.native.llvm.compiler import compiled, host
from talweg.engine.native.llvm.module import Function, Module
from talweg.engine.native.llvm.values import Value, number, type_of, vector

_SIZE = 1024
_REPEATS = 3
_CHAINS = 10  # independent chains of fma, enough to hide its latency
_COUNT = 1_000_000


def peak_rate(dtype: str, threads: Sequence[int]) -> float:
    """Operations per second, two per multiply-add: the best of several products."""
    a = np.random.default_rng(0).random((_SIZE, _SIZE)).astype(dtype)
    out = np.empty_like(a)
    return 2 * _SIZE**3 / min(_seconds(a, out, count) for count in threads)


def _seconds(a: np.ndarray, out: np.ndarray, threads: int) -> float:
    times = []
    with threadpool_limits(threads, "blas"):
        for _ in range(_REPEATS + 1):  # the first one wakes the threads
            start = time.perf_counter()
            np.matmul(a, a, out=out)
            times.append(time.perf_counter() - start)
    return min(times)


def fma_peak(dtype: str) -> float:
    """Operations per second of fma on registers, two each, on one core: the best of many tries."""
    type = type_of(dtype)
    module = Module(host().vector_bytes, host().registers)
    f = module.function("peak", [("i64", "count"), ("ptr", "numbers")], public=True)
    write_fmas(f, type, *f.parameters)
    f.ret()
    program = compiled(str(module), ["peak"])
    run = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p)(program.addresses["peak"])
    numbers = np.full(_CHAINS * module.vector_width(type), 0.5, dtype)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        run(_COUNT, numbers.ctypes.data)
        times.append(time.perf_counter() - start)
    return 2 * len(numbers) * _COUNT / min(times)


def write_fmas(f: Function, type: str, count: Value, numbers: Value) -> None:
    """Write `count` rounds of independent chains of fma, which use registers only."""
    wide = vector(type, f.module.vector_width(type))
    x = f.load(wide, numbers)
    with f.loop(0, count, 1, [number(0, wide)] * _CHAINS) as loop:
        loop.carry(*[f.fma(x, x, value) for value in loop.values])
    for i, value in enumerate(loop.results):
        f.store(value, f.at(numbers, i * f.module.vector_width(type), type))
