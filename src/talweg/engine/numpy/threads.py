"""How many threads NumPy's matrix products may take while a run is interpreted.

A BLAS spins up all cores for products that take microseconds, which costs more than it gives, and
several times as much where something else runs; and its sums may change with the thread count.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from talweg.forks import hold_over_forks, importing

_lock = threading.RLock()
_runs: list[int] = []  # the threads of the runs that are under way
_limit: list[Any] = []  # what they hold together
hold_over_forks(lambda: [_lock])


@contextmanager
def blas_threads(count: int) -> Iterator[None]:
    """While entered, the BLAS takes at most `count` threads.

    A limit is the process's own: of runs side by side the first sets it, the last lifts it.
    """
    with _lock:
        if not _runs:
            _limit.append(_controller().limit(limits=count, user_api="blas"))
        _runs.append(threading.get_ident())
    try:
        yield
    finally:
        with _lock:
            _runs.remove(threading.get_ident())
            _lift_if_idle()


def _forget_other_threads() -> None:
    """In a forked child there is one thread, and nobody else to lift the limit."""
    _runs[:] = [each for each in _runs if each == threading.get_ident()]
    _lift_if_idle()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_other_threads)


def _lift_if_idle() -> None:
    if _runs or not _limit:
        return
    # newer versions let only the thread that set a limit lift it, and that may not be this one
    for library in _controller().lib_controllers:
        if hasattr(library, "clear_controlling_thread"):
            library.clear_controlling_thread(force=True)
    _limit.pop().restore_original_limits()


@cache
def _controller() -> Any:
    with importing:
        from threadpoolctl import ThreadpoolController  # 15 ms, which not every import should pay

    return ThreadpoolController()
