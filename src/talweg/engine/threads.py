"""How many threads NumPy's matrix products may take while a run is interpreted.

A BLAS spins up all cores for products that take microseconds, which costs more than it gives, and
several times as much where something else runs; and its sums may change with the thread count.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any


def blas_threads(count: int) -> AbstractContextManager[Any]:
    """While entered, the BLAS takes at most `count` threads; of several runs the first decides."""
    limit: AbstractContextManager[Any] = _controller().limit(limits=count, user_api="blas")
    return limit


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController  # 15 ms, which not every import should pay

    return ThreadpoolController()
