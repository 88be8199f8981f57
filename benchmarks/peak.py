"""The practical peak rate: the best that NumPy's BLAS reaches on large matrices right now."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from threadpoolctl import threadpool_limits

_SIZE = 1024
_REPEATS = 3


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
