"""A limit on the threads of NumPy's matrix products while a run is interpreted.

A BLAS starts a thread on every core for products of microseconds, which costs more than it gains,
several times as much on a busy machine, and the number of threads may change its sums.
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
_runs: list[int] = []  # the threads of the runs under way
_limit: list[Any] = []  # the limit that they share
hold_over_forks(lambda: [_lock])


@contextmanager
def blas_threads(count: int) -> Iterator[None]:
    """Within this block the BLAS uses at most `count` threads.

    The limit belongs to the process: of simultaneous runs, the first sets it and the last lifts it.
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
    """A forked child has one thread, and nobody else could lift the limit."""
    _runs[:] = [thread for thread in _runs if thread == threading.get_ident()]
    _lift_if_idle()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_other_threads)


def _lift_if_idle() -> None:
    if _runs or not _limit:
        return
    # newer versions let only the thread that set a limit lift it, which may be another one
    for library in _controller().lib_controllers:
        if hasattr(library, "clear_controlling_thread"):
            library.clear_controlling_thread(force=True)
    _limit.pop().restore_original_limits()


@cache
def _controller() -> Any:
    with importing:
        from threadpoolctl import ThreadpoolController  # takes 15 ms to import

    return ThreadpoolController()
