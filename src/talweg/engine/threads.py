"""How many threads NumPy's matrix products may take while a run is interpreted.

A BLAS spins up all cores for products that take microseconds, which costs more than it gives, and
several times as much where something else runs; and its sums may change with the thread count.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_lock = threading.Lock()
_limits: list[Any] = []  # one entry for each run that is under way; the first holds the limit


@contextmanager
def blas_threads(count: int) -> Iterator[None]:
    """While entered, the BLAS takes at most `count` threads.

    A limit is the process's own: of runs side by side the first sets it, the last lifts it.
    """
    with _lock:
        _limits.append(None if _limits else _controller().limit(limits=count, user_api="blas"))
    try:
        yield
    finally:
        with _lock:
            held, _limits[:] = _limits[0], _limits[1:]
            if _limits:
                _limits[0] = held
            else:
                _lift(held)


def _lift(limit: Any) -> None:
    # newer versions let only the thread that set a limit lift it, and that may not be this one
    for library in _controller().lib_controllers:
        if hasattr(library, "clear_controlling_thread"):
            library.clear_controlling_thread(force=True)
    limit.restore_original_limits()


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController  # 15 ms, which not every import should pay

    return ThreadpoolController()
